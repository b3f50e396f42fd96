"""How an estimate depends on the number of bins or clusters."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.checks import check_count
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS
from fastpid.estimation._estimate import estimate
from fastpid.estimation._result import Estimate
from fastpid.joint import UndersampledWarning


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Stability(Comparable, Shown):
    """Estimates from the same samples with several numbers of bins.

    Attributes
    ----------
    bins : tuple of int
        How many bins (or clusters) each column that is cut had.
    estimates : tuple of Estimate
        One for each of them.
    """

    bins: tuple[int, ...]
    estimates: tuple[Estimate, ...]

    @property
    def sufficient(self) -> tuple[bool, ...]:
        """For which numbers of bins the samples are enough (:class:`fastpid.joint.Sampling`)."""
        return tuple(e.sampling.is_sufficient for e in self.estimates)

    @property
    def spread(self) -> dict[str, float]:
        """By how much every atom differs at most where the samples are enough; NaN for none."""
        kept = [e for e in self.estimates if e.sampling.is_sufficient]
        if not kept:
            return dict.fromkeys(ATOMS, np.nan)
        return {
            atom: max(e.values[atom] for e in kept) - min(e.values[atom] for e in kept)
            for atom in ATOMS
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for each number of bins.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        rows = []
        for e in self.estimates:
            row: dict[str, Any] = dict(e.values)
            for name, (low, high) in e.intervals.items():
                row[f"{name}_low"], row[f"{name}_high"] = low, high
            row.update({f"{atom}_p": p for atom, p in e.p_values.items()})
            row["coverage"] = e.sampling.coverage
            row["is_sufficient"] = e.sampling.is_sufficient
            rows.append(row)
        return pd.DataFrame(rows, index=pd.Index(self.bins, name="bins"))

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the atoms and their intervals against the number of bins.

        What lies in grey has too few samples. Needs matplotlib.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from fastpid.plot import over_time

        ax = over_time(self.estimates, self.bins, ax=ax)
        ax.set_xlabel("bins")
        ax.set_xticks(self.bins)
        few = [n for n, enough in zip(self.bins, self.sufficient, strict=True) if not enough]
        for n in few:
            ax.axvspan(n - 0.5, n + 0.5, color="0.5", alpha=0.25, linewidth=0, zorder=0)
        return ax

    def __repr__(self) -> str:
        """Return a table, one line for each number of bins."""
        first = self.estimates[0]
        lines = [
            f"Stability over bins, {first.table.n_samples} samples ({first.unit})",
            f"  {'bins':>6}" + "".join(f"{atom:>12}" for atom in ATOMS) + f"{'covered':>10}",
        ]
        for n, e in zip(self.bins, self.estimates, strict=True):
            values = "".join(f"{e.values[atom]:>12.4f}" for atom in ATOMS)
            few = "" if e.sampling.is_sufficient else "  too few samples"
            lines.append(f"  {n:>6}{values}{e.sampling.coverage:>10.1%}{few}")
        return "\n".join(lines)


def stability(
    x: Any, y: Any, z: Any, *, bins: Sequence[int] = (2, 3, 4, 5, 6, 8, 10), **options: Any
) -> Stability:
    """Estimate with several numbers of bins, to see what hangs on that number.

    Few bins lose information, many need samples: where an atom goes on changing as long as the
    samples are enough, its value is one of the bins as much as of the data.

    Parameters
    ----------
    x, y, z
        As for :func:`fastpid.estimate`. Some column has to be numeric and of more distinct values
        than there are bins, or a source has to have several columns, which are clustered.
    bins : sequence of int
        The numbers of bins (or clusters) to try.
    **options
        Anything else that :func:`fastpid.estimate` takes: `data`, `strategy`, `rng` and so on.

    Returns
    -------
    Stability
        It says for which numbers the samples are enough, instead of a warning for each.

    Raises
    ------
    ValueError, TypeError, ImportError, ConvergenceError
        As :func:`fastpid.estimate` does, with the number of bins.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 2000))
    >>> s = fastpid.stability(x, y, x * y > 0, bins=[2, 4, 8], rng=0, n_permutations=0)
    >>> [round(e.synergy, 1) for e in s.estimates]
    [0.8, 0.9, 0.9]
    """
    numbers = tuple(check_count("bins", n, 2) for n in bins)
    if not numbers:
        raise ValueError("bins is empty; pass the numbers of bins to try")
    estimates = []
    for n in numbers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndersampledWarning)
            try:
                estimates.append(estimate(x, y, z, bins=n, **options))
            except ValueError as error:
                raise ValueError(f"with bins={n}: {error}") from error
    return Stability(numbers, tuple(estimates))
