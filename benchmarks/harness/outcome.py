"""What a benchmark found: values of each contender, and targets against them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Series:
    """All values of one contender in one case.

    Attributes
    ----------
    name : str
        The contender.
    unit : str
        Of the values.
    values : list of float
        One for each measurement, in order.
    more_is_better : bool
        Throughput; otherwise a time or a size.
    """

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    more_is_better: bool = False

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def best(self) -> float:
        """The value with the least disturbance in it."""
        return max(self.values) if self.more_is_better else min(self.values)

    def times_worse_than(self, other: Series) -> float:
        """How many times as long (or as little a second) as the other, by medians."""
        return other.median / self.median if self.more_is_better else self.median / other.median

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "best": self.best,
            "more_is_better": self.more_is_better,
            "values": self.values,
        }


@dataclass
class Target:
    """A figure that pyrpc wants to reach.

    Attributes
    ----------
    got : float
        By medians: what it is judged by.
    by_best : float or None
        The same by the best value of each contender; far from ``got`` on a machine that was disturbed.
    """

    text: str
    wanted: float
    got: float
    at_least: bool
    by_best: float | None = None

    @property
    def is_reached(self) -> bool:
        """Whether it does."""
        return self.got >= self.wanted if self.at_least else self.got <= self.wanted

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "text": self.text,
            "wanted": self.wanted,
            "got": self.got,
            "by_best": self.by_best,
            "at_least": self.at_least,
            "is_reached": self.is_reached,
        }


@dataclass
class Outcome:
    """One benchmark's findings.

    Attributes
    ----------
    name, setup : str
        Which, and how it was measured, in a line.
    series : list of Series
        One for each contender.
    ours : str or None
        Name of the series that the others are compared with.
    targets : list of Target
        What was wanted.
    notes : list of str
        What a reader must know, and what was skipped.
    seconds : float
        How long it took.
    is_complete : bool
        Whether pyrpc itself was measured.
    """

    name: str
    setup: str
    series: list[Series] = field(default_factory=list)
    ours: str | None = None
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    is_complete: bool = True

    def add(self, name: str, unit: str, *, more_is_better: bool = False) -> Series:
        """A new, empty series."""
        series = Series(name, unit, more_is_better=more_is_better)
        self.series.append(series)
        return series

    def aim(self, text: str, got: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        """Add a target with the figure that was measured."""
        wanted = at_least if at_least is not None else at_most
        assert wanted is not None
        self.targets.append(Target(text, wanted, got, at_least is not None))

    def aim_ratio(
        self, text: str, of: Series, to: Series, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """Add a target for how many times worse one contender is than another."""
        self.aim(text, of.times_worse_than(to), at_least=at_least, at_most=at_most)
        self.targets[-1].by_best = to.best / of.best if of.more_is_better else of.best / to.best

    def get(self, name: str) -> Series | None:
        """The series of that name, if it was measured."""
        return next((series for series in self.series if series.name == name and series.values), None)

    def fastest(self, prefix: str) -> Series | None:
        """The best by median among the series whose name starts so."""
        found = [series for series in self.series if series.name.startswith(prefix) and series.values]
        return min(found, key=lambda series: series.times_worse_than(found[0]), default=None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "setup": self.setup,
            "seconds": self.seconds,
            "is_complete": self.is_complete,
            "ours": self.ours,
            "series": [series.to_dict() for series in self.series if series.values],
            "targets": [target.to_dict() for target in self.targets],
            "notes": self.notes,
        }
