"""Kill one node in the middle of a job, then freeze another one: the result is the same."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from stages import smooth

from pyrpc import Client

STAGES = Path(__file__).with_name("stages.py")


def start_node():
    command = [sys.executable, "-m", "pyrpc", "serve", f"{STAGES}:smooth", "--port", "0"]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return node, node.stdout.readline().split()[-1]


def strike(number):
    """A progress function that sends a signal to a node once a fifth of the rows is done."""
    waiting = [number]

    def progress(done, total):
        if waiting and done > total / 5:
            os.kill(victim.pid, waiting.pop())

    return progress


signals = np.random.default_rng(3).standard_normal((1200, 256))
expected = smooth(signals)

nodes = [start_node() for _ in range(4)]
try:
    with Client([endpoint for _, endpoint in nodes]) as client:
        # The power goes off: SIGKILL. What the node had in flight is sent to the others at once.
        victim, endpoint = nodes[0]
        job = client.map_async("smooth", signals, chunk_rows=10, progress=strike(signal.SIGKILL))
        print("node killed, result the same:", np.array_equal(job.result(), expected))
        lost = [e for e in job.receipt.entries if e.node == endpoint and e.outcome == "failed"]
        print("  the job went on elsewhere:", len(lost) > 0 and job.receipt.retries > 0)
        print("  the node had done some rows before:", job.receipt.rows_by_node()[endpoint] > 0)

        # The node hangs: SIGSTOP. Its connections stay open and say nothing; its chunks are sent again all the same.
        victim, endpoint = nodes[1]
        job = client.map_async("smooth", signals, chunk_rows=10, progress=strike(signal.SIGSTOP))
        print("node frozen, result the same:", np.array_equal(job.result(), expected))
        given_up = [e for e in job.receipt.entries if e.node == endpoint and e.outcome == "cancelled"]
        print("  what it held was done elsewhere:", len(given_up) > 0)
finally:
    for node, _ in nodes:
        node.kill()
        node.wait()
        node.stdout.close()
