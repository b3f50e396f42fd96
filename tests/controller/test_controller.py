"""The controller measures what it says, and decides by it."""

from __future__ import annotations

import functools
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid.controller import AsyncController, Decision
from fastpid.controller._observations import Uncertain
from fastpid.controller._rules import Rules
from fastpid.joint import from_many_predictions, from_predictions

K = 3
NAMES = ("audio", "video")


def labels(n: int = 300) -> np.ndarray:
    return np.arange(n) % K


def guesses(share: float, y: np.ndarray, seed: int = 0, trust: float = 1.0) -> np.ndarray:
    """Predictions that are right for a share of the samples, and trusted so much."""
    rng = np.random.default_rng(seed)
    right = np.where(rng.random(len(y)) < share, y, rng.integers(0, K, len(y)))
    return trust * np.eye(K)[right] + (1.0 - trust) / K


def pair(audio: float, video: float, y: np.ndarray, trust: float = 1.0) -> dict[str, np.ndarray]:
    return {"audio": guesses(audio, y, 1, trust), "video": guesses(video, y, 2, trust)}


def controller(**options) -> AsyncController:
    return AsyncController(NAMES, **{"num_classes": K, "criterion": "pid", **options})


def run(c: AsyncController, shares, n: int = 300, start: int = 0) -> list[Decision]:
    y = labels(n)
    for epoch, (audio, video) in enumerate(shares, start):
        c.observe(pair(audio, video, y), y)
        c.decide(epoch)
    return list(c.history)


# --- what is measured


def test_hard_predictions_are_corrected_as_samples_are() -> None:
    y = labels()
    outputs = pair(0.6, 0.4, y)
    c = controller(tol=1e-9, unit="nats")
    c.observe(outputs, y)
    metrics = c.decide(0).metrics
    x, v = (rows.argmax(axis=1) for rows in outputs.values())
    e = fastpid.estimate(
        x, v, y, bias="miller_madow", ci="none", n_permutations=0, unit="nats", rng=0
    )
    assert metrics["synergy"] == pytest.approx(e.synergy, abs=1e-8)
    assert metrics["redundancy"] == pytest.approx(e.redundancy, abs=1e-8)
    assert metrics["unique/audio"] == pytest.approx(e.unique_x, abs=1e-8)
    assert metrics["unique/video"] == pytest.approx(e.unique_y, abs=1e-8)
    assert metrics["mi/audio"] == pytest.approx(e.corrected["mi_x"], abs=1e-12)
    assert metrics["mi_joint"] == pytest.approx(e.corrected["mi_xy"], abs=1e-12)
    assert 0.0 <= metrics["gap"] <= 1e-9


def test_the_error_of_hard_predictions_is_that_of_the_bootstrap() -> None:
    y = labels(3000)
    outputs = pair(0.6, 0.4, y)
    c = controller()
    c.observe(outputs, y)
    error = c.decide(0).metrics["tracked_error"]
    x, v = (rows.argmax(axis=1) for rows in outputs.values())
    e = fastpid.estimate(x, v, y, bias="none", n_bootstrap=400, n_permutations=0, rng=0)
    assert error == pytest.approx(e.draws["synergy"].std(), rel=0.15)


@pytest.mark.parametrize("trust", [0.5, 0.9])
def test_soft_predictions_are_corrected_and_their_error_is_what_they_vary_by(trust: float) -> None:
    def draw(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, K, n)
        outputs = {}
        for place, name in enumerate(NAMES):
            odds = np.exp(rng.normal(0, 1, (n, K)) + (2 - place) * np.eye(K)[y])
            rows = odds / odds.sum(axis=1, keepdims=True)
            outputs[name] = trust * rows + (1 - trust) / K
        return outputs, y

    truth = fastpid.decompose(from_predictions(*draw(300_000, 0)[0].values(), draw(300_000, 0)[1]))
    corrected, plug_in, errors = [], [], []
    for seed in range(1, 301):
        outputs, y = draw(100, seed)
        c = controller()
        c.observe(outputs, y)
        metrics = c.decide(0).metrics
        corrected.append(metrics["synergy"])
        errors.append(metrics["tracked_error"])
        plug_in.append(fastpid.decompose(from_predictions(*outputs.values(), y)).synergy)
    bias = np.mean(plug_in) - truth.synergy
    noise = np.std(corrected) / np.sqrt(len(corrected))
    assert bias > 4 * noise
    assert abs(np.mean(corrected) - truth.synergy) < 0.25 * bias + 2 * noise
    stated = np.sqrt(np.mean(np.square(errors)))
    assert 0.8 * np.std(corrected) < stated < 1.25 * np.std(corrected)


def test_batches_add_up_and_logits_are_probabilities() -> None:
    y = labels()
    outputs = pair(0.6, 0.4, y, trust=0.8)
    whole, pieces, logits = controller(), controller(), controller()
    whole.observe(outputs, y)
    for rows in np.array_split(np.arange(len(y)), 7):
        pieces.observe({name: values[rows] for name, values in outputs.items()}, y[rows])
    logits.observe({name: np.log(v) + 5.0 for name, v in outputs.items()}, y, logits=True)
    expected = whole.decide(0).metrics
    for other in (pieces, logits):
        assert other.decide(0).metrics == pytest.approx(expected, abs=1e-9)


def test_hard_counts_the_most_probable_class() -> None:
    y = labels()
    hard, soft = controller(soft=False), controller()
    hard.observe(pair(0.6, 0.4, y, trust=0.5), y)
    soft.observe(pair(0.6, 0.4, y), y)
    assert hard.decide(0).metrics == pytest.approx(soft.decide(0).metrics, abs=1e-9)


def test_sums_of_processes_add_up() -> None:
    y = labels()
    outputs = pair(0.6, 0.4, y, trust=0.8)
    whole, first, second = controller(), controller(), controller()
    whole.observe(outputs, y)
    # 128 samples are a round of blocks, after which the next process's are those of one.
    for c, rows in ((first, slice(0, 128)), (second, slice(128, None))):
        c.observe({name: values[rows] for name, values in outputs.items()}, y[rows])
    first.sums = first.sums + second.sums
    assert first.decide(0).metrics == pytest.approx(whole.decide(0).metrics, abs=1e-9)


#: Many copies of every sample leave next to no bias to correct.
COPIES = 3000


@functools.cache
def of_three(rest: str) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, float]]:
    y = labels()
    shares = {"a": 0.7, "b": 0.5, "c": 0.3}
    outputs = {name: guesses(s, y, seed, 0.8) for seed, (name, s) in enumerate(shares.items())}
    c = AsyncController(shares, num_classes=K, rest=rest, criterion="pid", tol=1e-9)
    c.observe({n: np.tile(v, (COPIES, 1)) for n, v in outputs.items()}, np.tile(y, COPIES))
    return outputs, y, c.decide(0).metrics


@pytest.mark.parametrize("rest", ["union", "vote"])
def test_three_modalities_are_pairs_too(rest: str) -> None:
    outputs, y, metrics = of_three(rest)
    synergies, redundancies = [], []
    for one, other in itertools.combinations(outputs, 2):
        d = fastpid.decompose(from_predictions(outputs[one], outputs[other], y))
        synergies.append(d.synergy)
        redundancies.append(d.redundancy)
        for atom in ("redundancy", "unique_x", "unique_y", "synergy"):
            assert metrics[f"{atom}/{one}+{other}"] == pytest.approx(getattr(d, atom), abs=1e-4)
    assert metrics["synergy_pairs"] == pytest.approx(np.mean(synergies), abs=1e-4)
    assert metrics["redundancy"] == pytest.approx(np.mean(redundancies), abs=1e-4)


def test_three_modalities_are_each_against_the_union_of_the_others() -> None:
    outputs, y, metrics = of_three("union")
    d = fastpid.decompose_many(from_many_predictions([*outputs.values()], y))
    assert metrics["synergy"] == metrics["tracked"] == pytest.approx(d.synergy, abs=1e-4)
    assert metrics["union"] == pytest.approx(d.union_information(), abs=1e-4)
    assert metrics["mi_joint"] == pytest.approx(d.mi_joint, abs=1e-4)
    for place, name in enumerate(outputs):
        assert metrics[f"unique/{name}"] == pytest.approx(d.unique[place], abs=1e-4)
        assert metrics[f"mi/{name}"] == pytest.approx(d.mi[place], abs=1e-4)


def test_three_modalities_are_each_against_a_vote() -> None:
    outputs, y, metrics = of_three("vote")
    assert metrics["synergy"] == metrics["synergy_pairs"]
    for name in outputs:
        b, c = (outputs[other] for other in outputs if other != name)
        d = fastpid.decompose(from_predictions(outputs[name], (b + c) / 2, y))
        assert metrics[f"unique/{name}"] == pytest.approx(d.unique_x, abs=1e-4)
        assert metrics[f"mi/{name}"] == pytest.approx(d.mi_x, abs=1e-4)


def test_the_bias_and_the_errors_of_three_modalities_are_what_they_vary_by() -> None:
    def draw(n: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, K, n)
        odds = {
            name: np.exp(rng.normal(0, 1, (n, K)) + signal * np.eye(K)[y])
            for name, signal in {"a": 3.0, "b": 1.5, "c": 1.0}.items()
        }
        return {name: rows / rows.sum(axis=1, keepdims=True) for name, rows in odds.items()}, y

    def measured(n: int, seed: int) -> tuple[dict[str, float], list[float], float]:
        c = AsyncController(["a", "b", "c"], num_classes=K, criterion="pid")
        outputs, y = draw(n, seed)
        c.observe(outputs, y)
        reading = c._read()
        errors = [reading.unique["a"].error, reading.union.error, reading.synergy.error]
        plug_in = fastpid.decompose_many(from_many_predictions([*outputs.values()], y), tol=1e-6)
        return c.decide(0).metrics, errors, plug_in.synergy

    truth = measured(100_000, 0)[0]
    found = [measured(150, seed) for seed in range(1, 81)]
    for place, name in enumerate(("unique/a", "union", "synergy")):
        values = np.array([metrics[name] for metrics, _, _ in found])
        stated = np.sqrt(np.mean([np.square(errors[place]) for _, errors, _ in found]))
        assert 0.75 * values.std() < stated < 1.3 * values.std(), name
        noise = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - truth[name]) < 0.25 * values.std() + 3 * noise, name
    bias = np.mean([plug_in for _, _, plug_in in found]) - truth["synergy"]
    left = np.mean([metrics["synergy"] for metrics, _, _ in found]) - truth["synergy"]
    assert abs(left) < 0.3 * bias


# --- what is decided


def test_who_runs_ahead_is_held_and_released() -> None:
    shares = [(0.9, 0.2), (0.6, 0.6), (0.2, 0.9)]
    ahead, level, behind = run(controller(patience=9, margin=2.0), shares, n=3000)
    assert ahead.shares == {"audio": 0.0, "video": 2.0}
    assert ahead.active == ("video",)
    assert level.shares == {"audio": 1.0, "video": 1.0}
    assert behind.shares == {"audio": 2.0, "video": 0.0}


def test_balance_and_margin_say_how_far_ahead() -> None:
    shares = [(0.7, 0.5)]
    assert run(controller(balance=1.0), shares)[0].active == ("video",)
    assert run(controller(balance=0.0), shares)[0].active == NAMES
    assert run(controller(balance=1.0, margin=30.0), shares)[0].active == NAMES
    few = run(controller(balance=1.0), shares, n=9)[0]
    assert few.active == NAMES, "nine samples do not tell the modalities apart"


def test_a_lead_counts_for_more_without_what_both_know() -> None:
    y = np.random.default_rng(0).integers(0, K, 6000)
    both = guesses(0.7, y, 1)  # audio; video knows less of the same
    outputs = {"audio": both, "video": np.where(np.arange(6000)[:, None] % 5, both, 1 / K)}
    pid, mi = controller(balance=0.4), controller(balance=0.4, criterion="mi")
    for c in (pid, mi):
        c.observe(outputs, y)
    metrics = pid.decide(0).metrics
    difference = metrics["unique/audio"] - metrics["unique/video"]
    assert difference == pytest.approx(metrics["mi/audio"] - metrics["mi/video"], abs=1e-12)
    assert pid.history[0].active == ("video",)
    assert mi.decide(0).active == NAMES


def test_what_solves_do_not_tell_from_zero_is_zero() -> None:
    """Else who is ahead would hang on the order of the modalities, whose solves differ."""
    rules = Rules(patience=1, balance=1e-6, margin=0.0, tol=1e-5)
    for value in (0.0, 4.2e-7, 2.0e-7):
        leads = {"audio": Uncertain(value, 0.1), "video": Uncertain(0.33, 0.1)}
        assert rules.ahead(leads, ["audio", "video"]) == {"video": "audio"}
    assert not rules._replace(balance=0.0).ahead(leads, ["audio", "video"])


def test_a_peak_must_stand_out_of_the_noise() -> None:
    rules = Rules(patience=1, balance=0.5, margin=1.0, tol=1e-3)
    flat, high = Uncertain(0.02, 0.03), Uncertain(0.2, 0.03)
    assert not rules.is_past_peak([flat, Uncertain(-0.05, 0.03)])
    assert rules.is_past_peak([high, Uncertain(0.1, 0.03)])
    assert not rules.is_past_peak([high, Uncertain(0.18, 0.03)])
    assert not rules.is_past_peak([])


def test_a_rise_within_noise_is_not_learning() -> None:
    c = controller(patience=1, margin=3.0, balance=1.0)
    shares = [(0.9, 0.30), (0.9, 0.32), (0.9, 0.6)]
    assert [d.active for d in run(c, shares, n=3000)] == [("video",), NAMES, ("video",)]


def test_an_absent_class_is_no_cell() -> None:
    y = labels() % 2
    outputs = pair(0.6, 0.4, y)
    c = controller(tol=1e-9)
    c.observe(outputs, y)
    x, v = (rows.argmax(axis=1) for rows in outputs.values())
    e = fastpid.estimate(x, v, y, bias="miller_madow", ci="none", n_permutations=0, rng=0)
    assert c.decide(0).metrics["mi/audio"] == pytest.approx(e.corrected["mi_x"], abs=1e-12)


def test_three_modalities_share_the_steps_of_those_held() -> None:
    y = labels(600)
    shares = {"a": 0.9, "b": 0.3, "c": 0.3}
    c = AsyncController(shares, num_classes=K, criterion="pid")
    c.observe({name: guesses(s, y, i) for i, (name, s) in enumerate(shares.items())}, y)
    assert c.decide(0).shares == {"a": 0.0, "b": 1.5, "c": 1.5}


#: Guesses that are sure and independent: together they say more the less sure each is of itself,
#: until neither says anything.
RISE_AND_FALL = [0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.96, 1.0]


def until_joint(c: AsyncController, shares, n: int = 3000) -> list[Decision]:
    y = labels(n)
    for epoch, share in enumerate(shares):
        c.observe(pair(share, share, y), y)
        if c.decide(epoch).start_joint:
            break
    return list(c.history)


@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize("margin", [0.0, 1.0, 2.0])
def test_joint_training_starts_from_the_peak(patience: int, margin: float) -> None:
    c = controller(patience=patience, margin=margin)
    history = until_joint(c, RISE_AND_FALL)
    found = [(d.metrics["tracked"], d.metrics["tracked_error"]) for d in history]
    highest, error = max(found)
    within = [value >= highest - margin * error - 1e-3 for value, _ in found]
    last = history[-1]
    assert last.start_joint
    # It starts from the last state within noise of the highest one, `patience` observations on.
    restored = max(np.flatnonzero(within))
    assert last.restore_epochs == dict.fromkeys(NAMES, restored)
    assert 2 <= restored == last.epoch - patience < len(RISE_AND_FALL) - patience
    for epoch, d in enumerate(history):
        top, its_error = max(found[: epoch + 1])
        at_peak = found[epoch][0] >= top - margin * its_error - 1e-3
        assert d.keep == (tuple(NAMES) if at_peak else ())
    after = c.decide(last.epoch + 1)
    assert (after.phase, after.start_joint, after.restore_epochs) == ("joint", False, {})
    assert after.shares == {"audio": 1.0, "video": 1.0}


def test_samples_that_depend_on_each_other_are_fewer() -> None:
    y = labels()
    outputs = pair(0.6, 0.4, y)
    few, many = controller(), controller(design_effect=4.0)
    few.observe(outputs, y)
    many.observe({name: np.tile(rows, (4, 1)) for name, rows in outputs.items()}, np.tile(y, 4))
    found, expected = (dict(c.decide(0).metrics) for c in (many, few))
    # Copies stand in other blocks, of which sixteen know an error to a fifth or so.
    assert found.pop("tracked_error") == pytest.approx(expected.pop("tracked_error"), rel=0.2)
    assert found == pytest.approx(expected, abs=1e-9)


def test_noise_is_no_peak_and_the_limit_ends_the_phase() -> None:
    shares = [0.0] * 12
    assert all(d.phase == "unimodal" for d in until_joint(controller(patience=1), shares))
    limited = until_joint(controller(patience=1, max_epochs=4), shares)
    assert [d.start_joint for d in limited] == [False, False, False, True]
    peak = max(d.epoch for d in limited if d.keep)
    assert limited[3].restore_epochs == dict.fromkeys(NAMES, peak)


def test_without_an_observation_the_limit_restores_nothing() -> None:
    c = controller(every=5, max_epochs=2)
    c.decide(0)
    decision = c.decide(1)
    assert decision.start_joint
    assert decision.restore_epochs == {}


def test_who_was_held_has_not_stopped_learning() -> None:
    c = controller(patience=2, margin=2.0)
    history = run(c, [(0.9, 0.1), (0.9, 0.2), (0.9, 0.4), (0.9, 1.0)], n=6000)
    assert [d.active for d in history] == [("video",)] * 3 + [("audio",)]


def test_nobody_is_held_for_one_that_does_not_learn() -> None:
    c = controller(patience=2, margin=2.0)
    shares = [(0.9, 0.2), (0.9, 0.25), (0.9, 0.3), (0.9, 0.3), (0.9, 0.3), (0.9, 0.5), (0.9, 0.5)]
    history = run(c, shares, n=6000)
    held = [d.active == ("video",) for d in history]
    # Video learns from epoch 0 to 2 and from 4 to 5; it takes two observations to see that it does
    # not.
    assert held == [True, True, True, True, False, True, True]


def test_the_union_information_starts_from_where_it_stood_still() -> None:
    """And not from the last state within noise of its maximum, which has been trained longest."""
    shares = [0.2, 0.5, 0.8, 0.81, 0.81, 0.81]
    history = until_joint(controller(criterion="union", margin=2.0), shares)
    assert [bool(d.keep) for d in history] == [True] * 3 + [False] * 3
    assert history[-1].start_joint
    assert history[-1].restore_epochs == dict.fromkeys(NAMES, 2)
    assert "union information has not risen beyond noise" in history[-1].reason
    late = until_joint(controller(criterion="mi", margin=2.0), shares)
    assert not any(d.start_joint for d in late)


def test_confidence_that_is_not_deserved_is_no_skill() -> None:
    y = labels(3000)
    right = guesses(0.5, y, 1)
    softer = 0.6 * right + 0.4 / K  # two thirds are right, so that this is near what is deserved
    video = guesses(0.6, y, 2, trust=0.7)
    by_skill, by_mi = controller(criterion="skill"), controller(criterion="mi")
    for c in (by_skill, by_mi):
        for epoch, audio in enumerate((softer, right)):
            c.observe({"audio": audio, "video": video}, y)
            c.decide(epoch)
    assert [d.keep for d in by_skill.history] == [("audio", "video"), ()]
    assert [d.keep for d in by_mi.history] == [("audio", "video")] * 2
    first, second = (d.metrics for d in by_skill.history)
    assert second["mi/audio"] > first["mi/audio"] + 0.1
    for metrics, rows in ((first, softer), (second, right)):
        score = np.mean(((rows - np.eye(K)[y]) ** 2).sum(axis=1))
        assert metrics["skill/audio"] == pytest.approx(1.0 - score / (1.0 - 1.0 / K))
    assert "audio has a skill of" in by_skill.history[1].reason


def until_own_peaks(curves: dict[str, list[float]], **options) -> list[Decision]:
    """Show predictions of such skills, of which only who trains comes to the next one."""
    c = AsyncController([*curves], num_classes=K, **options)
    y, places = labels(), dict.fromkeys(curves, 0)
    for epoch in range(40):
        outputs = {}
        for name, skills in curves.items():
            trust = 1.0 - np.sqrt(1.0 - skills[places[name]])
            outputs[name] = trust * np.eye(K)[y] + (1.0 - trust) / K
        c.observe(outputs, y)
        decision = c.decide(epoch)
        for name, skills in curves.items():
            assert decision.metrics[f"skill/{name}"] == pytest.approx(skills[places[name]])
        if decision.start_joint:
            break
        for name in decision.active:
            places[name] = min(places[name] + 1, len(curves[name]) - 1)
    return list(c.history)


def test_each_modality_goes_by_its_own_best_skill() -> None:
    fast = [0.3, 0.6, 0.5, 0.4, 0.3]
    slow = [0.1, 0.2, 0.15, 0.3, 0.4, 0.5, 0.6, 0.5, 0.55, 0.4, 0.3]
    history = until_own_peaks({"fast": fast, "slow": slow}, patience=2)
    assert [d.keep for d in history] == [
        *[("fast", "slow")] * 2,
        (),
        *[("slow",)] * 4,
        *[()] * 2,
    ]
    assert [d.shares["fast"] for d in history] == [1.0] * 3 + [0.0] * 5 + [1.0]
    assert [d.shares["slow"] for d in history] == [1.0] * 3 + [2.0] * 5 + [1.0]
    *others, last = history
    assert (last.start_joint, last.restore_epochs) == (True, {"fast": 1, "slow": 6})
    # The fast one is at its best again, for good, while the slow one goes on.
    assert [d.restore_epochs for d in others] == [{}] * 3 + [{"fast": 1}] + [{}] * 4
    assert "fast is past its best skill, 0.6 of 1" in history[3].reason
    assert "the states of epochs 1 (fast), 6 (slow)" in last.reason


def test_the_limit_takes_what_was_best_until_then() -> None:
    rising = {"a": [0.1, 0.2, 0.3, 0.4], "b": [0.4, 0.3, 0.2, 0.1], "c": [0.2, 0.3, 0.1, 0.1]}
    history = until_own_peaks(rising, patience=5, max_epochs=4)
    assert history[-1].restore_epochs == {"a": 3, "b": 0, "c": 1}
    assert "max_epochs=4 are over" in history[-1].reason


def test_steps_go_to_those_that_are_not_past_their_best() -> None:
    curves = {"a": [0.5, 0.4, 0.3], "b": [0.1, 0.2, 0.3], "c": [0.2, 0.3, 0.4]}
    history = until_own_peaks(curves, patience=1, max_epochs=3)
    assert history[1].shares == {"a": 0.0, "b": 1.5, "c": 1.5}


def test_nobody_is_held_for_one_that_learns_what_is_known() -> None:
    y = labels(6000)
    chance = np.random.default_rng(0).random((2, 6000))
    third, first = (y == 2) * 2, np.where(y == 0, 0, 1)

    def run_by(criterion: str) -> list[tuple[str, ...]]:
        c = controller(criterion=criterion, patience=2, margin=2.0)
        for epoch, (whole, share) in enumerate(((0.0, 0.3), (0.6, 0.4), (0.9, 0.5))):
            # Audio tells the third class, and more and more often all of them; video the first
            # class, which is less and less its own secret.
            audio = np.where(chance[0] < whole, y, third)
            video = np.where(chance[1] < share, first, 1)
            c.observe({"audio": np.eye(K)[audio], "video": np.eye(K)[video]}, y)
            c.decide(epoch)
        found = [d.metrics["unique/video"] for d in c.history]
        assert found == sorted(found, reverse=True)
        return [d.active for d in c.history]

    assert run_by("pid") == [("video",)] * 3
    assert run_by("union") == [("video",), NAMES, NAMES]


def test_what_is_tracked_depends_on_the_criterion() -> None:
    metrics = run(controller(), [(0.6, 0.4)])[0].metrics
    assert metrics["tracked"] == metrics["synergy"]
    metrics = run(controller(criterion="union"), [(0.6, 0.4)])[0].metrics
    own = metrics["unique/audio"] + metrics["unique/video"]
    assert metrics["tracked"] == metrics["union"] == pytest.approx(metrics["redundancy"] + own)
    metrics = run(controller(criterion="mi"), [(0.6, 0.4)])[0].metrics
    assert metrics["tracked"] == pytest.approx((metrics["mi/audio"] + metrics["mi/video"]) / 2)


def test_epochs_between_observations_go_on_as_decided() -> None:
    c = controller(every=3)
    assert [c.due(epoch) for epoch in range(6)] == [False, False, True] * 2
    y = labels()
    for epoch in range(2):
        assert c.decide(epoch) == Decision(epoch, "unimodal", {"audio": 1.0, "video": 1.0})
    c.observe(pair(0.9, 0.2, y), y)
    held = c.decide(2)
    assert held.active == ("video",)
    assert c.decide(3) == Decision(3, "unimodal", held.shares)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6),
    st.floats(0, 1),
    st.floats(0, 3),
    st.sampled_from(["pid", "mi", "union", "skill"]),
)
def test_names_do_not_matter_and_steps_add_up(shares, balance, margin, criterion) -> None:
    y = labels(90)
    options = {"criterion": criterion, "num_classes": K}
    if criterion != "skill":
        options |= {"balance": balance, "margin": margin}
    one, other = AsyncController(NAMES, **options), AsyncController(NAMES[::-1], **options)
    for epoch, (audio, video) in enumerate(shares):
        outputs = pair(audio, video, y, trust=0.9)
        for c in (one, other):
            c.observe(outputs, y)
        a, b = one.decide(epoch), other.decide(epoch)
        assert (a.phase, a.shares, {*a.keep}) == (b.phase, b.shares, {*b.keep})
        assert sum(a.shares.values()) == 2.0
        assert a.active
        assert a.metrics["gap"] <= 1e-3
        for name in NAMES:
            total = a.metrics["redundancy"] + a.metrics[f"unique/{name}"]
            assert total == pytest.approx(a.metrics[f"mi/{name}"], abs=1e-9)


# --- state


@pytest.mark.parametrize("stop", range(1, len(RISE_AND_FALL)))
def test_a_run_that_is_resumed_decides_the_same(stop: int) -> None:
    shares = [(share, 0.9 * share) for share in RISE_AND_FALL]
    expected = run(controller(patience=2), shares)
    first = controller(patience=2)
    run(first, shares[:stop])
    y = labels()
    outputs = pair(*shares[stop], y)
    first.observe({name: rows[:100] for name, rows in outputs.items()}, y[:100])
    second = controller(patience=2)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    second.observe({name: rows[100:] for name, rows in outputs.items()}, y[100:])
    second.decide(stop)
    run(second, shares[stop + 1 :], start=stop + 1)
    assert len(second.history) == len(expected)
    for d, e in zip(second.history, expected, strict=True):
        assert d.metrics == pytest.approx(e.metrics, abs=1e-9)
        assert (d.epoch, d.phase, d.shares, d.keep, d.start_joint, d.restore_epochs) == (
            (e.epoch, e.phase, e.shares, e.keep, e.start_joint, e.restore_epochs)
        )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"patience": 4}, "patience is 4 there and 3 here"),
        ({"num_classes": 4}, "num_classes is 4 there and 3 here"),
        ({"criterion": "mi"}, "criterion is 'mi' there"),
        ({"soft": False}, "soft is False there"),
    ],
)
def test_a_state_of_another_configuration_is_refused(options, text) -> None:
    c = controller()
    run(c, [(0.5, 0.5)])
    before = c.state_dict()
    with pytest.raises(ValueError, match=text):
        c.load_state_dict(controller(**options).state_dict())
    decision = before["history"][0]
    for strange in (
        {},
        {**before, "config": None},
        {**before, "history": [{"epoch": 0}]},
        {**before, "history": [{**decision, "phase": "third"}]},
        {**before, "history": [{**decision, "epoch": "first"}]},
        {**before, "history": [{**decision, "steps": {"smell": 1.0}}]},
        {**before, "history": [{**decision, "metrics": {"synergy": 1.0}}]},
    ):
        with pytest.raises(ValueError, match=r"state must be the state_dict\(\)"):
            c.load_state_dict(strange)
    only_a_count = [0.0] * (len(c.sums) - 1) + [5.0]
    for sums in ([1.0], "abc", {}, only_a_count):
        with pytest.raises(ValueError, match="sums must be"):
            c.load_state_dict({**before, "sums": sums})
    assert c.state_dict() == before


def test_a_state_is_small_unless_samples_are_pending() -> None:
    c = controller()
    run(c, [(0.5, 0.5)])
    assert c.state_dict()["sums"] is None
    other = controller()
    other.observe(GOOD, labels())
    other.load_state_dict(c.state_dict())
    assert other.state_dict() == c.state_dict()


def test_numpys_strings_are_names() -> None:
    c = AsyncController(np.array(NAMES), num_classes=K)
    assert all(type(name) is str for name in c.state_dict()["config"]["modalities"])


GOOD = pair(0.6, 0.4, labels())


@pytest.mark.parametrize(
    ("outputs", "y", "error", "text"),
    [
        ({**GOOD, "text": GOOD["audio"]}, labels(), ValueError, "unknown: text"),
        ({"audio": GOOD["audio"]}, labels(), ValueError, "missing: video"),
        ({**GOOD, "video": GOOD["video"][:, :2]}, labels(), ValueError, "has 2 columns"),
        ({**GOOD, "video": GOOD["video"][:9]}, labels(), ValueError, "300 of 'audio', 9 of 'vi"),
        ({**GOOD, "video": GOOD["video"] * np.nan}, labels(), ValueError, "row 0 of outputs"),
        ({**GOOD, "video": GOOD["video"] * 3.0}, labels(), ValueError, "logits=True"),
        ({**GOOD, "video": GOOD["video"][0]}, labels(), ValueError, "must have shape"),
        ({**GOOD, "video": GOOD["video"] > 0}, labels(), TypeError, "bool"),
        ({n: v[:0] for n, v in GOOD.items()}, labels()[:0], ValueError, "one of each at least"),
        ([*GOOD.values()], labels(), TypeError, "must map the names"),
        (GOOD, labels() + 1, ValueError, "labels from 1 to 3"),
        (GOOD, labels() - 1, ValueError, "labels from -1 to 1"),
        (GOOD, labels(9), ValueError, "z has 9 labels"),
        (GOOD, labels() * 1.0, TypeError, "integer labels"),
        (GOOD, np.eye(K)[labels()], TypeError, "integer labels"),
    ],
)
def test_bad_observations_change_nothing(outputs, y, error, text) -> None:
    c = controller()
    run(c, [(0.5, 0.5)])
    c.observe(GOOD, labels())
    before = c.state_dict()
    with pytest.raises(error, match=text):
        c.observe(outputs, y)
    assert c.state_dict() == before


def test_logits_that_are_not_numbers_are_refused() -> None:
    c = controller()
    logits = {name: np.log(rows + 0.1) for name, rows in GOOD.items()}
    logits["video"][5, 1] = np.nan
    with pytest.raises(ValueError, match=r"outputs\['video'\] has rows of logits"):
        c.observe(logits, labels(), logits=True)
    assert c.state_dict() == controller().state_dict()


def test_a_step_needs_an_observation_and_a_later_epoch() -> None:
    c = controller()
    with pytest.raises(ValueError, match=r"no held-out samples were observed before decide\(0\)"):
        c.decide(0)
    assert c.state_dict() == controller().state_dict()
    run(c, [(0.5, 0.5)])
    c.observe(GOOD, labels())
    before = c.state_dict()
    for epoch, error in ((0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="epoch"):
            c.decide(epoch)
    assert c.state_dict() == before


@pytest.mark.parametrize(
    ("modalities", "options", "error", "text"),
    [
        ("audio", {}, TypeError, "several names"),
        (["audio"], {}, ValueError, "'audio' alone, which has nobody to wait "),
        ([], {}, ValueError, "two or more different"),
        (["audio", "audio"], {}, ValueError, "two or more different"),
        (["audio", 3], {}, TypeError, "must be strings; got int"),
        (3, {}, TypeError, "several names"),
        (NAMES, {"num_classes": 1}, ValueError, "num_classes must be 2 or more"),
        (NAMES, {"num_classes": 1000}, ValueError, "group the classes"),
        (list("abcde"), {"num_classes": 20}, ValueError, 'rest="vote"'),
        (NAMES, {"every": 0}, ValueError, "every must be 1 or more"),
        (NAMES, {"patience": 0}, ValueError, "patience must be 1 or more"),
        (NAMES, {"patience": 1.5}, TypeError, "patience must be an integer"),
        (NAMES, {"balance": 1.5, "criterion": "pid"}, ValueError, "balance must be from 0 to 1"),
        (NAMES, {"balance": "half", "criterion": "pid"}, TypeError, "balance must be a number"),
        (NAMES, {"margin": -1, "criterion": "pid"}, ValueError, "margin must be 0 or more"),
        (NAMES, {"margin": np.nan, "criterion": "pid"}, ValueError, "margin must be 0 or more"),
        (NAMES, {"criterion": "synergy"}, ValueError, "one of skill, pid, mi, union"),
        (NAMES, {"margin": 2.0}, ValueError, 'margin has no part in criterion="skill"'),
        (NAMES, {"balance": 0.2}, ValueError, 'balance has no part in criterion="skill"'),
        (NAMES, {"rest": "all"}, ValueError, "one of union, vote"),
        (NAMES, {"soft": 1}, TypeError, "soft must be True or False"),
        (NAMES, {"max_epochs": 0}, ValueError, "max_epochs must be 1 or more"),
        (NAMES, {"design_effect": 0.5}, ValueError, "design_effect must be 1 or more"),
        (NAMES, {"unit": "bans"}, ValueError, "bits, nats"),
        (NAMES, {"tol": 0}, ValueError, "tol must be positive"),
    ],
)
def test_bad_options(modalities, options, error, text) -> None:
    with pytest.raises(error, match=text):
        AsyncController(modalities, **{"num_classes": K, **options})


def test_a_table_that_is_not_solved_warns() -> None:
    y = labels()
    # Rounding closes many gaps altogether, but not all of these.
    cs = [controller(tol=1e-17) for _ in range(40)]
    for c, of_first in zip(cs, np.linspace(0.2, 0.9, 40), strict=True):
        c.observe(pair(of_first, 0.6, y, trust=0.8), y)
    with pytest.warns(fastpid.ConvergenceWarning, match="the largest gap is") as caught:
        gaps = [c.decide(0).metrics["gap"] for c in cs]
    assert caught[0].filename == __file__
    assert 1e-17 < max(gaps) < 1e-12


def test_to_frame_has_a_row_an_epoch() -> None:
    pytest.importorskip("pandas")
    c = controller(patience=1)
    assert len(c.to_frame()) == 0
    history = run(c, [(s, s) for s in RISE_AND_FALL])
    frame = c.to_frame()
    assert frame.index.tolist() == [d.epoch for d in history]
    assert frame["synergy"].tolist() == [d.metrics["synergy"] for d in history]
    assert frame["start_joint"].sum() == 1
    assert set(frame["shares/audio"]) <= {0.0, 1.0, 2.0}


def test_plot_shows_what_was_decided() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    c = controller(patience=1)
    with pytest.raises(ValueError, match="history is empty"):
        c.plot()
    history = run(c, [(0.9, 0.2), *[(s, s) for s in RISE_AND_FALL]], n=900)
    assert c.phase == "joint"
    upper, lower = c.plot()
    drawn = {line.get_label(): line for line in upper.lines}
    np.testing.assert_array_equal(
        drawn["synergy"].get_ydata(), [d.metrics["synergy"] for d in history]
    )
    start = next(d for d in history if d.start_joint)
    assert {drawn["restored"].get_xdata()[0]} == {*start.restore_epochs.values()}
    assert history[0].active == ("video",)
    bars = {
        (round(bar.get_x() + 0.5), round(bar.get_y() + bar.get_height() / 2))
        for bar in lower.patches
    }
    assert (0, 0) in bars
    assert (1, 0) not in bars, "audio was held after epoch 0"
    assert (1, 1) in bars
    plt.close("all")


def test_a_decision_says_why() -> None:
    c = controller(num_classes=2, patience=1, margin=0.0)
    assert repr(c) == "AsyncController of audio, video (unimodal phase, nothing decided yet)"
    z = np.arange(400) % 2
    sure, guess = np.eye(2)[z], np.full((400, 2), 0.5)
    c.observe({"audio": sure, "video": guess}, z)
    first = c.decide(0)
    assert first.reason.startswith(
        "audio is held back: it is ahead of video in unique information, 1"
    )
    assert "within noise of its maximum so far" in first.reason
    assert "after epoch 0; steps: audio 0, video 2" in repr(c)
    assert first.reason in repr(c)
    ends = controller(num_classes=2, max_epochs=1)
    ends.observe({"audio": sure, "video": guess}, z)
    last = ends.decide(0)
    assert "max_epochs=1 are over; joint training starts from the state of epoch 0" in last.reason
    assert ends.decide(1).reason == "joint training goes on"
    again = controller(num_classes=2, max_epochs=1)
    again.load_state_dict(ends.state_dict())
    assert again.history[0].reason == last.reason
