"""What an estimate of many sources is."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from fastpid._many import ManyDecomposition
from fastpid._many._coverage import Subset
from fastpid.estimation._estimates import Estimates
from fastpid.estimation._many_problem import ManyProblem
from fastpid.estimation._many_values import ManyValues
from fastpid.joint import JointTable, Sampling


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ManyEstimate(ManyValues, Estimates):
    """What samples say of many sources, and how far it can be trusted. Pickles and compares.

    Values go by these names, sources counted from 0:

    ================================ ==============================================================
    "unique_0", "unique_1", ...      what a source says that no other does
    "shared_0_1", "shared_0_2", ...  the coverage atoms: what exactly these sources share
    "redundancy"                     what all of them share
    "synergy"                        what only several together say
    "mi_0", ...; "mi_joint"          I(X_i; Z); I(X_1, ..., X_M; Z)
    "union_0_1", ...                 the union information of these sources
    "union_information"              that of all of them
    ================================ ==============================================================

    Attributes
    ----------
    table : JointTable
        The samples, counted.
    decomposition : ManyDecomposition
        The certified decomposition of the table as it is (the plug-in estimate).
    bias : str
        How the values were corrected.
    corrected : dict of str to float
        All values with their bias corrected; they add up as the plug-in values do, and may be
        negative.
    values : dict of str to float
        The same within what they can be, 0 and H(Z); coverage atoms that may be negative (of two
        sources or more, where there are three or more, and three target symbols or more) are not
        cut at 0.
    ci : str
        The kind of interval.
    confidence_level : float
        What the intervals are meant to cover.
    intervals : dict of str to (float, float)
        The interval of every value, which it contains, within the same limits. Empty for
        ``ci="none"``.
    raw_intervals : dict of str to (float, float)
        The intervals of `corrected`, not cut.
    null : str
        The kind of null hypothesis.
    p_values : dict of str to float
        For every atom ("unique_0" to "synergy"), the probability under its null hypothesis of a
        value at least as large as the observed one; empty if nothing was permuted.
    null_of : dict of str to str
        What was done to the samples for the p-value of each atom.
    null_means : dict of str to float
        The average of each atom under its null hypothesis, of several the largest.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    draws : dict of str to ndarray
        The corrected values of all resamples.
    units : str
        What was resampled, divided and left out, as of :class:`fastpid.Estimate`.
    n_units : int
        How many of them there are.
    largest_gap : float
        The widest certified bracket among all tables that were solved.
    unit : str
        "bits" or "nats", of every number.
    """

    decomposition: ManyDecomposition
    table: JointTable

    @property
    def n_sources(self) -> int:
        """M."""
        return self.decomposition.n_sources

    @property
    def sampling(self) -> Sampling:
        """How much of the distribution the samples have seen, and whether that is enough."""
        return self.table.sampling

    @functools.cached_property
    def _problem(self) -> ManyProblem:
        subsets = len(self.decomposition.subsets)
        everything = subsets == 2**self.n_sources - 1
        return ManyProblem(self.n_sources, self.table.shape[-1], everything)

    @functools.cached_property
    def _plug_ins(self) -> dict[str, float]:
        return self._problem.named(self._problem.vector(self.decomposition), 1.0)

    def _plug_in(self, name: str) -> float:
        return float(self._plug_ins[name])

    def _coverage_bars(self) -> list[tuple[Subset | None, float, float, float]]:
        _ = self.coverage  # refuses what has not all sets
        return super()._coverage_bars()

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
            **self._common_dict(),
        }

    def _rows(self) -> list[tuple[str, str]]:
        names = self.table.names
        return [*self._atom_rows(names), ("mi_joint", f"I(all;{names[-1]})")]

    def _title(self) -> str:
        shape = " x ".join(map(str, self.table.shape))
        return f"ManyEstimate from {self.table.n_samples} samples, {shape}"

    def _remarks(self) -> list[str]:
        return [f"{self.sampling}" + ("" if self.sampling.is_sufficient else ": too few")]
