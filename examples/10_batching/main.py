"""A model that 24 callers ask for one picture at a time, which the node answers in batches."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import pyrpc
from pyrpc import Batch, Client, Server


class Classifier:
    """Which of ten centers is nearest. The device does one thing at a time, and takes 5 ms for any number of rows."""

    def setup(self):
        """Load the model: the node calls this once, before it listens."""
        self.centers = np.random.default_rng(7).integers(0, 256, (10, 64)).astype(np.float32)
        self.device = threading.Lock()
        print("model loaded")

    def close(self):
        print("model closed")

    @pyrpc.stage(takes="uint8[n,64]", gives="int64[n]", idempotent=True, batch=Batch(max_rows=64, max_delay_ms=5))
    def classify(self, pictures):
        if pictures.max(initial=0) == 255:
            raise ValueError("an overexposed picture")
        distances = np.square(pictures[:, None, :] - self.centers).sum(axis=2)
        with self.device:
            time.sleep(0.005)
        return distances.argmin(axis=1)


def ask(endpoint, pictures):
    """One caller, with a connection of its own: a call for each picture."""
    with Client(endpoint) as client:
        return np.concatenate([client.call("Classifier.classify", picture[np.newaxis]) for picture in pictures])


pictures = np.random.default_rng(8).integers(0, 255, (480, 64), dtype=np.uint8)
with Server(Classifier, port=0) as server, Client(server.endpoint) as client:
    with ThreadPoolExecutor(24) as pool:
        parts = pool.map(ask, [server.endpoint] * 24, np.split(pictures, 24))
        answers = np.concatenate(list(parts))
    expected = client.call("Classifier.classify", pictures)
    print("each caller got its own rows:", np.array_equal(answers, expected))

    batches = client.stats()[server.endpoint].stages["Classifier.classify"].batches
    print("calls:", batches.calls, "in less than half as many runs:", batches.batches < batches.calls / 2)

    # A picture that the stage refuses fails its own call; whoever shares a batch with it notices nothing.
    bad = pictures.copy()
    bad[5, 0] = 255
    futures = [client.submit("Classifier.classify", picture[np.newaxis]) for picture in bad[:24]]
    failed = [number for number, future in enumerate(futures) if future.exception()]
    print("failed:", failed)
