"""TOML files, on every Python that pyrpc runs on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pyrpc.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    # The same code under the name it had before it came into the standard library; a dependency there.
    import tomli as tomllib


def read_toml(path: str) -> dict[str, Any]:
    """The tables of a file.

    Raises
    ------
    ConfigError
        It cannot be read, or is no TOML; the message tells the line.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}", got=error.strerror or str(error)) from error
    except ValueError as error:
        # Both what is no TOML and what is no UTF-8.
        raise ConfigError(f"{path} is no TOML", got=str(error)) from error
