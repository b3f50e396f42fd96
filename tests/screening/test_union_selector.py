"""PIDSelector(criterion="union"): against brute force over union_information()."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

import fastpid
from fastpid.screening._union_greedy import join

pytest.importorskip("sklearn")
from fastpid.screening import PIDSelector


def tables_of(x: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    out = []
    for column in x.T.astype(int):
        table = np.zeros((column.max() + 1, z.max() + 1))
        np.add.at(table, (column, z), 1.0 / len(z))
        out.append(table)
    return out


def union(tables: list[np.ndarray]) -> float:
    if len(tables) == 1:
        return fastpid.information.mutual_information(tables[0])
    return fastpid.union_information(tables, tol=1e-10).value


def greedy(tables: list[np.ndarray], wanted: int) -> tuple[list[int], list[float]]:
    """Select by looking at every feature in every step."""
    alone = [union([table]) for table in tables]
    chosen: list[int] = []
    gains: list[float] = []
    for _ in range(wanted):
        known = union([tables[i] for i in chosen]) if chosen else 0.0
        added = {
            i: union([tables[k] for k in (*chosen, i)]) - known
            for i in range(len(tables))
            if i not in chosen
        }
        best = max(added.values())
        tied = [i for i, gain in added.items() if gain >= best - 1e-9]
        chosen.append(max(tied, key=lambda i: (alone[i], -i)))
        gains.append(added[chosen[-1]])
    return chosen, gains


def data(
    seed: int, classes: int, features: int = 14, n: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    levels = rng.uniform(0.0, 0.8, features)
    # Each feature knows one class from the others, more or less.
    known = (z[:, None] == rng.integers(0, classes, features)) * rng.integers(1, 3, features)
    noise = rng.integers(0, 4, (n, features))
    return np.where(rng.random((n, features)) < levels, known, noise).astype(float), z


@pytest.mark.parametrize("seed", range(6))
def test_a_binary_target_is_that_of_brute_force(seed: int) -> None:
    x, z = data(seed, 2)
    chosen, gains = greedy(tables_of(x, z), 6)
    fitted = PIDSelector(6, criterion="union").fit(x, z)
    assert np.argsort(fitted.ranking_, kind="stable")[:6].tolist() == chosen
    assert fitted.scores_[chosen] == pytest.approx(gains, abs=1e-9)
    # Those that were not selected have what they would have added in the last step.
    tables = tables_of(x, z)
    known = [tables[i] for i in chosen[:-1]]
    for i in np.flatnonzero(~fitted.support_):
        added = union([*known, tables[i]]) - union(known)
        assert fitted.scores_[i] == pytest.approx(added, abs=1e-9)


def test_more_classes_are_those_of_brute_force() -> None:
    x, z = data(7, 3, features=7)
    chosen, gains = greedy(tables_of(x, z), 4)
    fitted = PIDSelector(4, criterion="union").fit(x, z)
    assert np.argsort(fitted.ranking_, kind="stable")[:4].tolist() == chosen
    assert fitted.scores_[chosen] == pytest.approx(gains, abs=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_what_joins_sources_says_what_they_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, 60)
    sources = [rng.integers(0, 5, 60) ^ (z & (rng.random(60) < 0.4)) for _ in range(4)]
    tables = [np.bincount(2 * s + z, minlength=16).reshape(-1, 2) for s in sources]
    joined = join(tables)
    assert (joined.sum(axis=0) == np.bincount(z)).all()
    assert (joined.sum(axis=1) > 0).all()
    wanted = fastpid.union_information([table / 60 for table in tables]).value
    assert union([joined / 60]) == pytest.approx(wanted, abs=1e-12)
    # Step by step as at once, and what is in it adds nothing to it.
    step = join([join(tables[:2]), *tables[2:]])
    assert (step == joined).all()
    assert (join([joined, tables[1]]) == joined).all()


def test_submodular_selection_keeps_its_promise() -> None:
    x, z = data(3, 2, features=9)
    tables = tables_of(x, z)
    fitted = PIDSelector(3, criterion="union").fit(x, z)
    best = max(union([tables[i] for i in some]) for some in itertools.combinations(range(9), 3))
    found = union([tables[i] for i in np.flatnonzero(fitted.support_)])
    assert (1.0 - np.exp(-1.0)) * best <= found <= best + 1e-12


def test_it_takes_what_others_do_not_say_and_no_synergy() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d = rng.integers(0, 2, (4, 2000))
    z = a | b
    noisy = a ^ (rng.random(2000) < 0.02)
    x = np.stack([a, noisy, b, c, c ^ z, d], axis=1).astype(float)
    fitted = PIDSelector(2, criterion="union").fit(x, z)
    assert fitted.get_support(indices=True).tolist() in ([0, 2], [0, 1], [1, 2])
    assert fitted.scores_[4] < 0.01  # which tells z together with c alone
    pairs = PIDSelector(4, redundancy_penalty=0.0).fit(x, z)
    assert {3, 4} & set(pairs.get_support(indices=True).tolist())


def test_features_that_add_nothing_come_by_what_they_say() -> None:
    rng = np.random.default_rng(1)
    z = rng.integers(0, 2, 500)
    views = [z ^ (rng.random(500) < rate) for rate in (0.3, 0.1, 0.2)]
    x = np.stack([np.zeros(500), *views, z], axis=1)
    fitted = PIDSelector(5, criterion="union").fit(x, z)
    assert fitted.ranking_.tolist() == [5, 4, 2, 3, 1]
    assert (fitted.scores_[[0, 1, 2, 3]] == 0.0).all()


def test_thousands_of_features_take_seconds() -> None:
    rng = np.random.default_rng(2)
    z = rng.integers(0, 2, 300)
    x = (rng.normal(size=(300, 2000)) + rng.uniform(0, 1.5, 2000) * z[:, None]).round(1)
    start = time.process_time()
    fitted = PIDSelector(30, criterion="union").fit(x, z)
    assert time.process_time() - start < 20.0  # 1.5 s on an idle machine
    assert (np.diff(fitted.scores_[np.argsort(fitted.ranking_)[:30]]) <= 1e-12).all()


def test_what_is_refused() -> None:
    rng = np.random.default_rng(3)
    x, z = rng.normal(size=(200, 20)), rng.integers(0, 3, 200)
    with pytest.raises(ValueError, match=r"11 features about a target of 3.*select 10 or fewer"):
        PIDSelector(11, criterion="union").fit(x, z)
    with pytest.raises(ValueError, match="criterion must be one of pairs, union; got 'mean'"):
        PIDSelector(2, criterion="mean").fit(x, z)
