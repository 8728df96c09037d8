"""Run the whole tox matrix, first installing what is missing where that is possible. `make test` calls this.

As root on Debian a missing toolchain is installed. Elsewhere the environments that need it are left out, which the last
lines tell; with CI=true that is a failure. The last lines also name each failed test and each environment that broke
off: often no more of the log is kept. Arguments go to tox (after `--`: to pytest).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import toolchains

TOP = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pyrpc-thrift")
WORK_DIR = CACHE / TOP.relative_to("/") / "+tox"
# More environments than cores take less time in all, but the tests of faults need the machine to keep up.
PARALLEL = str(os.cpu_count() or 1)
PYTHONS = ("py310", "py311", "py312", "py313")
ENVIRONMENTS = (
    *(*PYTHONS, "fuzz", "lint", "gen-check", "docs", "simulation", "java"),
    *("interop-python", "interop-thriftpy2", "interop-java", "interop-kotlin", "interop-go", "interop-cpp"),
    *("interop-node", "interop-typescript", "interop-rust", "interop-ruby", "interop-php", "interop-perl"),
    "languages",
)
WITHOUT_REPORT = ("fuzz", "lint", "gen-check", "languages")
SHOWN_FAILURES = 20
SHOWN_LINES = 2
SHOWN_CHARACTERS = 200


def remove_caches_of_gone_checkouts() -> None:
    """Each checkout has gigabytes of environments; a clone that was deleted needs them no more."""
    for folder, names, _ in os.walk(CACHE):
        kept = {"+tox", "+tool"} & set(names)
        names[:] = [name for name in names if name not in kept]
        if kept and not Path("/", Path(folder).relative_to(CACHE), "tox.ini").exists():
            for name in kept:
                shutil.rmtree(Path(folder, name), ignore_errors=True)


def read_reports(paths: list[Path]) -> dict[str, ElementTree.Element]:
    """The JUnit reports by environment; one that broke off while it was written is none."""
    reports = {}
    for path in paths:
        try:
            reports[path.parent.name] = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            continue
    return reports


def count_results(reports: dict[str, ElementTree.Element]) -> Counter[str]:
    """Tests by how they ended, over all JUnit reports."""
    counts: Counter[str] = Counter()
    for report in reports.values():
        for suite in report.iter("testsuite"):
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            counts += Counter(failed=failed, skipped=skipped, passed=int(suite.get("tests", 0)) - failed - skipped)
    return counts


def shortened(text: str) -> str:
    """One line of bounded length."""
    line = text.strip()
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3] + "..."


def failures(environment: str, report: ElementTree.Element) -> Iterator[list[str]]:
    """The lines about each failed test of a report."""
    for case in report.iter("testcase"):
        for failure in (*case.iter("failure"), *case.iter("error")):
            # What cannot be collected has no class name, and the module in place of the test's.
            names = [name for name in (case.get("classname"), case.get("name")) if name]
            names[0] = names[0].replace(".", "/") + (".java" if environment == "java" else ".py")
            message = (failure.get("message") or failure.text or "no message").strip().splitlines()
            yield [
                shortened(f"{failure.tag}: {environment}: {'::'.join(names)}"),
                *(f"  {shortened(line)}" for line in message[:SHOWN_LINES]),
            ]


def exit_codes(result: Path) -> dict[str, int]:
    """How each environment ended, as tox wrote it down; empty if tox did not come that far."""
    try:
        environments = json.loads(result.read_text()).get("testenvs", {})
    except (OSError, ValueError):
        return {}
    return {name: told["result"]["exit_code"] for name, told in environments.items() if "result" in told}


def breakdowns(codes: dict[str, int], reports: dict[str, ElementTree.Element]) -> Iterator[str]:
    """A line about each environment that failed without a test that says why: it was killed, or never began."""
    for environment, code in codes.items():
        counts = count_results({environment: reports[environment]}) if environment in reports else None
        if code and not (counts and counts["failed"]):
            is_lost = counts is None and environment not in WITHOUT_REPORT
            ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            yield f"failure: {environment}: {ended}" + (f", no junit.xml: {last_test(environment)}" if is_lost else "")


def last_test(environment: str) -> str:
    """What was running when the process of the tests ended too early; see tests/conftest.py."""
    try:
        return shortened("it ended in " + (WORK_DIR / environment / "last-test.txt").read_text())
    except OSError:
        return "no test began"


def print_failures(codes: dict[str, int], reports: dict[str, ElementTree.Element]) -> None:
    """What failed, at most so many tests of it."""
    failed = [lines for environment, report in reports.items() for lines in failures(environment, report)]
    for lines in failed[:SHOWN_FAILURES]:
        print("\n".join(lines))
    if len(failed) > SHOWN_FAILURES:
        print(f"and {len(failed) - SHOWN_FAILURES} more")
    for line in breakdowns(codes, reports):
        print(line)


def main(arguments: list[str]) -> int:
    """Run tox on every environment whose toolchain is there, then tell what was left out and sum up."""
    os.chdir(TOP)
    remove_caches_of_gone_checkouts()
    missing = toolchains.missing_toolchains()
    skipped = {environment for toolchain in missing for environment in toolchain.environments}
    chosen = [environment for environment in ENVIRONMENTS if environment not in skipped]
    result = WORK_DIR / "result.json"
    stale = ("*/junit.xml", "*/last-test.txt", "interop/*.json")
    for old in (result, *(path for pattern in stale for path in WORK_DIR.glob(pattern))):
        old.unlink(missing_ok=True)
    tox = [sys.executable, "-m", "tox", "run-parallel", "--parallel-no-spinner", "--parallel", PARALLEL]
    tox += ["--result-json", str(result)]
    code = subprocess.run([*tox, "-e", ",".join(chosen), *arguments], check=False).returncode
    for toolchain in missing:
        print(f"missing: {toolchain.name}; not run: {', '.join(toolchain.environments)}")
        print(f"help: {toolchain.advice}")
    if missing and os.environ.get("CI") == "true":
        print("CI=true: a missing toolchain is a failure")
        code = code or 1
    reports = read_reports(sorted(WORK_DIR.glob("*/junit.xml")))
    print_failures(exit_codes(result), reports)
    counts = count_results(reports)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
