"""What ``make test`` says at the end is true."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/test.py as a module that neither runs tox nor installs anything, with its cache in tmp_path."""
    spec = importlib.util.spec_from_file_location("matrix", TOP / "scripts/test.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    monkeypatch.setitem(sys.modules, "matrix", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CACHE", tmp_path)
    monkeypatch.setattr(module, "WORK_DIR", tmp_path / "work")
    monkeypatch.setattr(module, "install", lambda missing: None)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.delenv("CI", raising=False)
    return module


@pytest.fixture
def tox_calls(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands of tox that were asked for; each leaves one report and succeeds."""
    calls: list[list[str]] = []
    real_run = subprocess.run

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "tox" not in command:
            return real_run(command, **options)
        calls.append(command)
        write_report(matrix.WORK_DIR / "py311/junit.xml", tests=5, failures=0, skipped=1)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(matrix.subprocess, "run", run)
    return calls


def write_report(path: Path, **counts: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    attributes = " ".join(f'{name}="{count}"' for name, count in counts.items())
    path.write_text(f"<testsuites><testsuite {attributes}/></testsuites>")


def test_counts_are_summed_over_all_reports(matrix: ModuleType, tmp_path: Path) -> None:
    write_report(tmp_path / "a/junit.xml", tests=10, failures=2, errors=1, skipped=3)
    write_report(tmp_path / "b/junit.xml", tests=7, failures=0, errors=0, skipped=0)
    counts = matrix.count_results(sorted(tmp_path.glob("*/junit.xml")))
    assert (counts["passed"], counts["failed"], counts["skipped"]) == (11, 3, 3)


def test_reports_of_an_earlier_run_are_not_counted(
    matrix: ModuleType, tox_calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(matrix.WORK_DIR / "py310/junit.xml", tests=100)
    matrix.main([])
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 0 failed, 1 skipped"


def lose(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let exactly one toolchain be missing."""
    monkeypatch.setattr(matrix, "works", lambda toolchain: toolchain.name != name)


def test_missing_toolchain_leaves_out_what_needs_it_and_says_so(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(matrix, monkeypatch, "Thrift compiler")
    assert matrix.main([]) == 0
    assert "py310,py311,py312,py313,fuzz,lint,docs,simulation" in tox_calls[0]
    assert "missing: Thrift compiler; not run: gen-check" in capsys.readouterr().out.splitlines()[-3:]


def test_missing_toolchain_fails_in_ci(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(matrix, monkeypatch, "Python 3.12")
    monkeypatch.setenv("CI", "true")
    assert matrix.main([]) == 1
    assert "py310,py311,py313,fuzz,lint,gen-check,docs,simulation" in tox_calls[0]


def test_command_that_is_there_but_fails_counts_as_missing(matrix: ModuleType, tmp_path: Path) -> None:
    shim = tmp_path / "shim"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    for command in (shim, tmp_path / "absent"):
        assert not matrix.works(matrix.Toolchain("Shim", str(command), "--version", "shim", (), "get another"))


def test_only_caches_of_deleted_checkouts_are_removed(matrix: ModuleType, tmp_path: Path) -> None:
    here, gone = tmp_path / TOP.relative_to("/") / "+tox", tmp_path / "no/such/checkout/+tox"
    here.mkdir(parents=True)
    gone.mkdir(parents=True)
    matrix.remove_caches_of_gone_checkouts()
    assert here.is_dir()
    assert not gone.exists()


def test_matrix_and_tox_agree_on_the_environments(matrix: ModuleType) -> None:
    tox_ini = (TOP / "tox.ini").read_text()
    assert "env_list = " + ", ".join(matrix.ENVIRONMENTS) + "\n" in tox_ini
