"""The file of tokens: what stands in it, what it gives the right to, and how changes are taken over."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path

import pytest

from pyrpc.errors import AuthError, ConfigError
from pyrpc.server.tokens import TokenFile, parse_tokens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.txt"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def tokens_of(path: Path, text: str) -> TokenFile:
    write(path, text)
    return TokenFile(path)


def knows(tokens: TokenFile, token: str | None) -> bool:
    try:
        tokens.grant(token)
    except AuthError:
        return False
    return True


def test_token_stands_for_its_owner(path: Path) -> None:
    tokens = tokens_of(path, "# everybody\n\nalice  one\nbob\ttwo # his\n")
    assert tokens.grant("one").name == "alice"
    assert tokens.grant("two").name == "bob"


@pytest.mark.parametrize("token", [None, "", "on", "ones", "One", "alice", "#", "sha256:", "o\u00e9"])
def test_what_is_no_token_is_refused_and_never_shown(path: Path, token: str | None) -> None:
    tokens = tokens_of(path, "alice one\n")
    with pytest.raises(AuthError) as caught:
        tokens.grant(token)
    assert not caught.value.is_denied
    assert not token or token in "alice" or token not in caught.value.summary().split()


def test_token_may_stand_there_as_its_hash(path: Path) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    tokens = tokens_of(path, f"alice sha256:{digest}\n")
    assert knows(tokens, "one")
    assert not knows(tokens, f"sha256:{digest}")


@pytest.mark.parametrize(
    ("patterns", "allowed", "denied"),
    [
        ("", ["Vision.a", "f"], []),
        ("*", ["Vision.a", "f"], []),
        ("Vision.*", ["Vision.a"], ["f", "Vision", "Visions.a", "vision.a"]),
        ("Vision", ["Vision.a", "Vision"], ["Visions.a"]),
        ("Vision.a stats.*", ["Vision.a", "stats.mean"], ["Vision.b"]),
        ("Vision.get_?", ["Vision.get_a"], ["Vision.set_a", "Vision.get_ab"]),
    ],
)
def test_patterns_are_rights(path: Path, patterns: str, allowed: list[str], denied: list[str]) -> None:
    grant = tokens_of(path, f"alice one {patterns}\n").grant("one")
    for _ in range(2):
        assert [stage for stage in allowed + denied if grant.allows(stage)] == allowed
    for stage in denied:
        with pytest.raises(AuthError, match=re.escape(stage)) as caught:
            grant.require(stage)
        assert caught.value.is_denied


def test_right_to_everything_is_told_apart(path: Path) -> None:
    tokens = tokens_of(path, "a one\nb two *\nc three f\n")
    assert [tokens.grant(token).is_unlimited for token in ("one", "two", "three")] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a s3cret\nb\n", "line 2: a name without a token"),
        ("a # s3cret\n", "line 1: a name without a token"),
        ("a s3cret\n\nb s3cret\n", "line 3: the same token as in line 1"),
        ("a/b s3cret\n", "line 1: a name with signs"),
        ("a sha256:s3cret\n", "line 1: sha256: must be followed by"),
        ("a s3cret f;g\n", "line 1: pattern 1 has signs"),
        ("a s3cret\nb s3cr\u00e9t\n", "line 2: signs that are not ASCII"),
        ("a " + "s3cret" * 1000 + "\n", "line 1: a token that is not printable, or above"),
        ("b\n" * 9, "line 5: a name without a token; and 4 more"),
        ("# nobody\n", "has none"),
        ("", "has none"),
    ],
)
def test_bad_lines_are_named_by_number_and_not_shown(path: Path, text: str, complaint: str) -> None:
    write(path, text)
    with pytest.raises(ConfigError) as caught:
        TokenFile(path)
    assert complaint in str(caught.value)
    assert "s3cr" not in str(caught.value)


def test_file_that_is_missing_or_no_file_is_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        TokenFile(path)
    with pytest.raises(ConfigError, match="is no file"):
        TokenFile(tmp_path)
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="is no file"):
        TokenFile(path)


def test_file_that_is_too_large_is_not_read_whole(path: Path) -> None:
    write(path, "a one\n" + "#" * 2**20)
    with pytest.raises(ConfigError, match="too large"):
        TokenFile(path)


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o602, 1)])
def test_file_that_others_may_read_is_warned_of_once(
    path: Path, mode: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, "alice one\n", mode)
    tokens = TokenFile(path)
    tokens.look()
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warnings


# -- changes


def test_change_is_taken_over_once_it_rests(path: Path) -> None:
    tokens = tokens_of(path, "alice one\n")
    old = tokens.grant("one")
    write(path, "alice two\n")
    tokens.look()
    assert knows(tokens, "one") and not knows(tokens, "two")
    tokens.look()
    assert knows(tokens, "two") and not knows(tokens, "one")
    assert not tokens.is_current(old)


def test_file_in_the_middle_of_being_written_is_not_taken_over(path: Path) -> None:
    tokens = tokens_of(path, "alice one\n")
    for written in ("", "al", "alice tw", "alice two\nbo"):
        write(path, written)
        tokens.look()
        assert knows(tokens, "one") and not knows(tokens, "tw") and not knows(tokens, "two")
    write(path, "alice two\nbob three\n")
    tokens.look()
    tokens.look()
    assert knows(tokens, "two") and knows(tokens, "three") and not knows(tokens, "one")


@pytest.mark.parametrize("text", ["alice two\nbob\n", "", None])
def test_file_that_cannot_be_used_changes_nothing_and_is_told_once(
    path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = tokens_of(path, "alice one\n")
    if text is None:
        path.unlink()
    else:
        write(path, text)
    for _ in range(5):
        tokens.look()
    assert knows(tokens, "one") and not knows(tokens, "two")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "stay in force" in caplog.text
    # It is read again once it is in order.
    write(path, "alice two\n")
    tokens.look()
    tokens.look()
    assert knows(tokens, "two") and not knows(tokens, "one")


def test_change_of_the_same_size_in_the_same_moment_is_seen(path: Path) -> None:
    tokens = tokens_of(path, "alice one\n")
    before = path.stat()
    write(path, "alice two\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    tokens.look()
    tokens.look()
    assert knows(tokens, "two")


def test_parsing_has_no_memory(path: Path) -> None:
    first, second = parse_tokens(b"a one f\n", path), parse_tokens(b"a one f\n", path)
    assert first.keys() == second.keys()
    assert first is not second
