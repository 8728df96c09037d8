"""What goes whole to every chunk, though it is an array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Marks a value that map and reduce do not split; made by :func:`broadcast`."""

    value: Any


def broadcast(value: Any) -> Broadcast:
    """Mark an array that map and reduce send whole with each chunk, instead of splitting it.

    Parameters
    ----------
    value : array or any value that travels
        Weights, a vocabulary, a mean image ... Not copied. Arrays of 1 MiB and more travel once to each node and
        are kept there for all chunks: the stage gets them read-only.

    Examples
    --------
    ``client.map("Model.predict", images, pyrpc.broadcast(weights))``
    """
    return value if isinstance(value, Broadcast) else Broadcast(value)
