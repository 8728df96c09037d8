"""The production planner on a virtual clock: what a job would take on nodes that are not there."""

from pyrpc.simulate.calibrate import Calibrated, calibrate
from pyrpc.simulate.engine import simulate
from pyrpc.simulate.form import scenario_from
from pyrpc.simulate.outcome import AttemptTrace, NodeTotals, Outcome
from pyrpc.simulate.scenario import JobModel, NodeModel, Scenario

__all__ = [
    "AttemptTrace",
    "Calibrated",
    "JobModel",
    "NodeModel",
    "NodeTotals",
    "Outcome",
    "Scenario",
    "calibrate",
    "scenario_from",
    "simulate",
]
