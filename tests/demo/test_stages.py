"""The stages of the demo: rows have the same bits however they are cut, and the gradient is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyrpc.demo.stages import CLASSES, FEATURES, Digits
from pyrpc.stage.registry import Registry

ROWS = 101
CUTS = [1, 2, 3, 7, 16, 33, 64, 100]
HIDDEN = 24

digits = Digits()
rng = np.random.default_rng(5)
SCANS = rng.integers(0, 17, (ROWS, 8, 8)).astype(np.uint8)
POSES = (np.eye(2, 3) + rng.normal(0, 0.3, (ROWS, 2, 3))).astype(np.float32)
IMAGES = digits.preprocess(SCANS, POSES)
FEATURE_ROWS = digits.features(IMAGES)
LABELS = rng.integers(0, CLASSES, ROWS)
WEIGHTS = {
    "hidden": rng.normal(0, 0.1, (FEATURES, HIDDEN)).astype(np.float32),
    "hidden_bias": rng.normal(0, 0.1, HIDDEN).astype(np.float32),
    "output": rng.normal(0, 0.1, (HIDDEN, CLASSES)).astype(np.float32),
    "output_bias": rng.normal(0, 0.1, CLASSES).astype(np.float32),
}
Row = np.ndarray[Any, Any]


def preprocess(start: int, stop: int) -> Row:
    return digits.preprocess(elsewhere(SCANS[start:stop]), elsewhere(POSES[start:stop]))


def features(start: int, stop: int) -> Row:
    return digits.features(elsewhere(IMAGES[start:stop]))


def predict(start: int, stop: int) -> Row:
    return digits.predict(elsewhere(FEATURE_ROWS[start:stop]), **WEIGHTS)


def elsewhere(array: Row) -> Row:
    """The same values at another address: vectorized loops begin differently there."""
    memory = np.empty(array.nbytes + array.itemsize, np.uint8)
    copy = memory[array.itemsize :].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("stage", [preprocess, features, predict])
@pytest.mark.parametrize("size", CUTS)
def test_rows_have_the_same_bits_however_they_are_cut(stage: Any, size: int) -> None:
    whole = stage(0, ROWS)
    pieces = np.concatenate([stage(start, min(ROWS, start + size)) for start in range(0, ROWS, size)])
    assert whole.tobytes() == pieces.tobytes()


def test_gradient_of_a_leaf_has_the_same_bits_at_any_address() -> None:
    again = digits.gradient(
        elsewhere(FEATURE_ROWS), elsewhere(LABELS), **{name: elsewhere(weight) for name, weight in WEIGHTS.items()}
    )
    for one, other in zip(digits.gradient(FEATURE_ROWS, LABELS, **WEIGHTS), again, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", list(WEIGHTS))
def test_gradient_is_the_slope_of_the_cross_entropy(name: str) -> None:
    gradient = dict(zip(WEIGHTS, digits.gradient(FEATURE_ROWS, LABELS, **WEIGHTS), strict=True))[name]
    direction = np.random.default_rng(1).normal(size=gradient.shape)
    step = 1e-5
    ahead, behind = (loss({**WEIGHTS, name: WEIGHTS[name] + sign * step * direction}) for sign in (1, -1))
    assert np.sum(gradient * direction) == pytest.approx((ahead - behind) / (2 * step), rel=1e-3)


def loss(weights: dict[str, Row]) -> float:
    """The cross entropy, in double precision."""
    double = {name: weight.astype(np.float64) for name, weight in weights.items()}
    active = np.maximum(FEATURE_ROWS.astype(np.float64) @ double["hidden"] + double["hidden_bias"], 0)
    scores = active @ double["output"] + double["output_bias"]
    return float(np.sum(np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(ROWS), LABELS]))


def test_upright_scan_keeps_its_shape() -> None:
    scan = np.zeros((1, 8, 8), np.uint8)
    scan[0, 2:6, 3] = 16
    image = digits.preprocess(scan, np.eye(2, 3, dtype=np.float32)[None])[0]
    rows, columns = np.nonzero(image > 128)
    assert (rows.min(), rows.max()) == (8, 23)
    assert (columns.min(), columns.max()) == (12, 15)
    assert image.max() == 255


def test_blank_scan_and_ink_out_of_sight_are_white() -> None:
    far = np.array([[[1, 0, 100], [0, 1, 0]]], np.float32)
    assert not digits.preprocess(np.zeros((1, 8, 8), np.uint8), far).any()
    assert not digits.preprocess(np.full((1, 8, 8), 16, np.uint8), far).any()


def test_brightness_changes_features_little_and_blank_pictures_have_none() -> None:
    dark = (IMAGES // 2).astype(np.uint8)
    assert np.abs(digits.features(dark) - FEATURE_ROWS).max() < 0.2
    assert not digits.features(np.zeros((3, 32, 32), np.uint8)).any()


def test_stages_do_not_write_to_what_they_get() -> None:
    for array in (SCANS, POSES, IMAGES, FEATURE_ROWS, LABELS, *WEIGHTS.values()):
        array.setflags(write=False)
    preprocessed = digits.preprocess(SCANS, POSES)
    digits.features(preprocessed)
    digits.gradient(FEATURE_ROWS, LABELS, **WEIGHTS)
    digits.predict(FEATURE_ROWS, **WEIGHTS)


def test_every_stage_is_declared_idempotent_with_a_contract() -> None:
    registry = Registry()
    registry.add(Digits)
    for info in registry.infos():
        assert info.idempotent
        assert info.gives
        assert info.doc
