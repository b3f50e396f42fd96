"""estimate(): identities, exactness where there is any, reproducibility, and bad input."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid._solve.options import check_options
from fastpid.estimation import _resampling, estimate_table
from fastpid.estimation._bias import BIASES, jackknife, root_extrapolation
from fastpid.estimation._intervals import Errors, intervals
from fastpid.estimation._random_tables import random_tables
from fastpid.estimation._resampling import Resampler
from fastpid.joint import from_samples

QUICK = {"n_bootstrap": 60, "n_permutations": 60, "rng": 0, "progress": False}


def samples(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (2, n))
    return x, y, (x + y + rng.integers(0, 2, n)) % 3


def no_call(done: int) -> None:
    """Stand for a progress bar."""


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_corrected_values_add_up(bias: str, unit: str) -> None:
    e = fastpid.estimate(*samples(), bias=bias, unit=unit, **QUICK)
    c = e.corrected
    assert c["redundancy"] + c["unique_x"] == pytest.approx(c["mi_x"], abs=1e-12)
    assert c["redundancy"] + c["unique_y"] == pytest.approx(c["mi_y"], abs=1e-12)
    assert sum(c[atom] for atom in ATOMS) == pytest.approx(c["mi_xy"], abs=1e-12)
    if bias == "none":
        assert c["synergy"] == pytest.approx(e.decomposition.synergy, abs=1e-12)
    else:
        assert c["mi_xy"] < e.decomposition.mi_xy


def test_units_are_those_asked_for() -> None:
    bits = fastpid.estimate(*samples(), **QUICK)
    nats = fastpid.estimate(*samples(), unit="nats", **QUICK)
    for name, value in bits.corrected.items():
        assert nats.corrected[name] == pytest.approx(value * math.log(2), abs=1e-8)
        assert nats.intervals[name] == pytest.approx(
            np.multiply(bits.intervals[name], math.log(2)), abs=1e-8
        )
    assert nats.p_values == bits.p_values


def test_the_jackknife_is_that_of_the_samples_one_by_one() -> None:
    x, y, z = samples(40)
    table = from_samples(x, y, z)
    with pytest.warns(fastpid.UndersampledWarning):
        e = estimate_table(table, bias="jackknife", ci="none", n_permutations=0)
    without = []
    for i in range(40):
        keep = np.arange(40) != i
        counts = np.zeros(table.shape)
        np.add.at(counts, (x[keep], y[keep], z[keep]), 1.0)
        without.append(fastpid.decompose(counts, normalize=True, tol=1e-11).synergy)
    expected = 40 * e.decomposition.synergy - 39 * np.mean(without)
    assert e.synergy == pytest.approx(expected, abs=1e-7)


def test_the_jackknife_of_weighted_samples() -> None:
    x, y, z = samples(30)
    weights = np.random.default_rng(1).choice([0.5, 1.0, 2.0], 30)
    shape = (3, 3, 3)
    cells = ((x * 3 + y) * 3 + z).astype(np.int32)
    options = check_options("auto", 1e-9, None, "nats", 1, True, "ignore")

    def union(keep: np.ndarray) -> float:
        counts = np.bincount(cells[keep], weights[keep], minlength=27).reshape(shape)
        d = fastpid.decompose(counts, normalize=True, unit="nats", tol=1e-11)
        return float(d.union_information)

    full = union(np.ones(30, dtype=bool))
    plug_in = np.array([0.0, 0.0, 0.0, full])
    found, _ = jackknife(
        plug_in,
        Resampler(shape, 1, codes=np.unravel_index(cells, shape), weights=weights),
        options,
        no_call,
    )
    mean = np.mean([union(np.arange(30) != i) for i in range(30)])
    assert found[0, 3] == pytest.approx(30 * full - 29 * mean, abs=1e-6)


def test_miller_madow_is_that_of_the_entropies() -> None:
    x, y, z = samples(200)
    e = estimate_table(from_samples(x, y, z), bias="miller_madow", ci="none", n_permutations=0)

    def corrected_entropy(*columns: np.ndarray) -> float:
        _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
        p = counts / counts.sum()
        return float(-np.sum(p * np.log2(p)) + (len(p) - 1) / (2 * 200 * math.log(2)))

    for name, sources in (("mi_x", (x,)), ("mi_y", (y,)), ("mi_xy", (x, y))):
        expected = (
            corrected_entropy(*sources) + corrected_entropy(z) - corrected_entropy(*sources, z)
        )
        assert e.corrected[name] == pytest.approx(expected, abs=1e-12)
    union = e.corrected["union_information"]
    assert union >= max(e.corrected["mi_x"], e.corrected["mi_y"]) - 1e-12


def test_chao_shen_is_that_of_the_entropies() -> None:
    x, y, z = samples(200)
    e = estimate_table(from_samples(x, y, z), bias="chao_shen", ci="none", n_permutations=0)

    def entropy(*columns: np.ndarray) -> float:
        _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
        p = (1.0 - np.count_nonzero(counts == 1) / 200) * counts / 200
        return float(-np.sum(p * np.log2(p) / (1.0 - (1.0 - p) ** 200)))

    for name, sources in (("mi_x", (x,)), ("mi_y", (y,)), ("mi_xy", (x, y))):
        expected = entropy(*sources) + entropy(z) - entropy(*sources, z)
        assert e.corrected[name] == pytest.approx(expected, abs=1e-12)


def test_shuffle_subtraction_takes_what_extrapolation_leaves() -> None:
    rng = np.random.default_rng(0)
    left = {"qe": [], "qe_shuffle": []}
    for _ in range(30):
        x, y = rng.integers(0, 6, (2, 100))
        z = rng.integers(0, 3, 100)
        for bias, found in left.items():
            with pytest.warns(fastpid.UndersampledWarning):
                e = fastpid.estimate(x, y, z, bias=bias, ci="none", n_permutations=0, rng=0)
            found.append(e.corrected["synergy"])
    assert np.mean(left["qe"]) > 0.1
    assert abs(np.mean(left["qe_shuffle"])) < 0.05


def test_root_extrapolation_is_exact_for_its_law() -> None:
    whole, halves = (np.full(4, 0.3 - 0.7 / math.sqrt(n)) for n in (1000, 500))
    np.testing.assert_allclose(root_extrapolation(whole, halves), 0.3, atol=1e-12)


def test_quadratic_extrapolation_takes_most_of_the_bias_out() -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(27)).reshape(3, 3, 3)
    truth = fastpid.decompose(p).synergy
    plug_in, corrected = [], []
    for seed in range(40):
        counts = np.random.default_rng(seed).multinomial(300, p.ravel())
        x, y, z = np.unravel_index(np.repeat(np.arange(27), counts), (3, 3, 3))
        e = fastpid.estimate(x, y, z, ci="none", n_permutations=0, rng=seed)
        plug_in.append(e.decomposition.synergy - truth)
        corrected.append(e.synergy - truth)
    assert np.mean(plug_in) > 0.015
    assert abs(np.mean(corrected)) < np.mean(plug_in) / 2


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("ci", ["normal", "pivot"])
def test_intervals_are_at_least_the_errors_of_resamples(ci: str, bias: str) -> None:
    e = fastpid.estimate(*samples(), ci=ci, bias=bias, confidence_level=0.9, **QUICK)
    for name, (low, high) in e.raw_intervals.items():
        value, errors = e.corrected[name], e.draws[name] - getattr(e.decomposition, name)
        assert errors.shape == (60,)
        if ci == "normal":
            reach = 1.6448536269514722 * errors.std(ddof=1)
            expected = value - reach, value + reach
        else:
            least, most = np.quantile(errors, [0.05, 0.95])
            expected = min(value - most, value), max(value - least, value)
        assert low <= expected[0] + 1e-12
        assert high >= expected[1] - 1e-12


def made_up_errors(left: float = 0.0, kink: float = 0.0) -> Errors:
    return Errors(
        {name: np.array([-0.1, 0.0, 0.1]) for name in QUANTITIES},
        dict.fromkeys(QUANTITIES, left),
        dict.fromkeys(QUANTITIES, kink),
    )


@pytest.mark.parametrize(
    ("value", "errors", "p", "expected"),
    [
        (1.0, made_up_errors(), 0.01, (0.8, 1.2)),
        # Bias may be left on one side.
        (1.0, made_up_errors(left=0.3), 0.01, (0.5, 1.2)),
        (1.0, made_up_errors(left=-0.3), 0.01, (0.8, 1.5)),
        # Away from a kink its errors do not count; where unique information may be zero, they do.
        (1.0, made_up_errors(kink=0.3), 0.01, (0.8, 1.2)),
        (1.0, made_up_errors(kink=-0.9), 0.01, (-0.1, 1.2)),
        (0.1, made_up_errors(kink=0.3), 0.01, (-0.1, 0.6)),
        # Zero is within unless it is refuted.
        (1.0, made_up_errors(), 0.2, (0.0, 1.2)),
    ],
)
def test_what_widens_an_interval(
    value: float, errors: Errors, p: float, expected: tuple[float, float]
) -> None:
    level = 1.0 - 2.0 * (1.0 - NormalDist().cdf(2.0))
    values, p_values = dict.fromkeys(QUANTITIES, value), dict.fromkeys(ATOMS, p)
    found = intervals("normal", level, values, errors, p_values)
    assert found["synergy"] == pytest.approx(expected)
    assert found["mi_x"][1] == pytest.approx(expected[1])


def test_unique_information_of_an_and_gate_is_not_significant() -> None:
    p = 0.9 * fastpid.gates.and_()
    p = p + 0.1 * p.sum(axis=2, keepdims=True) / 2 / 0.9
    found = 0
    for seed in range(40):
        counts = np.random.default_rng(seed).multinomial(300, p.ravel()).reshape(p.shape)
        e = estimate_table(counts, n_permutations=99, rng=seed, progress=False)
        found += (e.p_values["unique_x"] <= 0.05) + (e.p_values["unique_y"] <= 0.05)
        assert e.p_values["synergy"] <= 0.05
    # 5 % of 80, up to three standard deviations; shuffling alone finds it in some 50.
    assert found <= 10


def test_an_independent_target_of_few_samples_is_covered() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = rng.integers(0, 8, (2, 60))
        z = rng.integers(0, 4, 60)
        with pytest.warns(fastpid.UndersampledWarning, match="cover .* of their distribution"):
            e = fastpid.estimate(x, y, z, rng=1, progress=False, n_permutations=199)
        assert not e.sampling.is_sufficient
        assert e.raw_intervals["synergy"][0] <= 0.0
        assert "too few" in repr(e)


def test_values_and_intervals_stay_within_what_information_can_be() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, (2, 60))
    for columns in ((a, b, a), (a, b % 2, rng.integers(0, 2, 60)), (a, a, a)):
        e = fastpid.estimate(*columns, **QUICK)
        counts = e.table.counts_along(2)
        symbols = len(counts)
        most = -float((counts / 60 * np.log2(counts / 60)).sum())
        most = min(most + (symbols - 1) / 120 / math.log(2), math.log2(symbols))
        for name, value in e.values.items():
            low, high = e.intervals[name]
            assert 0.0 <= low <= value <= high <= most + 1e-12
            assert value == pytest.approx(min(max(e.corrected[name], 0.0), most), abs=1e-12)
            raw_low, raw_high = e.raw_intervals[name]
            assert raw_low <= e.corrected[name] <= raw_high
        assert e.synergy == e.values["synergy"]


def test_resamples_are_solved_as_well_as_their_spread_asks_for() -> None:
    loose = fastpid.estimate(*samples(2000), **QUICK)
    tight = fastpid.estimate(*samples(2000), tol=1e-9, **QUICK)
    assert tight.largest_gap <= 1e-9 < loose.largest_gap < 1e-3
    for name, value in tight.values.items():
        spread = tight.draws[name].std()
        assert abs(loose.values[name] - value) < 0.05 * spread + 1e-9
        assert np.abs(np.subtract(loose.intervals[name], tight.intervals[name])).max() < (
            0.1 * spread + 1e-9
        )


def test_the_seed_is_part_of_the_result() -> None:
    first = fastpid.estimate(*samples(), **{**QUICK, "rng": None})
    again = fastpid.estimate(*samples(), **{**QUICK, "rng": np.random.SeedSequence(**first.seed)})
    assert first == again
    child = np.random.SeedSequence(5).spawn(3)[2]
    assert fastpid.estimate(*samples(), **{**QUICK, "rng": child}).seed == {
        "entropy": 5,
        "spawn_key": (2,),
    }


def moments(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = tables.reshape(len(tables), -1)
    return flat.mean(axis=0), np.cov(flat.T)


def test_resamples_are_drawn_with_replacement() -> None:
    counts = np.array([5, 0, 3, 2, 0, 0, 1, 9])
    resampler = Resampler((2, 2, 2), 1, counts=counts)
    parts = np.concatenate(list(resampler.bootstrap(20000, np.random.SeedSequence(0))))
    assert parts.shape == (20000, 4, 2, 2, 2)
    assert (parts.sum(axis=(2, 3, 4)) == 5).all()
    mean, covariance = moments(parts.sum(axis=1))
    share = counts / 20
    expected = 20 * (np.diag(share) - np.outer(share, share))
    np.testing.assert_allclose(mean, counts, atol=5 * math.sqrt(20 / 4 / 20000))
    np.testing.assert_allclose(covariance, expected, atol=0.15)


def test_weights_travel_with_the_resamples() -> None:
    x, y, z = samples(30)
    weights = np.random.default_rng(0).choice([0.5, 1.0, 3.0], 30)
    resampler = Resampler((3, 3, 3), 1, codes=(x, y, z), weights=weights)
    parts = np.concatenate(list(resampler.bootstrap(4000, np.random.SeedSequence(0))))
    mean, covariance = moments(parts.sum(axis=1))
    table = from_samples(x, y, z, weights=weights).p.ravel() * weights.sum()
    np.testing.assert_allclose(mean, table, atol=0.3)
    cells = np.ravel_multi_index((x, y, z), (3, 3, 3))
    squares = np.bincount(cells, weights**2, minlength=27)
    np.testing.assert_allclose(np.diag(covariance), squares - table**2 / 30, rtol=0.12, atol=0.05)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    m=st.integers(1, 4),
    n=st.integers(1, 5),
    total=st.integers(0, 40),
)
def test_random_tables_have_their_margins(seed: int, m: int, n: int, total: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (rng.multinomial(total, np.full(k, 1 / k)) for k in (m, n))
    tables = random_tables(rng, rows, columns, 6)
    assert tables.shape == (6, m, n)
    assert (tables >= 0).all()
    assert (tables.sum(axis=2) == rows).all()
    assert (tables.sum(axis=1) == columns).all()


def test_random_tables_are_those_of_shuffled_labels() -> None:
    rows, columns = [3, 4, 2], [5, 1, 3]
    random = np.random.default_rng(0)
    first = random_tables(random, rows, columns, 40000)
    i, j = np.repeat(range(3), rows), np.repeat(range(3), columns)
    second = np.zeros_like(first)
    shuffled = random.permuted(np.tile(j, (40000, 1)), axis=1)
    np.add.at(second, (np.arange(40000)[:, None], i, shuffled), 1)
    one, two = (np.unique(t.reshape(-1, 9), axis=0, return_counts=True) for t in (first, second))
    assert (one[0] == two[0]).all()
    spread = np.sqrt(one[1] + two[1])
    assert (np.abs(one[1] - two[1]) < 5 * spread).all()


@pytest.mark.parametrize("null", ["target", "conditional"])
def test_nothing_is_found_where_there_is_nothing(null: str) -> None:
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(100):
        x, y, z = rng.integers(0, 2, (3, 60))
        e = fastpid.estimate(
            x, y, z, bias="none", ci="none", n_permutations=39, null=null, rng=rng, progress=False
        )
        p_values.append(e.p_values["synergy"])
    # At most 10% below 0.1, up to three standard deviations of a hundred tries.
    assert np.mean(np.array(p_values) <= 0.1) <= 0.19


def test_each_atom_is_found_where_it_is() -> None:
    rng = np.random.default_rng(0)
    a, b, noise = rng.integers(0, 2, (3, 500))
    for x, y, z, real in (
        (a, b, a ^ b, {"synergy"}),
        (a, a, a, {"redundancy"}),
        (a, noise, a, {"unique_x"}),
        (noise, a, a, {"unique_y"}),
    ):
        e = fastpid.estimate(x, y, z, n_bootstrap=50, n_permutations=99, rng=1)
        assert {atom for atom in ATOMS if e.p_values[atom] <= 0.011} == real


def test_the_synergy_has_to_refute_both_conditional_nulls() -> None:
    # A chain Y - X - Z: y adds nothing to x, and there is no synergy.
    rng = np.random.default_rng(5)
    x = rng.integers(0, 3, 2000)
    y = np.where(rng.random(2000) < 0.3, rng.integers(0, 3, 2000), x)
    z = np.where(rng.random(2000) < 0.3, rng.integers(0, 3, 2000), x)
    e = fastpid.estimate(x, y, z, **QUICK)
    assert e.p_values["synergy"] > 0.05
    assert e.p_values["unique_x"] < 0.05
    assert e.null_of["synergy"] == "x shuffled among equal y and y shuffled among equal x"


def test_the_seed_decides_and_threads_do_not() -> None:
    first = fastpid.estimate(*samples(3000), threads=1, **QUICK)
    second = fastpid.estimate(*samples(3000), threads=3, **QUICK)
    other = fastpid.estimate(*samples(3000), **{**QUICK, "rng": 1})
    assert first.to_dict() == second.to_dict()
    assert all((first.draws[name] == second.draws[name]).all() for name in first.draws)
    assert first.intervals != other.intervals
    generators = [np.random.default_rng(7) for _ in range(2)]
    one, two = (fastpid.estimate(*samples(), **{**QUICK, "rng": g}) for g in generators)
    assert one.to_dict() == two.to_dict()


def test_what_one_option_draws_does_not_depend_on_another() -> None:
    with_tests = fastpid.estimate(*samples(), **QUICK)
    without = fastpid.estimate(*samples(), **{**QUICK, "n_permutations": 0})
    assert all((with_tests.draws[name] == without.draws[name]).all() for name in QUANTITIES)
    assert with_tests.corrected == without.corrected
    assert without.p_values == {}


def test_counted_samples_give_the_same_estimate() -> None:
    x, y, z = samples()
    order = np.lexsort((z, y, x))
    direct = fastpid.estimate(x[order], y[order], z[order], **QUICK)
    counted = estimate_table(from_samples(x, y, z), **QUICK)
    assert direct.to_dict() == counted.to_dict()


def test_equal_weights_change_nothing() -> None:
    x, y, z = samples()
    plain = fastpid.estimate(x, y, z, **QUICK)
    weighted = fastpid.estimate(x, y, z, weights=np.full(400, 2.0), **QUICK)
    assert weighted.table.n_effective == pytest.approx(400.0)
    for name, value in plain.corrected.items():
        assert weighted.corrected[name] == pytest.approx(value, abs=1e-8)
    assert weighted.p_values == plain.p_values


def test_weights_weigh() -> None:
    x, y, z = samples(200)
    weights = np.random.default_rng(0).integers(0, 4, 200)
    weighted = from_samples(x, y, z, weights=weights)
    repeated = from_samples(*(np.repeat(column, weights) for column in (x, y, z)))
    np.testing.assert_allclose(weighted.p, repeated.p, atol=1e-15)
    assert weighted.n_samples == 200
    assert weighted.n_effective == pytest.approx(weights.sum() ** 2 / np.sum(weights**2))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(8, 60),
    shape=st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(2, 3)),
)
def test_every_small_sample_is_answered(seed: int, n: int, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(seed)
    columns = [np.append(rng.integers(0, k, n - 2), [0, k - 1]) for k in shape]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastpid.UndersampledWarning)
        e = fastpid.estimate(*columns, n_bootstrap=20, n_permutations=19, rng=0, progress=False)
    for name, (low, high) in e.intervals.items():
        assert 0.0 <= low <= e.values[name] <= high
    assert all(0.05 <= p <= 1.0 for p in e.p_values.values())
    assert all(math.isfinite(value) for value in e.corrected.values())


@pytest.fixture(params=["by sample", "by cell"])
def way_of_shuffling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    samples_a_cell = {"by sample": 10**9, "by cell": 0}[request.param]
    monkeypatch.setattr(_resampling, "_SAMPLES_A_CELL", samples_a_cell)


@pytest.mark.usefixtures("way_of_shuffling")
def test_resamples_keep_what_the_null_keeps() -> None:
    x, y, z = samples(300)
    counts = from_samples(x, y, z).counts
    resampler = Resampler((3, 3, 3), 1, codes=(x, y, z))
    for (role, among), kept in itertools.product(
        (("z", ""), ("x", "y"), ("y", "x")), ((2,), (0, 1), (1, 2), (0, 2))
    ):
        same = all(
            (
                t.sum(axis=tuple({0, 1, 2} - set(kept)))
                == counts.sum(axis=tuple({0, 1, 2} - set(kept)))
            ).all()
            for t in next(iter(resampler.shuffle(5, np.random.SeedSequence(0), role, among)))
        )
        moved = "xyz".index(role)
        fixed_pair = {0, 1, 2} - {moved}
        pairs = [fixed_pair, {moved, "xyz".index(among)} if among else {moved}]
        assert same == any(set(kept) <= pair for pair in pairs)


@pytest.mark.usefixtures("way_of_shuffling")
def test_shuffled_parts_make_up_shuffled_tables() -> None:
    x, y, z = samples(103)
    counts = from_samples(x, y, z).counts
    resampler = Resampler((3, 3, 3), 1, codes=(x, y, z))
    parts = np.concatenate(list(resampler.shuffled_parts(400, np.random.SeedSequence(0))))
    assert parts.shape == (400, 4, 3, 3, 3)
    assert set(parts.sum(axis=(2, 3, 4)).ravel().tolist()) <= {25.0, 26.0}
    whole = parts.sum(axis=1)
    assert (whole.sum(axis=3) == counts.sum(axis=2)).all()
    assert (whole.sum(axis=(1, 2)) == counts.sum(axis=(0, 1))).all()
    # As likely in any part, and independent of the sources.
    expected = counts.sum(axis=2)[:, :, None] * counts.sum(axis=(0, 1)) / 103
    np.testing.assert_allclose(whole.mean(axis=0), expected, atol=0.5)
    np.testing.assert_allclose(parts.mean(axis=0), np.stack([expected / 4] * 4), atol=0.35)


@pytest.mark.usefixtures("way_of_shuffling")
def test_parts_make_up_the_whole() -> None:
    x, y, z = samples(103)
    counts = from_samples(x, y, z).counts
    resampler = Resampler((3, 3, 3), 1, codes=(x, y, z))
    quarters = np.concatenate(list(resampler.parts(6, np.random.SeedSequence(0), 4)))
    assert quarters.shape == (24, 3, 3, 3)
    assert (quarters.reshape(6, 4, 3, 3, 3).sum(axis=1) == counts).all()
    assert set(quarters.sum(axis=(1, 2, 3)).tolist()) <= {25.0, 26.0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bias": "qx"}, "bias must be one of none, miller_madow"),
        ({"ci": "bca"}, "ci must be one of"),
        ({"null": "x"}, "null must be one of"),
        ({"confidence_level": 1.0}, "confidence_level must lie between 0 and 1"),
        ({"n_bootstrap": -1}, "n_bootstrap must be 0 or more"),
        ({"n_bootstrap": 19}, "n_bootstrap=19 resamples are too few .* take 20 or more"),
        ({"n_bootstrap": 39, "ci": "pivot"}, "take 40 or more"),
        ({"n_permutations": 18}, r"leaves no p-value below 0\.053, .* take 19 or more"),
        ({"n_permutations": 60, "confidence_level": 0.99}, "take 99 or more"),
        ({"bias": "chao_shen", "weights": np.arange(400)}, "chao_shen.* counts cells of one"),
        ({"n_permutations": -1}, "n_permutations must be 0 or more"),
        ({"rng": -1}, "rng must be a non-negative integer"),
        ({"weights": [1.0]}, r"weights must have one entry a sample, shape \(400,\)"),
        ({"weights": np.zeros(400)}, "weights are all zero"),
        ({"weights": -np.ones(400)}, "weights must be finite and not negative; 400 are not"),
    ],
)
def test_bad_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fastpid.estimate(*samples(), **{**QUICK, **options})


def test_bad_samples() -> None:
    x, y, z = samples()
    with pytest.raises(ValueError, match=r"^y has one symbol in 400 samples"):
        fastpid.estimate(x, np.zeros(400, dtype=int), z)
    with pytest.raises(ValueError, match="differ in length"):
        fastpid.estimate(x, y[1:], z)
    with (
        pytest.warns(fastpid.UndersampledWarning),
        pytest.raises(ValueError, match='bias="qe" divides the samples in quarters'),
    ):
        fastpid.estimate([0, 1, 0], [1, 0, 0], [0, 1, 1])
    for columns in ((np.arange(400), y, z), (x, y, [f"id{i}" for i in range(400)])):
        with pytest.raises(ValueError, match="has a symbol of its own for every one of 400"):
            fastpid.estimate(*columns)
    with pytest.raises(TypeError, match="rng must be"):
        fastpid.estimate(x, y, z, rng="now")
    with pytest.raises(ValueError, match=r"counts sum to 1.*fastpid\.decompose"):
        estimate_table(np.ones((2, 2, 2)) / 8)
    with pytest.raises(ValueError, match="weighted samples"):
        estimate_table(from_samples(x, y, z, weights=np.arange(400)))


def test_a_gap_wider_than_tol_is_warned_of() -> None:
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 4, (3, 300))
    with pytest.warns(fastpid.ConvergenceWarning, match="largest gap") as caught:
        fastpid.estimate(*columns, method="proxy", **QUICK)
    assert caught[0].filename == __file__


def test_repr_and_frame() -> None:
    pytest.importorskip("pandas")
    e = fastpid.estimate(*samples(), **QUICK)
    text = repr(e)
    for word in ("Estimate from 400 samples, 3 x 3 x 3 (bits)", "95% interval", "bias: qe"):
        assert word in text
    frame = e.to_frame()
    assert list(frame.columns) == [
        *("plug_in", "corrected", "value", "low", "high", "null_mean", "p_value")
    ]
    assert frame.loc["synergy", "p_value"] == e.p_values["synergy"]


@pytest.mark.parametrize("null", ["target", "conditional"])
@pytest.mark.parametrize("ci", ["none", "normal"])
@pytest.mark.parametrize("bias", BIASES)
def test_progress_knows_its_total(
    bias: str, ci: str, null: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: list[int] = []
    done: list[int] = []

    @contextlib.contextmanager
    def bar(wanted: object, total: int, what: str, unit: str):
        totals.append(total)
        yield done.append

    monkeypatch.setattr("fastpid.estimation._assembly.progress_bar", bar)
    for n_permutations in (0, 19):
        fastpid.estimate(
            *samples(200),
            bias=bias,
            ci=ci,
            null=null,
            n_bootstrap=20,
            n_permutations=n_permutations,
        )
        assert totals.pop() == sum(done)
        done.clear()
