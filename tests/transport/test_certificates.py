"""Files of TLS that change while they are in use: new connections get the new ones, broken ones change nothing."""

from __future__ import annotations

import logging
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyrpc import Client, Server, Tls
from pyrpc.errors import ConfigError, TlsError
from pyrpc.transport.certificates import Certificates

HOSTS = ("127.0.0.1", "localhost")


def same(x: Any) -> Any:
    return x


@pytest.fixture
def other(new_authority: Callable[[], Any]) -> Any:
    """A second CA."""
    return new_authority()


@pytest.fixture
def files(authority: Any, tmp_path: Path) -> Tls:
    """A certificate and its key, to be replaced."""
    tls = Tls(cert=tmp_path / "node.pem", key=tmp_path / "node.key")
    put(authority.issue(*HOSTS), tls)
    return tls


def put(new: Tls, target: Tls) -> None:
    """As ``mv new old`` does."""
    for source, path in ((new.cert, target.cert), (new.key, target.key)):
        beside = Path(f"{path}.new")
        shutil.copyfile(str(source), beside)
        beside.replace(str(path))


@pytest.fixture
def server(files: Tls) -> Iterator[Server]:
    with Server(same, port=0, tls=files) as server:
        # This test looks, not the clock.
        server._certificates.close()
        yield server


def look(server: Server) -> None:
    """Two looks of the thread that follows the files."""
    server._certificates.look()
    server._certificates.look()


def is_trusted(server: Server, ca: Path) -> bool:
    """Whether the node shows a certificate of that CA to who connects now."""
    with Client(server.endpoint, tls=Tls(ca=ca)) as client:
        try:
            return client.call("same", 1) == 1
        except TlsError as error:
            if "not signed by a CA that is trusted here" not in str(error):
                raise
            return False


def test_new_connections_get_the_new_certificate_and_open_ones_go_on(
    server: Server, files: Tls, authority: Any, other: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with Client(server.endpoint, tls=Tls(ca=authority.file)) as before, caplog.at_level(logging.INFO, "pyrpc.tls"):
        assert before.call("same", 1) == 1
        put(other.issue(*HOSTS), files)
        look(server)
        assert is_trusted(server, other.file)
        assert not is_trusted(server, authority.file)
        assert before.call("same", 2) == 2
    assert [record.message for record in caplog.records] == [
        f"certificates read again: new connections use them, from {files.cert}"
    ]


def test_node_follows_its_files_by_itself(files: Tls, other: Any) -> None:
    with Server(same, port=0, tls=files) as server:
        put(other.issue(*HOSTS), files)
        until = time.monotonic() + 30
        while not is_trusted(server, other.file):
            assert time.monotonic() < until
            time.sleep(0.1)


BREAK: dict[str, Callable[[Tls, Any], object]] = {
    "no certificate": lambda tls, other: Path(tls.cert).write_text("nonsense"),
    "half a certificate": lambda tls, other: Path(tls.cert).write_bytes(Path(tls.cert).read_bytes()[:300]),
    "key of another certificate": lambda tls, other: shutil.copyfile(str(other.issue(*HOSTS).key), str(tls.key)),
    "gone": lambda tls, other: Path(tls.key).unlink(),
}


@pytest.mark.parametrize("how", BREAK)
def test_files_that_cannot_be_used_change_nothing_and_are_told_once(
    server: Server, files: Tls, authority: Any, other: Any, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    with caplog.at_level(logging.INFO, "pyrpc.tls"):
        BREAK[how](files, other)
        for _ in range(3):
            look(server)
        assert is_trusted(server, authority.file)
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert "the certificates from before stay in use" in record.message
        put(other.issue(*HOSTS), files)
        look(server)
    assert is_trusted(server, other.file)


def test_pair_that_is_half_replaced_is_waited_for(server: Server, files: Tls, other: Any, caplog: Any) -> None:
    new = other.issue(*HOSTS)
    with caplog.at_level(logging.ERROR, "pyrpc.tls"):
        shutil.copyfile(str(new.cert), str(files.cert))
        server._certificates.look()
        shutil.copyfile(str(new.key), str(files.key))
        look(server)
    assert is_trusted(server, other.file)
    assert not caplog.records


def test_callers_are_asked_for_certificates_of_the_new_ca(authority: Any, other: Any, tmp_path: Path) -> None:
    ca = tmp_path / "callers.pem"
    shutil.copyfile(authority.file, ca)
    own = authority.issue(*HOSTS)
    with Server(same, port=0, tls=Tls(cert=own.cert, key=own.key, ca=ca)) as server:
        server._certificates.close()
        shutil.copyfile(other.file, ca)
        look(server)
        shown = other.issue("caller")
        with Client(server.endpoint, tls=Tls(ca=authority.file, cert=shown.cert, key=shown.key)) as client:
            assert client.call("same", 1) == 1
        old = authority.issue("caller")
        refused = Client(server.endpoint, tls=Tls(ca=authority.file, cert=old.cert, key=old.key))
        with refused as client, pytest.raises(TlsError):
            client.call("same", 1)


def test_client_connects_with_what_its_files_hold_then(authority: Any, other: Any, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    shutil.copyfile(other.file, ca)
    with Server(same, port=0, tls=authority.issue(*HOSTS)) as server:
        certificates = Certificates(Tls(ca=ca), lambda tls: Path(str(tls.ca)).read_bytes(), look_s=0.0)
        assert certificates.fresh() == other.file.read_bytes()
        shutil.copyfile(authority.file, ca)
        assert certificates.fresh() == authority.file.read_bytes()
        with Client(server.endpoint, tls=Tls(ca=ca)) as client:
            assert client.call("same", 1) == 1


def test_client_looks_at_its_files_only_once_in_a_while(authority: Any) -> None:
    class Counted(Certificates[ssl.SSLContext]):
        looks = 0

        def _contents(self) -> Any:
            self.looks += 1
            return super()._contents()

    certificates = Counted(Tls(ca=authority.file), lambda tls: ssl.create_default_context(), look_s=1000.0)
    for _ in range(10):
        certificates.fresh()
    assert certificates.looks == 1


def test_what_cannot_be_used_at_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="certificate file cannot be read"):
        Server(same, port=0, tls=Tls(cert=tmp_path / "none.pem"))
