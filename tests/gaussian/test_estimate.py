"""Estimates from Gaussian samples: what holds of any, and what they say of known covariances."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from gaussian_families import covariance
from scipy.special import digamma
from scipy.stats import norm, rankdata

import fastpid
import fastpid.gaussian
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.gaussian import _bias, _shrinkage

COV = covariance("random", (2, 2, 2), np.random.default_rng(3))
FEW = {"n_bootstrap": 40, "n_permutations": 39}


def draw(cov: Any, n: int, seed: int, m: int = 2) -> tuple[Any, Any, Any]:
    root = np.linalg.cholesky(np.asarray(cov, dtype=float))
    samples = np.random.default_rng(seed).normal(size=(n, len(root))) @ root.T
    return samples[:, :m], samples[:, m : 2 * m], samples[:, 2 * m :]


SAMPLES = draw(COV, 300, 0)
#: X and Y are the target with noises of the same size.
EQUAL = np.array([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 1.0]])
#: Y is X with noise of its own.
DEGRADED = np.array([[2.0, 2.0, 1.0], [2.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
ESTIMATE = fastpid.gaussian.estimate(*SAMPLES, rng=0, **FEW)


def test_the_plug_in_values_are_those_of_the_covariance() -> None:
    cov = np.cov(np.column_stack(SAMPLES), rowvar=False, bias=True)
    assert np.allclose(ESTIMATE.covariance, cov, rtol=1e-12, atol=1e-14)
    d = fastpid.gaussian.decompose(cov, (2, 2, 2))
    for name in QUANTITIES:
        assert abs(getattr(ESTIMATE.decomposition, name) - getattr(d, name)) < 2e-9


@pytest.mark.parametrize("bias", ["exact", "qe", "none"])
def test_corrected_atoms_add_up(bias: Any) -> None:
    e = fastpid.gaussian.estimate(*SAMPLES, bias=bias, rng=0, **FEW)
    for v in (e.corrected, e.draws):
        assert np.allclose(v["redundancy"] + v["unique_x"], v["mi_x"], atol=1e-12)
        assert np.allclose(v["redundancy"] + v["unique_y"], v["mi_y"], atol=1e-12)
        assert np.allclose(sum(v[atom] for atom in ATOMS), v["mi_xy"], atol=1e-12)
    assert all(low <= e.values[n] <= high for n, (low, high) in e.intervals.items())


@pytest.mark.parametrize("dependence", [{}, {"groups": np.arange(300) // 6}, {"block_length": 9}])
def test_the_seed_alone_decides(dependence: Any) -> None:
    options = {"bias": "qe", **FEW, **dependence}
    one = fastpid.gaussian.estimate(*SAMPLES, rng=5, threads=1, **options)
    assert one == fastpid.gaussian.estimate(*SAMPLES, rng=5, threads=2, **options)
    seed = np.random.SeedSequence(**one.seed)
    assert one == fastpid.gaussian.estimate(*SAMPLES, rng=seed, **options)
    assert one != fastpid.gaussian.estimate(*SAMPLES, rng=6, **options)


def test_linear_maps_change_nothing() -> None:
    x, y, z = SAMPLES
    mapped = (x @ [[2.0, 1.0], [-3.0, 0.5]] + 7.0, y * [1e3, -1e-3], z @ [[0.0, 1.0], [1.0, 4.0]])
    for bias in ("qe", "exact"):
        a = fastpid.gaussian.estimate(*SAMPLES, bias=bias, rng=1, **FEW)
        b = fastpid.gaussian.estimate(*mapped, bias=bias, rng=1, **FEW)
        # What is simulated is simulated from another root of the covariance.
        same = QUANTITIES if bias == "qe" else ("mi_x", "mi_y", "mi_xy")
        for name in same:
            assert abs(a.corrected[name] - b.corrected[name]) < 1e-7
            assert np.allclose(a.draws[name], b.draws[name], atol=1e-7)
        assert abs(a.corrected["synergy"] - b.corrected["synergy"]) < a.standard_errors["synergy"]
        assert a.p_values["synergy"] == b.p_values["synergy"]


def test_groups_are_drawn_as_wholes() -> None:
    """Samples that are there four times say no more than once, and groups know it."""
    x, y, z = SAMPLES
    times = np.repeat(np.arange(300), 4)
    more = {"bias": "none", "rng": 2, "n_bootstrap": 300, "n_permutations": 0}
    once = fastpid.gaussian.estimate(x, y, z, **more).standard_errors["mi_xy"]
    repeated = x[times], y[times], z[times]
    grouped = fastpid.gaussian.estimate(*repeated, groups=times, **more)
    assert grouped.n_units == 300
    assert grouped.units == "groups"
    assert 0.8 < grouped.standard_errors["mi_xy"] / once < 1.25
    assert fastpid.gaussian.estimate(*repeated, **more).standard_errors["mi_xy"] < 0.65 * once


def test_the_excess_is_that_of_digammas() -> None:
    x = np.concatenate([np.arange(0.5, 20.0, 0.5), [100.0, 1e4]])
    assert np.allclose(_bias._digamma(x), digamma(x), rtol=1e-13, atol=1e-13)
    simulated = _bias.simulated_covariances(COV, 20, 20_000, np.random.default_rng(0))
    mi = fastpid.gaussian.decompose(simulated, (2, 2, 2), unit="nats", tol=1e-3).mi_xy
    truth = fastpid.gaussian.decompose(COV, (2, 2, 2), unit="nats").mi_xy
    error = mi.std() / np.sqrt(len(mi))
    assert abs(mi.mean() - truth - _bias.information_excess(4, 2, 20)) < 4.0 * error
    # About m d / 2 n is off by several errors here.
    assert abs(4 * 2 / 40 - _bias.information_excess(4, 2, 20)) > 8.0 * error


@pytest.mark.parametrize("seed", [10, 11])
def test_a_known_covariance_is_recovered(seed: int) -> None:
    truth = fastpid.gaussian.decompose(COV, (2, 2, 2))
    e = fastpid.gaussian.estimate(*draw(COV, 20_000, seed), rng=0, n_bootstrap=60, n_permutations=0)
    for name in QUANTITIES:
        error = e.standard_errors[name]
        assert abs(e.corrected[name] - getattr(truth, name)) < 4.0 * error < 0.15
    assert not e.p_values
    assert not e.null_of


def test_the_correction_leaves_little_where_nothing_is_said() -> None:
    plain, corrected = [], []
    for seed in range(60):
        e = fastpid.gaussian.estimate(
            *draw(np.eye(6), 120, seed), rng=0, ci="none", n_permutations=0
        )
        plain.append([getattr(e.decomposition, name) for name in QUANTITIES])
        corrected.append([e.corrected[name] for name in QUANTITIES])
    error = np.std(corrected, axis=0) / np.sqrt(len(corrected))
    assert (np.abs(np.mean(corrected, axis=0)) < 4.0 * error).all()
    assert (np.mean(plain, axis=0)[4:] > 8.0 * error[4:]).all()


def test_p_values_are_true_to_their_level() -> None:
    p = []
    for seed in range(80):
        e = fastpid.gaussian.estimate(*draw(DEGRADED, 100, seed, 1), rng=seed, tol=1e-6, **FEW)
        p.append([e.p_values[atom] for atom in ("unique_y", "synergy", "redundancy")])
    unique_y, synergy, redundancy = np.mean(np.array(p) <= 0.1, axis=0)
    # Ten in a hundred, or fewer; 18 of 80 are beyond three deviations.
    assert unique_y < 0.225
    assert synergy < 0.225
    assert redundancy > 0.9
    x, y, noise = np.random.default_rng(0).normal(size=(3, 200))
    together = fastpid.gaussian.estimate(x, y, x + y + noise, rng=0, **FEW)
    assert together.p_values["synergy"] == 1 / 40
    alone = fastpid.gaussian.estimate(x, y, x + noise, rng=0, **FEW)
    assert alone.p_values["unique_x"] == 1 / 40
    assert alone.p_values["redundancy"] > 0.1


def test_equal_channels_are_flagged_and_allowed_for() -> None:
    truth = fastpid.gaussian.decompose(EQUAL, (1, 1, 1)).redundancy
    tied, covered = 0, 0
    for seed in range(30):
        e = fastpid.gaussian.estimate(*draw(EQUAL, 200, seed, 1), rng=seed, tol=1e-6, **FEW)
        tied += e.may_be_tied
        low, high = e.intervals["redundancy"]
        covered += low <= truth <= high
    assert tied >= 25
    assert covered >= 25
    apart = fastpid.gaussian.estimate(*draw(DEGRADED, 2000, 0, 1), rng=0, **FEW)
    assert not apart.may_be_tied
    assert "neither source" not in repr(apart)


@pytest.mark.parametrize("strength", [1.0, 0.2])
def test_the_bias_of_a_kink_is_taken_off_where_it_may_be_one(strength: float) -> None:
    """Of 600 sets of 200 samples, which are drawn as covariances."""
    m, n = 2, 200
    see = strength * np.linalg.qr(np.random.default_rng(0).normal(size=(m, m)))[0]
    rng = np.random.default_rng(1)

    def off(of_y: Any) -> Any:
        """Return the average error of plug-in, smooth and corrected unions, and the share tied."""
        channels = np.concatenate([see, of_y])
        noise = np.eye(2 * m)
        cov = np.block([[channels @ channels.T + noise, channels], [channels.T, np.eye(m)]])

        def vectors(covariances: Any) -> Any:
            d = fastpid.gaussian.decompose(covariances, (m, m, m), tol=1e-4)
            return np.stack([d.mi_x, d.mi_y, d.mi_xy, d.union_information], axis=-1)

        samples = _bias.simulated_covariances(cov, n, 600, rng)
        plug_in, simulated = (
            vectors(each) for each in (samples, _bias.simulated_covariances(samples, n, 40, rng))
        )
        ranks = _bias.Ranks(m, m, np.full(600, 2 * m), m)
        # These are in bits, and what is known of them in nats.
        corrected = _bias.exact(plug_in * np.log(2.0), ranks, n) / np.log(2.0)
        smooth, union = _bias.union_by_simulation(plug_in, corrected, simulated)
        truth = vectors(cov)[3]
        shares = float((union != smooth).mean())
        return [*(float(each.mean() - truth) for each in (plug_in[:, 3], smooth, union)), shares]

    plain, smooth, union, tied = off(see)
    assert tied > 0.9
    assert abs(union) < 0.3 * plain
    if strength == 1.0:
        assert smooth > 0.2 * plain
        assert off(0.0 * see)[3] < 0.05  # of a source that says nothing there is no kink


def test_the_copula_takes_ranks() -> None:
    x, y, z = SAMPLES
    e = fastpid.gaussian.estimate(x, y, z, copula=True, rng=0, **FEW)
    bent = fastpid.gaussian.estimate(np.exp(x), y**3, z, copula=True, rng=0, **FEW)
    assert e == bent
    assert e != ESTIMATE
    assert "copula" in repr(e)
    tied = np.round(x, 1)
    t = fastpid.gaussian.estimate(tied, y, z, copula=True, rng=0, n_permutations=0)
    scores = norm.ppf(rankdata(tied, axis=0) / 301)
    assert np.allclose(t.covariance[:2, :2], np.cov(scores.T, bias=True), atol=1e-9)


def test_shrinkage_is_that_of_the_paper_and_said() -> None:
    rng = np.random.default_rng(2)
    k = 8
    truth = 0.3 ** np.abs(np.arange(k)[:, None] - np.arange(k))
    samples = rng.normal(size=(400, 20, k)) @ np.linalg.cholesky(truth).T
    samples -= samples.mean(axis=1, keepdims=True)
    samples /= samples.std(axis=1, keepdims=True)
    of_samples = np.swapaxes(samples, 1, 2) @ samples / 20
    share = _shrinkage.intensity(of_samples, 20, "oas")
    square = np.trace(of_samples @ of_samples, axis1=1, axis2=2)
    formula = ((1 - 2 / k) * square + k * k) / ((21 - 2 / k) * (square - k))
    assert np.allclose(share, np.minimum(formula, 1.0))

    def error(shrinkage: Any) -> float:
        off = _shrinkage.shrunk(of_samples, 20, shrinkage) - truth
        return float((off**2).sum(axis=(1, 2)).mean())

    best = min(error(s) for s in np.linspace(0.0, 1.0, 51))
    assert error("none") > 2.5 * best
    assert error("oas") < 1.3 * best

    x, y, z = (each[:120] for each in SAMPLES)
    options: Any = {"bias": "none", "rng": 0, **FEW}
    plain = fastpid.gaussian.estimate(x, y, z, **options)
    e = fastpid.gaussian.estimate(x, y, z, shrinkage="oas", **options)
    same = fastpid.gaussian.estimate(x, y, z, shrinkage=e.shrinkage, **options)
    assert 0.0 < e.shrinkage < 0.5
    assert plain.shrinkage == 0.0
    ratio = e.covariance / plain.covariance
    off_diagonal = ~np.eye(6, dtype=bool)
    assert np.allclose(ratio[off_diagonal], 1.0 - e.shrinkage)
    assert np.allclose(np.diag(ratio), 1.0)
    assert e.decomposition.mi_xy == pytest.approx(same.decomposition.mi_xy, abs=1e-9)
    assert e.decomposition.mi_xy < plain.decomposition.mi_xy
    assert e.standard_errors["mi_xy"] < plain.standard_errors["mi_xy"]
    assert e.null_means["synergy"] < plain.null_means["synergy"]
    assert "correlations are shrunk by" in repr(e)
    assert e.to_dict()["shrinkage"] == e.shrinkage
    extrapolated = fastpid.gaussian.estimate(*SAMPLES, shrinkage="oas", bias="qe", rng=0, **FEW)
    assert extrapolated.shrinkage < 0.05


def test_a_column_that_both_sources_have_counts_once() -> None:
    x, y, z = SAMPLES
    e = fastpid.gaussian.estimate(x, np.column_stack([x[:, 0], y[:, 0]]), z, rng=0, **FEW)
    d = fastpid.gaussian.estimate(np.column_stack([x, y[:, 0]]), y[:, 1], z, rng=0, **FEW)
    assert abs(e.corrected["mi_xy"] - d.corrected["mi_x"]) < 1e-9


def test_the_result_has_the_face_of_an_estimate() -> None:
    e = ESTIMATE
    assert pickle.loads(pickle.dumps(e)) == e
    assert json.loads(json.dumps(e.to_dict()))["sizes"] == [2, 2, 2]
    assert list(e.to_frame().index) == list(QUANTITIES)
    assert e.to_frame()["value"]["synergy"] == e.synergy == e.values["synergy"]
    assert "300 samples, 2 + 2 + 2 columns" in repr(e)
    assert e._repr_html_().startswith("<pre>")
    assert set(vars(e)) >= {"p_values", "null_of", "draws", "units", "n_units", "largest_gap"}
    assert e.null_of["unique_x"] == "residuals of x given y shuffled"
    nats = fastpid.gaussian.estimate(*SAMPLES, rng=0, unit="nats", tol=1e-9, **FEW)
    assert np.isclose(nats.corrected["mi_xy"], e.corrected["mi_xy"] * np.log(2.0), atol=1e-8)
    pytest.importorskip("matplotlib")
    assert e.plot() is not None


def test_frames_keep_their_names() -> None:
    pd = pytest.importorskip("pandas")
    x, y, z = SAMPLES
    frame = pd.DataFrame(x, columns=["Fz", "Cz"])
    e = fastpid.gaussian.estimate(frame, pd.Series(y[:, 0], name="Oz"), z, rng=0, **FEW)
    assert e.columns == (("Fz", "Cz"), ("Oz",), ("Z[0]", "Z[1]"))
    assert e.sizes == (2, 1, 2)
    frame["Fz"] = 1.0
    with pytest.raises(ValueError, match=r"X: column Fz is 1.0 in every sample"):
        fastpid.gaussian.estimate(frame, y, z)


X, Y, Z = SAMPLES
MISSING = np.where(np.arange(600).reshape(300, 2) == 7, np.nan, Y)


@pytest.mark.parametrize(
    ("args", "options", "error", "words"),
    [
        ((X[:10], Y[:10], Z[:10]), {}, ValueError, r"10 samples of 2 \+ 2 \+ 2.*at least 20"),
        ((X[:60], Y[:60], Z[:60]), {"bias": "qe"}, ValueError, 'at least 80 .*bias="qe"'),
        ((X, Y[:100], Z), {}, ValueError, "X has 300, Y has 100, Z has 300"),
        ((X, MISSING, Z), {}, ValueError, r"Y has 1 values .*nan in sample 3 of column Y\[1\]"),
        ((X, Y, Z * [1.0, 0.0]), {}, ValueError, r"Z: column Z\[1\] is .*0.0 in every sample"),
        ((X[:, [0, 1, 0]], Y, Z), {}, ValueError, "X: columns repeat one another"),
        ((X, Y, X[:, :1] - X[:, 1:]), {}, ValueError, "X determines z.*infinite"),
        ((X[None], Y, Z), {}, ValueError, r"X must have samples in rows.*\(1, 300, 2\)"),
        ((X, Y, Z.astype(str)), {}, TypeError, "Z must be a real-valued array"),
        ((X + 1j, Y, Z), {}, TypeError, "X must be real"),
        ((X, Y, Z), {"bias": "miller_madow"}, ValueError, "bias must be one of exact, qe, none"),
        ((X, Y, Z), {"shrinkage": "oas"}, ValueError, 'bias="exact" is .*"qe"'),
        ((X, Y, Z), {"shrinkage": "ledoit"}, ValueError, "shrinkage must be one of none, oas"),
        ((X, Y, Z), {"shrinkage": 1.5}, ValueError, "shrinkage must be from 0 to 1"),
        ((X, Y, Z), {"shrinkage": None}, TypeError, "shrinkage must be a number"),
        ((X, Y, Z), {"copula": 1}, TypeError, "copula must be True or False"),
        ((X, Y, Z), {"groups": np.arange(300) // 9}, ValueError, 'bias="exact" counts .*"qe"'),
        ((X, Y, Z), {"groups": np.arange(30)}, ValueError, "groups has 30 labels"),
        ((X, Y, Z), {"bias": "qe", "groups": np.arange(300) // 50}, ValueError, "in quarters"),
        ((X, Y, Z), {"n_bootstrap": 5}, ValueError, "n_bootstrap=5 resamples are too few"),
        ((X, Y, Z), {"rng": "a"}, TypeError, "rng must be"),
    ],
)
def test_bad_input_is_refused(args: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        fastpid.gaussian.estimate(*args, **options)


def test_counts_and_few_samples_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"Y: column Y\[0\] has 3 .*fastpid.estimate"):
        fastpid.gaussian.estimate(X, np.arange(300) % 3, Z, rng=0, **FEW)
    with pytest.warns(fastpid.UndersampledWarning, match="50 samples of 6 columns"):
        fastpid.gaussian.estimate(X[:50], Y[:50], Z[:50], rng=0, **FEW)
