"""Runs the checks where Thrift's C code is not installed."""

import runpy
import sys

sys.modules["thrift.protocol.fastbinary"] = None  # type: ignore[assignment]
runpy.run_path("interop.py", run_name="__main__")
