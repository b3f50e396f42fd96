"""The public decompose_posteriors(): every sample a symbol, or every cluster of them."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._posteriors._bias import check_parts, excess
from fastpid._posteriors._read import read_pair
from fastpid._posteriors._symbols import choose_symbols
from fastpid._solve.marginals import know_mi_xy
from fastpid._solve.options import check_options
from fastpid.result import Decomposition


def decompose_posteriors(
    posteriors_x: ArrayLike,
    posteriors_y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    p_z: ArrayLike | None = None,
    mi_xy: float | None = None,
    n_symbols: int | None = None,
    bias: Literal["none", "extrapolation"] = "none",
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
    trained on, which :func:`fastpid.models.estimate` makes of features, and corrects the bias.
    :func:`fastpid.joint.from_predictions` asks another question: what the predicted classes say.

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
        default every sample is a symbol up to 2,000 samples; beyond, as few clusters as `tol`
        allows, from 50 to 3,500.
    bias : {"none", "extrapolation"}
        "extrapolation" estimates, from quarters of the samples, by how much the union information
        is too large: ``details["bias"]``. It is left to the caller to take it off: the result is
        that of the samples, with their certificate.
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
        the total variation by which the means were off p(z), and `bias` if it was asked for. The
        coupling and the potentials are those of the symbols.

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
    2,000 samples by some 0.1 bit, with 5 by a third of that). Redundancy is then as much too small.
    ``bias="extrapolation"`` finds most of it, at the cost of nine more solves, one of them as large
    (where there are more than 500 clusters, of ten with a codebook of 500).

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
    check_choice("bias", bias, ("none", "extrapolation"))
    random = np.random.default_rng(seed_sequence(rng))
    sources, target = read_pair(posteriors_x, posteriors_y, weights, p_z)
    if bias == "extrapolation":
        check_parts(sources)
    symbols = choose_symbols(sources, options.tol, wanted, random)
    solved = symbols.solve(options)
    details = symbols.details(sources, options.scale)
    if bias == "extrapolation":
        terms = solved.terms
        mi_x, mi_y, union = (
            float(np.ravel(term)[0]) for term in (terms.mi_x, terms.mi_y, terms.union_information)
        )
        found = excess(sources, target, symbols.centres, (mi_x, mi_y), union, options, random)
        details["bias"] = found * options.scale
    if symbols.centres is not None:
        solved.widen(symbols.bracket(solved.terms), options)
    if mi_xy is not None:
        know_mi_xy(solved, mi_xy)
    solved.report("fastpid")
    return dataclasses.replace(solved.result(), details=details)
