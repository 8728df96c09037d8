"""The faults of ``common.json`` as the Python client meets them; CommonFaultsTest.java is the same for Java."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyrpc import Client, Tls, errors

TOP = Path(__file__).resolve().parents[2]
FAULTS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("common.json").read_text())["faults"]
JAVA_TEST = TOP / "java-client/src/test/java/io/pyrpc/CommonFaultsTest.java"
# What entries may say. A key that a test does not know would be a check that is left out.
KEYS = {
    "": {"name", "nodes", "client", "harm", "call", "expected", "ran"},
    "nodes": {"count", "serve", "proxy", "tls", "tokens"},
    "client": {"timeout_s", "connect_timeout_s", "checksums", "token", "tls"},
    "harm": {"what", "to", "when", "after_runs", "calls"},
    "call": {"do", "stage", "rows", "with_rows", "with", "chunk_rows", "timeout_s", "calls"},
    "expected": {"equal", "gives", "sum", "error", "says", "help", "failed"},
}


class StandProcess:
    """``stand.py``, which starts and harms the nodes."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("stand.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def stand() -> Iterator[StandProcess]:
    stand = StandProcess()
    yield stand
    stand.close()


def client_of(entry: dict[str, Any], stood: dict[str, Any]) -> Client:
    options = {"timeout_s": 30.0, "ping_s": None, **entry.get("client", {})}
    options["tls"] = Tls(ca=stood["ca"]) if options.get("tls") else False
    return Client(stood["endpoints"], **options)


def begin(client: Client, call: dict[str, Any]) -> Any:
    """What has a ``result``."""
    rows = [np.arange(call[key]) for key in ("rows", "with_rows") if key in call]
    arguments = [*rows, *call["with"]]
    if call["do"] == "call":
        return client.submit(call["stage"], *arguments)
    options = {"timeout_s": call.get("timeout_s", 60.0)}
    if call["do"] == "map":
        return client.map_async(call["stage"], *arguments, chunk_rows=call["chunk_rows"], **options)
    assert call["do"] == "reduce"
    return client.reduce_async(call["stage"], *arguments, **options)


def many_calls(client: Client, entry: dict[str, Any]) -> None:
    """The same call many times; so many as are told of fail, and the others give what they should."""
    call, expected = entry["call"], entry["expected"]
    # The first one tells how quick such a call is.
    futures = [begin(client, {**call, "do": "call"})]
    check_result({**entry, "expected": {"equal": True}}, futures[0].result())
    futures += [begin(client, {**call, "do": "call"}) for _ in range(call["calls"] - 1)]
    failed = 0
    for future in futures:
        try:
            check_result({**entry, "expected": {"equal": True}}, future.result())
        except errors.PyrpcError as error:
            check_error(expected, error)
            failed += 1
    assert failed == expected["failed"]


def check_error(expected: dict[str, Any], error: errors.PyrpcError) -> None:
    assert type(error).__name__ == expected["error"], repr(error)
    assert expected.get("says", "") in str(error)
    assert expected.get("help", "") in (error.help or "")


def check_result(entry: dict[str, Any], result: Any) -> None:
    expected = entry["expected"]
    assert "error" not in expected, f"no {expected['error']}, but {result!r}"
    if "sum" in expected:
        assert result == {"sum": float.fromhex(expected["sum"]), "rows": entry["call"]["rows"]}
    elif "gives" in expected:
        assert result == expected["gives"]
    else:
        assert expected == {"equal": True}
        assert result.dtype == np.int64
        assert np.array_equal(result, np.arange(entry["call"]["rows"]))


@pytest.mark.parametrize("entry", FAULTS, ids=[entry["name"] for entry in FAULTS])
def test_fault_ends_as_the_list_says(stand: StandProcess, entry: dict[str, Any]) -> None:
    harm = entry.get("harm", {"when": "never"})
    stood = stand.tell(f"begin {entry['name']}")
    try:
        with client_of(entry, stood) as client:
            if entry["call"]["do"] == "calls":
                many_calls(client, entry)
                return
            if harm["when"] == "before":
                stand.tell("harm")
            try:
                begun = begin(client, entry["call"])
                if harm["when"] == "during":
                    stand.tell("harm")
                check_result(entry, begun.result())
            except errors.PyrpcError as error:
                if "error" not in entry["expected"]:
                    raise
                check_error(entry["expected"], error)
    finally:
        ended = stand.tell("end")
        assert ended["ran"] == entry.get("ran", ended["ran"])


@pytest.mark.parametrize("part", KEYS)
def test_entries_say_nothing_that_nobody_looks_at(part: str) -> None:
    for entry in FAULTS:
        said = entry.get(part, {}) if part else entry
        assert said.keys() <= KEYS[part], entry["name"]
    assert len({entry["name"] for entry in FAULTS}) == len(FAULTS)


def test_java_runs_the_list_to_its_end_and_knows_each_key() -> None:
    """Whether it does is seen where Java is tested; here, that it has not been taken out."""
    source = JAVA_TEST.read_text()
    assert "tests/faults/common.json" in source
    assert "tests/faults/stand.py" in source
    assert not re.search(r"Disabled|assum|EnabledIf|@Tag", source)
    client_keys = KEYS[""] - {"nodes"} | KEYS["client"] | KEYS["call"] | KEYS["expected"] | {"when"}
    assert {key for key in client_keys if f'"{key}"' not in source} == set()
