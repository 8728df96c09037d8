"""What became of a job: what went where and when, how soon it could have ended, and what it lost its time to."""

from pyrpc.client.receipt.causes import CAUSES, NodeWork
from pyrpc.client.receipt.receipt import Receipt
from pyrpc.client.receipt.records import ChunkRecord, ProbeRecord, assign_slots

__all__ = ["CAUSES", "ChunkRecord", "NodeWork", "ProbeRecord", "Receipt", "assign_slots"]
