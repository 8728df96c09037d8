"""Writes the demo's pictures as files, a folder for each digit: what a program in another language begins with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyrpc.demo.data import check_installed

# The ink of a scan is 0 to 16.
_GREYS = np.rint(255 - np.arange(17) * (255 / 16)).astype(np.uint8)


def write_pictures(folder: Path) -> int:
    """Write all scans as grey PNG files, black ink on white paper; returns how many.

    ``folder/7/0042.png`` is scan 42, a seven. Files of those names are written over.

    Raises
    ------
    ConfigError
        Packages of the extra ``examples`` are missing.
    OSError
        A file cannot be written.
    """
    check_installed()
    # matplotlib brings it.
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for digit in np.unique(digits.target):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
    for number, (scan, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        Image.fromarray(_GREYS[scan.astype(np.intp)]).save(folder / str(digit) / f"{number:04}.png")
    return len(digits.images)
