"""The tables of docs/languages.md are what the programs found."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGE = """\
before
<!-- calls: begin -->
| language | Thrift library | ping | text |
| --- | --- | --- | --- |
| <!-- go -->Go | v0 | yes | yes |
<!-- calls: end -->
between
<!-- dtypes: begin -->
| language | bool |
| --- | --- |
<!-- dtypes: end -->
<!-- lacks: begin -->
Every program passes every check.
<!-- lacks: end -->
after
"""


@pytest.fixture
def languages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """scripts/languages.py as a module, with a page of its own."""
    spec = importlib.util.spec_from_file_location("languages", TOP / "scripts/languages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TOP", tmp_path)
    monkeypatch.setattr(module, "PAGE", tmp_path / "languages.md")
    module.PAGE.write_text(PAGE)
    return module


def result(folder: Path, name: str, checks: dict[str, Any], lacks: dict[str, str] | None = None) -> None:
    folder.mkdir(exist_ok=True)
    row = {"title": name.title(), "runtime": "v1", "lacks": lacks or {}, "checks": checks}
    (folder / f"{name}.json").write_text(json.dumps(row))


def both(word: str, note: str = "") -> dict[str, list[str]]:
    return {"binary": [word, note], "compact": [word, note]}


def test_a_page_that_is_not_as_found_is_written_and_told(
    languages: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = {
        "ping": both("ok"),
        "text": {"binary": ["ok", ""], "compact": ["none", "no"]},
        "dtype bool": both("ok", "bool|x"),
    }
    result(tmp_path / "found", "perl", checks, {"compact text": "it has no compact protocol"})
    arguments = ["--results", str(tmp_path / "found")]
    assert languages.main(arguments) == 1
    assert "commit it" in capsys.readouterr().out
    page = languages.PAGE.read_text()
    assert "| <!-- go -->Go | v0 | yes | yes |\n| <!-- perl -->Perl | v1 | yes | binary yes, compact - |\n" in page
    assert "| <!-- perl -->Perl | `bool\\|x` |\n<!-- dtypes: end -->" in page
    assert "begin -->\n- <!-- perl -->Perl: compact text: it has no compact protocol\n<!-- lacks: end -->" in page
    assert page.startswith("before\n") and page.endswith("after\n")
    assert languages.main(arguments) == 0
    result(tmp_path / "found", "perl", checks)
    assert languages.main(arguments) == 1
    assert f"begin -->\n{languages.NOTHING}\n<!-- lacks: end -->" in languages.PAGE.read_text()


def test_what_fails_or_was_not_said_is_in_the_table(languages: ModuleType, tmp_path: Path) -> None:
    result(tmp_path / "found", "go", {"ping": both("fail", "refused"), "text": {}, "dtype bool": both("ok")})
    assert languages.main(["--results", str(tmp_path / "found")]) == 1
    page = languages.PAGE.read_text()
    assert "| <!-- go -->Go | v1 | FAILS | FAILS |" in page
    assert "| v0 |" not in page


def test_rows_stay_where_nothing_was_found(languages: ModuleType, tmp_path: Path) -> None:
    assert languages.main(["--results", str(tmp_path / "absent")]) == 0
    assert languages.PAGE.read_text() == PAGE


def test_a_language_without_a_place_is_refused(languages: ModuleType, tmp_path: Path) -> None:
    result(tmp_path / "found", "cobol", {})
    with pytest.raises(SystemExit, match="cobol"):
        languages.main(["--results", str(tmp_path / "found")])


def test_no_row_of_the_page_fails() -> None:
    assert "FAILS" not in (TOP / "docs/languages.md").read_text().partition("## What works")[2]
