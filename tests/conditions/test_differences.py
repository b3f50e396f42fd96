"""estimate_differences(): designs, what draws share, identities, and bad input."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fastpid
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.conditions._design import check_design

QUICK = {"n_bootstrap": 60, "n_permutations": 99, "rng": 0, "progress": False}
RNG = np.random.default_rng(0)
X, Y, NOISE = RNG.integers(0, 2, (3, 800))
TASK = np.repeat(["rest", "task"], 400)
Z = np.where(TASK == "task", X ^ Y, NOISE)
GROUPS = np.repeat(np.arange(40), 20)


def differences(*given: object, **options: object) -> fastpid.Differences:
    return fastpid.estimate_differences(*given, **{**QUICK, **options})


@pytest.mark.parametrize("how", [{}, {"groups": GROUPS}])
def test_what_differs_is_found(how: dict) -> None:
    d = differences(X, Y, Z, TASK, **how)
    assert d.conditions == ("rest", "task")
    assert d.pairs == (("rest", "task"),)
    assert d.design == "unpaired"
    assert d.values["synergy"][0] == pytest.approx(-1.0, abs=0.05)
    assert d.p_values["synergy"][0] == 0.01
    assert d.intervals["synergy"][1][0] < -0.9
    for atom in ("unique_x", "unique_y", "redundancy"):
        assert d.p_values[atom][0] > 0.05
        assert d.intervals[atom][0][0] <= 0.0 <= d.intervals[atom][1][0]


def test_values_are_those_of_the_estimates() -> None:
    d = differences(X, Y, Z, TASK)
    rest, task = d.estimates
    for name in QUANTITIES:
        assert d.values[name][0] == rest.corrected[name] - task.corrected[name]
        low, high = (ends[0] for ends in d.intervals[name])
        assert low <= d.values[name][0] <= high
    assert sum(d.values[a] for a in ATOMS) == pytest.approx(d.values["mi_xy"], abs=1e-9)
    for label, e in zip(d.conditions, d.estimates, strict=True):
        of = label == TASK
        table = fastpid.joint.from_samples(X[of], Y[of], Z[of])
        assert (e.table.counts == table.counts).all()


def test_the_other_way_round() -> None:
    d = differences(X, Y, Z, TASK)
    back = differences(X, Y, Z, np.where(TASK == "task", "a", "b"))
    for name in QUANTITIES:
        assert back.values[name][0] == pytest.approx(-d.values[name][0], abs=0.02)
        assert back.p_values[name][0] == pytest.approx(d.p_values[name][0], abs=0.3)


def test_pairs_are_drawn_together() -> None:
    """A condition against itself differs by nothing, in any draw; against a stranger it does."""
    same = differences({"a": X, "b": X}, Y, Z)
    assert same.design == "paired"
    for name in QUANTITIES:
        assert same.values[name][0] == 0.0
        assert same.p_values[name][0] == 1.0
    one, other = same.estimates
    assert all((one.draws[n] == other.draws[n]).all() for n in QUANTITIES)
    # Almost the same sources: pairing takes away what the samples share.
    flipped = X ^ (np.arange(800) % 40 == 0)
    z = X ^ (RNG.random(800) < 0.1)
    paired = differences({"a": X, "b": flipped}, Y, z)
    apart = differences(np.r_[X, flipped], np.r_[Y, Y], np.r_[z, z], np.repeat(["a", "b"], 800))
    width = {
        k: float(np.ptp([e[0] for e in d.intervals["mi_x"]]))
        for k, d in (("p", paired), ("u", apart))
    }
    assert width["p"] < 0.7 * width["u"]
    assert paired.values["mi_x"][0] == pytest.approx(apart.values["mi_x"][0], abs=5e-3)


def test_mappings_and_labels_say_the_same() -> None:
    x2 = RNG.integers(0, 2, 800)
    mapped = differences({"a": X, "b": x2}, Y, Z, n_permutations=0)
    trial = np.tile(np.arange(800), 2)
    labelled = differences(
        np.r_[X, x2],
        np.r_[Y, Y],
        np.r_[Z, Z],
        np.repeat(["a", "b"], 800),
        groups=trial,
        n_permutations=0,
    )
    assert labelled.design == "paired"
    assert labelled.values["synergy"] == mapped.values["synergy"]
    assert labelled.intervals["synergy"] == mapped.intervals["synergy"]


def test_three_conditions_are_compared_in_pairs() -> None:
    d = differences({"a": X, "b": NOISE, "c": Y}, Y, X ^ Y)
    assert d.pairs == (("a", "b"), ("a", "c"), ("b", "c"))
    assert (d.adjusted["synergy"] >= d.p_values["synergy"]).all()
    assert d.values["synergy"][2] == pytest.approx(
        d.values["synergy"][1] - d.values["synergy"][0], abs=1e-9
    )
    assert "Holm" in repr(d)


def test_designs() -> None:
    alternating = np.arange(800) % 2
    assert differences(X, Y, Z, TASK, groups=GROUPS).null_of.endswith("shuffled between groups")
    swapped = differences(X, Y, Z, alternating, groups=GROUPS)
    assert (swapped.design, swapped.null_of) == ("paired", "conditions swapped within groups")
    within = differences(X, Y, Z, alternating, groups=GROUPS, permute="within")
    assert (within.design, within.null_of) == ("within", "conditions shuffled within groups")


@pytest.mark.parametrize("kind", ["alone", "unpaired", "paired", "within"])
def test_moved_conditions_keep_what_they_must(kind: str) -> None:
    groups = np.repeat(np.arange(10), 6)
    condition = {
        "alone": np.arange(60) % 3 // 2,
        "unpaired": groups % 3 // 2,
        "paired": np.arange(60) % 3 // 2,
        "within": np.arange(60) % 3 // 2,
    }[kind]
    runs = None if kind == "alone" else groups
    design = check_design(condition, 2, runs, "within" if kind == "within" else None)
    seen = list(design.relabelled(200, np.random.default_rng(0)))
    assert len({each.tobytes() for each in seen}) > 50
    first = condition == 0
    for moved in seen:
        if kind in ("alone", "within"):
            assert moved.sum() == first.sum()
        if kind == "within":
            assert (np.bincount(groups, moved) == np.bincount(groups, first)).all()
        if kind == "unpaired":
            assert all(len(set(moved[groups == g])) == 1 for g in range(10))
            assert moved.sum() == first.sum()
        if kind == "paired":  # as it was, or the other way round
            same = moved == first
            assert all(len(set(same[groups == g])) == 1 for g in range(10))
    share = np.mean(seen, axis=0)
    expected = 0.5 if kind == "paired" else first.mean()
    assert abs(share - expected).max() < 5.0 * np.sqrt(0.25 / 200)


def test_weights_names_and_missing_values() -> None:
    x = X.astype(float)
    x[::50] = np.nan
    keep = ~np.isnan(x)
    data = {"left": x, "right": Y, "choice": Z, "task": TASK, "g": GROUPS}
    named = differences("left", "right", "choice", "task", data=data, groups="g", missing="drop")
    plain = differences(x[keep], Y[keep], Z[keep], TASK[keep], groups=GROUPS[keep])
    assert all(named.values[n] == plain.values[n] for n in QUANTITIES)
    dropped = differences({"a": x, "b": Y}, Y, Z, missing="drop")
    assert [e.table.n_samples for e in dropped.estimates] == [keep.sum()] * 2
    masked = {"a": np.ma.masked_array(X, ~keep), "b": Y}  # a mask is not forgotten
    assert differences(masked, Y, Z, missing="drop") == dropped
    doubled = differences(X, Y, Z, TASK, weights=np.full(800, 2.0), bias="none", n_permutations=0)
    single = differences(X, Y, Z, TASK, bias="none", n_permutations=0)
    assert doubled.values["synergy"][0] == pytest.approx(single.values["synergy"][0], abs=1e-9)


def test_results() -> None:
    pytest.importorskip("pandas")
    d = differences(X, Y, Z, TASK)
    frame = d.to_frame()
    assert frame.loc[("rest", "task", "synergy"), "p_value"] == d.p_values["synergy"][0]
    assert pickle.loads(pickle.dumps(d)) == d
    assert d == differences(X, Y, Z, TASK, threads=2)
    assert "rest (400), task (400), unpaired (bits)" in repr(d)
    assert d._repr_html_().startswith("<pre>Differences")
    untested = differences(X, Y, Z, TASK, n_permutations=0)
    assert untested.p_values == {}
    assert untested.to_frame()["p_value"].isna().all()
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    assert [t.get_text() for t in d.plot().get_xticklabels()] == ["rest", "task"]


def test_a_condition_without_samples() -> None:
    pd = pytest.importorskip("pandas")
    task = pd.Categorical(TASK, categories=["rest", "task", "sleep"])
    with pytest.raises(ValueError, match="condition 'sleep' has no samples; leave it out"):
        differences(X, Y, Z, task)
    x = np.where(TASK == "task", np.nan, X)
    with pytest.raises(ValueError, match="condition 'task' has no samples that missing"):
        differences(x, Y, Z, TASK, missing="drop")
    groups = pd.Categorical(GROUPS, categories=range(50))  # of which some are not there
    told = differences(X, Y, Z, TASK, groups=groups)
    assert told == differences(X, Y, Z, TASK, groups=GROUPS)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"condition": None}, TypeError, "condition is missing"),
        ({"condition": TASK[:5]}, ValueError, "condition has 5 labels for 800 samples"),
        ({"condition": ["a"] * 800}, ValueError, "condition is 'a' for all samples"),
        ({"condition": [None, *TASK[1:]]}, ValueError, "condition misses labels"),
        ({"condition": np.arange(800) < 3}, ValueError, "condition True has 3 samples"),
        ({"z": np.where(TASK == "task", 0, Z)}, ValueError, "z has one symbol .* 'task'"),
        ({"x": X * 0}, ValueError, "x has one symbol in 800 samples"),
        (
            {"condition": np.where(GROUPS == 0, np.arange(800) % 2, 1), "groups": GROUPS},
            ValueError,
            "of 40 groups, 39 have samples of one condition, 1 of all and 0 of some",
        ),
        ({"permute": "within"}, ValueError, "permute='within' needs groups"),
        (
            {"groups": GROUPS, "permute": "within"},
            ValueError,
            'permute="within" lets samples of a group change conditions',
        ),
        ({"groups": GROUPS // 10}, ValueError, "condition 'rest': groups has 2 groups"),
        ({"x": {"a": X, "b": X}}, TypeError, "condition cannot be had with mappings"),
        ({"x": {"a": X}, "condition": None}, ValueError, "there is one condition"),
        ({"x": {"a": X, "b": X[:9]}, "condition": None}, ValueError, "differ in length"),
        (
            {"x": {"a": X, "b": X}, "y": {"a": X, "c": X}, "condition": None},
            ValueError,
            "y has the conditions",
        ),
        ({"condition": "task"}, TypeError, "condition names a column"),
        ({"n_permutations": 3}, ValueError, "n_permutations=3"),
    ],
)
def test_bad_input(change: dict, error: type, message: str) -> None:
    given = {"x": X, "y": Y, "z": Z, "condition": TASK, **change}
    x, y, z, condition = (given.pop(role) for role in ("x", "y", "z", "condition"))
    with pytest.raises(error, match=message):
        differences(x, y, z, condition, **given)
