"""The benchmarks of the Java client: left out where there is no Maven, and measured where the tests may use it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .test_jobs_run import names_of, run_quick

NAMES = ("java_echo_large", "java_memory", "java_echo_small", "java_map_large")
STOCK = {"stock libthrift framed", "stock libthrift fast-framed"}

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning needs Linux")
# Maven brings what it needs from the network, so only one environment of tox depends on it.
with_maven = pytest.mark.skipif(
    not os.environ.get("PYRPC_MAVEN") or shutil.which("mvn") is None, reason="Maven is not to be used: set PYRPC_MAVEN"
)


@pytest.mark.parametrize("name", NAMES)
def test_without_maven_the_java_client_is_left_out_and_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.cases import CASES
    from benchmarks.cases.sizes import QUICK
    from benchmarks.harness.placement import Placement

    def find_all_but_maven(program: str) -> str | None:
        return None if program == "mvn" else "/usr/bin/" + program

    monkeypatch.setattr(shutil, "which", find_all_but_maven)
    outcome = CASES[name](QUICK, Placement.of_this_process())
    (note,) = outcome.notes
    assert note.startswith("the Java client was not measured: mvn is not installed (")
    assert outcome.is_complete
    assert not outcome.targets


def test_build_that_fails_is_told_with_what_maven_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.harness import java

    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no route to the repository'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(java.NoJavaError, match=r"install of java-client .* failed: \[ERROR\] no route"):
        java.built()


def test_second_build_is_one_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.harness import java

    built: list[Path] = []

    def build(target: Path) -> None:
        built.append(target)

    source = tmp_path / "client" / "src" / "main" / "A.java"
    for folder in ("client", "callers"):
        (tmp_path / folder / "src" / "main").mkdir(parents=True)
        (tmp_path / folder / "pom.xml").write_text("<project/>")
    source.write_text("class A {}")
    monkeypatch.setattr(java, "CLIENT", tmp_path / "client")
    monkeypatch.setattr(java, "CALLERS", tmp_path / "callers")
    monkeypatch.setattr(java, "_build", build)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    java.built()
    java.built()
    assert len(built) == 1
    source.write_text("class A { int a; }")
    java.built()
    assert len(built) == 2
    assert not built[0].is_relative_to(java.TOP)


@pytest.fixture(scope="module")
def built() -> None:
    """Before the runs, whose time is bounded."""
    from benchmarks.harness.java import driver_command

    driver_command()


def told(outcome: dict[str, Any]) -> set[str]:
    return names_of(outcome) | {note.partition(" was not measured")[0] for note in outcome["notes"]}


@with_maven
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["java_echo_large", "java_echo_small", "java_memory"])
def test_java_client_stands_beside_stock_libthrift_and_grpc(tmp_path: Path, built: None, name: str) -> None:
    outcome = run_quick(tmp_path, name)
    assert names_of(outcome) >= {"pyrpc", *STOCK}
    assert "grpc-java unary" in told(outcome)


@with_maven
@pytest.mark.timeout(600)
def test_map_of_the_java_client_stands_beside_that_of_the_python_client(tmp_path: Path, built: None) -> None:
    assert names_of(run_quick(tmp_path, "java_map_large")) == {"pyrpc", "pyrpc, the Python client"}
