"""The public estimate(): features of two views and a target, to atoms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_positive_integer
from fastpid._base.extras import import_extra
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid.models._assembly import assemble, steps
from fastpid.models._classifiers import Recipe, check_nan, read_models, recipes
from fastpid.models._cross_fit import (
    Job,
    Posteriors,
    choose,
    fit_and_predict,
    make_folds,
    out_of_fold,
)
from fastpid.models._read import Target, check_lengths, read_features, read_groups, read_target
from fastpid.models._result import ModelEstimate
from fastpid.models._wanted import check_wanted

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

Calibration = Literal["temperature", "isotonic", "none"]
Bias = Literal["extrapolation", "none"]


def estimate(
    X: Any,  # noqa: N803
    Y: Any,  # noqa: N803
    z: Any,
    *,
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
) -> ModelEstimate:
    """Estimate what features of two views say about a target: by models, without bins.

    Three classifiers learn p(z | x), p(z | y) and p(z | x, y), each sample's from the other folds.
    Their posteriors, calibrated on labels of other folds, are decomposed with samples as symbols
    (:func:`fastpid.decompose_posteriors`), and the joint classifier's give I(X, Y; Z) and so the
    synergy. Beside every information stands the lower bound that labels confirm. More than two
    views are for :func:`estimate_many`.

    Three estimands look alike. This one is what X and Y say, as far as models can learn it.
    :func:`fastpid.decompose_posteriors` takes posteriors for the truth, and corrects nothing.
    :func:`fastpid.joint.from_predictions` asks what the predicted classes say.

    Parameters
    ----------
    X, Y : array_like, shape (n, features of x) and (n, features of y)
        Numbers: tables of features, or embeddings. The same samples in the same order: another
        order cannot be seen, and turns the joint model's information into nothing.
    z : array_like, shape (n,)
        Labels of any kind; numbers with `z_bins`.
    model : {"auto", "linear", "network", "trees"}, classifier, or three of these
        "linear" is logistic regression of standardised features, "network" one of two layers with
        strong decay, "trees" gradient boosting, which takes NaN. "auto" takes the one with the
        least cross-entropy, for each of the three apart; trees are tried up to 32 features. A
        classifier is anything with scikit-learn's fit(), predict_proba() and get_params(); three
        are those of x, y and both, whose features stand side by side.
    cv : int, or a splitter with split(X, y, groups)
        How many folds, with the classes' shares (StratifiedKFold; with groups
        StratifiedGroupKFold).
    groups : array_like (n,), optional
        Samples that depend on one another, of a subject say. They are not divided by folds, and
        are resampled as wholes; labels are then not permuted.
    z_bins : int, optional
        Cuts a target of numbers into so many classes of equal counts.
    calibration : {"temperature", "isotonic", "none"}
        "temperature" fits a temperature and an offset for each class [1]_; "isotonic" needs
        thousands of samples. Calibrators are fitted to other folds than those they are used for;
        to what they give, a sample's worth of the classes' frequencies is added.
    n_refits : int
        So many times everything is fitted, with other folds and seeds; values are the averages,
        and what differs between fits goes into the intervals.
    n_symbols
        As for :func:`fastpid.decompose_posteriors`.
    bias : {"extrapolation", "none"}
        Whether the estimated excess of the union information of few samples is taken out.
    n_bootstrap : int
        Resamples of the samples, with the models as they are, for intervals and tests; or 0.
    n_permutations : int
        Permutations of labels for each of four tests, without new fits; or 0.
    confidence_level : float
        What intervals are meant to cover.
    tol : float
        The largest accepted gap of the union information, in `unit`. A wider one is not warned of:
        intervals are wider by it.
    unit : {"bits", "nats"}
        Unit of every number.
    threads : int, optional
        Threads of the decomposition.
    n_jobs : int, optional
        Processes that models are fitted in, as joblib counts them; by default one. A fit has one
        thread.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed of folds, models, resamples and permutations.
    progress : bool, optional
        A bar of fits and resamples; by default on a terminal.

    Returns
    -------
    ModelEstimate

    Raises
    ------
    ValueError
        For features or labels of other sizes, infinite features, NaN that a model does not take, a
        continuous target without `z_bins`, a class with fewer samples than folds or missing from
        the samples of some fit, a classifier that does not give a column for each class.
    TypeError
        For types that make no sense: a classifier without predict_proba, sparse features.
    ImportError
        If scikit-learn is not installed (``pip install fastpid[estimate]``).

    Warns
    -----
    CalibrationWarning
        If posteriors claim another information than labels confirm.

    References
    ----------
    .. [1] A. Alexandari, A. Kundaje, A. Shrikumar, "Maximum likelihood with bias-corrected
       calibration is hard-to-beat at label shift adaptation", ICML 2020.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.integers(0, 2, 600)
    >>> X = 1.5 * z[:, None] + rng.normal(size=(600, 5))
    >>> Y = rng.normal(size=(600, 5))
    >>> e = fastpid.models.estimate(X, Y, z, model="linear", rng=0)
    >>> e.unique_x > 0.6, e.p_values["unique_x"] < 0.01 < e.p_values["unique_y"]
    (True, True)
    """
    wanted = check_wanted(
        *(calibration, bias, n_symbols, n_bootstrap, n_permutations, confidence_level),
        *(tol, unit, threads),
    )
    count = check_positive_integer("n_refits", n_refits)
    given = read(X, Y, z, z_bins, groups, model)
    seed = seed_sequence(rng)
    seeds = seed.spawn(count)
    folds = [make_folds(cv, given.target, given.groups, number(each)) for each in seeds]
    total = given.count_fits(folds) + steps(wanted, given.groups)
    with progress_bar(progress, total, "fitting and resampling", "steps") as advance:
        run = runner(given, n_jobs, advance)
        names, fitted = given.cross_fit(folds, seeds, wanted.calibration, run)
        refits = [(Posteriors(*rows), each) for rows, each in zip(fitted, folds, strict=True)]
        return assemble(refits, given.target, given.groups, names, wanted, seed, advance)


class Given(NamedTuple):
    """What is handed in, checked."""

    features: tuple[NDArray[Any], ...]  # of each source and of all together
    target: Target
    groups: Labels | None
    candidates: list[list[Recipe]]  # for each of these

    def choose(
        self, folds: Labels, seed: int, run: Callable[[list[Job]], list[Floats]]
    ) -> list[Recipe]:
        """Return the recipes of each source and of all together."""
        return choose(self.candidates, self.target, self.groups, folds, seed, run)

    @property
    def n_tried(self) -> int:
        """How many fits choose() takes."""
        return sum(len(several) for several in self.candidates if len(several) > 1)

    def count_fits(self, folds: Sequence[Labels]) -> int:
        """Return how many fits cross_fit() takes."""
        return self.n_tried + sum(len(self.features) * (int(each.max()) + 1) for each in folds)

    def cross_fit(
        self,
        folds: Sequence[Labels],
        seeds: Sequence[np.random.SeedSequence],
        calibration: str,
        run: Callable[[list[Job]], list[Floats]],
    ) -> tuple[tuple[str, ...], list[list[Floats]]]:
        """Return what was chosen, and the calibrated posteriors of every refit, by source."""
        chosen = self.choose(folds[0], number(seeds[0]), run)
        fitted = [
            out_of_fold(chosen, self.target, each, calibration, 1.0, stream, run)
            for each, stream in zip(folds, seeds, strict=True)
        ]
        return tuple(recipe.name for recipe in chosen), fitted


def read(X: Any, Y: Any, z: Any, z_bins: int | None, groups: Any, model: Any) -> Given:  # noqa: N803
    """Check features, target, groups and models."""
    return read_sources({"X": X, "Y": Y}, z, z_bins, groups, model)


def read_sources(
    named: Mapping[str, Any], z: Any, z_bins: int | None, groups: Any, model: Any
) -> Given:
    """Check the features of sources, by what errors call them, target, groups and models."""
    target = read_target(z, z_bins)
    sources = {name: read_features(name, values) for name, values in named.items()}
    check_lengths(len(target.codes), "z", **sources)
    features = (*sources.values(), np.concatenate([*sources.values()], axis=1))
    candidates = [
        recipes(each, values.shape[1])
        for each, values in zip(read_models(model, len(sources)), features, strict=True)
    ]
    # Side by side they have NaN where the first that has some does.
    holes = [n for n, v in sources.items() if v.dtype.kind == "f" and np.isnan(v).any()]
    names = (*sources, holes[0] if holes else next(iter(sources)))
    for name, values, several in zip(names, features, candidates, strict=True):
        check_nan(name, values, several)
    return Given(features, target, read_groups(groups, len(target.codes)), candidates)


def runner(
    given: Given, n_jobs: int | None, advance: Callable[[int], object]
) -> Callable[[list[Job]], list[Floats]]:
    """Return what runs fits, one after the other or in processes."""
    joblib = import_extra("joblib", "fastpid.models")

    def run(jobs: list[Job]) -> list[Floats]:
        calls = (
            joblib.delayed(fit_and_predict)(job, given.features[job.source], given.target.codes)
            for job in jobs
        )
        found = []
        for rows in joblib.Parallel(n_jobs=n_jobs, return_as="generator")(calls):
            found.append(rows)
            advance(1)
        return found

    return run


def number(seed: np.random.SeedSequence) -> int:
    """Return a seed of 31 bits, as scikit-learn takes them."""
    return int(seed.generate_state(1)[0] >> 1)
