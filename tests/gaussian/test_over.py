"""Gaussian time courses: every time is an estimate, and tests are corrected for all of them."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fastpid
import fastpid.gaussian
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.course import AtomCourse

QUICK: Any = {"n_bootstrap": 30, "n_permutations": 39, "rng": 0, "progress": False}
RNG = np.random.default_rng(0)
N, T = 130, 6
X, Y = RNG.normal(size=(2, N, 2, T))
Z = RNG.normal(size=(N, 2))
# At times 2 and 3 the sources tell the target together, and neither alone.
Y[..., 2:4] = Z[..., None] - X[..., 2:4] + 0.5 * Y[..., 2:4]
ZT = RNG.normal(size=(N, 2, T)) + X
GROUPS = np.repeat(np.arange(26), 5)


def over(*given: Any, **options: Any) -> fastpid.gaussian.GaussianTimeCourse:
    return fastpid.gaussian.estimate_over(*given, **{**QUICK, **options})


@pytest.mark.parametrize(
    "how",
    [
        *({"bias": bias} for bias in ("exact", "qe", "none")),
        {"bias": "none", "groups": GROUPS},
        {"bias": "qe", "block_length": 5},
        {"copula": True},
    ],
)
def test_every_time_is_an_estimate(how: Any) -> None:
    """The same draws at each time, by the seed."""
    course = over(X, Y, Z[..., None], **how)
    assert course.dims == ("time",)
    for t in range(T):
        e = fastpid.gaussian.estimate(X[..., t], Y[..., t], Z, **QUICK, **how)
        assert np.allclose(course.covariance[t], e.covariance, rtol=1e-12, atol=1e-13)
        for name in QUANTITIES:
            assert abs(course.plug_in[name][t] - getattr(e.decomposition, name)) < 3e-9
            assert abs(course.corrected[name][t] - e.corrected[name]) < 1e-7
            low, high = (ends[t] for ends in course.intervals[name])
            assert np.allclose((low, high), e.intervals[name], atol=1e-6)
        for atom in ATOMS:
            assert abs(course.p_values[atom][t] - e.p_values[atom]) < 1e-6
            assert abs(course.null_means[atom][t] - e.null_means[atom]) < 1e-7
        assert course.may_be_tied[t] == e.may_be_tied
    assert course.null_of == e.null_of
    assert course.units == e.units.replace("samples", "trials")


def test_what_happens_is_found_when_it_happens() -> None:
    course = over(X, Y, Z[..., None], n_permutations=99, n_bootstrap=200)
    assert [(s.start, s.stop) for s in course.spans("synergy")] == [(2, 3)]
    assert [(s.start, s.stop) for s in course.spans("synergy", method="cluster")] == [(2, 3)]
    assert course.spans("redundancy") == []
    for atom in ATOMS:
        assert (course.p_max[atom] >= course.p_values[atom] - 1e-12).all()
        (low, high), (least, most) = course.intervals[atom], course.bands[atom]
        assert (most - least).sum() > (high - low).sum()


def test_lags_and_times_are_places_of_one_batch() -> None:
    course = over(X, Y, ZT, lags=[0, 2, -1])
    assert course.dims == ("lag", "time")
    assert course.coords["lag"].tolist() == [0, 2, -1]
    assert course.times.tolist() == [2, 3, 4]
    for lag in (0, 2, -1):
        at = np.arange(2, 5) - lag
        alone = over(X[..., at], Y[..., at], ZT[..., 2:5], times=[2, 3, 4])
        part = course.sel(lag=lag)
        assert part.dims == ("time",)
        for name in QUANTITIES:
            assert np.allclose(part.corrected[name], alone.corrected[name], atol=1e-9)
        for atom in ATOMS:
            assert np.allclose(part.p_values[atom], alone.p_values[atom], atol=1e-9)
            assert (part.p_max[atom] >= alone.p_max[atom] - 1e-9).all()  # one in three as many
        assert np.allclose(part.covariance, alone.covariance)


def test_blocks_of_places_and_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = over(X, Y, ZT, lags=[0, 1], threads=1)
    assert over(X, Y, ZT, lags=[0, 1], threads=2) == whole
    monkeypatch.setattr("fastpid.gaussian._over._PLACES_AT_A_TIME", 3)
    cut = over(X, Y, ZT, lags=[0, 1])
    for name in QUANTITIES:
        assert np.allclose(cut.corrected[name], whole.corrected[name], atol=1e-9)
        assert np.allclose(cut.bands[name], whole.bands[name], atol=1e-6)
    for atom in ATOMS:
        assert np.allclose(cut.p_max[atom], whole.p_max[atom], atol=1e-6)
        assert np.allclose(cut.p_cluster[atom], whole.p_cluster[atom], atol=1e-6)


def test_false_discoveries_over_all_times_are_as_few_as_the_level() -> None:
    found = {"max": 0, "cluster": 0}
    for seed in range(60):
        x, y, z = np.random.default_rng(seed).normal(size=(3, 60, 12))
        x = np.cumsum(x, axis=1)  # times that depend on one another
        course = fastpid.gaussian.estimate_over(
            x, y, z, atoms=["synergy"], ci="none", n_permutations=19, rng=seed, bias="none"
        )
        for method in found:
            found[method] += bool(course.spans("synergy", method=method))
    # Three of sixty are expected at most; nine have a probability of 0.3%.
    assert max(found.values()) < 9


def test_what_does_not_change_needs_no_times() -> None:
    one = over(X, Y[:, 0], Z[:, 0])
    assert one.sizes == (2, 1, 1)
    assert one == over(X, Y[:, :1], Z[:, :1, None])
    assert one.columns == (("x[0]", "x[1]"), ("y",), ("z",))
    swapped = over(Z[..., None], Y, X)
    assert swapped.sizes == (2, 2, 2)


def test_labelled_arrays_say_what_their_axes_are() -> None:
    plain = over(X, Y, Z[..., None], times=np.arange(T) / 10)
    epochs = SimpleNamespace(
        get_data=lambda: X, ch_names=["Fz", "Cz"], times=np.arange(T) / 10, events=None
    )
    course = over(epochs, Y, Z[..., None])
    assert course.columns[0] == ("Fz", "Cz")
    assert np.allclose(course.times, plain.times)
    assert np.allclose(course.corrected["synergy"], plain.corrected["synergy"])
    xr = pytest.importorskip("xarray")
    array = xr.DataArray(
        np.moveaxis(X, 0, 1),
        dims=("sensor", "trial", "time"),
        coords={"sensor": ["Fz", "Cz"], "time": np.arange(T) / 10},
        name="eeg",
    )
    named = over(array, Y, Z[..., None])
    assert named.names[0] == "eeg"
    assert named.columns == course.columns
    assert np.allclose(named.corrected["synergy"], plain.corrected["synergy"])


def test_trials_that_miss_values_are_dropped_everywhere() -> None:
    holed = X.copy()
    holed[[3, 70], 0, [1, 4]] = np.nan
    keep = np.delete(np.arange(N), [3, 70])
    course = over(holed, Y, Z[..., None], missing="drop")
    assert course.n_dropped == 2
    assert course.n_trials == N - 2
    fine = over(X[keep], Y[keep], Z[keep][..., None])
    assert np.allclose(course.corrected["synergy"], fine.corrected["synergy"])
    masked = over(np.ma.masked_invalid(holed), Y, Z[..., None], missing="drop")
    assert masked == course


def test_the_result_has_the_face_of_a_course() -> None:
    course = over(X, Y, Z[..., None])
    assert isinstance(course, AtomCourse)
    assert pickle.loads(pickle.dumps(course)) == course
    assert "GaussianTimeCourse of 130 trials, 6 times, 2 + 2 + 2 columns" in repr(course)
    assert course.is_sufficient.all()
    assert (course.synergy == course.values["synergy"]).all()
    assert course.adjusted("synergy", "holm").shape == (T,)
    pytest.importorskip("pandas")
    assert course.to_frame().loc[2, "synergy"] == course.synergy[2]
    pytest.importorskip("xarray")
    assert course.to_xarray()["synergy_p_max"].dims == ("time",)
    pytest.importorskip("matplotlib")
    assert course.plot() is not None


FLAT = np.where(np.arange(T) == 4, 1.0, X)
TWICE = X.copy()
TWICE[:, 1, 4] = -2.0 * TWICE[:, 0, 4]
SUM = np.stack([X[:, 0, 3] + Y[:, 1, 3], Z[:, 1]], axis=1)[..., None]


@pytest.mark.parametrize(
    ("args", "options", "error", "words"),
    [
        ((X, Y, Z[..., None], 1), {}, TypeError, "positional"),
        ((X[:, 0, 0], Y[:, 0, 0], Z[:, 0]), {}, ValueError, r"use fastpid.gaussian.estimate\("),
        ((X, Y[:90], Z[..., None]), {}, ValueError, "numbers of trials differ"),
        ((X, Y[..., :4], Z[..., None]), {}, ValueError, "numbers of times differ"),
        ((X, Y, Z[:, 0]), {"lags": 1}, ValueError, "needs a target that changes over time"),
        ((X, Y, ZT), {"lags": 6}, ValueError, "leave none of 6 times"),
        ((X, Y, ZT), {"times": [1, 2]}, ValueError, "one entry for each of 6 times"),
        ((FLAT, Y, ZT), {}, ValueError, r"x: column x\[0\] is 1 in every trial at time 4"),
        ((TWICE, Y, ZT), {}, ValueError, "x at time 4: columns repeat one another"),
        ((TWICE, Y, ZT), {"lags": [0, 1]}, ValueError, "x at time 4, lag 0: columns repeat"),
        ((X, Y, SUM), {}, ValueError, "at time 3: X and Y together determine.*infinite"),
        ((np.where(X > 2.5, np.nan, X), Y, ZT), {}, ValueError, "x misses values in .* trials"),
        ((np.where(X > 2.5, np.inf, X), Y, ZT), {}, ValueError, "x is infinite in trial"),
        ((X * np.nan, Y, ZT), {"missing": "drop"}, ValueError, "leaves no trial"),
        ((X, Y, ZT), {"missing": "category"}, ValueError, "missing must be one of raise, drop"),
        ((X, Y, np.array(["a", "b"] * 65)), {}, TypeError, "z must hold numbers; got string"),
        ((X.astype(str), Y, ZT), {}, TypeError, "x must be a real-valued"),
        ((X[:15], Y[:15], ZT[:15]), {}, ValueError, "15 samples of 2 .* at least 20"),
        ((X, Y, ZT), {"groups": GROUPS}, ValueError, 'bias="exact" counts independent'),
        ((X, Y, ZT), {"bias": "jackknife"}, ValueError, "bias must be one of exact, qe, none"),
        ((X, Y, ZT), {"atoms": ["mi_x"]}, ValueError, "atoms must be one of"),
        ((X, Y, ZT), {"copula": None}, TypeError, "copula must be True or False"),
    ],
)
def test_bad_input_is_refused(args: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        over(*args, **options)


def test_what_is_warned_of() -> None:
    counts = RNG.poisson(3.0, (N, 1, T))
    with pytest.warns(UserWarning, match="x: column x has .* different integers"):
        over(counts, Y, ZT, ci="none", n_permutations=0)
    with pytest.warns(fastpid.UndersampledWarning, match="100 samples of 6 columns"):
        few = over(X[:100], Y[:100], ZT[:100], ci="none", n_permutations=0)
    assert not few.is_sufficient.any()
    assert not few.may_be_tied.any()
    assert "too few trials at 6 of 6" in repr(few)
