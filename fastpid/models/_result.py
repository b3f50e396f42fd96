"""What an estimate from models is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.atoms import HasAtoms
from fastpid._base.drawing import Drawing
from fastpid._base.quantities import ATOMS
from fastpid._posteriors import PointwiseSamples, pointwise_posteriors
from fastpid.models._estimates import ModelEstimates
from fastpid.result import Decomposition


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ModelEstimate(HasAtoms[float], ModelEstimates):
    """What posteriors of models say about a target, and how far that can be trusted.

    It is about the models: what they did not learn is missing from all values. The face is that of
    :class:`fastpid.Estimate`. Estimates pickle and compare.

    Attributes
    ----------
    posteriors : tuple of three ndarrays (n, nz)
        Of x, y and both, calibrated, in the order of the samples; of several refits the first.
    codes : ndarray of int (n,)
        The class of every sample, a place in `classes`.
    classes : tuple
        What the classes are: labels, or intervals of a continuous target.
    decomposition : Decomposition
        The certified decomposition of the posteriors as they are (of the first refit). Its `mi_xy`
        and `synergy` are NaN, since the joint model is no part of what is certified.
    models : tuple of three str
        The classifiers of x, y and both; empty for posteriors that were handed in.
    calibration : str
        How posteriors were calibrated.
    bias : str
        How the union information of the sample was corrected.
    excess : float
        What was taken out of the union information for it, which stays as large as I(X; Z) and
        I(Y; Z).
    used : dict of str to str
        By information: "posteriors" if it is the one that posteriors claim, or "cross_entropy" if
        it is the one that labels confirm, because they contradict the claim.
    cross_entropy : dict of str to float
        By information, H(Z) less the cross-entropy of labels: a lower bound, up to the errors of
        its samples.
    plug_in : dict of str to float
        What posteriors claim, nothing corrected.
    corrected : dict of str to float
        Atoms, mutual information and union information as they are believed: of the informations
        that are used, the excess taken out, averaged over refits. They add up, and may be negative.
    values : dict of str to float
        The same within 0 and H(Z). The atoms are attributes, too.
    confidence_level : float
        What the intervals are meant to cover.
    intervals, raw_intervals : dict of str to (float, float)
        Of `values` and of `corrected`: errors over samples and refits, half of the certified gap,
        and the excess once more to the side it may be larger on. What models did not learn is not
        in them. Empty without a bootstrap.
    p_values : dict of str to float
        By atom; empty without a bootstrap.
    null_p_values : dict of str to float
        Of permutations: "x" and "y" (the source says something), "x given y" and "y given x" (it
        says something beyond the other one). Empty if nothing was permuted.
    draws : dict of str to ndarray
        The corrected values of all resamples.
    refits : dict of str to ndarray
        The corrected values of every refit.
    seed : dict
        What all draws came from: ``rng=numpy.random.SeedSequence(**seed)`` repeats them.
    units : str
        What was resampled: "samples" or "groups".
    n_units : int
        How many of them there are.
    unit : str
        "bits" or "nats", of every number.
    """

    posteriors: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    decomposition: Decomposition[float]
    excess: float

    def pointwise(self, *, tol: float = 1e-2) -> PointwiseSamples:
        """Return what every sample contributes to the atoms, from its posteriors and its label.

        Those of the posteriors as they are, of several refits the first: nothing is corrected for
        bias, which has no sample. :func:`fastpid.pointwise_posteriors` has the rest.

        Parameters
        ----------
        tol : float
            The largest accepted gap of the decomposition behind them, in `unit`.

        Raises
        ------
        ValueError
            For posteriors that hold the class of a sample impossible.
        """
        symbols = (self.decomposition.details[f"n_symbols_{source}"] for source in "xy")
        x, y, xy = self.posteriors
        return pointwise_posteriors(
            *(x, y, self.codes),
            posteriors_xy=xy,
            p_z=np.bincount(self.codes, minlength=len(self.classes)) / len(self.codes),
            n_symbols=max(symbols),
            tol=tol,
            unit=self.decomposition.unit,
        )

    def _drawings(self) -> list[Drawing]:
        return [Drawing(self.unit, self.values, self.intervals, None)]

    def plot(self, *, kind: str = "dots", ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(self, kind=kind, ax=ax)

    def _solved(self) -> dict[str, Any]:
        return {"decomposition": self.decomposition.to_dict(), "excess": self.excess}

    def _rows(self) -> list[tuple[str, str]]:
        words = {"mi_x": "I(X;Z)", "mi_y": "I(Y;Z)", "mi_xy": "I(X,Y;Z)"}
        return [*((atom, atom) for atom in ATOMS), *words.items()]

    def _excess(self) -> float:
        return self.excess
