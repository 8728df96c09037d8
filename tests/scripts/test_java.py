"""The reports of the Java tests become one, and a failure of Maven stays one."""

from __future__ import annotations

import importlib.util
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def java() -> ModuleType:
    spec = importlib.util.spec_from_file_location("java", TOP / "scripts/java.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_maven(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """An mvn that writes what a test says into the folder of the reports."""
    command = folder / "mvn"
    command.write_text(f"#!/bin/sh\nfor a; do case $a in -Dtarget.directory=*) out=${{a#*=}};; esac; done\n{body}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_reports_of_all_classes_are_one_and_the_exit_code_is_maven_s(
    java: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = "mkdir -p $out/surefire-reports; cd $out/surefire-reports"
    one = """echo '<testsuite tests="3" failures="1"/>' > TEST-a.xml"""
    two = """echo '<testsuite tests="2" skipped="1"/>' > TEST-b.xml"""
    fake_maven(tmp_path, monkeypatch, f"{write}; {one}; {two}; exit 7")
    report = tmp_path / "junit.xml"
    assert java.main(["--target", str(tmp_path / "target"), "--report", str(report)]) == 7
    suites = ElementTree.parse(report).getroot().findall("testsuite")
    assert [suite.get("tests") for suite in suites] == ["3", "2"]


def test_report_that_broke_off_is_an_error(java: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "TEST-io.pyrpc.SomeTest.xml"
    path.write_text("<testsuite tests='5'")
    (suite,) = java.merged([path])
    assert suite.get("errors") == "1"
    assert suite.find("testcase/error") is not None


def test_reports_of_an_earlier_run_are_not_taken(
    java: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "target/surefire-reports/TEST-old.xml"
    old.parent.mkdir(parents=True)
    old.write_text('<testsuite tests="100"/>')
    fake_maven(tmp_path, monkeypatch, "exit 1")
    report = tmp_path / "junit.xml"
    assert java.main(["--target", str(tmp_path / "target"), "--report", str(report)]) == 1
    assert not report.exists()
