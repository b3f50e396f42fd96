"""The public decompose_posteriors(): every sample a symbol, or every cluster of them."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.checks import (
    check_positive_integer,
    check_real_array,
    check_rows,
)
from fastpid._base.quantities import MASS_TOLERANCE, Method, OnFailure, Terms, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._posteriors._clusters import assign, codebook, sums_of
from fastpid._posteriors._rake import rake
from fastpid._solve.marginals import GivenMarginals, know_mi_xy
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.solve import Solved, solve
from fastpid.result import Decomposition

Floats = NDArray[np.float64]

#: Up to so many samples of a source, every sample is a symbol unless `n_symbols` says otherwise.
MOST_EXACT = 2000
#: Sizes of codebooks that are tried one after the other.
SIZES = (50, 100, 200, 400, 800, 1600)
#: The largest distance, in total variation, of a source's mean posterior from p(z).
MOST_RAKED = 0.1


class Source(NamedTuple):
    """The posteriors of one source, with the p(z) of both."""

    rows: Floats  # (n, nz)
    weights: Floats  # (n,), which sum to one
    distance: float  # of their mean, as they came, from p(z)

    def information(self) -> float:
        """Return I(X; Z) in nats."""
        rows = self.weights @ _sums_p_log_p(self.rows)
        return float(rows - _sums_p_log_p(self.weights @ self.rows))

    def marginal(self, centres: Floats | None) -> Floats:
        """Return p(x, z), a symbol being a sample, or a cluster that is not empty."""
        if centres is None:
            return self.rows * self.weights[:, None]
        labels = assign(self.rows, centres)
        sums, mass = sums_of(self.rows, self.weights, labels, len(centres))
        return sums[mass > 0.0]


def decompose_posteriors(
    posteriors_x: ArrayLike,
    posteriors_y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    p_z: ArrayLike | None = None,
    mi_xy: float | None = None,
    n_symbols: int | None = None,
    method: Method = "auto",
    tol: float = 1e-2,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = 0,
    on_failure: OnFailure = "warn",
) -> Decomposition[float]:
    """Decompose what two sources of any kind say about a class, from posteriors of samples.

    X and Y may be anything - images, texts, spike trains - of which models say p(z | x) and
    p(z | y). With every sample a symbol, n posteriors are the marginal p(x, z) = p(z | x) / n, and
    two such marginals are all that a BROJA decomposition [1]_ needs but for the synergy
    (:func:`fastpid.decompose_marginals`): no binning, no joint table. Which samples of X and Y
    belong together does not matter, nor does their order.

    The question answered is that about the models: what their posteriors, taken for the truth, say
    redundantly and uniquely. It takes calibrated posteriors of samples that the models were not
    trained on. :func:`fastpid.joint.from_predictions` asks another one: what the predicted classes
    say.

    Parameters
    ----------
    posteriors_x : array_like, shape (n, nz)
        Rows p(z | x) of samples of X; each sums to one.
    posteriors_y : array_like, shape (m, nz)
        Rows p(z | y) of samples of Y, of the same population.
    weights : array_like (n,), optional
        How much each sample counts, in both sources, which then have as many. By default all alike.
    p_z : array_like (nz,), optional
        The classes' probabilities; by default the mean of all posteriors, both sources counting
        alike. Posteriors are tilted until their mean is this, as changed class frequencies would
        tilt them. Sources whose mean is further from it than 0.1 in total variation are refused.
    mi_xy : float, optional
        I(X, Y; Z) in `unit`, from elsewhere. It gives the synergy and nothing else; without it
        `mi_xy` and `synergy` are NaN.
    n_symbols : int, optional
        How many clusters of posteriors to make symbols of, one codebook for both sources. By
        default every sample is a symbol up to 2,000 samples; beyond, as few of 50, 100, 200 and so
        on to 1,600 clusters as `tol` allows.
    method, max_iter, threads, on_failure
        As for :func:`fastpid.decompose`.
    tol : float
        The largest accepted gap, in `unit`, what clustering loses included.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed of the clusters.

    Returns
    -------
    Decomposition
        Its bracket contains the union information of all samples as symbols: of clusters X' and Y'

            union(X', Y') <= union(X, Y) <= union(X', Y') + lost_x + lost_y,

        where ``lost_x = I(X; Z) - I(X'; Z)``. `mi_x` and `mi_y` are those of all samples. `details`
        has `lost_x` and `lost_y` in `unit`, `n_symbols_x`, `n_symbols_y`, and `raked_x`, `raked_y`:
        the total variation by which the means were off p(z). The coupling and the potentials are
        those of the symbols.

    Raises
    ------
    ValueError
        For rows that do not sum to one (logits, for example), different numbers of classes, weights
        that are no weights, posteriors whose mean is far from p(z) or that cannot be tilted to it,
        with the class; as :func:`fastpid.decompose_marginals` does.
    TypeError
        As :func:`fastpid.decompose_marginals`; for torch tensors.

    Warns
    -----
    ConvergenceWarning
        If the gap stays above `tol`.

    Notes
    -----
    Few samples say too much: the union information of a sample of posteriors is too large on
    average, since it is convex in them, most where both sources say the same (with 10 classes and
    2,000 samples by some 0.1 bit, with 5 by half as much). Redundancy is then as much too small.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.dirichlet([0.3, 0.3, 0.3], 500), rng.dirichlet([3, 3, 3], 500)
    >>> d = fastpid.decompose_posteriors(x, y)
    >>> bool(d.unique_x > 10 * d.unique_y), d.details["n_symbols_x"]
    (True, 500)
    """
    options = check_options(method, tol, max_iter, unit, threads, False, on_failure)
    wanted = None if n_symbols is None else check_positive_integer("n_symbols", n_symbols)
    random = np.random.default_rng(seed_sequence(rng))
    sources = _read(posteriors_x, posteriors_y, weights, p_z)
    solved, details = _solve(sources, options, wanted, random)
    if mi_xy is not None:
        know_mi_xy(solved, mi_xy)
    solved.report("fastpid")
    return dataclasses.replace(solved.result(), details=details)


def _read(posteriors_x: Any, posteriors_y: Any, weights: Any, p_z: Any) -> list[Source]:
    named = {"posteriors_x": posteriors_x, "posteriors_y": posteriors_y}
    rows = {name: _check_posteriors(name, value) for name, value in named.items()}
    x, y = rows.values()
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"posteriors_x has {x.shape[1]} classes and posteriors_y has {y.shape[1]}; both must "
            "be posteriors of the same target"
        )
    if weights is None:
        weighed = [np.full(len(part), 1.0 / len(part)) for part in (x, y)]
    else:
        weighed = [_check_weights(weights, x, y)] * 2
    means = [w @ part for w, part in zip(weighed, (x, y), strict=True)]
    target = 0.5 * (means[0] + means[1]) if p_z is None else _check_target(p_z, x.shape[1])
    target = target / target.sum()
    sources = []
    for (name, part), w, mean in zip(rows.items(), weighed, means, strict=True):
        distance = 0.5 * float(np.abs(mean / mean.sum() - target).sum())
        if distance > MOST_RAKED:
            z = int(np.abs(mean - target).argmax())
            raise ValueError(
                f"the mean of {name} is {distance:.3g} from p(z) in total variation, more than "
                f"{MOST_RAKED:g}: class {z} has {mean[z]:.4g} on average and p(z={z}) = "
                f"{target[z]:.4g}; pass calibrated posteriors of samples of one population, or the "
                "right p_z"
            )
        sources.append(Source(rake(name, part, w, target), w, distance))
    return sources


def _check_posteriors(name: str, value: Any) -> Floats:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is a torch tensor; pass {name}.detach().cpu().numpy()")
    array = check_real_array(value, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (n, nz), a row for every sample; got shape {array.shape}"
        )
    rows = np.asarray(array, dtype=np.float64)
    check_rows(name, rows, "not logits, whose softmax is to be taken first", array.dtype)
    return rows


def _check_weights(weights: Any, x: Floats, y: Floats) -> Floats:
    values = check_real_array(weights, "weights").astype(np.float64)
    if values.shape != (len(x),) or len(x) != len(y):
        raise ValueError(
            f"weights has shape {values.shape}, and there are {len(x)} samples of x and {len(y)} "
            "of y; pass one weight a sample, and as many samples of both"
        )
    if not (np.isfinite(values).all() and (values >= 0.0).all() and values.any()):
        raise ValueError("weights must be finite, not negative, and not all zero")
    total: float = values.sum()
    return values / total


def _check_target(p_z: Any, classes: int) -> Floats:
    values = check_real_array(p_z, "p_z").astype(np.float64)
    if values.shape != (classes,):
        raise ValueError(f"p_z has shape {values.shape}, and there are {classes} classes")
    if not ((values >= 0.0).all() and abs(float(values.sum()) - 1.0) <= MASS_TOLERANCE):
        raise ValueError(
            f"p_z must hold probabilities that sum to one; they sum to {values.sum():.8g}, the "
            f"least is {values.min():.4g}"
        )
    return values


def _solve(
    sources: list[Source],
    options: SolveOptions,
    n_symbols: int | None,
    rng: np.random.Generator,
) -> tuple[Solved, dict[str, Any]]:
    """Solve for symbols that are few enough, and take their bracket to that of all samples."""
    full = [source.information() for source in sources]
    most = max(len(source.rows) for source in sources)
    exact = most <= (MOST_EXACT if n_symbols is None else n_symbols)
    sizes: tuple[int | None, ...] = SIZES if n_symbols is None else (n_symbols,)
    if exact:
        sizes = (None,)
    for size in sizes:
        centres = None if size is None else _common_codebook(sources, size, rng)
        marginals = [source.marginal(centres) for source in sources]
        lost = [0.0, 0.0]
        if centres is not None:
            lost = [
                max(of_all - _information(marginal), 0.0)
                for of_all, marginal in zip(full, marginals, strict=True)
            ]
        if sum(lost) <= 0.5 * options.tol:
            break
    # Half of the tolerance is the clusters', where there are any.
    given = GivenMarginals(*marginals)
    solved = solve(given, options if exact else options._replace(tol=0.5 * options.tol))
    if not exact:
        terms = solved.terms
        lower = np.maximum(terms.lower, max(full))
        upper = np.minimum(terms.upper + sum(lost), sum(full))
        solved.widen(Terms(full[0], full[1], np.nan, lower, np.maximum(upper, lower)), options)
    details = {
        "n_symbols_x": len(marginals[0]),
        "n_symbols_y": len(marginals[1]),
        "lost_x": lost[0] * options.scale,
        "lost_y": lost[1] * options.scale,
        "raked_x": sources[0].distance,
        "raked_y": sources[1].distance,
    }
    return solved, details


def _common_codebook(sources: list[Source], size: int, rng: np.random.Generator) -> Floats:
    rows = np.concatenate([source.rows for source in sources])
    return codebook(rows, np.concatenate([source.weights for source in sources]), size, rng)


def _information(marginal: Floats) -> float:
    """Return the mutual information of p(x, z) in nats."""
    of_rows = _sums_p_log_p(marginal).sum() - _sums_p_log_p(marginal.sum(axis=1))
    return float(of_rows - _sums_p_log_p(marginal.sum(axis=0)))


def _sums_p_log_p(p: Floats) -> Floats:
    """Return sums of p log p along the last axis."""
    logs = np.log(p, out=np.zeros_like(p), where=p > 0.0)
    sums: Floats = np.einsum("...z,...z->...", p, logs)
    return sums
