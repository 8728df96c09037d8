"""docs/parity.md pairs each module of the Python client with classes of the Java client, or says why there are none."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PYTHON = TOP / "py/pyrpc"
JAVA = TOP / "java-client/src/main/java/io/pyrpc"
# Both clients are made of these; a node, what simulates jobs, and the command line are Python's alone.
ROOMS = ("errors", "wire", "transport", "plan", "client", "testing")
_ROW = re.compile(r"^\| `([\w/]+\.py)` \| (.+?) \| (.*?) ?\|$", re.MULTILINE)


def rows(text: str) -> dict[str, tuple[list[str], str]]:
    """The classes and the note of each module."""
    found = _ROW.findall(text)
    assert len({module for module, _, _ in found}) == len(found), "a module is listed twice"
    return {module: (re.findall(r"`([\w/]+)`", classes), note) for module, classes, note in found}


def modules() -> set[str]:
    """What there is in Python."""
    paths = (path.relative_to(PYTHON) for path in PYTHON.rglob("*.py") if path.name != "__init__.py")
    return {str(path) for path in paths if path.parts[0].removesuffix(".py") in ROOMS and "gen" not in path.parts}


def mistakes(text: str) -> list[str]:
    """What is wrong with such a page, and what to do there."""
    listed = rows(text)
    wrong = [f"{module}: add its Java classes, or a reason" for module in sorted(modules() - listed.keys())]
    wrong += [f"{module} is not there" for module in sorted(listed.keys() - modules())]
    for module, (classes, note) in listed.items():
        wrong += [f"{module}: no class {name}" for name in classes if not (JAVA / f"{name}.java").exists()]
        if not classes and not note:
            wrong.append(f"{module}: neither a class nor a reason")
        if not classes and module.startswith("plan/"):
            wrong.append(f"{module}: the planners are the same, so it has a class")
    return wrong


def plan_classes() -> set[str]:
    """The classes that decide, in Java; there are no others in that room."""
    paths = (path.relative_to(JAVA) for path in (JAVA / "plan").rglob("*.java") if path.stem != "package-info")
    return {str(path.with_suffix("")) for path in paths}


def test_each_module_has_its_classes_or_a_reason_why_not() -> None:
    assert mistakes((TOP / "docs/parity.md").read_text()) == []


def test_each_class_of_the_planner_has_its_module() -> None:
    listed = {name for classes, _ in rows((TOP / "docs/parity.md").read_text()).values() for name in classes}
    # What several balancers have in common.
    assert sorted(plan_classes() - listed) == ["plan/balance/Turn"]


def test_mistakes_in_the_page_are_seen() -> None:
    text = (TOP / "docs/parity.md").read_text()
    for right, spoilt, mistake in (
        ("`plan/cost.py`", "`plan/price.py`", "plan/cost.py: add its Java classes, or a reason"),
        ("`plan/cost.py`", "`plan/price.py`", "plan/price.py is not there"),
        ("`plan/SplitMix64`", "`plan/Chance`", "plan/prng.py: no class plan/Chance"),
        ("`plan/SplitMix64`", "none", "plan/prng.py: neither a class nor a reason"),
    ):
        assert mistake in mistakes(text.replace(right, spoilt))
