"""A scenario as plain tables, as a TOML file holds it.

::

    seed = 1                            # optional: of all that is drawn
    policies = ["min_max", "pull"]      # optional: what is compared; default "all"

    [job]
    rows = 100
    chunk_rows = 1                      # or chunks = 100, or chunk_s = 0.05; none: cut on demand
    row_s = 0.02                        # seconds a row runs on a node of speed 1

    [[nodes]]                           # one table for each kind of node
    name = "fast"                       # fast-0, fast-1, fast-2 as there are several
    count = 3
    speed = 1.0                         # or row_s = 0.02
    latency_s = 0.0005

All other keys are the parameters of JobModel and NodeModel.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pyrpc.errors import ConfigError
from pyrpc.simulate import rules
from pyrpc.simulate.scenario import JOB_RULES, NODE_RULES, JobModel, NodeModel, Scenario
from pyrpc.simulate.variants import Variant, variants

_TOP = ("seed", "policies", "job", "nodes")
_JOB = tuple(field.name for field in fields(JobModel))
_NODE = tuple(field.name for field in fields(NodeModel))
_OWN_RULES = {"seed": rules.WHOLE, "row_s": rules.ABOVE_0, "speed": rules.ABOVE_0, "count": rules.COUNT}


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """What a file says.

    Attributes
    ----------
    scenario : Scenario
        Under the first of the policies.
    variants : tuple of Variant
        What to compare.
    """

    scenario: Scenario
    variants: tuple[Variant, ...]


def scenario_from(data: Mapping[str, Any]) -> ScenarioFile:
    """The scenario that the tables describe.

    Raises
    ------
    ConfigError
        A key that is unknown or missing, or a value that makes no sense; the message names the key and what was
        expected.
    """
    _check_keys("", data, _TOP)
    job = _table(data, "job")
    _check_keys("job.", job, (*_JOB, "row_s"))
    rules.check("job.", job, {**JOB_RULES, **_OWN_RULES})
    if "rows" not in job:
        raise ConfigError("job.rows of a scenario is missing", expected=JOB_RULES["rows"].expected)
    compared = _policies(data.get("policies", ["all"]))
    rules.check("", data, {"seed": rules.WHOLE})
    scenario = Scenario(
        JobModel(**{name: value for name, value in job.items() if name != "row_s"}),
        _nodes(data.get("nodes"), job.get("row_s")),
        policy=compared[0].policy,
        seed=data.get("seed", 0),
    )
    return ScenarioFile(compared[0].of(scenario), compared)


def _policies(names: Any) -> tuple[Variant, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError("policies of a scenario makes no sense", expected="a list of names", got=repr(names)[:80])
    return variants(names)


def _nodes(tables: Any, row_s: float | None) -> tuple[NodeModel, ...]:
    if not isinstance(tables, list) or not tables:
        raise ConfigError("a scenario has no nodes", expected="at least one table [[nodes]]", got=repr(tables)[:80])
    models: list[NodeModel] = []
    for place, table in enumerate(tables):
        where = f"nodes[{place}]."
        if not isinstance(table, dict):
            raise ConfigError(f"nodes[{place}] of a scenario is no table", got=repr(table)[:80])
        _check_keys(where, table, (*_NODE, "speed", "count"))
        values = dict(table)
        if isinstance(values.get("jitter_factors"), list):
            values["jitter_factors"] = tuple(values["jitter_factors"])
        rules.check(where, values, {**NODE_RULES, **_OWN_RULES})
        models.extend(_of_kind(values, where, len(models), row_s))
    return tuple(models)


def _of_kind(values: dict[str, Any], where: str, first: int, row_s: float | None) -> list[NodeModel]:
    count, speed, name = values.pop("count", 1), values.pop("speed", None), values.pop("name", None)
    if "row_s" not in values:
        if row_s is None:
            raise ConfigError(
                f"what a row costs on {where.rstrip('.')} is missing", expected="row_s there, or job.row_s"
            )
        values["row_s"] = row_s / (speed or 1.0)
    elif speed is not None:
        raise ConfigError(f"{where}speed makes no sense beside {where}row_s", expected="one of them")
    names = [name] if name and count == 1 else [f"{name}-{n}" if name else f"n{first + n}" for n in range(count)]
    return [NodeModel(name=each, **values) for each in names]


def _table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = data.get(name)
    if not isinstance(table, dict):
        got = "nothing" if table is None else repr(table)[:80]
        raise ConfigError(f"{name} of a scenario is no table", expected=f"a table [{name}]", got=got)
    return table


def _check_keys(where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"a scenario has no key {where}{key}",
                expected=f"one of {', '.join(known)}",
                help=f"did you mean {where}{near[0]}?" if near else None,
            )
