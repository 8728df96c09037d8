"""Typed calls: Thrift's standard names (``Vision:add``, or ``add``) answered without generated code."""

from __future__ import annotations
