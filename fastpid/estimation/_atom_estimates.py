"""What estimates of the four atoms have in common, whatever they were made from."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any

from fastpid._base.atoms import HasAtoms
from fastpid._base.drawing import Drawing
from fastpid._base.quantities import ATOMS
from fastpid.estimation._estimates import Estimates
from fastpid.result import Decomposition


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AtomEstimates(HasAtoms[float], Estimates):
    """Atoms with their bias corrected, intervals and tests: what :class:`fastpid.Estimate` says."""

    decomposition: Decomposition[float]

    def _drawings(self) -> list[Drawing]:
        # The certified bracket is that of the plug-in value, which is not drawn.
        return [Drawing(self.unit, self.values, self.intervals, None, self._names())]

    def plot(self, *, kind: str = "dots", ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(self, kind=kind, ax=ax)

    def _plug_in(self, name: str) -> float:
        return float(getattr(self.decomposition, name))

    def _rows(self) -> list[tuple[str, str]]:
        return [*((atom, atom) for atom in ATOMS), ("mi_xy", "I(X,Y;Z)")]

    @abstractmethod
    def _names(self) -> tuple[str, str, str]:
        """Return what the sources and the target are called."""
