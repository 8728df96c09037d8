"""The pictures of the demo."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_digits

from pyrpc.demo import data
from pyrpc.errors import ConfigError


def test_no_scan_is_both_learned_from_and_held_out() -> None:
    pictures = data.load(3)
    scans = load_digits().images.astype(np.uint8)
    assert np.array_equal(pictures.scans[: pictures.train_rows : 3], scans[: pictures.train_scans])
    assert np.array_equal(pictures.scans[pictures.train_rows :], scans[pictures.train_scans :])
    assert pictures.train_scans + pictures.held_out_rows == len(scans)


def test_same_poses_each_time_and_held_out_scans_upright() -> None:
    one, other = data.load(2), data.load(2)
    assert np.array_equal(one.poses, other.poses)
    assert (one.poses[one.train_rows :] == np.eye(2, 3)).all()
    assert len(np.unique(one.poses[: one.train_rows], axis=0)) == one.train_rows


def test_majority_is_the_share_of_the_most_frequent_digit() -> None:
    pictures = data.load(1)
    counts = np.unique(pictures.labels[pictures.train_rows :], return_counts=True)[1]
    assert pictures.majority == counts.max() / counts.sum()


def test_missing_packages_are_named_with_the_extra_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="scikit-learn and matplotlib") as raised:
        data.load(1)
    assert raised.value.help == "install them: pip install 'pyrpc-thrift[examples]'"
