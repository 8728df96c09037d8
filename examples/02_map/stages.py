"""What the nodes host: any function. Nothing in here knows of pyrpc."""

import numpy as np


def spectrum(signals, bands=8):
    """The share of each signal's energy in each frequency band; float32, a row for each signal."""
    power = np.abs(np.fft.rfft(signals, axis=1)) ** 2
    edges = np.linspace(0, power.shape[1], bands + 1).astype(int)
    energy = np.add.reduceat(power, edges[:-1], axis=1)
    return (energy / energy.sum(axis=1, keepdims=True)).astype(np.float32)
