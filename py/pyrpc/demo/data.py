"""The pictures: 1,797 scans of handwritten digits that scikit-learn ships, each 8 x 8 pixels.

They are split before anything else happens, so no pose of a held-out scan is ever learned from. They are not shuffled:
scans that stand together are often of one hand, and a network that has seen the hand looks better than it is.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import numpy as np

from pyrpc.demo.stages import Bytes, Floats, Labels
from pyrpc.errors import ConfigError

_SEED = 20
_NEEDED = {"sklearn": "scikit-learn", "matplotlib": "matplotlib"}


@dataclass(frozen=True, slots=True)
class Pictures:
    """Rows to learn from, then those held out.

    Attributes
    ----------
    scans : uint8[n, 8, 8]
    poses : float32[n, 2, 3]
        Random for the rows to learn from, upright for those held out.
    labels : int64[n]
        Which digit it is.
    train_rows, train_scans : int
        How many of the rows are to learn from; of how many scans.
    """

    scans: Bytes
    poses: Floats
    labels: Labels
    train_rows: int
    train_scans: int

    @property
    def held_out_rows(self) -> int:
        """How many rows are held out."""
        return len(self.scans) - self.train_rows

    @property
    def majority(self) -> float:
        """The accuracy of always saying the digit that is most frequent among those held out."""
        return float(np.bincount(self.labels[self.train_rows :]).max()) / self.held_out_rows


def load(poses_each: int, held_out: int = 599) -> Pictures:
    """The scans, those to learn from in `poses_each` random poses each; the same bits every time.

    Raises
    ------
    ConfigError
        Packages of the extra ``examples`` are missing.
    """
    check_installed()
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    train = len(images) - held_out
    turned = _random_poses(train * poses_each, np.random.default_rng(_SEED))
    upright = np.broadcast_to(np.eye(2, 3, dtype=np.float32), (held_out, 2, 3))
    return Pictures(
        scans=np.concatenate([np.repeat(images[:train], poses_each, axis=0), images[train:]]),
        poses=np.concatenate([turned, upright]),
        labels=np.concatenate([np.repeat(labels[:train], poses_each), labels[train:]]),
        train_rows=train * poses_each,
        train_scans=train,
    )


def check_installed() -> None:
    """Raise ConfigError unless the packages are there that the demo needs beside pyrpc's own."""
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigError(
            f"the demo needs {' and '.join(missing)}", help="install them: pip install 'pyrpc-thrift[examples]'"
        )


def _random_poses(count: int, rng: np.random.Generator) -> Floats:
    """Turned by up to 10 degrees, up to half a pixel of the scan off, up to a tenth larger or smaller."""
    angle, size = np.radians(rng.uniform(-10, 10, count)), rng.uniform(0.9, 1.1, count)
    shift_x, shift_y = rng.uniform(-0.5, 0.5, (2, count))
    cosine, sine = np.cos(angle) * size, np.sin(angle) * size
    return np.stack([cosine, -sine, shift_x, sine, cosine, shift_y], axis=1).astype(np.float32).reshape(count, 2, 3)
