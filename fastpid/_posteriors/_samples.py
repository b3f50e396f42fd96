"""What a pointwise decomposition of samples is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.pointwise import HasPointwiseValues
from fastpid._base.quantities import ATOMS, QUANTITIES, ROLES, Terms
from fastpid.result import Decomposition

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PointwiseSamples(HasPointwiseValues, Comparable, Shown):
    """What every sample contributes to the atoms, from posteriors and its label.

    Values are arrays (n,), in `unit`, in the order of the samples. A value below zero misinforms
    about the sample's class. Made by :func:`fastpid.pointwise_posteriors` and
    :meth:`fastpid.models.ModelEstimate.pointwise`.

    Attributes
    ----------
    z : ndarray of int (n,)
        The class of every sample.
    weights : ndarray (n,)
        How much each sample counts; they sum to one.
    decomposition : Decomposition
        The atoms of the posteriors, and their certificate. Averages over samples are near them
        where posteriors are calibrated.
    redundancy, unique_x, unique_y, synergy : ndarray (n,)
        The pointwise atoms; the synergy is NaN without posteriors of both sources.
    mi_x, mi_y, mi_xy : ndarray (n,)
        ``log(p(z | x) / p(z))`` of the sample's class, and so on.
    union_information : ndarray (n,)
        The sample's share of the union information.
    """

    z: NDArray[np.intp]
    weights: Floats
    decomposition: Decomposition[float]
    _terms: Terms  # in nats

    @property
    def p(self) -> Floats:
        """The weights, as what is drawn asks for."""
        return self.weights

    @property
    def shape(self) -> tuple[int, ...]:
        """(), as of one table."""
        return ()

    @property
    def names(self) -> tuple[str, str, str]:
        """The names of the variables: x, y and z."""
        return ROLES

    def average(self, name: str) -> float:
        """Return the average of a value over the samples.

        Parameters
        ----------
        name : str
            An atom, or "mi_x", "mi_y", "mi_xy", "union_information".

        Raises
        ------
        ValueError
            For an unknown name.
        """
        return float(self.weights @ self._value(check_choice("name", name, QUANTITIES)))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a sample: its class, its weight, the values.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        columns: dict[str, Any] = {"z": self.z, "weight": self.weights}
        columns.update((name, self._value(name)) for name in QUANTITIES)
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self.z), name="sample"))

    def top(self, atom: str = "synergy", n: int = 10) -> Any:
        """Return the samples with the highest values of one atom, as :meth:`to_frame` shows them.

        Parameters
        ----------
        atom : str
        n : int
            How many samples, the highest first.

        Raises
        ------
        ValueError
            For an unknown atom, `n` below one, and the synergy without posteriors of both sources.
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        check_choice("atom", atom, ATOMS)
        if np.isnan(self._value(atom)).all():
            raise ValueError("the synergy of samples takes posteriors_xy, which were not given")
        return self.to_frame().nlargest(check_positive_integer("n", n), atom)

    def plot(self, *, atoms: Any = None, ax: Any = None) -> Any:
        """Draw how the atoms are made up: :func:`fastpid.plot.pointwise`.

        By default all atoms that are known.
        """
        from fastpid.plot import pointwise

        known = [atom for atom in ATOMS if not np.isnan(self._value(atom)).all()]
        return pointwise(self, atoms=known if atoms is None else atoms, ax=ax)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.z)

    def __repr__(self) -> str:
        """Return a row for every atom: its average, that of the posteriors, and the range."""
        lines = [
            f"PointwiseSamples of {len(self)} samples ({self.unit})",
            f"  {'':<12}{'average':>12}{'posteriors':>12}{'least':>12}{'most':>12}",
        ]
        for name in ATOMS:
            values = self._value(name)
            if not np.isnan(values).all():
                averages = (self.average(name), getattr(self.decomposition, name))
                row = (*averages, float(values.min()), float(values.max()))
                lines.append(f"  {name:<12}" + "".join(f"{value:>12.4f}" for value in row))
        return "\n".join(lines)
