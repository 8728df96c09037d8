"""Declare what a stage takes and gives; see what a caller is told who does not keep to it."""

import numpy as np

from pyrpc import Client, Server, stage
from pyrpc.errors import PyrpcError


class Vision:
    @stage(takes="uint8[n,28,28]", gives="float32[n,784]")
    def flatten(self, images):
        """One row of numbers from 0 to 1 for each image."""
        return images.reshape(len(images), -1).astype(np.float32) / 255

    # Named dims have one size over all arrays of a call: d of the rows is d of the weights.
    @stage(takes={"rows": "float32[n,d]", "weights": "float32[d,k]"}, gives="float32[n,k]")
    def scores(self, rows, weights):
        return rows @ weights

    @stage(takes="float32[n,_]", gives="float32[n]")
    def norms(self, rows):
        return np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))  # Forgot to go back to float32.

    def resize(self, images, factor: int):
        return images.repeat(factor, axis=1).repeat(factor, axis=2)


def show(what, call):
    print(f"--- {what}")
    try:
        result = call()
    except PyrpcError as error:
        print(f"{type(error).__name__}: {error.message}")
        if error.expected:
            print(f"  expected: {error.expected}")
        if error.got:
            print(f"  got:      {error.got}")
        print(f"  help:     {error.help}")
        print(f"  fault:    {error.fault.value}; may have run: {error.may_have_run}")
    else:
        print(result.dtype, result.shape)


images = np.zeros((100, 28, 28), np.uint8)
rows = np.zeros((100, 784), np.float32)

with Server(Vision, port=0) as server, Client(server.endpoint) as client:
    show("as declared", lambda: client.map("Vision.flatten", images))
    show("no rows: the contract tells the shape", lambda: client.map("Vision.flatten", images[:0]))
    show("another dtype", lambda: client.map("Vision.flatten", images / 255))
    show("one image alone", lambda: client.map("Vision.flatten", images[0]))
    show("weights of another size", lambda: client.map("Vision.scores", rows, weights=np.zeros((28, 10), np.float32)))
    show("a result that breaks the contract", lambda: client.call("Vision.norms", rows))
    show("a wrong name", lambda: client.map("Vision.flattn", images))
    show("a type hint", lambda: client.call("Vision.resize", images, 1.5))
    show("a missing argument", lambda: client.call("Vision.resize", images))
