"""Draws the scenarios of all kinds but whole jobs: what is asked. The reference fills in what is to come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from draw import Case, Draw
from reference import partition, reduction


def numbers(draw: Draw) -> Case:
    bound = (1, 2, 3, 10, 1000, 2**31, 2**32 + 1, 2**53 - 1, 2**63, 2**63 + 1, 2**64 - 1)
    seed = draw.choice((draw.seed(), str(draw.whole(0, 100)), str(2**64 - draw.whole(1, 9)), str(2**63)))
    return {"prng": seed, "below": [str(draw.choice(bound)) for _ in range(5)]}


def _rows(draw: Draw) -> int:
    return draw.choice((0, 1, 2, draw.whole(1, 70), draw.whole(1, 5000), draw.whole(1, 10**6), 10**9))


def _sizes(draw: Draw, rows: int) -> Case:
    """Small enough chunks to show the rule, few enough to read."""
    row_bytes = draw.choice((0, 1, 8, draw.whole(1, 10**4), draw.whole(1, 10**7), 8388608, 8388609))
    if rows * row_bytes > 10**10:
        row_bytes = draw.whole(0, 8)
    by_rows = draw.choice((1, 2, draw.whole(1, 100), rows // draw.whole(1, 50) + 1))
    by_bytes = draw.choice((1, 33, 8192, draw.whole(1, 10**7)))
    most = draw.choice((8388608, 8388608, draw.whole(10**3, 10**8)))
    case = {
        "rows": rows,
        "row_bytes": row_bytes,
        "chunk_rows": by_rows if draw.chance(0.4) and rows // by_rows < 10**5 else None,
        "chunk_bytes": by_bytes if draw.chance(0.4) and rows * row_bytes // by_bytes < 10**5 else None,
        "max_chunk_bytes": most,
    }
    if rows * row_bytes // most > 10**5:
        case["max_chunk_bytes"] = 8388608
    if draw.chance(0.05):
        case[draw.choice(sorted(case))] = draw.choice((-1, 0))
    return case


def chunks(draw: Draw) -> Case:
    case = _sizes(draw, _rows(draw))
    case["nodes"] = 0 if draw.chance(0.02) else draw.choice((1, 2, 3, 8, draw.whole(1, 200)))
    case["chunks_per_node"] = draw.choice((16, 16, 1, draw.whole(1, 40)))
    return case


def leaves(draw: Draw) -> Case:
    case = _sizes(draw, _rows(draw))
    case["leaves"] = draw.choice((64, 64, 64, 1, draw.whole(1, 300)))
    return case


def works(draw: Draw) -> Case:
    case = _sizes(draw, _rows(draw))
    del case["max_chunk_bytes"]
    case["nodes"] = draw.choice((1, 2, 3, 8, 100))
    if min(case["rows"], case["row_bytes"]) < 0:
        case["rows"] = case["row_bytes"] = 7
    case["chunk_s"] = draw.choice((0.02, 1.5, 0.0, -1.0)) if draw.chance(0.2) else None
    if draw.chance(0.6):
        case["chunk_rows"] = case["chunk_bytes"] = None
    case["takes"] = [draw.choice((1, 0, draw.whole(1, 100), draw.whole(1, 10**6))) for _ in range(draw.whole(1, 8))]
    return case


def streams(draw: Draw) -> Case:
    """What cannot be taken is left out by the reference."""
    size = draw.choice(("chunk_rows", "chunk_bytes", None, None))
    case: Case = {"for": draw.choice(("map", "map", "reduce")), "nodes": draw.choice((1, 2, 3, 8))}
    case |= {"chunk_rows": None, "chunk_bytes": None, "chunk_s": draw.choice((None, 0.2)) if size is None else None}
    if size:
        case[size] = draw.choice((1, draw.whole(1, 30), draw.whole(1, 10**7)))
    row_bytes = draw.choice((0, 1, 8, draw.whole(1, 10**6), 10**7))
    steps: list[list] = []
    for _ in range(draw.whole(2, 16)):
        is_add = draw.chance(0.4)
        steps.append(
            ["add", draw.whole(1, 100), row_bytes] if is_add else ["take", draw.choice((1, draw.whole(1, 60)))]
        )
    steps.insert(draw.whole(1, len(steps)), ["close"])
    is_closed = steps.index(["close"])
    return case | {"steps": [step for at, step in enumerate(steps) if step[0] != "add" or at < is_closed]}


POLICIES = (
    "round_robin", "random", "weighted", "random_priority", "least_loaded", "min_max", "peak_ewma", "power_of_two",
)  # fmt: skip


def picks(policy: str) -> Callable[[Draw], Case]:
    def draw_picks(draw: Draw) -> Case:
        count = draw.choice((1, 2, 3, 4, 5, 8))
        weights = draw.choice(((1.0,), (1.0, 2.0, 5.0), (0.0, 1.0), (0.5, 1.0, 3.0, 0.0), (0.0,)))
        nodes = [[f"n{place}", 0, draw.choice(weights), 0.0, 0.0, 0.0] for place in range(count)]
        state = [list(node) for node in nodes]
        now, steps = 0.0, []
        for _ in range(draw.whole(4, 12)):
            now = round(now + draw.choice((0.0, 0.001, draw.decimal(0, 1, 3), draw.decimal(0, 30, 3))), 3)
            changed = []
            for place in range(count):
                if draw.chance(0.25):
                    state[place][1] = draw.whole(0, draw.choice((0, 1, 6)))
                    if draw.chance(0.7):
                        peak_s = 3e7 if draw.chance(0.02) else draw.spread(-4, 1)
                        slowness = draw.choice((0.5, 1.0, 1.99, 2.0, 2.01, 2.09, draw.decimal(0.3, 4, 2)))
                        state[place][3:] = [peak_s, slowness, now]
                        if draw.chance(0.2):
                            state[place][4] = draw.whole(10, 100)
                    changed.append([place, *state[place][1:]])
            some = [place for place in range(count) if draw.chance(0.8)]
            steps.append({"now": now, "set": changed, "of": some if some else list(range(count))})
        return {"policy": policy, "prng": draw.seed(), "nodes": nodes, "steps": steps}

    return draw_picks


def peaks(draw: Draw) -> Case:
    now, steps = 0.0, []
    for _ in range(draw.whole(3, 15)):
        now = round(now + draw.choice((0.0, draw.decimal(0, 1), draw.decimal(0, 40))), 4)
        steps.append([now, draw.spread(-4, 0)])
    return {"steps": steps}


def retries(draw: Draw) -> Case:
    steps = []
    for _ in range(draw.whole(3, 9)):
        failure = draw.choice(("FINAL", "UNKNOWN", "UNKNOWN", "NOT_EXECUTED", "NOT_EXECUTED"))
        attempt = draw.choice((0, 0, 1, 1, 2, 3, 5, 9, 70))
        steps.append([failure, attempt, draw.chance(0.7), draw.choice((None, None, None, 0, -5, draw.whole(1, 5000)))])
    return {
        "prng": draw.seed(),
        "max_attempts": draw.choice((1, 2, 3, 3, 3, 10, 100)),
        "backoff_s": draw.choice((0.1, 0.1, 0.0, 0.025, 2.0)),
        "backoff_max_s": draw.choice((1.0, 1.0, 0.0, 7.5, 1e6)),
        "steps": steps,
    }


def _times(draw: Draw, count: int, longest: float) -> Iterator[float]:
    now = draw.choice((0.0, draw.decimal(0, 1000, 3), -5.0))
    for _ in range(count):
        now = round(now + draw.choice((0.0, draw.decimal(0, longest / 30, 3), draw.decimal(0, longest, 3))), 3)
        # A clock that goes back counts as standing still; so do vectors.
        yield round(now - 0.5, 3) if draw.chance(0.03) else now


def retry_budgets(draw: Draw) -> Case:
    steps: list[list] = []
    for now in _times(draw, draw.whole(10, 60), draw.choice((0.5, 3.0, 12.0))):
        is_call = draw.chance(0.4)
        steps.append(["calls", draw.choice((1, 1, draw.whole(1, 60))), now] if is_call else ["spend", now])
    return {
        "ratio": draw.choice((0.2, 0.2, 0.05, 0.0, 1.5)),
        "per_second": draw.choice((10.0, 0.0, 0.5, 1.0)),
        "window_s": draw.choice((10.0, 10.0, 1.0, 3.0)),
        "steps": steps,
    }


def call_budgets(draw: Draw) -> Case:
    steps: list[list] = []
    for now in _times(draw, draw.whole(10, 40), draw.choice((0.5, 3.0, 12.0))):
        what = draw.choice(("calls", "retry", "hedge", "hedge"))
        steps.append([what, draw.choice((1, draw.whole(1, 30), draw.whole(1, 300))), now])
    return {"steps": steps}


def job_budgets(draw: Draw) -> Case:
    now = draw.decimal(0, 100, 3)
    steps: list[list] = [["start", now]]
    for _ in range(draw.whole(10, 60)):
        now = round(now + draw.choice((0.0, 0.0, draw.decimal(0, 0.3, 3))), 3)
        steps.append(draw.choice((["chunk"], ["next_at", now], ["spend", now], ["spend", now])))
    return {"ratio": draw.choice((0.2, 0.2, 0.0, 1.0)), "per_second": draw.choice((10.0, 10.0, 1.0)), "steps": steps}


def healths(draw: Draw) -> Case:
    now, steps = 0.0, []
    for _ in range(draw.whole(4, 16)):
        now = round(now + draw.choice((0.0, 0.1, draw.decimal(0, 1, 2), draw.decimal(0, 8, 2))), 2)
        ask = round(now + draw.choice((0.0, 0.1, draw.decimal(0, 6, 2))), 2)
        what = draw.choice(("call", "ok", "fail", "fail", "fail", "hold"))
        steps.append([what, round(now + draw.decimal(0, 6, 2), 2) if what == "hold" else now, ask])
    return {
        "backoff_s": draw.choice((0.1, 0.1, 1.0)),
        "backoff_max_s": draw.choice((5.0, 5.0, 1.0, 60.0)),
        "steps": steps,
    }


def outliers(draw: Draw) -> Case:
    """Calls of a client: some nodes fail by chance, all at once, or in a row."""
    count = draw.choice((1, 2, 2, 3, 4, 5, 6, 8, 10))
    is_busy = count >= 5 and draw.chance(0.6)
    bad = {place: draw.choice((0.05, 0.3, 1.0)) for place in range(count) if draw.chance(0.3)}
    now = draw.decimal(0, 50, 2)
    steps = list(_stubborn(draw, count, now)) if draw.chance(0.4) else []
    for _ in range(draw.whole(12, 40) if not steps else 0):
        now = round(now + draw.choice((0.0, draw.decimal(0, 2, 2), draw.decimal(0, 12, 2), draw.decimal(0, 60, 2))), 2)
        kind = draw.choice(("work", "work", "work", "usable", "share"))
        if kind != "work":
            steps.append([kind, now])
        elif draw.chance(0.15):
            steps.append(["ping", draw.whole(0, count - 1), now, draw.chance(0.5)])
        elif is_busy and draw.chance(0.5):
            steps += _round_of_calls(draw, count, bad, now)
        else:
            steps += _call(draw, draw.whole(0, count - 1), now, bad, draw.choice((0.0, 0.5)))
    return {"nodes": count, "prng": draw.seed(), "steps": steps[:60]}


def _call(draw: Draw, place: int, now: float, bad: dict[int, float], lost: float) -> Iterator[list]:
    yield ["call", place, now]
    if draw.chance(bad.get(place, 0.02)):
        yield ["fail", place, now, draw.chance(lost), draw.choice((1, 1, 5))]
    else:
        yield ["ok", place, now, 1]


def _stubborn(draw: Draw, count: int, now: float) -> Iterator[list]:
    """A node or two, ejected again and again: each time the client asks about the end of the ejection."""
    ejections = [0] * count
    ended = [now] * count
    stays_bad = draw.choice((0.3, 0.9))
    for _ in range(draw.whole(4, 14)):
        place = draw.whole(0, min(count, 2) - 1)
        now = max(now, ended[place])
        times = 1 if ejections[place] else 5
        yield ["call", place, now]
        if draw.chance(0.3):
            # The probe is under way: nobody else may go, until it counts as lost.
            yield ["usable", now]
            now = round(now + draw.choice((1.0, 29.99, 30.0)), 2)
            yield ["usable", now]
        if draw.chance(stays_bad):
            yield ["fail", place, now, False, times]
            ejections[place] += 1
            ended[place] = round(now + min(300.0, 30.0 * ejections[place]) + draw.choice((-0.01, 0.0, 0.01, 7.0)), 2)
        else:
            yield ["ok", place, now, 1]
            if count == 2:
                # One of two is in slow start, and the other one is ejected.
                yield ["fail", 1 - place, now, False, 5]
            for _ in range(draw.whole(0, 3)):
                now = round(now + draw.choice((0.5, 3.0, 12.0, 45.0)), 2)
                yield ["usable", now]
            yield ["fail", place, now, False, 5]
            ejections[place] = max(0, ejections[place] - 1) + 1
            ended[place] = round(now + min(300.0, 30.0 * ejections[place]), 2)
        yield ["usable", round(now + draw.choice((0.0, 5.0)), 2)]
        yield ["usable", ended[place]]


def _round_of_calls(draw: Draw, count: int, bad: dict[int, float], now: float) -> Iterator[list]:
    for place in range(count):
        times = draw.choice((99, 100, 101, draw.whole(90, 130)))
        failed = round(times * bad.get(place, 0.0) * draw.decimal(0, 1, 2)) + draw.whole(0, 2)
        # Four failures in a row at most, so that it is the share that ejects.
        for done in range(0, failed, 4):
            yield ["fail", place, now, False, min(4, failed - done)]
            yield ["ok", place, now, 1]
        told = failed + -(-failed // 4)
        yield ["ok", place, now, max(1, times - told)]


def pings(draw: Draw) -> Case:
    """Calls and pings as they come; that a ping ends which nobody sent is drawn now and then too."""
    count = draw.choice((1, 2, 3, 3, 20))
    now = draw.decimal(0, 20, 2)
    steps: list[list] = [["start", now]]
    for _ in range(draw.whole(10, 40)):
        now = round(now + draw.choice((0.0, 0.1, draw.decimal(0, 3, 2), draw.decimal(0, 12, 2))), 2)
        node = draw.whole(0, count - 1)
        what = draw.choice(("ok", "fail", "ended", "ended", "due", "due", "wake", "idle", "start"))
        if what in ("ok", "fail"):
            steps.append([what, node, now])
        elif what == "ended":
            steps.append([what, node, now, draw.chance(0.5)])
        elif what == "idle":
            steps.append([what, now, round(now - draw.choice((0.0, 59.99, 60.0, 61.0)), 2)])
        elif what == "start" and draw.chance(0.7):
            continue
        else:
            steps.append([what] if what == "wake" else [what, now])
    return {"nodes": count, "every_s": draw.choice((10.0, 10.0, 0.5, 2.0)), "steps": steps}


def call_hedges(draw: Draw) -> Case:
    count = draw.choice((draw.whole(0, 30), draw.whole(20, 120), draw.whole(120, 300)))
    typical = draw.spread(-5, 0)
    latencies = [float(f"{typical * draw.choice((1, 1, 1, 20)) * draw.decimal(0.5, 1.5, 3):.3g}") for _ in range(count)]
    marks = [0, 7, 8, 19, 20, 51, 52, 84, 180, count]
    known = sorted({draw.whole(0, count): draw.chance(0.7) for _ in range(draw.whole(0, 2))}.items())
    ask = sorted({mark for mark in [*marks, *(draw.whole(0, count) for _ in range(4))] if mark <= count})
    return {"latencies": latencies, "idempotent": [list(pair) for pair in known], "ask": ask}


def stragglers(draw: Draw) -> Case:
    nodes = [f"n{place}" for place in range(draw.whole(1, 5))]
    running: dict[int, list[str]] = {}
    now, steps, sent = 0.0, [], 0
    for _ in range(draw.whole(10, 60)):
        now = round(now + draw.decimal(0, 0.3, 3), 3)
        what = draw.choice(("send", "send", "hedge", "hedge", "lost", "remove", "fail", "took", "ask", "ask"))
        if what == "took":
            steps.append([what, draw.choice((0.001, 0.5, draw.decimal(0, 2)))])
        elif what == "ask":
            steps.append([what, [node for node in nodes if draw.chance(0.7)]])
        elif what == "send":
            running[sent] = [draw.choice(nodes)]
            steps.append([what, sent, running[sent][0], now])
            sent += 1
        elif running:
            step = _of_one(draw, what, draw.choice(sorted(running)), running, nodes)
            steps += [[*step, now]] if step else []
    return {"steps": steps}


def _of_one(draw: Draw, what: str, chunk: int, running: dict[int, list[str]], nodes: list[str]) -> list | None:
    """What may happen to a chunk in flight; None: not that."""
    others = [node for node in nodes if node not in running[chunk]]
    if what == "hedge" and others:
        running[chunk].append(draw.choice(others))
        return [what, chunk, running[chunk][-1]]
    if what in ("lost", "fail") and len(running[chunk]) > 1:
        node = draw.choice(running[chunk])
        running[chunk].remove(node)
        return [what, chunk, node]
    if what == "remove":
        del running[chunk]
        return [what, chunk, ""]
    return None


def costs(draw: Draw) -> Case:
    count = draw.whole(1, 3)
    steps = []
    truth = [(draw.choice((0.0, 0.002, 0.05)), draw.spread(-5, -2)) for _ in range(count)]
    kind = draw.choice(("same", "few", "any"))
    for _ in range(draw.whole(3, 14)):
        place = draw.whole(0, count - 1)
        rows = {"same": 10, "few": draw.whole(9, 11), "any": draw.whole(1, 400)}[kind]
        fixed, each = truth[place]
        took = (fixed + rows * each) * draw.choice((1.0, draw.decimal(0.5, 1.6, 2))) * draw.choice((1,) * 6 + (50,))
        added = round(took, 6)
        elapsed = round(added + draw.decimal(0, 0.01), 6)
        service = draw.choice((0.0, round(added * 0.9, 6), round(elapsed * 1.1, 6), round(added * 2.3, 6)))
        was_alone = draw.chance(0.3)
        steps.append([place, rows, added, elapsed, service, draw.decimal(0, 0.002) if service else 0.0, was_alone])
    return {"nodes": count, "window": draw.choice((1, 2, 2, 3)), "steps": steps, "others": [1, draw.whole(1, 10**6)]}


def windows(draw: Draw) -> Case:
    """A node that gets more done with more in flight, up to a point."""
    size = draw.choice((1, 2, 2, 3))
    steps: list[list] = []
    now, lanes, rows = 0.0, draw.whole(1, 20), draw.choice((1, 10, 300))
    gain = draw.choice((1.0, 1.0, 0.95, 0.6))
    for _ in range(draw.whole(20, 120)):
        if draw.chance(0.02):
            steps.append(["again"])
            continue
        # What is in flight is settled with the answers; here it is guessed to have doubled now and then.
        side_by_side = min(lanes, size * 2 ** (len(steps) // 30))
        added = round(0.05 / max(1.0, side_by_side * gain), 6)
        now = round(now + added * draw.choice((1.0, 1.0, draw.decimal(0.8, 1.3, 2))), 6)
        if draw.chance(0.8):
            steps.append(["beside", round(added * side_by_side, 6), added])
        few = draw.chance(0.03)
        size_now = draw.choice((rows, rows, draw.whole(rows, 2 * rows), draw.whole(1, rows) if few else rows))
        steps.append(["done", size_now, 0 if few else None, now, draw.chance(0.01)])
    return {"size": size, "most": draw.choice((0, 4, 16, 16)), "steps": steps}


def reductions(draw: Draw) -> Case:
    return _reduction(draw, draw.choice(("float64", "float64", "float32", "int64")))


OTHER_DTYPES = (
    "bool", "int8", "uint8", "int16", "int32", "uint32", "uint64", "timedelta64[s]", "float16", "bfloat16", "complex64",
    "complex128",
)  # fmt: skip


def reductions_of(dtype: str) -> Callable[[Draw], Case]:
    return lambda draw: _reduction(draw, dtype)


def _reduction(draw: Draw, dtype: str) -> Case:
    rows = draw.choice((1, 2, draw.whole(1, 40), draw.whole(40, 3000)))
    chunk_rows = draw.choice((None, None, max(1, rows // draw.whole(1, 12))))
    row_bytes = draw.choice((0, 8))
    leaves = partition.sizes(rows, row_bytes, 64, chunk_rows, None, partition.CHUNK_BYTES)
    elements = 1 if len(leaves) > 20 else draw.whole(1, 3)
    case = {"dtype": dtype, "op": draw.choice(("sum", "sum", "mean")), "rows": rows, "row_bytes": row_bytes}
    case["chunk_rows"] = chunk_rows
    case["values"] = [[_bits(draw, dtype) for _ in range(elements)] for _ in leaves]
    order = list(range(len(leaves)))
    for last in range(len(order) - 1, 0, -1):
        other = draw.whole(0, last)
        order[last], order[other] = order[other], order[last]
    case["arrival"] = order
    return case


def _bits(draw: Draw, dtype: str) -> str:
    if dtype in reduction.PARTS:
        return _bits(draw, reduction.PARTS[dtype]) + _bits(draw, reduction.PARTS[dtype])
    if dtype == "bool":
        return reduction.to_bits(draw.chance(0.3), dtype)
    if dtype.startswith("time"):
        if draw.chance(0.01):
            return reduction.to_bits(reduction.NOT_A_TIME, dtype)
        # Sums stay within 64 bits: beyond, some versions of NumPy wrap around and others refuse.
        return reduction.to_bits(draw.choice((draw.whole(-100, 100), draw.whole(-(2**44), 2**44))), dtype)
    if dtype not in ("float16", "bfloat16", "float32", "float64"):
        either = draw.choice((draw.whole(-100, 100), draw.whole(-(2**63), 2**63 - 1)))
        return reduction.to_bits(reduction.rounded(either, dtype), dtype)
    powers = (-3, 0, 0, 0, 3) if dtype == "float16" else (-3, 0, 0, 0, 6, 15)
    value = (draw.prng.uniform() - 0.5) * 10.0 ** draw.choice(powers)
    return reduction.to_bits(reduction.rounded(value, dtype) if not draw.chance(0.02) else -0.0, dtype)
