"""The library for Ruby: arrays, arguments, connections, and a node that answers with anything."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.interop import hostile
from tests.interop.program import Built
from tests.interop.ruby.test_program import PROGRAM as _PROGRAM
from tests.interop.service import Interop

from pyrpc import Server, Tls, idl

PROGRAM = _PROGRAM
NAMES = Path(__file__).parent / "names.thrift"
MUTATIONS = 400
# The first call of a connection is release.
SEQID = 1


@pytest.fixture(scope="module")
def library(built: Built) -> Built:
    """The bindings, with the programs of this module."""
    for name in ("certificates.rb", "hostile.rb", "library.rb", "secure.rb"):
        (built.folder / "bin" / name).write_text((hostile.HERE / "ruby" / name).read_text())
    return built


def outcomes(library: Built, protocol: str, replies: list[bytes]) -> list[str]:
    return hostile.outcomes(library, "ruby -Ilib -Igen bin/hostile.rb", protocol, replies)


def test_its_rules_hold(library: Built, node: str) -> None:
    host, port = node.rsplit(":", 1)
    output = library.shell(f"NODE_HOST={host} NODE_PORT={port} ruby -Ilib -Igen bin/library.rb", 120)
    assert " 0 failures, 0 errors, 0 skips" in output, output


def test_its_rules_of_tls_and_tokens_hold(library: Built, tmp_path: Path) -> None:
    library.shell(f"ruby bin/certificates.rb {tmp_path}", 60)
    (tmp_path / "tokens").write_text("somebody s3cret\n")
    (tmp_path / "tokens").chmod(0o600)
    tls = Tls(cert=tmp_path / "node.pem", key=tmp_path / "node.key")
    with Server(Interop, port=0, tls=tls, tokens=tmp_path / "tokens") as server:
        host, port = server.endpoint.rsplit(":", 1)
        told = f"NODE_HOST={host} NODE_PORT={port} NODE_AUTHORITY={tmp_path}/authority.pem"
        output = library.shell(f"{told} ruby -Ilib -Igen bin/secure.rb", 120)
    assert " 0 failures, 0 errors, 0 skips" in output, output


class OddOnes:
    """What service odd_ones in names.thrift does."""

    def __init__(self) -> None:
        self.fit = self.message = lambda *numbers: sum(numbers)
        self.extend = self.echo = self.other = lambda it: it

    def _hidden(self, number: int) -> int:
        if number < 0:
            raise idl.load(NAMES).StandardError(message="below 0")
        return number


def test_names_that_mean_something_to_ruby_are_called_all_the_same(tmp_path: Path) -> None:
    built = PROGRAM.make_bindings(tmp_path / "names", str(NAMES))
    with Server.from_idl(NAMES, "odd_ones", OddOnes(), port=0) as server:
        host, port = server.endpoint.rsplit(":", 1)
        program = NAMES.with_suffix(".rb")
        assert built.shell(f"ruby -Ilib -Igen {program} {host} {port}", 60).endswith("done\n")


def test_it_gives_ruby_no_reason_to_warn(library: Built) -> None:
    for path in sorted((library.folder / "lib").rglob("*.rb")):
        assert library.shell(f"ruby -wc {path}", 60) == "Syntax OK\n"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_malformed_replies_are_refused_and_the_connection_is_closed(library: Built, protocol: str) -> None:
    cases = hostile.malformed(protocol, SEQID)
    lines = outcomes(library, protocol, [*cases.values(), hostile.frame(hostile.good(protocol, SEQID))])
    assert lines.pop().startswith("ok / refused Thrift::TransportException")
    for name, line in zip(cases, lines, strict=True):
        assert line.startswith(("refused Thrift::ProtocolException", "refused Thrift::TransportException")), line
        assert " / refused Thrift::TransportException" in line, f"{name}: {line}"


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_to_other_calls_are_refused(library: Built, protocol: str) -> None:
    (line,) = outcomes(library, protocol, [hostile.frame(hostile.good(protocol, SEQID + 1))])
    assert line.startswith("refused Thrift::ProtocolException the reply is malformed: it has number 2, expected 1"), (
        line
    )


@pytest.mark.parametrize("protocol", hostile.PROTOCOLS)
def test_replies_with_other_bytes_are_no_crash(library: Built, protocol: str) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    lines = outcomes(library, protocol, list(hostile.mutated(protocol, MUTATIONS, seed, SEQID)))
    assert {line.split()[0].strip(",") for line in lines} == {"ok", "refused"}
    refused = {line.split()[1] for line in lines if line.startswith("refused")}
    # Bytes may make a reply an exception of the node, or an array that does not fit.
    assert "Thrift::ProtocolException" in refused
    assert refused <= {
        "Thrift::ProtocolException",
        "Thrift::ApplicationException",
        "PyrpcIdl::RpcError",
        "ArgumentError",
    }
