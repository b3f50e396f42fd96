"""What an estimate from Gaussian samples is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.estimation._atom_estimates import AtomEstimates


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GaussianEstimate(AtomEstimates):
    """A decomposition of Gaussian samples, and how far it can be trusted.

    Everything is as in :class:`fastpid.Estimate`, whose attributes these are, but for `table` and
    what comes from it. Made by :func:`fastpid.gaussian.estimate`; pickles and compares.

    Attributes
    ----------
    decomposition : GaussianDecomposition
        The certified decomposition of the samples' covariance (the plug-in estimate).
    values : dict of str to float
        The corrected values within what information can be, which is 0 or more.
    covariance : ndarray (m + n + d, m + n + d)
        The covariance of the samples, the average of products: of normal scores, if `copula`;
        shrunk, if `shrinkage` is above 0.
    sizes : (int, int, int)
        The dimensions m, n and d of X, Y and Z.
    columns : three tuples of str
        What the columns of X, Y and Z are called.
    n_samples : int
        How many samples there are.
    copula : bool
        Whether ranks of each column were taken in place of values.
    shrinkage : float
        By which share correlations were made smaller.
    """

    covariance: NDArray[np.float64]
    sizes: tuple[int, int, int]
    columns: tuple[tuple[str, ...], ...]
    n_samples: int
    copula: bool
    shrinkage: float

    @property
    def may_be_tied(self) -> bool:
        """Whether neither source need have unique information, as far as intervals can tell.

        At equal channels the union information of samples is too large, and redundancy and synergy
        too small, by far more than elsewhere. ``bias="exact"`` allows for that, "qe" leaves about
        half of it; and so do the intervals.
        """
        return bool(self.raw_intervals) and all(
            self.raw_intervals[name][0] <= 0.0 for name in ("unique_x", "unique_y")
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws as plain Python numbers, strings and lists."""
        return {
            "unit": self.unit,
            "n_samples": self.n_samples,
            "sizes": list(self.sizes),
            "columns": [list(names) for names in self.columns],
            "copula": self.copula,
            "shrinkage": self.shrinkage,
            "covariance": self.covariance.tolist(),
            "may_be_tied": self.may_be_tied,
            **self._common_dict(),
        }

    def _names(self) -> tuple[str, str, str]:
        x, y, z = (
            names[0] if len(names) == 1 else role
            for role, names in zip("XYZ", self.columns, strict=True)
        )
        return x, y, z

    def _title(self) -> str:
        m, n, d = self.sizes
        return f"Gaussian estimate from {self.n_samples} samples, {m} + {n} + {d} columns"

    def _remarks(self) -> list[str]:
        remarks = ["Gaussian copula: ranks of each column"] if self.copula else []
        if self.shrinkage:
            remarks.append(f"correlations are shrunk by {self.shrinkage:.1%}: informations are low")
        if self.may_be_tied:
            remarks.append("neither source need be better: the correction is that of a kink")
        return remarks
