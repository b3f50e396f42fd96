"""What an estimate from a table is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from fastpid.estimation._atom_estimates import AtomEstimates
from fastpid.joint import JointTable, PredictionTable, Sampling

if TYPE_CHECKING:
    from fastpid._pointwise import PointwiseDecomposition


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimate(AtomEstimates):
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

    @property
    def sampling(self) -> Sampling:
        """How much of the distribution the samples have seen, and whether that is enough."""
        return self.table.sampling

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
            **self._common_dict(),
        }

    def _names(self) -> tuple[str, str, str]:
        x, y, z = self.table.names
        return x, y, z

    def _title(self) -> str:
        shape = " x ".join(map(str, self.table.shape))
        return f"Estimate from {self.table.n_samples} samples, {shape}"

    def _remarks(self) -> list[str]:
        return [f"{self.sampling}" + ("" if self.sampling.is_sufficient else ": too few")]
