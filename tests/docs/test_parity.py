"""docs/parity.md pairs the parts of the Python client with those of the Java client, or says why there are none."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pyrpc
import pyrpc.testing
from pyrpc.client.job import Job
from pyrpc.client.receipt import Receipt

TOP = Path(__file__).resolve().parents[2]
PYTHON = TOP / "py/pyrpc"
JAVA = TOP / "java-client/src/main/java/io/pyrpc"
# Both clients are made of these; a node, what simulates jobs, and the command line are Python's alone.
ROOMS = ("errors", "wire", "transport", "plan", "client", "testing")
_ROW = re.compile(r"^\| `([\w/]+\.py)` \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
_FEATURE = re.compile(r"^\| `(\w[\w.]*(?:\(\w+\))?)` \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
# How a job is started and driven: for pyrpc's own code.
INSIDE = {"Job.run", "Job.start"}


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


def features() -> Iterator[str]:
    """What users see in Python."""
    yield from (name for name in pyrpc.__all__ if name != "__version__")
    yield from (f"testing.{name}" for name in pyrpc.testing.__all__)
    for kind in (pyrpc.Client, Job, Receipt):
        for name in dir(kind):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}"
    for call in (pyrpc.Client, pyrpc.Client.map, pyrpc.Client.reduce):
        for name, parameter in inspect.signature(call).parameters.items():
            is_option = parameter.kind is parameter.KEYWORD_ONLY or name == "endpoints"
            # Those of map are the options of all jobs.
            if is_option and not (
                call is pyrpc.Client.reduce and name in inspect.signature(pyrpc.Client.map).parameters
            ):
                yield f"{call.__qualname__}({name})"


def in_java(name: str) -> bool:
    """Whether there is such a class, and such a method or record component in it."""
    file, _, method = name.partition("#")
    path = JAVA / f"{file}.java"
    return path.exists() and (not method or bool(re.search(rf"\b{method}\b *[(,)]", path.read_text())))


def feature_mistakes(text: str) -> list[str]:
    """What is wrong with what the page says of features."""
    found = {name: (classes, note) for name, classes, note in _FEATURE.findall(text) if not name.endswith(".py")}
    there = set(features()) - INSIDE
    wrong = [f"{name}: say where it is in Java, or why it is not there" for name in sorted(there - found.keys())]
    wrong += [f"{name} is not there" for name in sorted(found.keys() - there)]
    for feature, (classes, note) in found.items():
        names = re.findall(r"`([\w/#]+)`", classes)
        wrong += [f"{feature}: no {name} in Java" for name in names if not in_java(name)]
        if not names and not note:
            wrong.append(f"{feature}: neither in Java nor a reason")
    return wrong


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


def test_each_feature_is_in_java_or_has_a_reason_why_not() -> None:
    assert feature_mistakes((TOP / "docs/parity.md").read_text()) == []


def test_mistakes_in_the_features_are_seen() -> None:
    text = (TOP / "docs/parity.md").read_text()
    for right, spoilt, mistake in (
        ("`Client.imap`", "`Client.amap`", "Client.imap: say where it is in Java, or why it is not there"),
        ("`Client.imap`", "`Client.amap`", "Client.amap is not there"),
        ("`Job#cancel`", "`Job#abolish`", "Job.cancel: no Job#abolish in Java"),
        ("`Job#cancel`", "none", "Job.cancel: neither in Java nor a reason"),
    ):
        assert mistake in feature_mistakes(text.replace(right, spoilt))
