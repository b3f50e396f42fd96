"""estimate_over(): agreement with estimate() at each time, axes, corrections, and bad input."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

import fastpid
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.course._places import _PLACES_AT_A_TIME

QUICK = {"n_bootstrap": 30, "n_permutations": 39, "rng": 0, "progress": False}
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 3, (2, 120, 7))
Z = RNG.integers(0, 2, 120)
ZT = RNG.integers(0, 2, (120, 7))
# From time 3 to 5 the sources tell the target together, and neither alone.
SIGNAL = np.where(np.isin(np.arange(7), [3, 4, 5]), (X + Z[:, None]) % 3, Y)
GROUPS = np.repeat(np.arange(12), 10)


def over(*given: object, **options: object) -> fastpid.TimeCourse:
    return fastpid.estimate_over(*given, **{**QUICK, **options})


OF_GROUPS = ("qe", "jackknife", "shuffle", "none")


@pytest.mark.parametrize(
    ("bias", "how"),
    [
        *((bias, {}) for bias in (*OF_GROUPS, "miller_madow", "chao_shen")),
        *((bias, {"groups": GROUPS}) for bias in OF_GROUPS),
    ],
)
def test_every_time_is_an_estimate(bias: str, how: dict) -> None:
    """Values that are not drawn are those of estimate(); those that are, of the same law."""
    course = over(X, SIGNAL, Z, bias=bias, **how)
    drawn = bias in ("qe", "shuffle")
    for t in range(7):
        e = fastpid.estimate(X[:, t], SIGNAL[:, t], Z, bias=bias, **QUICK, **how)
        for name in QUANTITIES:
            assert course.plug_in[name][t] == pytest.approx(
                getattr(e.decomposition, name), abs=1e-8
            )
            assert course.corrected[name][t] == pytest.approx(
                e.corrected[name], abs=0.06 if drawn else 1e-5
            )
            low, high = (ends[t] for ends in course.intervals[name])
            assert low == pytest.approx(e.intervals[name][0], abs=0.12)
            assert high == pytest.approx(e.intervals[name][1], abs=0.12)
            assert low <= course.values[name][t] <= high
            assert course.bands[name][0][t] <= low + 1e-12
            assert course.bands[name][1][t] >= high - 1e-12
        for atom in ATOMS:
            assert course.p_values[atom][t] == pytest.approx(e.p_values[atom], abs=0.35)
    total = sum(course.corrected[atom] for atom in ATOMS)
    np.testing.assert_allclose(total, course.corrected["mi_xy"], atol=1e-9)


def test_of_groups_every_time_is_the_same_draw() -> None:
    """With groups, estimate() resamples as a course does: all but `left` agrees to the digit."""
    course = over(X, SIGNAL, Z, groups=GROUPS, tol=1e-9)
    for t in (0, 4):
        e = fastpid.estimate(X[:, t], SIGNAL[:, t], Z, groups=GROUPS, tol=1e-9, **QUICK)
        for name in QUANTITIES:
            assert course.corrected[name][t] == pytest.approx(e.corrected[name], abs=1e-7)
        for atom in ATOMS:
            assert course.null_means[atom][t] == pytest.approx(e.null_means[atom], abs=1e-7)
            assert course.p_values[atom][t] == pytest.approx(e.p_values[atom], abs=1e-6)


def test_blocks_of_places_and_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = over(X, SIGNAL, Z, threads=1)
    assert _PLACES_AT_A_TIME > 7
    monkeypatch.setattr("fastpid.course._places._PLACES_AT_A_TIME", 2)
    cut = over(X, SIGNAL, Z, threads=2, tol=None)
    for name in QUANTITIES:
        np.testing.assert_allclose(cut.corrected[name], whole.corrected[name], atol=2e-3)
    for atom in ATOMS:
        np.testing.assert_allclose(cut.p_max[atom], whole.p_max[atom], atol=0.03)
    assert over(X, SIGNAL, Z, threads=1) == over(X, SIGNAL, Z, threads=2)


def test_corrections_are_ordered_and_find_the_window() -> None:
    course = over(X, SIGNAL, Z, n_permutations=199)
    for atom in ATOMS:
        for method in ("bh", "by", "holm", "bonferroni"):
            assert (course.adjusted(atom, method) >= course.p_values[atom]).all()
    (span,) = course.spans("synergy", method="cluster")
    assert (span.start, span.stop) == (3, 5)
    assert [(s.start, s.stop) for s in course.spans("synergy")] == [(3, 5)]
    assert course.p_max["synergy"][[0, 1, 2, 6]].min() > 0.05


def test_channels_and_what_has_none() -> None:
    x3, y3 = np.stack([X, X[::-1]], axis=1), np.stack([SIGNAL, Y], axis=1)
    course = over(x3, y3, Z)
    assert course.dims == ("channel", "time")
    assert course.synergy.shape == (2, 7)
    first = course.sel(channel=0)
    alone = over(X, SIGNAL, Z)
    assert first.dims == ("time",)
    assert all((first.plug_in[n] == alone.plug_in[n]).all() for n in QUANTITIES)
    np.testing.assert_allclose(first.p_values["synergy"], alone.p_values["synergy"], atol=0.06)
    # A source without channels goes with each.
    shared = over(x3, Y, Z)
    assert (shared.sel(channel=0).plug_in["mi_x"] == alone.plug_in["mi_x"]).all()
    # A source that is a stimulus, and a target over time.
    stimulus = over(X[:, 0], Y, ZT)
    for t in range(7):
        d = fastpid.decompose(fastpid.joint.from_samples(X[:, 0], Y[:, t], ZT[:, t]))
        assert stimulus.plug_in["synergy"][t] == pytest.approx(d.synergy, abs=1e-8)
    assert {s.where["channel"] for s in course.spans("synergy")} == {0}


def test_lags_are_between_sources_and_target() -> None:
    course = over(X, Y, ZT, lags=[0, 2], atoms="synergy", ci="none")
    assert course.dims == ("lag", "time")
    assert course.times.tolist() == [2, 3, 4, 5, 6]
    for lag in (0, 2):
        row = course.sel(lag=lag)
        for k, t in enumerate(course.times):
            d = fastpid.decompose(
                fastpid.joint.from_samples(X[:, t - lag], Y[:, t - lag], ZT[:, t])
            )
            assert row.plug_in["synergy"][k] == pytest.approx(d.synergy, abs=1e-8)
    ahead = over(X, Y, ZT, lags=-1, atoms="synergy", ci="none")
    assert ahead.dims == ("time",)
    assert ahead.times.tolist() == [0, 1, 2, 3, 4, 5]


def test_bins_are_those_of_all_times() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 100, 5)) + np.arange(5)  # a drift: later values are larger
    z = rng.integers(0, 2, 100)
    course = over(x, y, z, bins=3, n_permutations=0, ci="none")
    edges = np.quantile(x, [1 / 3, 2 / 3])
    expected = np.stack([np.bincount(np.digitize(x[:, t], edges), minlength=3) for t in range(5)])
    assert (course.counts.sum(axis=(2, 3)) == expected).all()
    assert len(course.labels) == 1
    assert not course.p_values


def test_missing_values() -> None:
    x = X.astype(float)
    x[[3, 50], 2] = np.nan
    with pytest.raises(
        ValueError, match=r"x misses values in 2 of 120 trials \(3, 50\), at time step 2;"
    ):
        over(x, Y, Z)
    keep = np.ones(120, dtype=bool)
    keep[[3, 50]] = False
    course = over(x, Y, Z, missing="drop", groups=GROUPS)
    same = over(X[keep], Y[keep], Z[keep], groups=GROUPS[keep])
    assert course.n_dropped == 2
    assert course.n_trials == 118
    assert all((course.corrected[n] == same.corrected[n]).all() for n in QUANTITIES)
    assert over(x, Y, Z, missing="category").counts.shape[1] == 4
    masked = np.ma.masked_array(X, np.isnan(x))  # a mask is not forgotten
    assert over(masked, Y, Z, missing="drop", groups=GROUPS) == course
    with pytest.raises(ValueError, match="leaves no trial"):
        over(x * np.nan, Y, Z, missing="drop")


def test_xarray_and_mne() -> None:
    xr = pytest.importorskip("xarray")
    times = np.linspace(0.0, 0.6, 7)
    x = xr.DataArray(X.T, dims=("time", "trial"), coords={"time": times}, name="left")
    y = xr.DataArray(Y, dims=("trial", "time"), coords={"time": times}, name="right")
    z = xr.DataArray(Z, dims=("trial",), name="choice")
    course = over(x, y, z)
    assert course.names == ("left", "right", "choice")
    assert (course.times == times).all()
    plain = over(X, Y, Z)
    assert all((course.corrected[n] == plain.corrected[n]).all() for n in QUANTITIES)
    data = course.to_xarray()
    assert (data["synergy"].values == course.synergy).all()
    assert data["synergy"].dims == ("time",)
    with pytest.raises(ValueError, match=r"times of x .* and y .* differ"):
        over(x, y.assign_coords(time=times + 1), z)

    both = np.stack([X, Y], axis=1).astype(float)
    epochs = SimpleNamespace(get_data=lambda: both, times=times, ch_names=["C3", "C4"])
    course = over(epochs, Y, Z)
    assert course.dims == ("channel", "time")
    assert course.coords["channel"].tolist() == ["C3", "C4"]
    assert (course.sel(channel="C3").plug_in["mi_xy"] == plain.plug_in["mi_xy"]).all()
    raw = SimpleNamespace(get_data=lambda: both[0], times=times, ch_names=["C3", "C4"])
    with pytest.raises(ValueError, match="cut a recording into Epochs"):
        over(raw, Y, Z)


def test_frames_pickles_and_text() -> None:
    pytest.importorskip("pandas")
    course = over(np.stack([X, Y], axis=1), Y, Z, times=np.arange(7) / 10)
    frame = course.to_frame()
    assert frame.index.names == ["channel", "time"]
    assert frame.loc[(1, 0.3), "synergy"] == course.synergy[1, 3]
    assert frame.loc[(1, 0.3), "synergy_p_max"] == course.p_max["synergy"][1, 3]
    again = pickle.loads(pickle.dumps(course))
    assert again == course
    assert again != course.sel(channel=0)
    assert "120 trials, 2 channels x 7 times, 3 x 3 x 2 symbols (bits)" in repr(course)
    assert course._repr_html_().startswith("<pre>TimeCourse")
    nats = over(np.stack([X, Y], axis=1), Y, Z, unit="nats")
    np.testing.assert_allclose(
        nats.plug_in["synergy"] / np.log(2), course.plug_in["synergy"], atol=1e-8
    )


def test_a_plot_marks_what_is_significant() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    course = over(X, SIGNAL, Z, n_permutations=199)
    ax = course.plot(atoms=["synergy"], method="cluster")
    bars = [line for line in ax.lines if line.get_linewidth() == 4]
    assert [tuple(bar.get_xdata()) for bar in bars] == [(3, 5)]
    assert (bars[0].get_ydata() < 0).all()
    with pytest.raises(ValueError, match=r"2 channels; choose one with result.sel\(channel=...\)"):
        over(np.stack([X, Y], axis=1), Y, Z).plot()


def test_few_trials_are_said() -> None:
    x, y = RNG.integers(0, 8, (2, 40, 3))
    with pytest.warns(fastpid.UndersampledWarning, match="40 trials in 8 x 8 x 2 symbols cover"):
        course = over(x, y, Z[:40], ci="none", n_permutations=0)
    assert not course.is_sufficient.any()
    assert "too few trials at 3 of 3" in repr(course)


def test_tests_of_one_atom_are_those_of_all() -> None:
    some = over(X, SIGNAL, Z, atoms=["synergy"])
    every = over(X, SIGNAL, Z)
    assert list(some.p_values) == ["synergy"]
    assert (some.p_max["synergy"] == every.p_max["synergy"]).all()
    with pytest.raises(ValueError, match="redundancy was not tested"):
        some.adjusted("redundancy")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": X[:, 0], "y": Y[:, 0]}, ValueError, "neither x nor y nor z changes over time"),
        ({"x": X[:100]}, ValueError, "numbers of trials differ: x has 100, y has 120"),
        ({"x": X[:, :5]}, ValueError, "numbers of times differ: x has 5, y has 7"),
        (
            {"x": np.stack([X] * 2, 1), "y": np.stack([X] * 3, 1)},
            ValueError,
            "numbers of channels differ: x has 2, y has 3",
        ),
        ({"x": [[0, 1, 2], [0, 1]] * 60}, ValueError, "x is ragged"),
        ({"x": np.zeros((120, 2, 2, 7))}, ValueError, "x must be of shape"),
        ({"x": X * 0}, ValueError, "x has one symbol in all trials at all times"),
        ({"x": X + 0.1 * RNG.random(X.shape)}, ValueError, "x"),
        ({"x": np.where(X > 1, np.inf, X)}, ValueError, "x has .* infinite values"),
        ({"lags": 1}, ValueError, "lags=1 needs a target that changes over time"),
        ({"z": ZT, "lags": 7}, ValueError, "lags=7 leave none of 7 times"),
        ({"z": ZT, "lags": [1, 1]}, ValueError, "different numbers"),
        ({"z": ZT, "lags": 0.5}, TypeError, "whole numbers of time steps"),
        ({"times": [1, 2]}, ValueError, "times must have one entry for each of 7"),
        ({"atoms": ["mi_x"]}, ValueError, "atoms must be one of"),
        ({"atoms": []}, ValueError, "atoms is empty"),
        ({"cluster_level": 0.0}, ValueError, "cluster_level"),
        ({"groups": GROUPS * 0}, ValueError, "groups has one group"),
        ({"groups": GROUPS, "bias": "chao_shen"}, ValueError, "counts independent samples"),
        ({"groups": np.arange(120)}, ValueError, "every one of 120 trials"),
        ({"missing": "skip"}, ValueError, "missing must be one of"),
        ({"n_permutations": 5}, ValueError, "n_permutations=5"),
    ],
)
def test_bad_input(change: dict, error: type, message: str) -> None:
    given = {"x": X, "y": Y, "z": Z, **change}
    x, y, z = (given.pop(role) for role in "xyz")
    with pytest.raises(error, match=message):
        over(x, y, z, **given)
