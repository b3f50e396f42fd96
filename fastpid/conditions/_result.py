"""What differences between conditions are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.multiple_tests import adjust
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.estimation._result import Estimate

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Differences(Comparable, Shown):
    """By how much values differ between every two conditions. They pickle and compare.

    Attributes
    ----------
    conditions : tuple
        The conditions, in sorted order or as a mapping had them.
    estimates : tuple of Estimate
        One for each condition.
    pairs : tuple of (condition, condition)
        What is compared: the first less the second.
    values : dict of str to ndarray (n_pairs,)
        By name the differences of corrected values.
    intervals : dict of str to (ndarray, ndarray)
        Both ends of their intervals.
    p_values : dict of str to ndarray
        Two-sided p-values; empty for ``n_permutations=0``.
    design : {"unpaired", "paired", "within"}
        How conditions were assigned.
    null_of : str
        What was done to conditions for the p-values.
    confidence_level : float
        What the intervals are meant to cover, each by itself.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    largest_gap : float
        The widest certified bracket among all tables that were solved.
    unit : str
        "bits" or "nats".
    """

    conditions: tuple[Any, ...]
    estimates: tuple[Estimate, ...]
    pairs: tuple[tuple[Any, Any], ...]
    values: Mapping[str, Array]
    intervals: Mapping[str, tuple[Array, Array]]
    p_values: Mapping[str, Array]
    design: str
    null_of: str
    confidence_level: float
    seed: Mapping[str, Any]
    largest_gap: float
    unit: str

    @property
    def adjusted(self) -> dict[str, Array]:
        """The p-values of each value, corrected for how many pairs there are by Holm's method."""
        return {name: adjust(p, "holm") for name, p in self.p_values.items()}

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row for every pair and value, which are its index.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        adjusted = self.adjusted
        rows = []
        for k, (first, second) in enumerate(self.pairs):
            for name in QUANTITIES:
                rows.append(
                    {
                        "first": first,
                        "second": second,
                        "quantity": name,
                        "difference": self.values[name][k],
                        "low": self.intervals[name][0][k],
                        "high": self.intervals[name][1][k],
                        "p_value": self.p_values[name][k] if self.p_values else np.nan,
                        "p_adjusted": adjusted[name][k] if adjusted else np.nan,
                    }
                )
        return pd.DataFrame(rows).set_index(["first", "second", "quantity"])

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the atoms of all conditions with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(
            dict(zip(map(str, self.conditions), self.estimates, strict=True)), kind="dots", ax=ax
        )

    def __repr__(self) -> str:
        """Return a table of atoms for every pair."""
        sizes = ", ".join(
            f"{label} ({e.table.n_samples})"
            for label, e in zip(self.conditions, self.estimates, strict=True)
        )
        lines = [f"Differences between {sizes}, {self.design} ({self.unit})"]
        level = f"{self.confidence_level:.0%} interval"
        many = len(self.pairs) > 1
        adjusted = self.adjusted
        for k, (first, second) in enumerate(self.pairs):
            head = f"{first} - {second}"
            line = f"  {head:<20}{'difference':>12}{level:>22}"
            if self.p_values:
                line += f"{'p':>9}" + (f"{'Holm':>9}" if many else "")
            lines.append(line)
            for name in (*ATOMS, "mi_xy"):
                label = "I(X,Y;Z)" if name == "mi_xy" else name
                low, high = (ends[k] for ends in self.intervals[name])
                line = f"  {label:<20}{self.values[name][k]:>12.4f}"
                line += f"{f'[{low:.4f}, {high:.4f}]':>22}"
                if self.p_values:
                    line += f"{self.p_values[name][k]:>9.3g}"
                    line += f"{adjusted[name][k]:>9.3g}" if many else ""
                lines.append(line)
        if self.p_values:
            lines.append(f"  null: {self.null_of}, and errors of both")
        return "\n".join(lines)
