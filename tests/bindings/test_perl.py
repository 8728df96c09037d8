"""What the compiler writes for Perl is mended where it does not work; tests/interop/perl tries the rest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bindings.built import bindings_of

from pyrpc.bindings.languages.perl import LANGUAGE
from pyrpc.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is missing")
PROBE = """
namespace perl ProbeIdl

enum Kind { INC = 1, INIT = 2 }

struct ProbeRest { 1: i64 get, 2: set<string> words = ["a", "b"], 3: map<string, i64> counts = {"a": 1} }

const list<ProbeRest> RECORDS = [{"get": 1}]
const set<i64> PRIMES = [2, 3]
const map<string, set<i64>> TABLE = {"one": [1], "two": [1, 2]}

service Probe {
  set<ProbeRest> shift(1: ProbeRest record, 2: i64 request)
  i64 ENV()
}
"""


def code_of(folder: Path, idl: str) -> dict[str, str]:
    (folder / "probe.thrift").write_text(f'include "pyrpc.thrift"\n{idl}')
    files = bindings_of(LANGUAGE, folder / "probe.thrift").files
    return {path: content.decode() for path, content in files.items()}


def test_what_the_compiler_writes_is_mended(tmp_path: Path) -> None:
    code = code_of(tmp_path, PROBE)
    types, constants, service = (code[f"gen/ProbeIdl/{name}.pm"] for name in ("Types", "Constants", "Probe"))
    assert "Class::Accessor" not in types + constants + service
    assert "package ProbeIdl::ProbeRest;" in types
    assert "package ProbeIdl::ProbeRest;" not in service
    assert "sub ProbeIdl::Kind::INC () { 1 }" in types
    assert "use constant INIT => 2;" in types
    assert "sub ProbeIdl::ProbeClient::ENV {" in service
    assert "use ProbeIdl::Types;" in constants
    assert '"a" => 1,' in types.partition("{counts} = {")[2].partition("}")[0]
    assert "=> 1," not in types.partition("{words} = [")[2].partition("]")[0]
    assert "=> {\n  2," not in constants
    assert "push(@{$self->{success}}, $elem" in service


@pytest.mark.skipif(
    shutil.which("perl") is None or subprocess.run(["perl", "-MThrift", "-e", "0"], check=False).returncode != 0,
    reason="Perl or its Thrift library is missing",
)
def test_what_is_mended_runs(tmp_path: Path) -> None:
    for path, content in code_of(tmp_path, PROBE).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    program = """
        use warnings FATAL => 'all';
        use ProbeIdl::Constants; use ProbeIdl::Probe; use Pyrpc::Binary; use Pyrpc::Compact;
        package Memory { # frames in memory
            sub write { $_[0]{bytes} .= $_[1]; length $_[1] }
            sub readAll { substr $_[0]{bytes}, 0, $_[1], '' }
            sub discard { }
            sub left { length $_[0]{bytes} }
        }
        print join ' ', ProbeIdl::Kind::INC, ProbeIdl::Kind::INIT, @{+ProbeIdl::Constants::PRIMES},
            @{ProbeIdl::Constants::TABLE->{two}}, ProbeIdl::Constants::RECORDS->[0]->get;
        for my $class (qw(Pyrpc::Binary Pyrpc::Compact)) {
            my $protocol = $class->new(bless {bytes => ''}, 'Memory');
            $protocol->writeMessageBegin('shift', 2, 0);
            my @records = map { ProbeIdl::ProbeRest->new({get => $_}) } 7, 8;
            ProbeIdl::Probe_shift_result->new({success => \\@records})->write($protocol);
            $protocol->readMessageBegin(\\my $name, \\my $type, \\my $seqid);
            my $result = ProbeIdl::Probe_shift_result->new;
            $result->read($protocol);
            $protocol->readMessageEnd();
            print ' ', join ' ', $name, $type, map { $_->get, @{$_->words}, %{$_->counts} } @{$result->success};
        }
        print ' ', join ' ', map { ProbeIdl::ProbeClient->can($_) ? 'can' : 'cannot' } 'shift', 'ENV';
    """
    done = subprocess.run(
        ["perl", "-Ilib", "-Igen", "-e", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    record = "a b a 1"
    both = f"shift 2 7 {record} 8 {record}"
    assert (done.stdout, done.stderr) == (f"1 2 2 3 1 2 1 {both} {both} can can", "")


@pytest.mark.parametrize(
    ("idl", "what"),
    [
        ("service Probe { void INIT() }", "a method called 'INIT'"),
        ("service Probe { void f(1: i64 _) }", "a parameter called '_'"),
        ("service Types { void f() }", "a service called 'Types'"),
    ],
)
def test_names_that_do_not_work_are_refused(tmp_path: Path, idl: str, what: str) -> None:
    with pytest.raises(ConfigError, match=rf"probe\.thrift, line 2: Perl cannot have {what}"):
        code_of(tmp_path, idl)


def test_the_first_call_names_the_package_that_the_compiler_writes(tmp_path: Path) -> None:
    code = code_of(tmp_path, "namespace perl a.b\nservice Probe { bool is_on(1: string name, 2: bool on) }")
    assert "service('a::b::Probe')->is_on(\"name\", 1);" in code["bin/first_call.pl"]
    assert "gen/a/b/Probe.pm" in code
    program = code_of(tmp_path, "service Probe { pyrpc.Tensor f(1: pyrpc.Tensor x) }")["bin/first_call.pl"]
    assert "use Pyrpc::Arrays qw(zeros);" in program
    assert "service('Probe')->f(zeros(PyrpcIdl::DType::FLOAT64, [2, 3]));" in program
    assert "->service(" not in code_of(tmp_path, "struct Point { 1: i64 a }")["bin/first_call.pl"]
