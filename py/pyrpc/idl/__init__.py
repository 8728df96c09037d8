"""Thrift IDLs of Python code, and Python of Thrift IDLs.

``idl/service.py`` makes a document of a class or module with type hints, ``idl/text.py`` writes it down, and a lock
beside the source keeps the numbers of its fields (``idl/lock.py``). In the other direction ``idl/parser.py`` reads the
text of an IDL. Pure: files are only read, and nothing is run.
"""

from __future__ import annotations

from pyrpc.idl.classes import Idl, load

__all__ = ["Idl", "load"]
