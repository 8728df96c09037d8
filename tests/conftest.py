"""Settings of all tests."""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.own_time import OwnTime

from pyrpc import Tls

# Built on the profile in force (Hypothesis has one for CI). No deadline: a busy machine is no failure.
settings.register_profile("pyrpc", settings(), deadline=None, print_blob=True)
settings.load_profile("pyrpc")


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note which test began last, where somebody asks for it: a process that is killed cannot tell any more."""
    if path := os.environ.get("PYRPC_LAST_TEST"):
        Path(path).write_text(nodeid)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test sets up of logging, as the command does, ends with it: its streams are closed then."""
    root, ours = logging.getLogger(), logging.getLogger("pyrpc")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


@pytest.fixture
def own_time() -> Iterator[Callable[[], float]]:
    """``own_time()``: seconds, of which none are the machine's that gives this process no turn."""
    with OwnTime() as clock:
        yield clock


@pytest.fixture
def stalls_do_not_count(own_time: Callable[[], float], monkeypatch: pytest.MonkeyPatch) -> None:
    """``own_time`` in the place of ``time.monotonic``, for both ends of a connection where one must not be late."""
    monkeypatch.setattr("time.monotonic", own_time)


class Authority:
    """A CA and the certificates it signs, as files."""

    def __init__(self, folder: Path) -> None:
        # Late: most tests need none.
        import trustme

        self.folder = folder
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))
        self._count = 0

    def issue(self, *hosts: str, days: float = 1.0, begins: float = -10.0) -> Tls:
        """A certificate for these hosts, valid from ``begins`` to ``days``, in days from now."""
        self._count += 1
        now = datetime.datetime.now(datetime.timezone.utc)
        first, last = (now + datetime.timedelta(days=number) for number in (begins, days))
        made = self._ca.issue_cert(*hosts, not_before=first, not_after=last)
        cert, key = self.folder / f"cert{self._count}.pem", self.folder / f"cert{self._count}.key"
        cert.write_bytes(b"".join(part.bytes() for part in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(key))
        return Tls(cert=cert, key=key)


@pytest.fixture(scope="session")
def new_authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Authority]:
    """Makes CAs that know nothing of each other."""
    return lambda: Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def authority(new_authority: Callable[[], Authority]) -> Authority:
    """The CA that everybody in a test trusts."""
    return new_authority()
