"""Samples that depend on one another: what their resamples and surrogates keep, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid._base.quantities import ATOMS
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import Arrangement
from fastpid.estimation._intervals import SHUFFLES

SHAPE = (3, 2, 4)
QUICK = {"n_bootstrap": 60, "n_permutations": 99, "rng": 0, "progress": False}
SEED = np.random.SeedSequence(3)


def codes(n: int, fields: int = 1, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, k, (fields, n)) for k in SHAPE)


def ragged(seed: int = 0) -> np.ndarray:
    """Groups of 3 to 9 samples, their samples apart from one another."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.repeat(np.arange(12), rng.integers(3, 10, 12)))


ARRANGEMENTS = {
    "independent": lambda: Arrangement.of_independent(70),
    "groups": lambda: Arrangement(ragged(), "group"),
    "within groups": lambda: Arrangement(ragged(), "sample"),
    "series": lambda: Arrangement(np.zeros(70, dtype=np.intp), "block", 4),
    "several series": lambda: Arrangement(np.repeat([0, 1, 2], [20, 31, 19]), "block", 3),
}


@pytest.mark.parametrize("kind", ARRANGEMENTS)
def test_orders_are_permutations_that_keep_neighbours(kind: str) -> None:
    a = ARRANGEMENTS[kind]()
    random = np.random.default_rng(0)
    seen = {tuple(a.order(random)) for _ in range(50)}
    assert len(seen) > 10
    for order in map(np.array, seen):
        assert (np.sort(order) == np.arange(a.n_samples)).all()
        follow = (np.diff(order) == 1).sum()
        if kind == "groups":  # every group stands as it stood
            assert follow >= a.n_samples - len(a.lengths)
        if "series" in kind:  # every series begins elsewhere, by a block or more
            assert (a.runs[order] == a.runs).all()
            assert follow >= a.n_samples - 2 * len(a.lengths)
            shift = (order - np.arange(a.n_samples))[np.cumsum(a.lengths) - a.lengths]
            assert (shift >= a.block_length).all()
            assert (shift <= a.lengths - a.block_length).all()


@pytest.mark.parametrize("kind", ARRANGEMENTS)
def test_what_is_drawn_is_whole_units_in_four_parts(kind: str) -> None:
    a = ARRANGEMENTS[kind]()
    random = np.random.default_rng(0)
    sums = np.zeros(a.n_samples)
    for _ in range(400):
        times = a.resample(random)
        assert times.shape == (4, a.n_samples)
        assert (times == np.round(times)).all()
        assert (times >= 0).all()
        sums += times.sum(axis=0)
        if kind == "groups":
            of_groups = [times[:, a.runs == g] for g in range(len(a.lengths))]
            assert all((of == of[:, :1]).all() for of in of_groups)
            assert sum(of[:, 0].sum() for of in of_groups) == a.n_units
        else:  # as many of every group as there are
            drawn = np.bincount(a.runs, times.sum(axis=0))
            assert (drawn == a.lengths).all()
    # Every sample is drawn once on average: within five standard errors.
    assert abs(sums / 400 - 1.0).max() < 5.0 * np.sqrt(a.block_length / 400)


@pytest.mark.parametrize("kind", ARRANGEMENTS)
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_make_up_the_whole(kind: str, parts: int) -> None:
    a = ARRANGEMENTS[kind]()
    times = a.divide(np.random.default_rng(0), parts)
    assert (times.sum(axis=0) == 1).all()
    units = np.repeat(np.arange(a.n_units), a.unit_sizes)
    part = times.argmax(axis=0)
    assert all(len(set(part[units == u])) == 1 for u in range(a.n_units))
    in_parts = [len(set(units[part == p])) for p in range(parts)]
    assert max(in_parts) - min(in_parts) <= 1


@pytest.mark.parametrize("kind", ARRANGEMENTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_tables_of_samples_by_a_loop(kind: str, weighted: bool) -> None:
    a = ARRANGEMENTS[kind]()
    n = a.n_samples
    weights = np.random.default_rng(5).choice([0.5, 1.0, 2.0], n) if weighted else None
    x, y, z = codes(n, fields=3)
    samples = ArrangedSamples(SHAPE, 1, a, (x, y, z), weights)
    w = np.ones(n) if weights is None else weights

    def table(field: int, keep: np.ndarray) -> np.ndarray:
        out = np.zeros(SHAPE)
        for i in np.flatnonzero(keep):
            out[x[field, i], y[field, i], z[field, i]] += w[i]
        return out

    for field in range(3):
        expected = table(field, np.ones(n, dtype=bool)).ravel()
        np.testing.assert_allclose(samples.mass[field], expected, atol=1e-12)
    tables, counts = samples.leave_one_out()
    left = np.concatenate(list(tables)).reshape(-1, 3, *SHAPE)
    assert len(left) == len(counts) == a.n_units
    units = np.repeat(np.arange(a.n_units), a.unit_sizes)
    kept = np.empty(n, dtype=bool)
    kept[a.sorted] = units != 1
    np.testing.assert_allclose(left[1, 2], table(2, kept), atol=1e-12)
    halves = np.concatenate(list(samples.parts(5, SEED, 2))).reshape(5, 3, 2, *SHAPE)
    for field in range(3):
        whole = halves[:, field].sum(axis=1).reshape(5, -1)
        np.testing.assert_allclose(whole, np.tile(samples.mass[field], (5, 1)), atol=1e-12)


@pytest.mark.parametrize("kind", ARRANGEMENTS)
@pytest.mark.parametrize("what", SHUFFLES)
def test_surrogates_keep_what_they_must(kind: str, what: str) -> None:
    a = ARRANGEMENTS[kind]()
    samples = ArrangedSamples(SHAPE, 1, a, codes(a.n_samples, fields=2))
    role, given_ = SHUFFLES[what]
    made = list(samples.surrogates(40, SEED, role, given_))
    tables = np.concatenate([each.tables for each in made]).reshape(40, 2, *SHAPE)
    own = samples.mass.reshape(2, *SHAPE)
    axis = "xyz".index(role)
    # What is moved keeps its distribution in every stratum, and so does what is not.
    strata = {axis, "xyz".index(given_)} if given_ else {axis}
    others = tuple(1 + k for k in range(3) if k not in strata)
    assert (tables.sum(axis=tuple(1 + k for k in others)) == own.sum(axis=others)).all()
    assert (tables.sum(axis=2 + axis) == own.sum(axis=1 + axis)).all()
    assert (tables[1:] != tables[:-1]).any()
    scale = np.concatenate([np.broadcast_to(each.scale, (len(each.tables), 1)) for each in made])
    if a.unit == "sample":
        np.testing.assert_allclose(scale, 1.0, rtol=1e-12)
    else:
        assert scale.std() > 0.01
    again = np.concatenate([s.tables for s in samples.surrogates(40, SEED, role, given_)])
    assert (again.reshape(tables.shape) == tables).all()


def test_fields_move_together() -> None:
    """A field's surrogates do not depend on which others there are, nor on threads."""
    a = ARRANGEMENTS["groups"]()
    x, y, z = codes(a.n_samples, fields=5)
    alone = ArrangedSamples(SHAPE, 1, a, (x[3:4], y[3:4], z[3:4]))
    for threads in (1, 3):
        together = ArrangedSamples(SHAPE, threads, a, (x, y, z))
        for draw in (
            lambda s: (t.tables for t in s.surrogates(9, SEED, "x", "y")),
            lambda s: s.bootstrap(9, SEED),
            lambda s: s.shuffled_parts(9, np.random.SeedSequence(3)),
        ):
            one = np.concatenate(list(draw(alone)))
            all_ = np.concatenate(list(draw(together))).reshape(9, 5, *one.shape[1:])
            assert (all_[:, 3] == one).all()


def test_estimates_know_their_units() -> None:
    x, y, z = (each[0] for each in codes(200))
    groups = np.repeat(np.arange(20), 10)
    for how, units, n_units, moves in (
        ({}, "samples", 200, "x shuffled among"),
        ({"groups": groups}, "groups", 20, "x shuffled between groups among"),
        (
            {"groups": groups, "permute": "within"},
            "samples within groups",
            200,
            "x shuffled within groups among",
        ),
        ({"block_length": 5}, "blocks of 5 samples", 40, "x shifted among"),
        ({"groups": groups, "block_length": 2}, "blocks of 2 samples", 100, "x shifted among"),
    ):
        e = fastpid.estimate(x, y, z, **QUICK, **how)
        assert (e.units, e.n_units) == (units, n_units)
        assert e.null_of["synergy"].startswith(moves)
        assert (f"resampled: {n_units} {units}" in repr(e)) is bool(how)
        assert e.to_dict()["units"] == units
        assert e == fastpid.estimate(x, y, z, **QUICK, **how, threads=2)
    labelled = fastpid.estimate(x, y, z, **QUICK, groups=np.array(list("abcdefghij"))[groups // 2])
    assert labelled == fastpid.estimate(x, y, z, **QUICK, groups=groups // 2)
    data = {"x": x, "y": y, "z": z, "subject": groups}
    named = fastpid.estimate("x", "y", "z", data=data, groups="subject", **QUICK)
    assert named == fastpid.estimate(x, y, z, groups=groups, **QUICK)


@pytest.mark.parametrize("bias", ["qe", "jackknife", "shuffle", "qe_shuffle", "none"])
def test_corrections_resample_units(bias: str) -> None:
    x, y, z = (each[0] for each in codes(240))
    groups = np.repeat(np.arange(24), 10)
    e = fastpid.estimate(x, y, z, groups=groups, bias=bias, **QUICK)
    assert all(np.isfinite(list(e.corrected.values())))
    total = sum(e.corrected[atom] for atom in ATOMS)
    assert total == pytest.approx(e.corrected["mi_xy"], abs=1e-9)


def test_the_jackknife_leaves_out_groups() -> None:
    x, y, z = (each[0] for each in codes(60))
    groups = np.repeat(np.arange(6), 10)
    e = fastpid.estimate(x, y, z, groups=groups, bias="jackknife", ci="none", n_permutations=0)

    def mi(keep: np.ndarray) -> float:
        table = fastpid.joint.from_samples(x[keep], y[keep], z[keep])
        return float(fastpid.decompose(table, tol=1e-11).mi_xy)

    without = np.mean([mi(groups != g) for g in range(6)])
    expected = 6 * mi(groups >= 0) - 5 * without
    assert e.corrected["mi_xy"] == pytest.approx(expected, abs=1e-8)


def test_dropped_samples_leave_their_groups() -> None:
    x, y, z = (each[0].astype(float) for each in codes(200))
    x[::7] = np.nan
    groups = np.repeat(np.arange(20), 10)
    keep = ~np.isnan(x)
    e = fastpid.estimate(x, y, z, groups=groups, missing="drop", **QUICK)
    same = fastpid.estimate(x[keep], y[keep], z[keep], groups=groups[keep], **QUICK)
    assert e.corrected == same.corrected
    assert e.p_values == same.p_values


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_in_which_groups_come_means_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, z = (each[0] for each in codes(120, seed=seed))
    groups = rng.integers(0, 10, 120)
    # Samples of a group in their own order, but groups side by side or apart.
    order = np.argsort(groups, kind="stable")
    quick = {**QUICK, "n_bootstrap": 20, "n_permutations": 19}
    one = fastpid.estimate(x, y, z, groups=groups, **quick)
    other = fastpid.estimate(x[order], y[order], z[order], groups=groups[order], **quick)
    assert one.p_values == other.p_values
    assert one.corrected == other.corrected


def test_dependence_widens_intervals_and_nulls() -> None:
    """Copies of a sample are not new samples: with their groups said, they count once."""
    rng = np.random.default_rng(0)
    x, y, z = (np.repeat(rng.integers(0, 2, 40), 25) for _ in range(3))
    groups = np.repeat(np.arange(40), 25)
    plain = fastpid.estimate(x, y, z, **QUICK)
    told = fastpid.estimate(x, y, z, groups=groups, **QUICK)
    once = fastpid.estimate(x[::25], y[::25], z[::25], **QUICK)
    assert plain.p_values["synergy"] < 0.02
    assert told.p_values["synergy"] > 0.1
    assert told.null_means["synergy"] == pytest.approx(once.null_means["synergy"], rel=0.3)
    ratio = told.standard_errors["mi_xy"] / once.standard_errors["mi_xy"]
    assert 0.6 < ratio < 1.6
    assert told.standard_errors["mi_xy"] > 3.0 * plain.standard_errors["mi_xy"]


N = 120
G = np.repeat(np.arange(12), 10)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"groups": G * 0}, ValueError, "groups has one group"),
        ({"groups": np.arange(N)}, ValueError, "a group of its own for every one of 120"),
        ({"groups": G // 4}, ValueError, 'groups has 3 groups.*permute="within"'),
        ({"groups": G // 2}, ValueError, 'bias="qe" divides the groups in quarters.*there are 6'),
        ({"groups": G[:7]}, ValueError, "groups has 7 labels for 120 samples"),
        ({"groups": [None, *G[1:]]}, ValueError, "groups misses labels"),
        ({"groups": "subject"}, TypeError, "groups names a column"),
        ({"groups": G, "permute": "all"}, ValueError, "permute must be one of between, within"),
        ({"permute": "within"}, ValueError, "permute='within' needs groups"),
        (
            {"groups": np.r_[G[:-1], 99], "permute": "within"},
            ValueError,
            'exchanges samples inside of groups, and 1 of 13 groups have one.*"between"',
        ),
        ({"block_length": 16}, ValueError, "block_length=16 is too long.*at least 8 blocks"),
        ({"groups": G, "block_length": 5}, ValueError, "shortest series, of 10 samples"),
        ({"block_length": 0}, ValueError, "block_length must be 1 or more"),
        ({"block_length": 2.5}, TypeError, "block_length"),
        (
            {"groups": G, "permute": "within", "block_length": 2},
            ValueError,
            "cannot be had with block_length",
        ),
        ({"groups": G, "bias": "miller_madow"}, ValueError, "counts independent samples"),
        ({"block_length": 3, "bias": "chao_shen"}, ValueError, "blocks of 3 samples are indep"),
    ],
)
def test_bad_input(how: dict, error: type, message: str) -> None:
    x, y, z = (each[0] for each in codes(N))
    with pytest.raises(error, match=message):
        fastpid.estimate(x, y, z, **QUICK, **how)
