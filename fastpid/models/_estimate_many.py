"""The public estimate_many(): features of any number of views and a target, to atoms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Unit, roles_of
from fastpid._base.random import RNG, seed_sequence
from fastpid.estimation._estimate_many import Subsets
from fastpid.models._cross_fit import make_folds
from fastpid.models._estimate import Bias, Calibration, number, read_sources, runner
from fastpid.models._many_assembly import assemble_many, steps_of_many
from fastpid.models._many_result import ManyModelEstimate
from fastpid.models._wanted import check_wanted

_SUBSETS = ("all", "leave_one_out")
#: More sources than this have too many sets, each of which takes ten solves.
_MOST_FOR_ALL = 6


def estimate_many(
    sources: Any,
    z: Any,
    *,
    subsets: Subsets = "leave_one_out",
    model: Any = "auto",
    cv: Any = 5,
    groups: Any = None,
    z_bins: int | None = None,
    calibration: Calibration = "temperature",
    n_refits: int = 1,
    n_symbols: int | None = None,
    bias: Bias = "extrapolation",
    n_bootstrap: int = 100,
    n_permutations: int = 199,
    confidence_level: float = 0.95,
    tol: float = 2e-2,
    unit: Unit = "bits",
    threads: int | None = None,
    n_jobs: int | None = None,
    rng: RNG = None,
    progress: bool | None = None,
) -> ManyModelEstimate:
    """Estimate what features of any number of views say about a target: by models, without bins.

    As :func:`estimate` does of two, with a classifier for each view and one for all together. Their
    posteriors have a union information (:func:`fastpid.union_posteriors`): what all views say
    without synergy. What it loses without a view is that view's unique information against all the
    others, and what the joint classifier finds beyond it is the total synergy. For two sources the
    values are those of :func:`estimate`, as long as labels do not contradict the posteriors.

    Parameters
    ----------
    sources : sequence of array_like, shapes (n, features of each), or mapping of names to them
        Two views or more, as X and Y there.
    z : array_like, shape (n,)
        As there.
    subsets : {"leave_one_out", "all"}
        The sets whose union information is found: of all sources and of all but one, or every set
        (of at most 6 sources), which gives the coverage atoms (:class:`fastpid.ManyDecomposition`)
        as well. Of two and three sources these are the same sets.
    model
        As there; of several classifiers one for each source, and one for all together.
    cv, groups, z_bins, calibration, n_refits
        As there.
    n_symbols
        As for :func:`fastpid.union_posteriors`; by default fewer (see `tol`).
    bias : {"extrapolation", "none"}
        Whether the estimated excess of the union information of few samples is taken out, of every
        set by itself.
    n_bootstrap, n_permutations, confidence_level
        As there; permutations are of one test for each source, one for each pair in either order,
        and one for all given each.
    tol
        The largest accepted gap of every union information, in `unit`. A wider one is not warned
        of: intervals are wider by it. Three sources of 5 classes have no more than some 45
        clusters of posteriors each, four about 18, so that gaps are wider than of two.
    unit, threads, n_jobs, rng, progress
        As there.

    Returns
    -------
    ManyModelEstimate

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`estimate` does; for fewer than two sources, for one array in their place, and for
        more than 6 under ``subsets="all"``.

    Warns
    -----
    CalibrationWarning
        If posteriors claim another information than labels confirm.

    Notes
    -----
    There are no atoms of single samples, and no learning curve, of more than two sources. Whether a
    source is unique is tested pair by pair, against what each other source says alone: it may be
    unique although others determine it together, as :func:`fastpid.estimate_many` explains.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bits = rng.integers(0, 2, (3, 600))
    >>> views = [3.0 * bit[:, None] + rng.normal(size=(600, 4)) for bit in bits]
    >>> z = bits[0] + 2 * bits[1]
    >>> e = fastpid.models.estimate_many(views, z, model="linear", n_bootstrap=20, rng=0)
    >>> bool(min(e.unique[:2]) > 0.8), bool(e.unique[2] < 0.05)
    (True, True)
    """
    wanted = check_wanted(
        *(calibration, bias, n_symbols, n_bootstrap, n_permutations, confidence_level),
        *(tol, unit, threads),
    )
    count = check_positive_integer("n_refits", n_refits)
    names, named = read_names("sources", sources)
    check_subsets(subsets, len(names))
    given = read_sources(named, z, z_bins, groups, model)
    seed = seed_sequence(rng)
    seeds = seed.spawn(count)
    folds = [make_folds(cv, given.target, given.groups, number(each)) for each in seeds]
    total = given.count_fits(folds) + steps_of_many(wanted, given.groups, len(names))
    labels = [f"the posteriors of {name}" for name in (*named, "all sources")]
    with progress_bar(progress, total, "fitting and resampling", "steps") as advance:
        run = runner(given, n_jobs, advance)
        models, fitted = given.cross_fit(folds, seeds, wanted.calibration, run)
        return assemble_many(
            list(zip(fitted, folds, strict=True)),
            *(labels, names, given.target, given.groups, models, subsets, wanted, seed, advance),
        )


def read_names(what: str, sources: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what sources are called, and what is given of each by what errors call it.

    Raises
    ------
    TypeError
        For what is neither a sequence of arrays nor a mapping.
    ValueError
        For fewer than two.
    """
    if isinstance(sources, Mapping):
        names = tuple(map(str, sources))
        named = {f"{what}[{key!r}]": each for key, each in sources.items()}
    elif isinstance(sources, (list, tuple)):
        names = roles_of(len(sources))[:-1]
        named = {f"{what}[{i}]": each for i, each in enumerate(sources)}
    else:
        shape = getattr(sources, "shape", None)
        remedy = f"; pass list({what}) if its first axis is the sources" if shape else ""
        raise TypeError(
            f"{what} must be a list of arrays (samples, ...), one a source, or a mapping of names "
            f"to them; got {type(sources).__name__}{remedy}"
        )
    if len(named) < 2:
        raise ValueError(f"{what} holds {len(named)} source(s); pass two or more")
    return names, named


def check_subsets(subsets: Any, n_sources: int) -> None:
    """Refuse unknown words, and more sources than all sets are found of."""
    if check_choice("subsets", subsets, _SUBSETS) == "all" and n_sources > _MOST_FOR_ALL:
        raise ValueError(
            f'subsets="all" of {n_sources} sources would be {2**n_sources - 1} sets (at most '
            f'{_MOST_FOR_ALL} sources); pass subsets="leave_one_out"'
        )
