"""A stage that takes its time, so that there is a middle of the job in which something can break."""

import time

import numpy as np


def smooth(signals):
    """The moving average of each row over 9 values."""
    time.sleep(0.02)
    padded = np.pad(signals, ((0, 0), (4, 4)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 9, axis=1).mean(axis=2)
