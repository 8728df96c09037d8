"""Pictures as files: what was written is what the scans are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pyrpc.demo.folder import write_pictures

pytest.importorskip("sklearn")


def test_each_scan_is_a_grey_picture_in_the_folder_of_its_digit(tmp_path: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert write_pictures(tmp_path) == len(digits.images)
    paths = sorted(tmp_path.glob("*/*.png"), key=lambda path: path.name)
    assert [int(path.parent.name) for path in paths] == digits.target.tolist()
    for path, scan in list(zip(paths, digits.images, strict=True))[::100]:
        darkness = 255 - np.asarray(Image.open(path)).astype(np.float64)
        assert np.array_equal(np.rint(darkness * 16 / 255), scan)


def test_pictures_are_written_over(tmp_path: Path) -> None:
    write_pictures(tmp_path)
    assert write_pictures(tmp_path) == len(list(tmp_path.glob("*/*.png")))
