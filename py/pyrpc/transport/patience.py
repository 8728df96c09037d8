"""How long a node waits for those who call it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from pyrpc.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits in time of a connection at the node; over any of them it is closed.

    Parameters
    ----------
    idle_s : float
        Without a call. As many load balancers and firewalls forget a connection after some minutes.
    header_s : float
        From the first byte of a frame to the fourth, which are its length.
    stalled_s : float
        From there to its last byte, and for the answer to be taken; in seconds, beside what ``min_bytes_per_s`` gives.
    min_bytes_per_s : int
        Each so many bytes that arrive give one second more.
    handshake_s : float
        For TLS to be agreed on.

    Raises
    ------
    ConfigError
        One of them is no number above 0.
    """

    idle_s: float = 300.0
    header_s: float = 5.0
    stalled_s: float = 30.0
    min_bytes_per_s: int = 16 * 1024
    handshake_s: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigError(f"{field.name} makes no sense", expected="a number above 0", got=repr(value))
