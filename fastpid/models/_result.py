"""What an estimate from models is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.atoms import HasAtoms
from fastpid._base.compare import Comparable
from fastpid._base.drawing import Drawing
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid._posteriors import PointwiseSamples, pointwise_posteriors
from fastpid.result import Decomposition

Arrays = Mapping[str, NDArray[np.float64]]


def standard_errors(draws: Arrays, refits: Arrays) -> dict[str, float]:
    """Return the standard deviation over resamples, and over the mean of refits, of every value."""
    between = {n: r.var(ddof=1) / len(r) if len(r) > 1 else 0.0 for n, r in refits.items()}
    return {n: float(np.sqrt(drawn.var(ddof=1) + between[n])) for n, drawn in draws.items()}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ModelEstimate(HasAtoms[float], Comparable, Shown):
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
    codes: NDArray[np.intp]
    classes: tuple[Any, ...]
    decomposition: Decomposition[float]
    models: tuple[str, ...]
    calibration: str
    bias: str
    excess: float
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

    def to_dict(self) -> dict[str, Any]:
        """Return everything but posteriors, classes of samples and draws as plain Python values."""
        return {
            "unit": self.unit,
            "n_samples": len(self.codes),
            "classes": [c if isinstance(c, (int, float, str)) else repr(c) for c in self.classes],
            "decomposition": self.decomposition.to_dict(),
            "models": list(self.models),
            "calibration": self.calibration,
            "bias": self.bias,
            "excess": self.excess,
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
            for name in QUANTITIES
        ]
        return pd.DataFrame(rows, index=pd.Index(QUANTITIES, name="quantity"))

    def _drawings(self) -> list[Drawing]:
        return [Drawing(self.unit, self.values, self.intervals, None)]

    def plot(self, *, kind: str = "dots", ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(self, kind=kind, ax=ax)

    def __repr__(self) -> str:
        """Return a table of atoms and informations."""
        head = f"  {'':<12}{'posteriors':>12}{'labels':>10}{'value':>10}"
        if self.intervals:
            head += f"{f'{self.confidence_level:.0%} interval':>22}{'p':>9}"
        title = f"ModelEstimate from {len(self.codes)} samples of {len(self.classes)} classes"
        lines = [f"{title} ({self.unit})", head]
        words = {"mi_x": "I(X;Z)", "mi_y": "I(Y;Z)", "mi_xy": "I(X,Y;Z)"}
        for name in (*ATOMS, *words):
            labels = f"{self.cross_entropy[name]:.4f}" if name in words else ""
            line = f"  {words.get(name, name):<12}{self.plug_in[name]:>12.4f}{labels:>10}"
            line += f"{self.values[name]:>10.4f}"
            if self.intervals:
                low, high = self.intervals[name]
                line += f"{f'[{low:.4f}, {high:.4f}]':>22}"
            if name in self.p_values:
                line += f"{self.p_values[name]:>9.3g}"
            lines.append(line)
        used = "posteriors" if set(self.used.values()) == {"posteriors"} else "labels"
        about = [f"informations: of {used}", f"calibration: {self.calibration}"]
        about += [f"excess taken out: {self.excess:.4f}"] if self.bias != "none" else []
        about += [f"models: {', '.join(self.models)}"] if self.models else []
        lines.append(f"  {'; '.join(about)}")
        return "\n".join(lines)
