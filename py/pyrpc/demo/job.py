"""The three-stage job, written once: whether its stages run on nodes or in this process is up to the executor."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pyrpc.client.progress import Progress
from pyrpc.demo.data import Pictures
from pyrpc.demo.stages import CLASSES, FEATURES, Bytes, Floats, Labels

STAGES = ("preprocess", "features", "train", "predict")

_HIDDEN = 256
_SEED = 4
# Each leaf carries the weights there and a gradient back, 0.8 MB in all: with 16 leaves that is a third of what an
# iteration moves, and each of four nodes still has four to share out.
_LEAVES = 16
# With each chunk go the weights, 0.4 MB; the default, 16 chunks a node, would send these for every 9 rows.
_PREDICT_ROWS = 100
_STEP = np.float32(0.005)
_KEEP_MEAN, _KEEP_SQUARE = np.float32(0.8), np.float32(0.95)

# Gives, for the label of a stage, what to tell of its progress (rows done, rows in all); None: nobody wants to know.
ShowProgress = Callable[[str], AbstractContextManager[Progress | None]]
Weights = dict[str, Floats]


class Executor(Protocol):
    """Runs stages over rows; keyword arguments go whole."""

    def stage(self, label: str, rows: int) -> AbstractContextManager[None]:
        """What is run inside belongs to that stage of the job; `rows` in all."""
        ...

    def map(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int | None = None, **whole: Any) -> Any:
        """The rows that the method gives; chunk_rows says into how large chunks they may be cut."""
        ...

    def reduce(self, method: str, *arrays: npt.NDArray[Any], chunk_rows: int, **whole: Any) -> Any:
        """The sum of what the method gives for leaves of so many rows, added from left to right."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """All that the job makes on its way; ``accuracy`` is a share of the held-out rows."""

    images: Bytes
    features: Floats
    weights: Weights
    scores: Floats
    predictions: Labels
    accuracy: float

    def parts(self) -> dict[str, list[npt.NDArray[Any]]]:
        """The arrays, under the names in which the demo speaks of them."""
        return {
            "images": [self.images],
            "features": [self.features],
            "weights": list(self.weights.values()),
            "predictions": [self.scores, self.predictions],
        }


def run_job(pictures: Pictures, executor: Executor, iterations: int) -> Result:
    """Preprocess, extract features and learn; then predict what was held out."""
    rows, train_rows = len(pictures.scans), pictures.train_rows
    with executor.stage("preprocess", rows):
        images = executor.map("Digits.preprocess", pictures.scans, pictures.poses)
    with executor.stage("features", rows):
        features = executor.map("Digits.features", images)
    with executor.stage("train", train_rows * iterations):
        weights = _train(executor, features[:train_rows], pictures.labels[:train_rows], iterations)
    with executor.stage("predict", pictures.held_out_rows):
        scores = executor.map("Digits.predict", features[train_rows:], chunk_rows=_PREDICT_ROWS, **weights)
    predictions = scores.argmax(axis=1)
    accuracy = float(np.mean(predictions == pictures.labels[train_rows:]))
    return Result(images, features, weights, scores, predictions, accuracy)


def comparison(one: Result, other: Result) -> dict[str, bool]:
    """For each part of the result whether both have the same bits."""
    pairs = {name: zip(arrays, other.parts()[name], strict=True) for name, arrays in one.parts().items()}
    return {name: all(_are_same(*pair) for pair in arrays) for name, arrays in pairs.items()}


def _train(executor: Executor, features: Floats, labels: Labels, iterations: int) -> Weights:
    """Gradient descent over all rows at once, with the steps of Adam (Kingma and Ba, 2015)."""
    rng = np.random.default_rng(_SEED)
    weights = {
        "hidden": rng.normal(0, math.sqrt(2 / FEATURES), (FEATURES, _HIDDEN)).astype(np.float32),
        "hidden_bias": np.zeros(_HIDDEN, np.float32),
        "output": rng.normal(0, math.sqrt(1 / _HIDDEN), (_HIDDEN, CLASSES)).astype(np.float32),
        "output_bias": np.zeros(CLASSES, np.float32),
    }
    leaf_rows = -(-len(labels) // _LEAVES)
    steps = {name: _Adam(value) for name, value in weights.items()}
    for number in range(1, iterations + 1):
        sums = executor.reduce("Digits.gradient", features, labels, chunk_rows=leaf_rows, **weights)
        for name, total in zip(weights, sums, strict=True):
            weights[name] = weights[name] - steps[name](total / np.float32(len(labels)), number)
    return weights


class _Adam:
    """The step for one array of weights."""

    def __init__(self, weights: Floats) -> None:
        self._mean = np.zeros_like(weights)
        self._square = np.zeros_like(weights)

    def __call__(self, gradient: Floats, number: int) -> Floats:
        self._mean += (1 - _KEEP_MEAN) * (gradient - self._mean)
        self._square += (1 - _KEEP_SQUARE) * (gradient * gradient - self._square)
        mean = self._mean / np.float32(1 - float(_KEEP_MEAN) ** number)
        square = self._square / np.float32(1 - float(_KEEP_SQUARE) ** number)
        step: Floats = _STEP * mean / (np.sqrt(square) + np.float32(1e-8))
        return step


def _are_same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Bit for bit: compared as bytes, or -0.0 would pass for 0.0."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    one_bytes, other_bytes = (np.ascontiguousarray(array).view(np.uint8) for array in (one, other))
    return np.array_equal(one_bytes, other_bytes)
