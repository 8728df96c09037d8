"""What ``make test`` says at the end is true."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import re
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
    monkeypatch.syspath_prepend(TOP / "scripts")
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "CACHE", tmp_path)
    monkeypatch.setattr(module, "WORK_DIR", tmp_path / "work")
    monkeypatch.setattr(module.toolchains, "install", lambda missing: None)
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
    counts = matrix.count_results(matrix.read_reports(sorted(tmp_path.glob("*/junit.xml"))))
    assert (counts["passed"], counts["failed"], counts["skipped"]) == (11, 3, 3)


def test_reports_of_an_earlier_run_are_not_counted(
    matrix: ModuleType, tox_calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(matrix.WORK_DIR / "py310/junit.xml", tests=100)
    matrix.main([])
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 0 failed, 1 skipped"


def fail_test(path: Path, *cases: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<testsuite tests="{len(cases)}" failures="{len(cases)}">{"".join(cases)}</testsuite>')


def failed_case(name: str, message: str, module: str = "tests.client.test_call") -> str:
    """As pytest writes it."""
    told = message.replace("\n", "&#10;")
    return f'<testcase classname="{module}" name="{name}"><failure message="{told}">all of it</failure></testcase>'


def test_last_lines_name_each_failed_test_and_begin_its_message(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        fail_test(matrix.WORK_DIR / "docs/junit.xml", failed_case("", "no such module", "tests.docs.test_pages"))
        fail_test(
            matrix.WORK_DIR / "py313/junit.xml", failed_case("test_a[1]", "assert 1 == 2\n  and more\n  and more")
        )
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(matrix.toolchains, "missing_toolchains", list)
    monkeypatch.setattr(matrix.subprocess, "run", fail)
    assert matrix.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "failure: docs: tests/docs/test_pages.py",
        "  no such module",
        "failure: py313: tests/client/test_call.py::test_a[1]",
        "  assert 1 == 2",
        "  and more",
        "0 passed, 2 failed, 0 skipped",
    ]


def test_what_is_told_of_failures_is_bounded(
    matrix: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [failed_case(f"test_{number}[{'x' * 9_000}]", "y" * 9_000) for number in range(25)]
    fail_test(tmp_path / "py310/junit.xml", *cases)
    matrix.print_failures({}, matrix.read_reports([tmp_path / "py310/junit.xml"]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 20 + 1
    assert max(map(len, lines)) <= 202
    assert lines[-1] == "and 5 more"


def test_an_environment_that_ends_without_a_failed_test_is_named(
    matrix: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = matrix.WORK_DIR
    fail_test(folder / "py310/junit.xml", failed_case("test_a", "told by its report"))
    write_report(folder / "py311/junit.xml", tests=5)
    (folder / "py312").mkdir()
    (folder / "py312/junit.xml").write_text("<testsuites><testsuite tests='5'")
    (folder / "py313").mkdir()
    (folder / "py313/last-test.txt").write_text("tests/test_b.py::test_c")
    codes = {"py310": 1, "py311": 3, "py312": 1, "py313": -11, "lint": 1, "docs": 0}
    result = {"testenvs": {name: {"result": {"exit_code": code}} for name, code in codes.items()}}
    (folder / "result.json").write_text(json.dumps(result))
    reports = matrix.read_reports(sorted(folder.glob("*/junit.xml")))
    matrix.print_failures(matrix.exit_codes(folder / "result.json"), reports)
    assert capsys.readouterr().out.splitlines()[2:] == [
        "failure: py311: exit code 3",
        "failure: py312: exit code 1, no junit.xml: no test began",
        "failure: py313: killed by signal 11, no junit.xml: it ended in tests/test_b.py::test_c",
        "failure: lint: exit code 1",
    ]


def test_the_test_that_began_last_is_noted(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_logstart\n")
    (tmp_path / "test_it.py").write_text("def test_first(): pass\ndef test_dies():\n    import os\n    os._exit(9)\n")
    environment = os.environ | {"PYRPC_LAST_TEST": str(tmp_path / "note"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, env=environment, cwd=TOP, capture_output=True, check=False)
    assert done.returncode == 9
    assert (tmp_path / "note").read_text() == "test_it.py::test_dies"


def test_without_word_from_tox_no_environment_is_blamed(matrix: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "empty.json").write_text('{"testenvs": {"py310": {}}}')
    for name in ("broken.json", "empty.json", "absent.json"):
        assert matrix.exit_codes(tmp_path / name) == {}


def test_environments_without_a_report_are_those_that_ask_for_none(matrix: ModuleType) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(TOP / "tox.ini")
    sections = {name: f"testenv:{name}" for name in matrix.ENVIRONMENTS if f"testenv:{name}" in tox}
    silent = {name for name, section in sections.items() if "junit.xml" not in tox[section]["commands"]}
    assert silent == set(matrix.WITHOUT_REPORT)
    assert "junit.xml" in tox["testenv"]["commands"]


def lose(matrix: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let exactly one toolchain be missing."""
    monkeypatch.setattr(matrix.toolchains, "works", lambda toolchain: toolchain.name != name)


def asked(call: list[str]) -> set[str]:
    """The environments that tox was asked for."""
    return set(call[call.index("-e") + 1].split(","))


def test_missing_toolchain_leaves_out_what_needs_it_and_says_so(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lose(matrix, monkeypatch, "Rust 1.85")
    assert matrix.main([]) == 0
    assert asked(tox_calls[0]) == set(matrix.ENVIRONMENTS) - {"interop-rust"}
    assert capsys.readouterr().out.splitlines()[-3:-1] == [
        "missing: Rust 1.85; not run: interop-rust",
        "help: https://rustup.rs has it",
    ]


def test_missing_toolchain_fails_in_ci(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(matrix, monkeypatch, "Python 3.12")
    monkeypatch.setenv("CI", "true")
    assert matrix.main([]) == 1
    assert asked(tox_calls[0]) == set(matrix.ENVIRONMENTS) - {"py312"}


@pytest.mark.parametrize("name", ["JDK 17", "Maven"])
def test_java_needs_a_jdk_and_maven(
    matrix: ModuleType, tox_calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lose(matrix, monkeypatch, name)
    assert matrix.main([]) == 0
    assert asked(tox_calls[0]) == set(matrix.ENVIRONMENTS) - {"java", "interop-java", "interop-kotlin"}


def test_every_toolchain_is_needed_by_environments_that_there_are(matrix: ModuleType) -> None:
    for toolchain in matrix.toolchains.TOOLCHAINS:
        assert toolchain.environments
        assert set(toolchain.environments) <= set(matrix.ENVIRONMENTS)


def test_failed_test_of_java_is_named_by_its_source(matrix: ModuleType) -> None:
    report = "<testsuite><testcase classname='io.pyrpc.ATest' name='b'><failure/></testcase></testsuite>"
    ((line, _),) = matrix.failures("java", matrix.ElementTree.fromstring(report))
    assert line == "failure: java: io/pyrpc/ATest.java::b"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_command_that_is_there_but_fails_or_is_too_old_counts_as_missing(matrix: ModuleType, tmp_path: Path) -> None:
    def works(command: str, minimum: tuple[int, ...] = ()) -> bool:
        tool = matrix.toolchains.Toolchain("Tool", (command, "--version"), ("tool",), (), minimum=minimum)
        return matrix.toolchains.works(tool)

    assert not works(script(tmp_path / "shim", "exit 127"))
    assert not works(str(tmp_path / "absent"))
    old = script(tmp_path / "old", "echo tool version go1.9.4 of 2024")
    assert works(old) and works(old, (1, 9)) and works(old, (1, 9, 4))
    assert not works(old, (1, 10))
    assert not works(script(tmp_path / "silent", "exit 0"), (1,))


def test_only_caches_of_deleted_checkouts_are_removed(matrix: ModuleType, tmp_path: Path) -> None:
    here, gone = tmp_path / TOP.relative_to("/") / "+tox", tmp_path / "no/such/checkout/+tox"
    here.mkdir(parents=True)
    gone.mkdir(parents=True)
    matrix.remove_caches_of_gone_checkouts()
    assert here.is_dir()
    assert not gone.exists()


def test_matrix_and_tox_agree_on_the_environments(matrix: ModuleType) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(TOP / "tox.ini")
    words = re.findall(r"[\w-]+(?:\{[^}]*\})?", tox["tox"]["env_list"])
    names = {
        re.sub(r"\{.*", part, word) for word in words for part in re.findall(r"\w+", word.partition("{")[2]) or [""]
    }
    assert names == set(matrix.ENVIRONMENTS)
    (section,) = (name for name in tox if name.startswith("testenv:interop-"))
    assert f"interop-{section.partition('interop-')[2]}" in words
