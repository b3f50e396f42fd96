"""What estimates from models have in common, of two sources or of any number."""

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

Arrays = Mapping[str, NDArray[np.float64]]


def standard_errors(draws: Arrays, refits: Arrays) -> dict[str, float]:
    """Return the standard deviation over resamples, and over the mean of refits, of every value."""
    between = {n: r.var(ddof=1) / len(r) if len(r) > 1 else 0.0 for n, r in refits.items()}
    return {n: float(np.sqrt(drawn.var(ddof=1) + between[n])) for n, drawn in draws.items()}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ModelEstimates(Comparable, Shown, ABC):
    """Values by name, as posteriors claim and labels confirm them, with intervals and tests."""

    posteriors: tuple[NDArray[np.float64], ...]
    codes: NDArray[np.intp]
    classes: tuple[Any, ...]
    models: tuple[str, ...]
    calibration: str
    bias: str
    used: Mapping[str, str]
    cross_entropy: Mapping[str, float]
    plug_in: Mapping[str, float]
    corrected: Mapping[str, float]
    values: Mapping[str, float]
    confidence_level: float
    intervals: Mapping[str, tuple[float, float]]
    raw_intervals: Mapping[str, tuple[float, float]]
    p_values: Mapping[str, float]
    null_p_values: Mapping[str, float]
    draws: Mapping[str, NDArray[np.float64]]
    refits: Mapping[str, NDArray[np.float64]]
    seed: Mapping[str, Any]
    units: str
    n_units: int
    unit: str

    @property
    def standard_errors(self) -> dict[str, float]:
        """The standard deviation of every value over resamples and refits; empty without any."""
        return standard_errors(self.draws, self.refits)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but posteriors, classes of samples and draws as plain Python values."""
        return {
            "unit": self.unit,
            "n_samples": len(self.codes),
            "classes": [c if isinstance(c, (int, float, str)) else repr(c) for c in self.classes],
            **self._solved(),
            "models": list(self.models),
            "calibration": self.calibration,
            "bias": self.bias,
            "used": dict(self.used),
            "cross_entropy": dict(self.cross_entropy),
            "plug_in": dict(self.plug_in),
            "corrected": dict(self.corrected),
            "values": dict(self.values),
            "confidence_level": self.confidence_level,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "raw_intervals": {name: list(ends) for name, ends in self.raw_intervals.items()},
            "p_values": dict(self.p_values),
            "null_p_values": dict(self.null_p_values),
            "refits": {name: values.tolist() for name, values in self.refits.items()},
            "units": self.units,
            "n_units": self.n_units,
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
                "plug_in": self.plug_in[name],
                "cross_entropy": self.cross_entropy.get(name, np.nan),
                "used": self.used.get(name, ""),
                "corrected": self.corrected[name],
                "value": self.values[name],
                "low": self.intervals.get(name, (np.nan, np.nan))[0],
                "high": self.intervals.get(name, (np.nan, np.nan))[1],
                "p_value": self.p_values.get(name, np.nan),
            }
            for name in self.values
        ]
        return pd.DataFrame(rows, index=pd.Index(list(self.values), name="quantity"))

    @abstractmethod
    def _solved(self) -> dict[str, Any]:
        """Return what was solved, and the excess, as plain Python values."""

    @abstractmethod
    def _rows(self) -> list[tuple[str, str]]:
        """Return the names of the values that the text shows, and what it calls them."""

    @abstractmethod
    def _excess(self) -> float:
        """Return what was taken out of the union information of all sources."""

    def __repr__(self) -> str:
        """Return a table of atoms and informations."""
        shown = self._rows()
        width = max(12, *(len(label) + 2 for _, label in shown))
        head = f"  {'':<{width}}{'posteriors':>12}{'labels':>10}{'value':>10}"
        if self.intervals:
            head += f"{f'{self.confidence_level:.0%} interval':>22}{'p':>9}"
        samples = f"{len(self.codes)} samples of {len(self.classes)} classes"
        lines = [f"{type(self).__name__} from {samples} ({self.unit})", head]
        for name, label in shown:
            labels = f"{self.cross_entropy[name]:.4f}" if name in self.cross_entropy else ""
            line = f"  {label:<{width}}{self.plug_in[name]:>12.4f}{labels:>10}"
            line += f"{self.values[name]:>10.4f}"
            if self.intervals:
                low, high = self.intervals[name]
                line += f"{f'[{low:.4f}, {high:.4f}]':>22}"
            if name in self.p_values:
                line += f"{self.p_values[name]:>9.3g}"
            lines.append(line)
        used = "posteriors" if set(self.used.values()) == {"posteriors"} else "labels"
        about = [f"informations: of {used}", f"calibration: {self.calibration}"]
        about += [f"excess taken out: {self._excess():.4f}"] if self.bias != "none" else []
        about += [f"models: {', '.join(self.models)}"] if self.models else []
        lines.append(f"  {'; '.join(about)}")
        return "\n".join(lines)
