"""What a node runs: the decorator, the signatures and the registry of stages.

This package can be called: ``pyrpc.stage`` is the decorator :func:`pyrpc.stage.declare.stage` and this package in one.
The import system binds a package as an attribute of its parent, over any function of that name.
"""

from __future__ import annotations

import sys
import types
from typing import Any


class _CallablePackage(types.ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from pyrpc.stage.declare import stage

        return stage(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
