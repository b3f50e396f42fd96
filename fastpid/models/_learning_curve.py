"""Whether more data is worth it: estimates from models that saw a part of the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_number
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import ATOMS, QUANTITIES, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid.models._assembly import assemble
from fastpid.models._cross_fit import Posteriors, make_folds, out_of_fold
from fastpid.models._estimate import Calibration, number, read, runner
from fastpid.models._informations import MI
from fastpid.models._wanted import check_wanted

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(Comparable, Shown):
    """Estimates from models that were fitted to a part of the samples each.

    Attributes
    ----------
    n_train : ndarray of int (n_shares,)
        How many samples the models of a fold saw, on average.
    corrected : dict of str to ndarray (n_shares,)
        Atoms, informations and union information, as :attr:`ModelEstimate.corrected`.
    cross_entropy : dict of str to ndarray (n_shares,)
        What labels confirm of the informations.
    models : tuple of three str
        The classifiers of x, y and both.
    unit : str
        "bits" or "nats".
    """

    n_train: NDArray[np.intp]
    corrected: Mapping[str, Floats]
    cross_entropy: Mapping[str, Floats]
    models: tuple[str, ...]
    unit: str

    @property
    def last_gain(self) -> dict[str, float]:
        """What labels confirm more of each information by the last increase of the samples.

        Where it is not small, more samples, or a better model, will find more.
        """
        return {name: float(values[-1] - values[-2]) for name, values in self.cross_entropy.items()}

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row for each number of samples.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        columns = dict(self.corrected)
        columns |= {f"{name}_cross_entropy": v for name, v in self.cross_entropy.items()}
        return pd.DataFrame(columns, index=pd.Index(self.n_train, name="n_train"))

    def plot(self, *, ax: Any = None) -> Any:
        """Draw it: :func:`fastpid.plot.learning_curve`."""
        from fastpid.plot import learning_curve

        return learning_curve(self, ax=ax)

    def __repr__(self) -> str:
        """Return a table: a row for each number of samples."""
        names = (*ATOMS, "I(X;Z)", "I(Y;Z)", "I(X,Y;Z)")
        lines = [
            f"LearningCurve of {', '.join(self.models)} ({self.unit}); informations of labels",
            f"  {'samples':>8}" + "".join(f"{name:>12}" for name in names),
        ]
        for i, n in enumerate(self.n_train.tolist()):
            row = [*(self.corrected[a][i] for a in ATOMS), *(self.cross_entropy[m][i] for m in MI)]
            lines.append(f"  {n:>8}" + "".join(f"{value:>12.4f}" for value in row))
        return "\n".join(lines)


def learning_curve(
    X: Any,  # noqa: N803
    Y: Any,  # noqa: N803
    z: Any,
    *,
    shares: Sequence[float] = (0.25, 0.5, 1.0),
    model: Any = "auto",
    cv: Any = 5,
    groups: Any = None,
    z_bins: int | None = None,
    calibration: Calibration = "temperature",
    n_symbols: int | None = None,
    tol: float = 2e-2,
    unit: Unit = "bits",
    threads: int | None = None,
    n_jobs: int | None = None,
    rng: RNG = None,
    progress: bool | None = None,
) -> LearningCurve:
    """Estimate with models that saw a part of their samples, to see whether more is worth it.

    All samples are predicted and decomposed each time; only what models are fitted to grows. The
    same classifiers are used for all shares: those chosen for all samples.

    Parameters
    ----------
    X, Y, z
        As for :func:`estimate`.
    shares : sequence of float
        Which shares of the samples of a fit are used, two or more, rising, up to 1.
    model, cv, groups, z_bins, calibration, n_symbols, tol, unit, threads, n_jobs, rng, progress
        As for :func:`estimate`.

    Returns
    -------
    LearningCurve

    Raises
    ------
    ValueError
        For shares that are not as said; as :func:`estimate`.
    TypeError, ImportError
        As :func:`estimate`.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.integers(0, 2, 600)
    >>> X = 0.3 * z[:, None] + rng.normal(size=(600, 20))
    >>> curve = fastpid.models.learning_curve(X, X[:, :3], z, model="linear", rng=0)
    >>> curve.n_train.tolist(), curve.last_gain["mi_x"] > 0
    ([120, 240, 480], True)
    """
    wanted = check_wanted(calibration, "extrapolation", n_symbols, 0, 0, 0.95, tol, unit, threads)
    parts = [check_number("shares", share, 1e-6, 1.0) for share in shares]
    if len(parts) < 2 or parts != sorted(set(parts)):
        raise ValueError(f"shares must be two or more, rising; got {shares!r}")
    given = read(X, Y, z, z_bins, groups, model)
    seed = seed_sequence(rng)
    (stream,) = seed.spawn(1)
    folds = make_folds(cv, given.target, given.groups, number(stream))
    n, n_folds = len(folds), int(folds.max()) + 1
    total = given.n_tried + 3 * n_folds * len(parts)
    with progress_bar(progress, total, "fitting", "fits") as advance:
        run = runner(given, n_jobs, advance)
        chosen = given.choose(folds, number(stream), run)
        names = tuple(recipe.name for recipe in chosen)
        found = []
        for share in parts:
            rows = out_of_fold(chosen, given.target, folds, calibration, share, stream, run)
            refit = [(Posteriors(*rows), folds)]
            found.append(
                assemble(refit, given.target, given.groups, names, wanted, seed, lambda done: None)
            )
    seen = [round(share * n * (n_folds - 1) / n_folds) for share in parts]
    return LearningCurve(
        np.array(seen),
        {name: np.array([e.corrected[name] for e in found]) for name in QUANTITIES},
        {name: np.array([e.cross_entropy[name] for e in found]) for name in MI},
        names,
        unit,
    )
