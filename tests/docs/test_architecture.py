"""ARCHITECTURE.md names every module, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PACKAGE = TOP / "py/pyrpc"
TEXT = (TOP / "ARCHITECTURE.md").read_text()
# Paths in backticks: of a file, by its suffix, or of a folder, by its slash.
NAMED = set(re.findall(r"`([\w./-]+(?:\.(?:py|md|sh|thrift|typed)|/|/STAMP))`", TEXT))


def test_each_module_is_named() -> None:
    modules = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py")}
    wanted = {name for name in modules if not name.startswith("wire/gen/") and not name.endswith("/__init__.py")}
    assert sorted(wanted - NAMED) == []


def test_each_package_is_named() -> None:
    packages = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.rglob("__init__.py")} - {"./"}
    assert sorted(packages - NAMED) == []


def test_each_path_that_is_named_exists() -> None:
    assert [name for name in sorted(NAMED) if not (PACKAGE / name).exists() and not (TOP / name).exists()] == []
