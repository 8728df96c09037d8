"""What goes where and when, as pure code: times, outcomes and chance are arguments, decisions are results.

No I/O, clock, threads or NumPy in here, so that every decision can be replayed from a seed; the client drives it.
"""
