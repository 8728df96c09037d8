"""Jobs in the background: results as they come, progress, cancelling, and the receipt."""

import time

import numpy as np

from pyrpc import Client, Server
from pyrpc.errors import CancelledError


def squares(x):
    return x**2


def slow_squares(x):
    time.sleep(0.05)
    return x**2


numbers = np.arange(1_000_000)

with (
    Server(squares, slow_squares, port=0) as one,
    Server(squares, slow_squares, port=0) as two,
    Client([one.endpoint, two.endpoint]) as client,
):
    # map_async returns at once. Chunks come in the order in which they end, each with the rows it stands for.
    job = client.map_async("squares", numbers, chunk_rows=100_000)
    seen = np.zeros(len(numbers), bool)
    for start, stop, values in job.as_completed():
        assert np.array_equal(values, numbers[start:stop] ** 2)
        seen[start:stop] = True
    print("every row came:", seen.all())
    print("the whole result is there too:", np.array_equal(job.result(), numbers**2))

    # The receipt: what went where and when.
    receipt = job.receipt
    print("chunks:", len(receipt.entries), "retries:", receipt.retries)
    print("rows by node add up:", sum(receipt.rows_by_node().values()) == len(numbers))
    print("bytes sent:", receipt.bytes_out > numbers.nbytes, "and received:", receipt.bytes_in > numbers.nbytes)

    # Progress: a function of (rows done, rows in all), called in the thread that waits; True prints a line on stderr.
    steps = []
    client.map("squares", numbers, progress=lambda done, total: steps.append(done))
    print("progress:", steps == sorted(steps), steps[-1])

    # Cancel: what is in flight is broken off, and nobody waits for it.
    job = client.map_async("slow_squares", numbers, chunk_rows=1000)
    time.sleep(0.1)
    print("cancelled:", job.cancel(), "done before:", sum(e.outcome == "ok" for e in job.receipt.entries) < 1000)
    try:
        job.result()
    except CancelledError as error:
        print(f"CancelledError: {error}")

    # Single calls in the background are futures of the standard library.
    futures = [client.submit("squares", n) for n in range(5)]
    print("submit:", [future.result() for future in futures])
