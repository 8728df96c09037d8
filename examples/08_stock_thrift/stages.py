"""What the node hosts; it does not matter which language calls."""

import numpy as np

import pyrpc


@pyrpc.stage(takes={"points": "float32[n,2]"}, gives="float32[n]")
def distances(points, origin=(0, 0)):
    """How far each point is from the origin."""
    return np.hypot(points[:, 0] - np.float32(origin[0]), points[:, 1] - np.float32(origin[1]))
