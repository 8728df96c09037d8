"""Costs, from "Cost" of thrift/PLANNER.md. Order of operations is all there is to it, so it is that of the page."""

from __future__ import annotations

from .window import Window


def empty_line() -> dict:
    return dict.fromkeys(("samples", "w", "sx", "sy", "sxx", "sxy", "piece_s", "row_s"), 0)


def add(line: dict, rows: int, seconds: float) -> None:
    x = float(rows)
    line["samples"] += 1
    for name, value in (("w", 1.0), ("sx", x), ("sy", seconds), ("sxx", x * x), ("sxy", x * seconds)):
        line[name] = line[name] * 0.85 + value
    w, sx, sy = line["w"], line["sx"], line["sy"]
    ratio = max(sy, 1e-9) / max(sx, 1.0)
    line["piece_s"], line["row_s"] = 0.0, ratio
    spread = w * line["sxx"] - sx * sx
    if line["samples"] > 2 and spread > 0.02 * sx * sx:
        slope = (w * line["sxy"] - sx * sy) / spread
        if 0 < slope < ratio:
            line["row_s"] = slope
            line["piece_s"] = (sy - slope * sx) / w


def predict(line: dict, rows: int) -> float:
    return line["piece_s"] + line["row_s"] * rows


def fill(case: dict) -> dict:
    """[node, rows, added_s, elapsed_s, service_s, queued_s, was_alone] gets samples, piece_s, row_s, service_row_s,

    overhead_s, last_row_s, most_rows, lanes and width of that node; "others" are predictions of a node that has shown
    nothing.
    """
    job = empty_line()
    at_first = {"was": False, "most": 0, "service": 0.0, "over": 0.0}
    nodes = [{"own": empty_line(), "window": Window(case["window"], 0), **at_first} for _ in range(case["nodes"])]
    for step in case["steps"]:
        place, rows, added_s, elapsed_s, service_s, queued_s, was_alone = step
        node = nodes[place]
        if service_s > 0 and not was_alone:
            node["window"].ran_beside(service_s, added_s)
        own = node["own"]
        if own["samples"] > 2:
            most = 4.0 * predict(own, rows)
            is_far = added_s > most
            added_s = most if is_far and not node["was"] else added_s
            node["was"] = is_far
        add(own, rows, added_s)
        add(job, rows, added_s)
        node["most"] = max(node["most"], rows)
        if service_s > 0:
            weight = 1.0 if own["samples"] == 1 else 1.0 - 0.85
            node["service"] += weight * (service_s / max(rows, 1) - node["service"])
            node["over"] += weight * (max(0.0, elapsed_s - service_s - queued_s) - node["over"])
        step.append([own["samples"], own["piece_s"], own["row_s"], node["service"], node["over"]])
        step[-1] += [elapsed_s / max(rows, 1), node["most"], node["window"].lanes, node["window"].width]
    case["others"] = [[rows, predict(job, rows)] for rows in case["others"]]
    return case
