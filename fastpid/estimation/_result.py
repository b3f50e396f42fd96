"""What an estimate is."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import same
from fastpid._base.drawing import Drawing
from fastpid._base.extras import import_extra
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.joint import JointTable, PredictionTable, Sampling
from fastpid.result import Decomposition

if TYPE_CHECKING:
    from fastpid._pointwise import PointwiseDecomposition


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A decomposition of samples, and how far it can be trusted. Estimates pickle and compare.

    Attributes
    ----------
    table : JointTable or PredictionTable
        The samples, counted; of soft predictions, their joint distribution.
    decomposition : Decomposition
        The certified decomposition of the table as it is (the plug-in estimate).
    bias : str
        How the values were corrected.
    corrected : dict of str to float
        Atoms, mutual information and union information with their bias corrected; they add up as
        the plug-in values do, and may be negative.
    values : dict of str to float
        The same within what information can be, 0 and H(Z). The atoms are attributes, too:
        `redundancy`, `unique_x`, `unique_y`, `synergy`.
    ci : str
        The kind of interval.
    confidence_level : float
        What the intervals are meant to cover.
    intervals : dict of str to (float, float)
        The interval of every value, which it contains; within 0 and H(Z), as the value is. Empty
        for ``ci="none"``.
    raw_intervals : dict of str to (float, float)
        The intervals of `corrected`, not cut.
    null : str
        The kind of null hypothesis.
    p_values : dict of str to float
        For every atom, the probability under its null hypothesis of a value at least as large as
        the observed one; empty if nothing was permuted.
    null_of : dict of str to str
        What was done to the samples for the p-value of each atom.
    null_means : dict of str to float
        The average of each atom under its null hypothesis, of several the largest.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    draws : dict of str to ndarray
        The corrected values of all resamples.
    units : str
        What was resampled, divided and left out: "samples", or because samples depend on one
        another "groups", "samples within groups" or "blocks of 20 samples".
    n_units : int
        How many of them there are.
    largest_gap : float
        The widest certified bracket among all tables that were solved.
    unit : str
        "bits" or "nats", of every number.
    """

    table: JointTable | PredictionTable
    decomposition: Decomposition[float]
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

    @property
    def sampling(self) -> Sampling:
        """How much of the distribution the samples have seen, and whether that is enough."""
        return self.table.sampling

    @property
    def redundancy(self) -> float:
        """The corrected redundancy."""
        return self.values["redundancy"]

    @property
    def unique_x(self) -> float:
        """The corrected unique information of x."""
        return self.values["unique_x"]

    @property
    def unique_y(self) -> float:
        """The corrected unique information of y."""
        return self.values["unique_y"]

    @property
    def synergy(self) -> float:
        """The corrected synergy."""
        return self.values["synergy"]

    def pointwise(self) -> PointwiseDecomposition:
        """Return what every cell, and so every sample, contributes to the atoms.

        Those of the table as it is (the plug-in estimate, in `decomposition`): nothing is corrected
        for bias, which has no cell. Rows for samples are ``pointwise().of(x, y, z)``.
        """
        from fastpid._pointwise import pointwise_of

        return pointwise_of(self.table, self.decomposition)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws as plain Python numbers, strings and lists."""
        return {
            "unit": self.unit,
            "n_samples": self.table.n_samples,
            "n_effective": self.table.n_effective,
            "shape": list(self.table.shape),
            "coverage": self.sampling.coverage,
            "samples_per_occupied_cell": self.sampling.samples_per_occupied_cell,
            "samples_per_cell": self.sampling.samples_per_cell,
            "is_sufficient": self.sampling.is_sufficient,
            "names": list(self.table.names),
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
                "plug_in": getattr(self.decomposition, name),
                "corrected": self.corrected[name],
                "value": self.values[name],
                "low": self.intervals.get(name, (np.nan, np.nan))[0],
                "high": self.intervals.get(name, (np.nan, np.nan))[1],
                "null_mean": self.null_means.get(name, np.nan),
                "p_value": self.p_values.get(name, np.nan),
            }
            for name in QUANTITIES
        ]
        return pd.DataFrame(rows, index=pd.Index(QUANTITIES, name="quantity"))

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether another estimate holds the same numbers."""
        return same(self, other) if isinstance(other, Estimate) else NotImplemented

    def _drawings(self) -> list[Drawing]:
        # The certified bracket is that of the plug-in value, which is not drawn.
        return [Drawing(self.unit, self.values, self.intervals, None, self.table.names)]

    def plot(self, *, kind: str = "dots", ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(self, kind=kind, ax=ax)

    def __repr__(self) -> str:
        """Return a table of atoms."""
        shape = " x ".join(map(str, self.table.shape))
        head = f"  {'':<20}{'plug-in':>10}"
        if self.bias != "none":
            head += f"{'value':>11}"
        if self.intervals:
            head += f"{f'{self.confidence_level:.0%} interval':>22}"
        if self.p_values:
            head += f"{'under null':>12}{'p':>9}"
        lines = [f"Estimate from {self.table.n_samples} samples, {shape} ({self.unit})", head]
        for name in (*ATOMS, "mi_xy"):
            label = "I(X,Y;Z)" if name == "mi_xy" else name
            line = f"  {label:<20}{getattr(self.decomposition, name):>10.4f}"
            if self.bias != "none":
                line += f"{self.values[name]:>11.4f}"
            if self.intervals:
                low, high = self.intervals[name]
                line += f"{f'[{low:.4f}, {high:.4f}]':>22}"
            if name in self.p_values:
                line += f"{self.null_means[name]:>12.4f}{self.p_values[name]:>9.3g}"
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
        lines.append(f"  {self.sampling}" + ("" if self.sampling.is_sufficient else ": too few"))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return f"<pre>{html.escape(repr(self))}</pre>"
