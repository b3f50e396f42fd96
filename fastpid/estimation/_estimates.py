"""What estimates have in common, whatever they are of and were made from."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimates(Comparable, Shown, ABC):
    """Values by name, their bias corrected, with intervals and tests, in the order of the rows."""

    decomposition: Any
    bias: str
    corrected: Mapping[str, float]
    values: Mapping[str, float]
    ci: str
    confidence_level: float
    intervals: Mapping[str, tuple[float, float]]
    raw_intervals: Mapping[str, tuple[float, float]]
    null: str
    p_values: Mapping[str, float]
    null_of: Mapping[str, str]
    null_means: Mapping[str, float]
    draws: Mapping[str, NDArray[np.float64]]
    seed: Mapping[str, Any]
    units: str
    n_units: int
    largest_gap: float
    unit: str

    @property
    def standard_errors(self) -> dict[str, float]:
        """The standard deviation of every corrected value over resamples; empty without any."""
        return {name: float(drawn.std(ddof=1)) for name, drawn in self.draws.items()}

    def _common_dict(self) -> dict[str, Any]:
        """Return everything that is here but the draws, as plain numbers, strings and lists."""
        return {
            "decomposition": self.decomposition.to_dict(),
            "bias": self.bias,
            "corrected": dict(self.corrected),
            "values": dict(self.values),
            "ci": self.ci,
            "confidence_level": self.confidence_level,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "raw_intervals": {name: list(ends) for name, ends in self.raw_intervals.items()},
            "null": self.null,
            "p_values": dict(self.p_values),
            "null_of": dict(self.null_of),
            "null_means": dict(self.null_means),
            "units": self.units,
            "n_units": self.n_units,
            "largest_gap": self.largest_gap,
            "seed": {
                "entropy": self.seed["entropy"],
                "spawn_key": list(self.seed["spawn_key"]),
            },
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for each value.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        rows = [
            {
                "plug_in": self._plug_in(name),
                "corrected": self.corrected[name],
                "value": self.values[name],
                "low": self.intervals.get(name, (np.nan, np.nan))[0],
                "high": self.intervals.get(name, (np.nan, np.nan))[1],
                "null_mean": self.null_means.get(name, np.nan),
                "p_value": self.p_values.get(name, np.nan),
            }
            for name in self.values
        ]
        return pd.DataFrame(rows, index=pd.Index(list(self.values), name="quantity"))

    @abstractmethod
    def _plug_in(self, name: str) -> float:
        """Return the plug-in value of a name."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """Return the names of the values that the text shows, and what it calls them."""

    @abstractmethod
    def _title(self) -> str:
        """Say what was estimated from."""

    @abstractmethod
    def _remarks(self) -> list[str]:
        """Say how far it can be trusted, in lines."""

    def __repr__(self) -> str:
        """Return a table of atoms."""
        shown = self._rows()
        width = max(20, *(len(label) + 2 for _, label in shown))
        head = f"  {'':<{width}}{'plug-in':>10}"
        if self.bias != "none":
            head += f"{'value':>11}"
        if self.intervals:
            head += f"{f'{self.confidence_level:.0%} interval':>22}"
        if self.p_values:
            head += f"{'under null':>12}{'p':>9}"
        lines = [f"{self._title()} ({self.unit})", head]
        for name, label in shown:
            line = f"  {label:<{width}}{_digits(self._plug_in(name)):>10}"
            if self.bias != "none":
                line += f"{_digits(self.values[name]):>11}"
            if self.intervals:
                low, high = self.intervals[name]
                line += f"{f'[{_digits(low)}, {_digits(high)}]':>22}"
            if name in self.p_values:
                line += f"{_digits(self.null_means[name]):>12}{self.p_values[name]:>9.3g}"
            lines.append(line)
        words = []
        if self.bias != "none":
            words.append(f"bias: {self.bias}")
        if self.intervals:
            words.append(f"interval: {self.ci}")
        if self.p_values:
            words.append(f"null: {self.null}")
        if self.units != "samples":
            words.append(f"resampled: {self.n_units} {self.units}")
        lines.append(f"  {'; '.join([*words, f'largest gap {self.largest_gap:.0e}'])}")
        return "\n".join([*lines, *(f"  {line}" for line in self._remarks())])


def _digits(value: float) -> str:
    return f"{round(value, 4) + 0.0:.4f}"  # without the sign of what rounds to zero
