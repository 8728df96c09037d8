"""The stages that a node of the demo hosts: ``pyrpc serve pyrpc.demo.stages:Digits`` is such a node.

Plain NumPy; nothing here knows of pyrpc but the declarations. The demo claims that the rows of a result have the
same bits however they were split, so the stages that run over rows keep to what makes that true:

- Each row is computed by itself, from additions, multiplications, divisions, square roots, maxima and roundings of
  single elements: IEEE 754 gives each of them one right result. A transcendental function (exp, arctan2) may give
  another last bit in the vectorized part of a loop than in its rest, and where the rest begins depends on the rows.
- Sums over a picture are written as additions of slices, in an order that shows in the code.
- A product of matrices goes to BLAS row by row: the blocking of a product of many rows depends on how many they are.

``gradient`` uses BLAS and exp freely: the leaves of a reduction are the same for any number of nodes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import pyrpc

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

SCAN = 8
SIDE = 32
CELL = 4
DIRECTIONS = 8
FEATURES = (SIDE // CELL - 1) ** 2 * DIRECTIONS
CLASSES = 10

_MARGIN = 4
_PAPER = SCAN + 2 * _MARGIN

# A block of nearly no edges would else be blown up to the length of one that has many.
_FAINT = np.float32(0.05)


class Digits:
    """Recognizes handwritten digits: pictures, then features, then a network of one hidden layer."""

    @pyrpc.stage(takes=["uint8[n,8,8]", "float32[n,2,3]"], gives="uint8[n,32,32]", idempotent=True)
    def preprocess(self, scans: Bytes, poses: Floats) -> Bytes:
        """Enlarge scans to 32 x 32 pixels, each in its pose, with full contrast.

        Parameters
        ----------
        scans : uint8[n, 8, 8]
            Ink of each pixel, 0 to 16.
        poses : float32[n, 2, 3]
            Where a point of the result lies in the scan, both measured in pixels of the scan from its middle.
        """
        # A margin of paper, so that a point outside of the scan is white.
        paper = np.zeros((len(scans), _PAPER, _PAPER), np.float32)
        paper[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = scans
        ink = _sampled(paper.reshape(len(scans), -1), *_places(poses))
        darkest = np.maximum(ink.max(axis=1, keepdims=True), np.float32(1))
        ink = np.clip(ink * (np.float32(255) / darkest), np.float32(0), np.float32(255))
        images: Bytes = np.rint(ink).astype(np.uint8).reshape(-1, SIDE, SIDE)
        return images

    @pyrpc.stage(takes="uint8[n,32,32]", gives="float32[n,392]", idempotent=True)
    def features(self, images: Bytes) -> Floats:
        """How much edge of which of 8 directions lies in each part of the picture.

        Histograms of oriented gradients (Dalal and Triggs, 2005): cells of 4 x 4 pixels, blocks of 2 x 2 cells that
        overlap and are normalized each by itself.
        """
        light = images.astype(np.float32) * np.float32(1 / 255)
        slope_x, slope_y = np.zeros_like(light), np.zeros_like(light)
        slope_x[:, :, 1:-1] = light[:, :, 2:] - light[:, :, :-2]
        slope_y[:, 1:-1] = light[:, 2:] - light[:, :-2]
        cells = np.empty((len(images), SIDE // CELL, SIDE // CELL, DIRECTIONS), np.float32)
        for number in range(DIRECTIONS):
            angle = 2 * math.pi * number / DIRECTIONS
            along = slope_x * np.float32(math.cos(angle)) + slope_y * np.float32(math.sin(angle))
            cells[..., number] = _cell_sums(np.square(np.maximum(along, np.float32(0))))
        blocks = cells[:, :-1, :-1] + cells[:, 1:, :-1] + cells[:, :-1, 1:] + cells[:, 1:, 1:]
        norms = blocks[..., 0] + _FAINT
        for number in range(1, DIRECTIONS):
            norms += blocks[..., number]
        return np.sqrt(blocks / norms[..., None]).reshape(len(images), FEATURES)

    @pyrpc.stage(
        takes={
            "features": "float32[n,f]",
            "labels": "int64[n]",
            "hidden": "float32[f,h]",
            "hidden_bias": "float32[h]",
            "output": "float32[h,c]",
            "output_bias": "float32[c]",
        },
        gives=["float32[f,h]", "float32[h]", "float32[h,c]", "float32[c]"],
        idempotent=True,
    )
    def gradient(
        self,
        features: Floats,
        labels: Labels,
        hidden: Floats,
        hidden_bias: Floats,
        output: Floats,
        output_bias: Floats,
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """The gradient of the cross entropy, summed over the rows, for each of the weights."""
        active = np.maximum(features @ hidden + hidden_bias, np.float32(0))
        scores = active @ output + output_bias
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        error = likely / likely.sum(axis=1, keepdims=True)
        error[np.arange(len(labels)), labels] -= np.float32(1)
        back = np.where(active > 0, error @ output.T, np.float32(0))
        return features.T @ back, back.sum(axis=0), active.T @ error, error.sum(axis=0)

    @pyrpc.stage(
        takes={
            "features": "float32[n,f]",
            "hidden": "float32[f,h]",
            "hidden_bias": "float32[h]",
            "output": "float32[h,c]",
            "output_bias": "float32[c]",
        },
        gives="float32[n,c]",
        idempotent=True,
    )
    def predict(
        self, features: Floats, hidden: Floats, hidden_bias: Floats, output: Floats, output_bias: Floats
    ) -> Floats:
        """The score of each digit; the highest is the prediction."""
        active = np.maximum(_by_row(features, hidden) + hidden_bias, np.float32(0))
        return _by_row(active, output) + output_bias


def _places(poses: Floats) -> tuple[Floats, Floats]:
    """Where each pixel of the result lies on the paper, in pixels: across and down, each float32[n, 1024]."""
    steps = (np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)) * np.float32(SCAN / SIDE)
    x, y = np.tile(steps, SIDE), np.repeat(steps, SIDE)
    middle = np.float32((_PAPER - 1) / 2)
    rows = [poses[:, i, 0, None] * x + poses[:, i, 1, None] * y + (poses[:, i, 2, None] + middle) for i in (0, 1)]
    # All four pixels on each side have to be on the paper.
    least, most = np.float32(1), np.float32(_PAPER - 2 - 1e-3)
    return np.clip(rows[0], least, most), np.clip(rows[1], least, most)


def _sampled(paper: Floats, across: Floats, down: Floats) -> Floats:
    """The ink at places between pixels, from the 4 x 4 around each (cubic convolution; Keys, 1981)."""
    left, top = across.astype(np.intp), down.astype(np.intp)
    corner = (top - 1) * _PAPER + (left - 1)
    x_weights = _cubic(across - left.astype(np.float32))
    y_weights = _cubic(down - top.astype(np.float32))
    ink = np.zeros_like(across)
    for row, y_weight in enumerate(y_weights):
        line = np.zeros_like(across)
        for column, x_weight in enumerate(x_weights):
            line += x_weight * np.take_along_axis(paper, corner + (row * _PAPER + column), axis=1)
        ink += y_weight * line
    return ink


def _cubic(t: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """What the four pixels around a point count, of which t is the distance to the second."""
    half = np.float32(0.5)
    first = ((2 - t) * t - 1) * t * half
    third = ((4 - 3 * t) * t + 1) * t * half
    fourth = (t - 1) * t * t * half
    return first, 1 - first - third - fourth, third, fourth


def _cell_sums(pixels: Floats) -> Floats:
    """Sums over cells of 4 x 4 pixels: rows first, then columns."""
    rows = pixels[:, 0::CELL] + pixels[:, 1::CELL] + pixels[:, 2::CELL] + pixels[:, 3::CELL]
    cells: Floats = rows[..., 0::CELL] + rows[..., 1::CELL] + rows[..., 2::CELL] + rows[..., 3::CELL]
    return cells


def _by_row(rows: Floats, matrix: Floats) -> Floats:
    """``rows @ matrix``, each row a product of its own."""
    product: Any = np.matmul(rows[:, None, :], matrix)
    return np.asarray(product[:, 0], np.float32)
