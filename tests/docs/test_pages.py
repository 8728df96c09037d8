"""What the pages point to is there, and what they quote is what the code says."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

TOP = Path(__file__).resolve().parents[2]
PATTERNS = ("*.md", "docs/**/*.md", "thrift/*.md", "examples/*/*.md", "benchmarks/*.md", "java-client/*.md")
PAGES = sorted(path for pattern in PATTERNS for path in TOP.glob(pattern))
# Where links may lead outside of the repository.
HOSTS = {"keepachangelog.com", "thrift.apache.org", "www.apache.org"}
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_URL = re.compile(r"https?://[^\s)>\]\"'`]+")
# A path of somebody's machine, as opposed to one of the repository.
_MACHINE = re.compile(r"(?<![\w.$}/])(?:/(?:home|root|tmp|work|Users|opt|srv)/|~/\.pyenv|[A-Z]:\\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TOP)))


def anchors(page: Path) -> set[str]:
    """The names that the headings of a page have in links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, str]]:
    """File and anchor of each link into the repository."""
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        if not target.startswith("http"):
            file, _, anchor = target.partition("#")
            yield file, anchor


@each_page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name} links to {file}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {file}#{anchor}"


@each_page
def test_links_outside_are_few_and_known(page: Path) -> None:
    hosts = {urlsplit(url).hostname for url in _URL.findall(page.read_text())}
    assert hosts <= HOSTS


@each_page
def test_no_page_names_a_path_of_a_machine(page: Path) -> None:
    assert _MACHINE.findall(page.read_text()) == []


@each_page
def test_fences_are_closed(page: Path) -> None:
    assert len(re.findall(r"^```", page.read_text(), re.MULTILINE)) % 2 == 0


def test_each_page_of_docs_is_linked_from_another() -> None:
    linked = {(page.parent / file).resolve() for page in PAGES for file, _ in links(page) if file}
    unlinked = [page for page in TOP.glob("docs/**/*.md") if page not in linked]
    assert unlinked == []


SOURCE = "\n".join(path.read_text() for path in sorted(TOP.glob("py/pyrpc/**/*.py")) if "gen" not in path.parts)
MESSAGES = re.findall(r"^### `(.+)`$", (TOP / "docs/troubleshooting.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_of_troubleshooting_are_those_of_the_code(message: str) -> None:
    parts = [part.strip() for part in message.split("...")]
    assert [part for part in parts if part not in SOURCE] == []


COMMANDS = re.findall(r"^thrift (--gen \S+) thrift/pyrpc\.thrift$", (TOP / "docs/other-languages.md").read_text(), re.M)


@pytest.mark.skipif(shutil.which("thrift") is None, reason="the Thrift compiler is not installed")
@pytest.mark.parametrize("command", COMMANDS)
def test_compiler_takes_the_interface_for_each_language(command: str, tmp_path: Path) -> None:
    subprocess.run(["thrift", *command.split(), "-out", tmp_path, TOP / "thrift/pyrpc.thrift"], check=True)
    assert any(tmp_path.rglob("*"))
