"""fastpid.models: known truths, identities, and what is refused."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest

import fastpid
from fastpid.models import CalibrationWarning, estimate, from_posteriors, learning_curve
from fastpid.result import ATOMS

pytest.importorskip("sklearn")
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

FAST = {"model": "linear", "threads": 1, "progress": False}
BARE = {**FAST, "n_bootstrap": 0, "n_permutations": 0}


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def oracle(n=1500, seed=0, classes=3, strength=(1.5, 1.5)):
    """Posteriors of Gaussian views that are independent given the class, and labels."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, classes, n)
    logits = [s * (s * np.eye(classes)[z] + rng.normal(size=(n, classes))) for s in strength]
    return (*map(softmax, logits), softmax(logits[0] + logits[1]), z)


def views(n=1200, seed=0, dim=6):
    """Two views: the first says the shared and its own bit, the second the shared one."""
    rng = np.random.default_rng(seed)
    shared, own = rng.integers(0, 2, (2, n))
    x, y = rng.normal(size=(2, n, dim))
    x[:, 0] += 6 * shared
    x[:, 1] += 6 * own
    y[:, 0] += 6 * shared
    return x, y, shared, own


def adds_up(values):
    r, x, y, s = (values[atom] for atom in ATOMS)
    assert r + x == pytest.approx(values["mi_x"], abs=1e-9)
    assert r + y == pytest.approx(values["mi_y"], abs=1e-9)
    assert r + x + y + s == pytest.approx(values["mi_xy"], abs=1e-9)
    assert r + x + y - values["union_information"] == pytest.approx(0, abs=1e-9)


# Known truths --------------------------------------------------------------------------------


def test_shared_and_own_bits():
    x, y, shared, own = views()
    e = estimate(x, y, 2 * shared + own, rng=0, **FAST)
    assert e.redundancy == pytest.approx(1.0, abs=0.08)
    assert e.unique_x == pytest.approx(1.0, abs=0.08)
    assert e.unique_y < 0.05
    assert e.synergy < 0.05
    assert max(e.p_values["redundancy"], e.p_values["unique_x"]) < 0.01 < e.p_values["unique_y"]
    for name, (low, high) in e.intervals.items():
        assert low <= e.values[name] <= high
    adds_up(e.corrected)
    assert set(e.used.values()) == {"posteriors"}


def test_the_default_finds_an_exclusive_or():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, (2, 800))
    x, y = rng.normal(size=(2, 800, 3))
    x[:, 0] += 5 * a
    y[:, 1] += 5 * b
    e = estimate(x, y, a ^ b, rng=0, n_bootstrap=50, threads=1, cv=3)
    assert e.models[2] != "linear"
    assert e.synergy > 0.85
    assert e.p_values["synergy"] < 0.01
    assert max(e.redundancy, e.unique_x, e.unique_y) < 0.05
    linear = estimate(x, y, a ^ b, rng=0, **BARE)
    assert linear.synergy < 0.1


def test_oracle_posteriors_give_the_closed_form():
    """Views that are independent given the class, one through the other: known informations."""
    x, y, xy, z = oracle()
    few = {"rng": 0, "n_symbols": 300, "threads": 1}
    e = from_posteriors(x, y, xy, z, **few)
    exact = fastpid.decompose_posteriors(x, y, n_symbols=300, tol=0.1, p_z=np.bincount(z) / len(z))
    for name in ("mi_x", "mi_y"):
        error = e.standard_errors[name]
        assert e.values[name] == pytest.approx(getattr(exact, name), abs=3 * error)
        assert error < 0.03
    # Equally good sources have no unique information; the excess is taken out.
    assert max(e.unique_x, e.unique_y) < 0.04
    assert e.excess > 0
    none = from_posteriors(x, y, xy, z, bias="none", n_bootstrap=0, **few)
    assert none.excess == 0
    assert none.unique_x > e.unique_x
    adds_up(none.corrected)


def test_standard_errors_are_the_spread_over_draws():
    few = {"n_symbols": 30, "n_bootstrap": 20, "n_permutations": 0, "threads": 1}
    found = [from_posteriors(*oracle(300, seed), rng=seed, **few) for seed in range(20)]
    for name in ("redundancy", "synergy", "mi_x", "mi_xy"):
        spread = np.std([e.corrected[name] for e in found])
        claimed = np.mean([e.standard_errors[name] for e in found])
        assert 0.6 < claimed / spread < 1.7, name


def test_permuted_labels_leave_nothing():
    x, y, shared, _ = views()
    z = np.random.default_rng(5).permutation(shared)
    e = estimate(x, y, z, rng=0, **FAST)
    assert max(e.values.values()) < 0.03
    assert min(e.p_values.values()) > 0.01
    assert min(e.null_p_values.values()) > 0.01


def test_another_order_of_one_view_keeps_its_information_alone():
    x, y, xy, z = oracle()
    few = {"rng": 0, "n_bootstrap": 0, "n_symbols": 50}
    e = from_posteriors(x, y, xy, z, **few)
    order = np.random.default_rng(0).permutation(len(y))
    shuffled = from_posteriors(x, y[order], xy, z, **few)
    assert shuffled.values["mi_x"] == pytest.approx(e.values["mi_x"], abs=0.02)
    assert shuffled.values["mi_y"] < 0.02 < e.values["mi_y"]


def test_a_source_that_says_next_to_nothing_has_errors_as_small():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 600)
    x = 2.0 * z[:, None] + rng.normal(size=(600, 5))
    e = estimate(x, rng.normal(size=(600, 5)), z, rng=0, **FAST)
    assert max(e.standard_errors.values()) < 0.05
    assert e.excess >= 0
    adds_up(e.corrected)


def test_a_continuous_target():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1000, 3))
    z = x[:, 0] + 0.1 * rng.normal(size=1000)
    e = estimate(x, y, z, z_bins=3, rng=0, **BARE)
    assert len(e.classes) == 3
    assert np.bincount(e.codes).min() >= 330
    assert e.unique_x > 0.9
    assert e.unique_y + e.redundancy < 0.05


# Calibration -----------------------------------------------------------------------------------


@pytest.mark.parametrize("calibration", ["temperature", "isotonic"])
def test_calibration_undoes_overconfidence(calibration):
    x, y, xy, z = oracle()
    few = {"rng": 0, "n_bootstrap": 0, "n_symbols": 100}
    sharp = [p**4 / (p**4).sum(axis=1, keepdims=True) for p in (x, y, xy)]
    e = from_posteriors(x, y, xy, z, **few)
    repaired = from_posteriors(*sharp, z, calibration=calibration, **few)
    for name in ("mi_x", "mi_y", "mi_xy"):
        assert repaired.values[name] == pytest.approx(e.values[name], abs=0.06)
        assert repaired.plug_in[name] == pytest.approx(repaired.cross_entropy[name], abs=0.06)
    with pytest.warns(CalibrationWarning, match="not calibrated"):
        raw = from_posteriors(*sharp, z, calibration="none", **few)
    assert raw.plug_in["mi_x"] > raw.cross_entropy["mi_x"] + 0.1
    assert set(raw.used.values()) == {"cross_entropy"}
    assert raw.corrected["mi_x"] == raw.cross_entropy["mi_x"]
    adds_up(raw.corrected)


def test_temperature_makes_claims_what_labels_confirm():
    """The identity at the minimum of the cross-entropy, on the samples it was fitted to."""
    from fastpid.models._calibration import _temperature

    x, _, _, z = oracle(500)
    distorted = x**3 * [1.0, 2.0, 0.5]
    distorted /= distorted.sum(axis=1, keepdims=True)
    rows = _temperature(distorted, z, distorted)
    frequencies = np.bincount(z) / len(z)
    np.testing.assert_allclose(rows.mean(axis=0), frequencies, atol=1e-3)
    entropy = -(rows * np.log(rows)).sum(axis=1).mean()
    assert entropy == pytest.approx(-np.log(rows[np.arange(500), z]).mean(), abs=1e-3)


def test_a_model_worse_than_none_says_nothing():
    x, y, xy, z = oracle()
    e = from_posteriors(np.roll(x, 1, axis=1), y, xy, z, rng=0, n_bootstrap=0)
    assert 0 <= e.values["mi_x"] < e.values["mi_y"]


# Folds, seeds, threads ---------------------------------------------------------------------------


def test_results_repeat_by_seed_threads_and_processes():
    x, y, shared, _ = views(400)
    call = {**FAST, "n_bootstrap": 20, "n_permutations": 19}
    e = estimate(x, y, shared, rng=3, **call)
    assert e == estimate(x, y, shared, rng=3, **{**call, "threads": 2})
    assert e == estimate(x, y, shared, rng=3, n_jobs=2, **call)
    assert e == estimate(x, y, shared, rng=np.random.SeedSequence(**e.seed), **call)
    assert e != estimate(x, y, shared, rng=4, **call)
    assert pickle.loads(pickle.dumps(e)) == e


def test_refits_differ_and_are_averaged():
    x, y, shared, _ = views(300)
    x[:, 0] -= 4.5 * shared
    e = estimate(x, y, shared, n_refits=3, rng=0, **{**FAST, "n_bootstrap": 20})
    assert len(set(e.refits["mi_x"].tolist())) == 3
    assert e.corrected["mi_x"] == pytest.approx(e.refits["mi_x"].mean())
    assert e.standard_errors["mi_x"] > e.draws["mi_x"].std(ddof=1)


def test_posteriors_are_of_samples_that_were_not_fitted():
    """A model that remembers its samples says nothing of noise."""
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 400, 3))
    z = rng.integers(0, 2, 400)
    e = estimate(x, y, z, model=KNeighborsClassifier(1), rng=0, n_bootstrap=0)
    assert max(e.values.values()) < 0.03


def test_groups_are_not_divided():
    """What names the group says nothing of the label in other groups."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 15)
    level = rng.normal(size=(40, 30))[groups]
    z = rng.integers(0, 2, 40)[groups]
    x = level + 0.01 * rng.normal(size=level.shape)
    y = rng.normal(size=(600, 2))
    apart = estimate(x, y, z, rng=0, groups=groups, **FAST)
    together = estimate(x, y, z, rng=0, **BARE)
    assert apart.values["mi_x"] < 0.15 < together.values["mi_x"]
    assert (apart.units, apart.n_units, apart.null_p_values) == ("groups", 40, {})
    assert apart.p_values["unique_x"] > 0.01


def test_a_splitter_and_three_models():
    x, y, shared, _ = views(300)
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    call = {**BARE, "cv": KFold(3, shuffle=True, random_state=0)}
    e = estimate(x, y, shared, rng=0, **{**call, "model": (linear, "linear", "trees")})
    assert e.models == ("Pipeline", "linear", "trees")
    assert not hasattr(linear[-1], "coef_")  # the caller's is left as it was


def test_labels_of_any_kind():
    x, y, shared, _ = views(200)
    words = np.array(["no", "yes"])[shared]
    e = estimate(x, y, words, rng=0, **BARE)
    assert e.classes == ("no", "yes")
    assert e.values == estimate(x, y, shared, rng=0, **BARE).values


def test_more_samples_are_worth_it():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 2, 600)
    x = 0.5 * z[:, None] + rng.normal(size=(600, 30))
    curve = learning_curve(x, x[:, :5], z, shares=(0.1, 0.4, 1.0), model="linear", rng=0)
    assert curve.n_train.tolist() == [48, 192, 480]
    assert curve.last_gain["mi_x"] > 0
    assert (np.diff(curve.cross_entropy["mi_x"]) > 0).all()
    assert pickle.loads(pickle.dumps(curve)) == curve
    assert "480" in repr(curve)
    pytest.importorskip("matplotlib")
    axes = curve.plot()
    assert len(axes.get_legend().get_texts()) == 7
    with pytest.raises(ValueError, match="shares must be"):
        learning_curve(x, x, z, shares=(0.5,), model="linear")


# The face ----------------------------------------------------------------------------------------


def test_the_result_has_the_face_of_an_estimate():
    x, y, xy, z = oracle(400)
    e = from_posteriors(x, y, xy, z, rng=0, n_bootstrap=20, n_permutations=19)
    assert json.loads(json.dumps(e.to_dict()))["n_samples"] == 400
    pd = pytest.importorskip("pandas")
    frame = e.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.loc["synergy", "value"] == e.synergy
    assert frame.loc["mi_xy", "used"] == "posteriors"
    for word in ("redundancy", "I(X,Y;Z)", "posteriors", "labels"):
        assert word in repr(e)
    assert e._repr_html_().startswith("<pre>")
    nats = from_posteriors(x, y, xy, z, unit="nats", rng=0, n_bootstrap=0, tol=2e-2 * np.log(2))
    assert nats.plug_in["mi_xy"] == pytest.approx(e.plug_in["mi_xy"] * np.log(2))
    pytest.importorskip("matplotlib").use("Agg")
    assert e.plot().get_ylabel() == "information / bits"


# What is refused ---------------------------------------------------------------------------------


def test_bad_features():
    x, y, shared, _ = views(100)
    holes = x.copy()
    holes[:3, 1] = np.nan
    bad = [
        ((x, y[:-1], shared), ValueError, r"Y has shape \(99, 6\).*same samples"),
        ((x, y, shared[:-1]), ValueError, r"X has shape.*99 samples"),
        ((x[:, 0], y, shared), ValueError, r"X must have shape.*reshape"),
        ((holes, y, shared), ValueError, r"X has NaN in 3 samples.*trees"),
        ((x, holes, shared), ValueError, r"Y has NaN"),
        ((x, np.full_like(x, np.inf), shared), ValueError, "Y holds infinite"),
        ((x.astype(object), y, shared), TypeError, "X must be a real-valued"),
        ((x, y, np.zeros(100)), ValueError, "z has one class"),
        ((x, y, np.linspace(0, 1, 100)), ValueError, "z_bins"),
        ((x, y, np.where(np.arange(100) < 3, 2, shared)), ValueError, r"class 2 .* 3 samples"),
    ]
    for arguments, error, match in bad:
        with pytest.raises(error, match=match):
            estimate(*arguments, rng=0, **BARE)
    with_trees = estimate(holes, y, shared, rng=0, **{**BARE, "model": "trees", "cv": 2})
    assert with_trees.values["mi_xy"] > 0.5
    one_group = np.repeat([0, 1, 2, 3, 4], 20)
    z = (one_group == 0).astype(int)
    with pytest.raises(ValueError, match=r"class 1 .* is missing"):
        estimate(x, y, z, groups=one_group, rng=0, **BARE)


def test_bad_models():
    x, y, shared, _ = views(100)
    for model, error, match in (
        (SVC(), TypeError, r"SVC has no predict_proba.*CalibratedClassifierCV"),
        (LogisticRegression, TypeError, "must be a classifier"),
        ("forest", ValueError, "model must be one of"),
        ((LogisticRegression(),) * 2, ValueError, "three of them.*got 2"),
    ):
        with pytest.raises(error, match=match):
            estimate(x, y, shared, rng=0, **{**BARE, "model": model})


def test_bad_posteriors():
    x, y, xy, z = oracle(200)
    logits = np.log(x)
    certain = np.eye(3)[z]
    bad = [
        ((logits, y, xy, z), ValueError, r"posteriors_x.*logits=True"),
        ((2 * x, y, xy, z), ValueError, "posteriors_x sums to 2"),
        ((x, y[:-1], xy, z), ValueError, r"posteriors_y has shape \(199, 3\)"),
        ((x, y, xy[:, :2] / xy[:, :2].sum(1, keepdims=True), z), ValueError, "xy has 2 classes"),
        ((x, y, xy, z + 1), ValueError, "labels from 1 to 3"),
        ((x, y, xy, z.astype(float)), TypeError, "integer labels"),
        ((x, y, xy, np.minimum(z, 1)), ValueError, r"class 2 has a column.* 0 samples"),
    ]
    for arguments, error, match in bad:
        with pytest.raises(error, match=match):
            from_posteriors(*arguments, rng=0, n_bootstrap=0)
    wrong = np.roll(certain, 1, axis=0)
    with pytest.raises(ValueError, match="holds the class of sample"):
        from_posteriors(x, wrong, xy, z, rng=0, n_bootstrap=0, calibration="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = from_posteriors(certain, y, xy, z, rng=0, n_bootstrap=0)
    assert found.values["mi_x"] == pytest.approx(np.log2(3), abs=0.1)
    with pytest.raises(ValueError, match="n_bootstrap=5"):
        from_posteriors(x, y, xy, z, n_bootstrap=5)
