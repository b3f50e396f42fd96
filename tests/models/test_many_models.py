"""fastpid.models of any number of sources: known truths, identities, and what is refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import fastpid
from fastpid.models import (
    CalibrationWarning,
    estimate_many,
    from_many_posteriors,
    from_posteriors,
)

pytest.importorskip("sklearn")

BARE = {"n_bootstrap": 0, "n_permutations": 0, "threads": 1, "progress": False, "rng": 0}
FEW = {**BARE, "n_bootstrap": 20, "n_permutations": 19}


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def oracle(strengths=(1.5, 1.5, 1.5), n=1200, classes=2, seed=0):
    """Posteriors of Gaussian views that are independent given the class, of all, and labels."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, classes, n)
    logits = [s * (s * np.eye(classes)[z] + rng.normal(size=(n, classes))) for s in strengths]
    return [softmax(each) for each in logits], softmax(np.sum(logits, axis=0)), z


def bits_and_views(n=700, seed=0, dim=4, scale=5.0):
    """Three bits, and a view of each."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (3, n))
    return bits, [scale * bit[:, None] * np.eye(dim)[0] + rng.normal(size=(n, dim)) for bit in bits]


def adds_up(values, n):
    """What an estimate of all sets says is what these make up."""
    every = range(n)
    for i in every:
        rest = [j for j in every if j != i]
        name = f"mi_{rest[0]}" if len(rest) == 1 else "union_" + "_".join(map(str, rest))
        unique = values["union_information"] - values[name]
        assert values[f"unique_{i}"] == pytest.approx(unique, abs=1e-9)
    synergy = values["mi_joint"] - values["union_information"]
    assert values["synergy"] == pytest.approx(synergy, abs=1e-9)


# Known truths --------------------------------------------------------------------------------


def test_independent_sources_of_independent_bits_have_each_its_own() -> None:
    bits, views = bits_and_views(scale=8.0, dim=2)
    z = bits[0] + 2 * bits[1]
    e = estimate_many(dict(zip("abc", views, strict=True)), z, model="linear", **FEW)
    np.testing.assert_allclose(e.unique, [1.0, 1.0, 0.0], atol=0.08)
    assert e.synergy == pytest.approx(0.0, abs=0.1)
    assert e.union_information() == pytest.approx(2.0, abs=0.1)
    assert e.union_information([0, 2]) == pytest.approx(1.0, abs=0.1)
    assert max(abs(atom) for s, atom in e.coverage.items() if len(s) > 1) < 0.1
    assert e.p_values["unique_0"] <= 0.05 < e.p_values["unique_2"]
    adds_up(e.corrected, 3)
    for name, (low, high) in e.intervals.items():
        assert low <= e.values[name] <= high, name
    assert e.names == ("a", "b", "c")
    assert "unique to a" in repr(e)


def test_the_parity_of_three_is_synergy() -> None:
    bits, views = bits_and_views(900, dim=2)
    model = ("linear", "linear", "linear", "network")
    e = estimate_many(views, bits[0] ^ bits[1] ^ bits[2], model=model, cv=3, **FEW)
    assert e.synergy > 0.8
    assert e.union_information() < 0.05
    assert e.p_values["synergy"] <= 0.05


def test_three_noisy_copies_share_what_they_say() -> None:
    posteriors, joint, z = oracle()
    e = from_many_posteriors(posteriors, joint, z, **FEW)
    plain = from_many_posteriors(posteriors, joint, z, **{**BARE, "bias": "none"})
    # Equally good channels are one channel: no source has anything that no other has.
    assert np.median(e.unique) < 0.02
    assert e.redundancy == pytest.approx(e.values["mi_1"], abs=0.05)
    assert e.excess[0, 1, 2] > 0.0 == plain.excess[0, 1, 2]
    assert e.corrected["union_information"] < plain.corrected["union_information"]
    adds_up(e.corrected, 3)


def test_a_better_copy_is_unique_by_the_difference() -> None:
    posteriors, joint, z = oracle((2.0, 1.0, 0.7))
    e = from_many_posteriors(posteriors, joint, z, **FEW)
    difference = e.values["mi_0"] - e.values["mi_1"]
    assert e.unique[0] == pytest.approx(difference, abs=0.02)
    assert e.unique[1:].max() < 0.02
    assert e.p_values["unique_0"] <= 0.05 < min(e.p_values["unique_1"], e.p_values["unique_2"])


def test_two_sources_are_those_of_the_door_for_two() -> None:
    posteriors, joint, z = oracle((1.5, 1.0), n=500, classes=3)
    many = from_many_posteriors(posteriors, joint, z, n_symbols=100, **BARE)
    two = from_posteriors(*posteriors, joint, z, n_symbols=100, **BARE)
    for name, other in (
        *(("redundancy", "redundancy"), ("unique_0", "unique_x"), ("unique_1", "unique_y")),
        *(("synergy", "synergy"), ("mi_joint", "mi_xy")),
    ):
        assert many.corrected[name] == pytest.approx(two.corrected[other], abs=5e-3), name
    # Without clusters, or what chance makes of them, to the gap.
    exact = from_many_posteriors(posteriors, joint, z, **{**BARE, "tol": 1e-6, "bias": "none"})
    direct = fastpid.union_posteriors(
        exact.posteriors[:2], p_z=np.bincount(z) / len(z), n_symbols=500, tol=1e-6
    )
    assert exact.unions[0, 1].lower <= direct.upper + 1e-9
    assert direct.lower <= exact.unions[0, 1].upper + 1e-9


def test_labels_confirm_what_is_claimed_and_bound_it() -> None:
    posteriors, joint, z = oracle(n=3000)
    e = from_many_posteriors(posteriors, joint, z, **{**BARE, "bias": "none"})
    for name, confirmed in e.cross_entropy.items():
        assert confirmed == pytest.approx(e.plug_in[name], abs=0.04), name
    assert list(e.cross_entropy) == ["mi_0", "mi_1", "mi_2", "mi_joint"]
    sharp = [p**4 / (p**4).sum(axis=1, keepdims=True) for p in posteriors]
    with pytest.warns(CalibrationWarning, match="mi_joint"):
        raw = from_many_posteriors(sharp, joint, z, **{**BARE, "calibration": "none"})
    assert set(raw.used.values()) == {"cross_entropy"}
    truth = e.plug_in["union_information"]
    assert raw.plug_in["union_information"] > truth + 0.1 > raw.corrected["union_information"] + 0.1
    assert raw.corrected["mi_0"] == raw.cross_entropy["mi_0"]
    adds_up(raw.corrected, 3)


def test_standard_errors_are_the_spread_over_draws() -> None:
    few = {**BARE, "n_bootstrap": 20, "n_symbols": 40}
    found = []
    for seed in range(16):
        posteriors, joint, z = oracle((2.0, 1.0, 1.0), 300, seed=seed)
        found.append(from_many_posteriors(posteriors, joint, z, **{**few, "rng": seed}))
    for name in ("unique_0", "synergy", "union_1_2", "union_information"):
        spread = np.std([e.corrected[name] for e in found])
        claimed = np.mean([e.standard_errors[name] for e in found])
        assert 0.5 < claimed / spread < 2.0, name


# The face, and what is refused -------------------------------------------------------------------


def test_the_result_has_the_face_of_its_siblings() -> None:
    posteriors, joint, z = oracle((2.0, 1.5, 1.0, 1.0), 300)
    e = from_many_posteriors(posteriors, joint, z, groups=np.arange(300) // 3, **FEW)
    assert (e.units, e.n_units, e.null_p_values) == ("groups", 100, {})
    assert pickle.loads(pickle.dumps(e)) == e
    assert json.loads(json.dumps(e.to_dict()))["unions"]["0,1,2,3"]["upper"] > 0
    assert e._repr_html_().startswith("<pre>")
    with pytest.raises(ValueError, match='pass subsets="all"'):
        _ = e.coverage
    with pytest.raises(KeyError, match="was not asked for"):
        e.union_information([0, 1])
    everything = from_many_posteriors(posteriors, joint, z, subsets="all", **BARE)
    total = sum(everything.coverage.values())
    assert total == pytest.approx(everything.union_information(), abs=1e-6)
    nats = from_many_posteriors(posteriors, joint, z, unit="nats", **{**BARE, "tol": 2e-2 * 0.6931})
    bits = everything.plug_in["mi_joint"] * np.log(2)
    assert nats.plug_in["mi_joint"] == pytest.approx(bits)
    assert pytest.importorskip("pandas") is not None
    assert e.to_frame().loc["synergy", "value"] == e.synergy
    pytest.importorskip("matplotlib").use("Agg")
    assert e.plot().get_ylabel() == "bits"


def test_bad_input() -> None:
    bits, views = bits_and_views(100)
    posteriors, joint, z = oracle(n=100)
    two = {"a": views[0], "b": views[1][:-1]}
    for sources, error, match in (
        (np.stack(views), TypeError, r"list\(sources\)"),
        (views[:1], ValueError, r"holds 1 source"),
        (two, ValueError, r"sources\['b'\] has shape \(99, 4\)"),
    ):
        with pytest.raises(error, match=match):
            estimate_many(sources, bits[0], **BARE)
    with pytest.raises(ValueError, match=r"4 of them.*got 3"):
        estimate_many(views, bits[0], model=("linear",) * 3, **BARE)
    with pytest.raises(ValueError, match="127 sets"):
        estimate_many(views * 2 + views[:1], bits[0], subsets="all", **BARE)
    with pytest.raises(ValueError, match=r"posteriors\[1\] has 1 classes"):
        from_many_posteriors([joint, np.ones((100, 1))], joint, z, **BARE)
    with pytest.raises(ValueError, match="subsets must be one of"):
        from_many_posteriors(posteriors, joint, z, subsets="some", **BARE)
