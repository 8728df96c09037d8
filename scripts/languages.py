"""Put what the programs of tests/interop found into the tables of docs/languages.md. `tox -e languages` calls this.

    python scripts/languages.py --results FOLDER

Rows of languages without results, whose tools are missing here, stay as they are. Exit code 1: the page was not as the
results say; it is now.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs/languages.md"
# In the order of the table.
ORDER = ("python", "thriftpy2", "java", "kotlin", "go", "cpp", "rust", "node", "typescript", "ruby", "php", "perl")
# What stands where no language lacks anything.
NOTHING = "Every program passes every check."
_DTYPE = "dtype "
_SIGNS = {"ok": "yes", "none": "-", "fail": "FAILS"}


def row_of(name: str, found: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of one language for each table, by the table's name."""
    checks = found["checks"]
    calls = [cell(checks[check]) for check in checks if not check.startswith(_DTYPE)]
    dtypes = [dtype_cell(checks[check]) for check in checks if check.startswith(_DTYPE)]
    title = f"<!-- {name} -->{found['title']}"
    return {
        "calls": [line([title, found["runtime"], *calls])],
        "dtypes": [line([title, *dtypes])],
        "lacks": [f"- <!-- {name} -->{found['title']}: {check}: {why}" for check, why in found["lacks"].items()],
    }


def cell(outcomes: dict[str, list[str]]) -> str:
    """One check in both protocols: one word where they agree."""
    words = {protocol: _SIGNS[word] for protocol, (word, _) in outcomes.items()}
    if not words:
        return "FAILS"
    return (
        next(iter(words.values())) if len(set(words.values())) == 1 else ", ".join(f"{p} {w}" for p, w in words.items())
    )


def dtype_cell(outcomes: dict[str, list[str]]) -> str:
    """The type of the language that a dtype is."""
    found = cell(outcomes)
    notes = {note for _, note in outcomes.values()}
    return f"`{notes.pop()}`" if found == "yes" and len(notes) == 1 and notes != {""} else found


def line(cells: list[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |"


def merged(page: str, rows: dict[str, dict[str, list[str]]]) -> str:
    """The page with the lines of the languages that there are results for."""
    for table in ("calls", "dtypes", "lacks"):
        pattern = re.compile(rf"(<!-- {table}: begin -->\n)(.*?)(<!-- {table}: end -->)", re.DOTALL)
        match = pattern.search(page)
        if match is None:
            raise SystemExit(f"languages.py: {PAGE} has no table {table}")
        head = [text for text in match[2].splitlines() if name_of(text) is None and text != NOTHING]
        lines = [*head, *languages_lines(match[2], table, rows)]
        lines = lines or [NOTHING]
        page = page[: match.start(2)] + "".join(f"{text}\n" for text in lines) + page[match.end(2) :]
    return page


def languages_lines(old: str, table: str, rows: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """The lines of all languages, in their order."""
    for name in ORDER:
        if name in rows:
            yield from rows[name][table]
        else:
            yield from (text for text in old.splitlines() if name_of(text) == name)


def name_of(text: str) -> str | None:
    """The language that a line is about."""
    match = re.match(r"(?:\| |- )<!-- (\w+) -->", text)
    return match[1] if match else None


def main(arguments: list[str] | None = None) -> int:
    """Bring the page up to date; tells whether it was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder of the rows, as JSON")
    folder = parser.parse_args(arguments).results
    rows = {path.stem: row_of(path.stem, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))}
    unknown = set(rows) - set(ORDER)
    if unknown:
        raise SystemExit(f"languages.py: {', '.join(sorted(unknown))}: not in the order of the table")
    before = PAGE.read_text()
    after = merged(before, rows)
    missing = [name for name in ORDER if name not in rows]
    print(f"results of {', '.join(rows) or 'no language'}" + (f"; kept: {', '.join(missing)}" if missing else ""))
    if before == after:
        return 0
    PAGE.write_text(after)
    print(f"{PAGE.relative_to(TOP)} was not what they found, and is now: commit it")
    return 1


if __name__ == "__main__":
    sys.exit(main())
