"""Read a job's receipt: was it good, what was the rest lost to, and who did what. Then keep it as a trace."""

import json
import time

import numpy as np

from pyrpc import Client, Server
from pyrpc.client.receipt import Receipt
from pyrpc.errors import StageFailedError


class Camera:
    def __init__(self, seconds_a_row):
        self.seconds_a_row = seconds_a_row

    def brighten(self, images):
        """Stands for work that takes its time."""
        time.sleep(self.seconds_a_row * len(images))
        if images.min() < 0:
            raise ValueError("an image is darker than black")
        return images * 1.5


images = np.random.default_rng(0).uniform(size=(600, 28, 28))

with (
    # One call at a time on each node, and one node four times slower.
    Server(Camera(0.001), port=0, threads=1) as quick,
    Server(Camera(0.004), port=0, threads=1) as slow,
    Client([quick.endpoint, slow.endpoint]) as client,
):
    job = client.map_async("Camera.brighten", images, chunk_rows=20)
    job.result()
    receipt = job.receipt

    # Was it good? 480 rows at 1 ms on one node, 120 at 4 ms on the other: nobody is done before 0.48 s.
    print("makespan >= bound > 0.4 s:", receipt.makespan_s >= receipt.lower_bound_s > 0.4)

    # What was the rest lost to? Seconds that add up.
    print("causes:", ", ".join(sorted(receipt.causes)))
    print("they add up:", np.isclose(sum(receipt.causes.values()), receipt.gap_s))

    # Who did what?
    work = {node.node: node for node in receipt.work}
    print("chunks:", work[quick.endpoint].chunks + work[slow.endpoint].chunks)
    print("the quick one did more:", work[quick.endpoint].share > 0.5 > work[slow.endpoint].share)

    # The report is for people; the first line says how long it took.
    print("report:", str(receipt).splitlines()[0].split(" in ")[0])

    # Open trace.json in chrome://tracing or at ui.perfetto.dev. receipt.plot("job.png") would draw it (extra: plot).
    receipt.save("trace.json")
    with open("trace.json") as file:
        trace = json.load(file)
    print("trace:", sum(event.get("cat") == "ok" for event in trace["traceEvents"]), "attempts")
    print("the same again:", Receipt.load("trace.json") == receipt)

    # A job that fails has a receipt too.
    images[300] = -1
    job = client.map_async("Camera.brighten", images, chunk_rows=20)
    try:
        job.result()
    except StageFailedError:
        print("failed job:", job.receipt.state, "before all rows were done:", job.receipt.rows_done < 600)
