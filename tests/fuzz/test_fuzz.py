"""The targets of fuzz/ without their fuzzer: all seeds keep the rules, and a broken decoder is noticed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP))

from fuzz import many, reply, rules, seeds, serve  # noqa: E402

from pyrpc.errors import ProtocolError  # noqa: E402
from pyrpc.wire import small  # noqa: E402
from pyrpc.wire.binary import BinaryReader  # noqa: E402
from pyrpc.wire.source import Source  # noqa: E402

TARGETS = {"serve": serve, "reply": reply, "many": many}
INPUTS = [(target, path) for target in TARGETS for path in sorted((seeds.CORPUS / target).iterdir())]


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=[f"{target}-{path.name}" for target, path in INPUTS])
def test_input_of_the_corpus_keeps_every_rule(target: str, path: Path) -> None:
    TARGETS[target].check(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_corpus_is_what_the_code_writes(target: str) -> None:
    kept = {path.name: path.read_bytes() for path in (seeds.CORPUS / target).iterdir() if "found-" not in path.name}
    assert kept == seeds.SEEDS[target](), "run python -m fuzz.seeds"


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_at_all_keep_every_rule(target: str) -> None:
    for data in (b"", b"\0", b"\1", b"\2", b"\3"):
        TARGETS[target].check(data)


# -- broken decoders


def seed(target: ModuleType, name: str) -> bytes:
    (short,) = [short for short, module in TARGETS.items() if module is target]
    return seeds.SEEDS[short]()[name]


def break_reader(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def i64(reader: BinaryReader) -> int:
        raise error

    monkeypatch.setattr(BinaryReader, "i64", i64)


@pytest.mark.parametrize("target", [serve, reply])
def test_error_that_is_not_ours_is_noticed(monkeypatch: pytest.MonkeyPatch, target: ModuleType) -> None:
    break_reader(monkeypatch, MemoryError("of the decoder"))
    with pytest.raises(MemoryError):
        target.check(seed(target, "binary-nested"))


def test_fault_of_the_node_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("of the node")

    monkeypatch.setitem(serve._dispatcher._methods, "stats", broken)
    with pytest.raises(rules.Finding, match="fault of the node"):
        serve.check(seed(serve, "binary-stats"))


@pytest.mark.parametrize("target", [serve, reply])
def test_memory_beyond_the_frame_is_noticed(monkeypatch: pytest.MonkeyPatch, target: ModuleType) -> None:
    next_frame = Source.next_frame

    def greedy(source: Source, max_bytes: int) -> int:
        bytearray(2 * 2**20)
        return next_frame(source, max_bytes)

    monkeypatch.setattr(Source, "next_frame", greedy)
    with pytest.raises(rules.Finding, match="of memory taken"):
        target.check(seed(target, "binary-nested"))


@pytest.mark.parametrize("name", ["binary-map-of-one", "compact-list", "compact-texts", "compact-text"])
def test_objects_beyond_their_bound_are_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(BinaryReader, "spend", lambda reader, nbytes: None)
    with pytest.raises(rules.Finding, match="of memory taken"):
        many.check(seed(many, name))


def test_quick_way_that_reads_a_call_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = small.decode_call
    spoil: Callable[[Any], Any] = lambda call: call and (*call[:3], call[3] + 1, call[4])  # noqa: E731
    monkeypatch.setattr(small, "decode_call", lambda source: spoil(decode(source)))
    with pytest.raises(rules.Finding, match="quick way"):
        serve.check(seed(serve, "small-plain"))


def test_quick_way_that_reads_a_reply_otherwise_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = small.decode_reply
    spoil: Callable[[Any], Any] = lambda answer: answer and (not answer[0], answer[1])  # noqa: E731
    monkeypatch.setattr(small, "decode_reply", lambda source, seqid: spoil(decode(source, seqid)))
    with pytest.raises(rules.Finding, match="quick way"):
        reply.check(seed(reply, "small-none"))


def test_frame_that_is_not_read_to_its_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave_some(source: Source) -> int:
        source.pos = source.stop = source.stop - 1
        return 0

    monkeypatch.setattr(Source, "skip_rest", leave_some)
    with pytest.raises(rules.Finding, match="frame behind"):
        serve.check(seed(serve, "binary-nested") + b"more")


def test_call_without_an_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve._dispatcher, "_complain", lambda *_: None)
    with pytest.raises(rules.Finding, match="no answer"):
        serve.check(seed(serve, "binary-nested") + b"more")


@pytest.mark.parametrize("name", ["guarded-no-token", "guarded-other-stage"])
def test_call_that_runs_without_the_right_to_it_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(serve._guarded, "_admit", lambda *_: None)
    monkeypatch.setattr(serve.small, "decode_call", lambda source: None)
    with pytest.raises(rules.Finding, match="without the right"):
        serve.check(seed(serve, name))


def test_reply_that_depends_on_how_it_arrives_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    string = BinaryReader.string

    def torn(reader: BinaryReader) -> str:
        if reader.source.left:
            raise ProtocolError("not all here yet")
        return string(reader)

    monkeypatch.setattr(BinaryReader, "string", torn)
    with pytest.raises(rules.Finding, match="byte by byte"):
        reply.check(seed(reply, "binary-nested"))


# -- equality


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0.0, -0.0),
        (1, 1.0),
        ([1], (1,)),
        ([1], [1, 2]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": 1}, {"b": 1, "a": 1}),
        (np.zeros(2), np.zeros(2, "f4")),
        (np.zeros((2, 1)), np.zeros((1, 2))),
        (np.array([0.0]), np.array([-0.0])),
        (np.array(["a"], np.dtypes.StringDType()), np.array(["b"], np.dtypes.StringDType())),
    ],
)
def test_values_that_differ_are_told_apart(left: object, right: object) -> None:
    assert not rules.is_same(left, right)
    assert rules.is_same(left, left)
    assert rules.is_same(right, right)
