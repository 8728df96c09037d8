"""Split an array over three nodes, run one function on each part, and gather the rows in order."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from stages import spectrum

from pyrpc import Client

STAGES = Path(__file__).with_name("stages.py")


def start_node():
    """A node as a process of its own, on a free port: what you would start on each machine."""
    command = [sys.executable, "-m", "pyrpc", "serve", f"{STAGES}:spectrum", "--port", "0"]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    # The one line that a node prints when it is ready: listening on HOST:PORT
    return node, node.stdout.readline().split()[-1]


signals = np.random.default_rng(1).standard_normal((6000, 1024), dtype=np.float32)

nodes = [start_node() for _ in range(3)]
try:
    with Client([endpoint for _, endpoint in nodes]) as client:
        job = client.map_async("spectrum", signals, bands=16)
        shares = job.result()
        print("result:", shares.dtype, shares.shape)
        print("same as in one process:", np.array_equal(shares, spectrum(signals, bands=16)))

        rows = job.receipt.rows_by_node()
        print("rows of all nodes:", sum(rows.values()))
        print("each node had a part:", all(rows.values()))
finally:
    for node, _ in nodes:
        node.terminate()
        node.wait()
        node.stdout.close()
