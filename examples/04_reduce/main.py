"""Train a classifier data-parallel: each chunk of rows gives a gradient; they are added up in a fixed order.

So the weights have the same bits on one node, on two, or on three.
"""

import contextlib

import numpy as np

from pyrpc import Client, Server, stage


class Training:
    """Logistic regression."""

    @stage(takes={"x": "float64[n,d]", "y": "float64[n]", "weights": "float64[d]"})
    def gradient(self, x, y, weights):
        """The gradient of the loss, summed over these rows, and that loss."""
        p = 1 / (1 + np.exp(-(x @ weights)))
        loss = -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
        return {"gradient": x.T @ (p - y), "loss": float(loss)}

    @stage(takes={"x": "float64[n,d]"})
    def moments(self, x):
        """Count, mean, and sum of squared distances from the mean, of these rows."""
        mean = x.mean(axis=0)
        return [len(x), mean, ((x - mean) ** 2).sum(axis=0)]


def merge(a, b):
    """Moments of two sets of rows together (Chan, Golub, LeVeque, 1983)."""
    count, distance = a[0] + b[0], b[1] - a[1]
    return [count, a[1] + distance * b[0] / count, a[2] + b[2] + distance**2 * a[0] * b[0] / count]


def train(client, x, y, steps=30):
    weights = np.zeros(x.shape[1])
    for _ in range(steps):
        total = client.reduce("Training.gradient", x, y, weights=weights)
        weights -= 2.0 * total["gradient"] / len(x)
    return weights, total["loss"] / len(x)


rng = np.random.default_rng(7)
x = rng.normal(size=(20_000, 20))
truth = rng.normal(size=20)
y = (x @ truth + rng.normal(size=len(x)) > 0).astype(float)

results = {}
for count in (1, 2, 3):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(Training, port=0)) for _ in range(count)]
        client = stack.enter_context(Client([server.endpoint for server in servers]))
        results[count] = train(client, x, y)
        # Any function of two values may fold them; "mean" weighs each chunk by its rows.
        rows, mean, squares = client.reduce("Training.moments", x, op=merge)

weights, loss = results[1]
print(f"loss: {np.log(2):.3f} before, {loss:.3f} after")
print(f"right: {np.mean((x @ weights > 0) == y):.1%} of the rows")
print("same bits on 2 nodes:", weights.tobytes() == results[2][0].tobytes())
print("same bits on 3 nodes:", weights.tobytes() == results[3][0].tobytes())
print("rows:", rows)
print("moments agree with NumPy:", np.allclose(mean, x.mean(axis=0)) and np.allclose(squares / rows, x.var(axis=0)))
