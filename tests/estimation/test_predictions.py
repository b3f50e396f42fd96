"""estimate_predictions() and PredictionSums: certain predictions, known truths, bad input."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.estimation import PredictionSums
from fastpid.estimation._bias import BIASES
from fastpid.estimation._prediction_samples import PredictionSamples
from fastpid.estimation._resampling import Resampler
from fastpid.joint import from_predictions, from_samples

QUICK = {"n_bootstrap": 40, "n_permutations": 39, "rng": 0, "progress": False}


def hard(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 3, (2, n))
    return x, y, (x + y + rng.integers(0, 2, n)) % 3


def soft(
    n: int, seed: int, signal: tuple[float, float] = (2.0, 1.0), classes: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits of two classifiers that see noise of their own."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, classes, n)
    x, y = (s * np.eye(classes)[z] + rng.normal(size=(n, classes)) for s in signal)
    return x, y, z


@pytest.mark.parametrize("bias", [b for b in BIASES if b != "chao_shen"])
def test_certain_predictions_are_symbols(bias: str) -> None:
    """The same plug-in values and, where nothing is drawn, the same corrections."""
    x, y, z = hard()
    one = fastpid.estimate(x, y, z, bias=bias, **QUICK)
    two = fastpid.estimate_predictions(np.eye(3)[x], np.eye(3)[y], z, bias=bias, **QUICK)
    np.testing.assert_allclose(two.table.p, one.table.p, atol=1e-15)
    assert two.table.n_cells == pytest.approx(one.sampling.n_occupied)
    assert two.sampling.coverage == pytest.approx(one.sampling.coverage)
    np.testing.assert_allclose(two.table.n_contributing, one.table.counts, rtol=1e-12)
    drawn = bias in ("qe", "shuffle", "qe_shuffle")
    for name in QUANTITIES:
        assert getattr(two.decomposition, name) == pytest.approx(
            getattr(one.decomposition, name), abs=1e-9
        )
        close = 0.35 * one.standard_errors[name] + 2e-3 if drawn else 1e-6
        assert two.corrected[name] == pytest.approx(one.corrected[name], abs=close)
        assert two.standard_errors[name] == pytest.approx(
            one.standard_errors[name], rel=0.6, abs=2e-3
        )


def moments(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat = tables.reshape(len(tables), -1)
    return flat.mean(axis=0), flat.std(axis=0)


@pytest.mark.parametrize("what", ["bootstrap", "parts", "shuffled_parts", "z", "x given y"])
def test_resamples_of_certain_predictions_have_the_law_of_symbols(what: str) -> None:
    x, y, z = hard(60)
    weights = np.random.default_rng(1).choice([0.5, 1.0, 2.0], 60)
    symbols = Resampler((3, 3, 3), 1, codes=(x, y, z), weights=weights)
    predictions = PredictionSamples(np.eye(3)[x], np.eye(3)[y], z, 3, weights)
    np.testing.assert_allclose(predictions.mass, symbols.mass)
    assert predictions.n_effective == pytest.approx(symbols.n_effective)
    if what == "x given y":
        # Of certain predictions, all of a symbol are alike, in runs of 16.
        tables = np.concatenate(list(predictions.shuffle(50, np.random.SeedSequence(0), "x", "y")))
        whole = predictions.mass.reshape(3, 3, 3)
        np.testing.assert_allclose(tables.sum(axis=1), np.stack([whole.sum(axis=0)] * 50))
        assert len(np.unique(tables.round(6), axis=0)) > 10
        return
    seed = np.random.SeedSequence(0)
    many = {
        "bootstrap": lambda s: s.bootstrap(3000, seed),
        "parts": lambda s: s.parts(3000, seed, 4),
        "shuffled_parts": lambda s: s.shuffled_parts(3000, seed),
        "z": lambda s: s.shuffle(3000, seed, "z", ""),
    }[what]
    (mean, spread), (expected, wanted) = (
        moments(np.concatenate(list(many(s)))) for s in (predictions, symbols)
    )
    noise = np.maximum(wanted, 0.05) / np.sqrt(3000)
    if what == "shuffled_parts":  # symbols are divided five times, and not anew for every table
        noise = noise * 8
    assert (np.abs(mean - expected) < 6 * noise + 1e-9).all()
    if what != "shuffled_parts":
        np.testing.assert_allclose(spread, wanted, rtol=0.12, atol=0.02)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(20, 60), weighted=st.booleans())
def test_tables_are_sums_over_samples(seed: int, n: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.dirichlet(np.ones(3), n), rng.dirichlet(np.ones(2), n)
    z = rng.integers(0, 2, n)
    w = rng.random(n) + 0.1 if weighted else np.ones(n)
    samples = PredictionSamples(x, y, z, 2, w)
    expected = np.einsum("i,ij,ik,il->jkl", w, x, y, np.eye(2)[z])
    np.testing.assert_allclose(samples.mass.reshape(3, 2, 2), expected, atol=1e-12)
    for parts in (2, 4):
        tables = next(iter(samples.parts(3, np.random.SeedSequence(0), parts)))
        np.testing.assert_allclose(
            tables.reshape(3, parts, 3, 2, 2).sum(axis=1), np.stack([expected] * 3), atol=1e-12
        )
    whole = next(iter(samples.shuffled_parts(3, np.random.SeedSequence(0)))).sum(axis=1)
    np.testing.assert_allclose(whole.sum(axis=3), np.stack([expected.sum(axis=2)] * 3), atol=1e-12)
    without, counts = samples.leave_one_out()
    (rows,) = without
    assert counts.sum() == n
    np.testing.assert_allclose(rows.sum(axis=0), (n - 1) * expected, atol=1e-9)


def test_the_bias_of_soft_predictions_is_taken_out() -> None:
    truth = fastpid.decompose(from_predictions(*soft(200_000, 0), logits=True)).synergy
    plug_in, corrected = [], {"qe": [], "miller_madow": [], "jackknife": []}
    for seed in range(1, 81):
        data = soft(40, seed)
        for bias, found in corrected.items():
            e = fastpid.estimate_predictions(
                *data, logits=True, bias=bias, ci="none", n_permutations=0, rng=seed
            )
            found.append(e.corrected["synergy"] - truth)
        plug_in.append(e.decomposition.synergy - truth)
    noise = np.std(plug_in) / np.sqrt(80)
    assert np.mean(plug_in) > 4 * noise
    for found in corrected.values():
        assert abs(np.mean(found)) < 0.35 * np.mean(plug_in) + 2 * noise


def test_intervals_of_soft_predictions_cover() -> None:
    truth = fastpid.decompose(from_predictions(*soft(200_000, 0), logits=True))
    covered = dict.fromkeys(ATOMS, 0)
    for seed in range(1, 61):
        e = fastpid.estimate_predictions(
            *soft(150, seed), logits=True, n_bootstrap=60, n_permutations=0, rng=seed
        )
        for atom in ATOMS:
            low, high = e.intervals[atom]
            assert low <= e.values[atom] <= high
            covered[atom] += low - 1e-6 <= getattr(truth, atom) <= high + 1e-6
    # 95 % of 60, down to three and a half standard deviations.
    assert min(covered.values()) >= 51


@pytest.mark.parametrize("null", ["target", "conditional"])
def test_nothing_is_found_where_there_is_nothing(null: str) -> None:
    rejected = dict.fromkeys(ATOMS, 0)
    for seed in range(100):
        e = fastpid.estimate_predictions(
            *soft(100, seed, (0.0, 0.0)),
            logits=True,
            ci="none",
            n_bootstrap=20,
            n_permutations=19,
            null=null,
            rng=seed,
        )
        for atom in ATOMS:
            rejected[atom] += e.p_values[atom] <= 0.05
    # 5 % of 100, up to three standard deviations.
    assert max(rejected.values()) <= 11


def test_each_atom_is_found_where_it_is() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 600))

    def of(symbol: np.ndarray) -> np.ndarray:
        return 4.0 * np.eye(2)[symbol] + 0.5 * rng.normal(size=(600, 2))

    nothing = rng.normal(size=(600, 2))
    for x, y, z, real in (
        (of(a), of(b), a ^ b, {"synergy"}),
        (of(a), nothing, a, {"unique_x"}),
        (nothing, of(a), a, {"unique_y"}),
    ):
        e = fastpid.estimate_predictions(x, y, z, logits=True, **{**QUICK, "n_permutations": 99})
        assert {atom for atom in ATOMS if e.p_values[atom] <= 0.01} == real


def test_seeds_names_units_and_pickles() -> None:
    data = soft(200, 0)
    one = fastpid.estimate_predictions(*data, logits=True, names=["a", "v", "t"], **QUICK)
    again = fastpid.estimate_predictions(*data, logits=True, names=["a", "v", "t"], **QUICK)
    assert one == again
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.table.names == ("a", "v", "t")
    assert "PredictionTable 3 x 3 x 3 from 200 samples" in repr(one.table)
    nats = fastpid.estimate_predictions(*data, logits=True, unit="nats", **QUICK)
    for name in QUANTITIES:
        assert nats.corrected[name] == pytest.approx(one.corrected[name] * np.log(2), abs=1e-7)


def test_the_order_of_samples_with_their_weights_is_nothing() -> None:
    x, y, z = soft(120, 3)
    w = np.random.default_rng(0).random(120) + 0.2
    options = {"logits": True, "bias": "miller_madow", "ci": "none", "n_permutations": 0}
    one = fastpid.estimate_predictions(x, y, z, weights=w, **options)
    order = np.random.default_rng(1).permutation(120)
    two = fastpid.estimate_predictions(x[order], y[order], z[order], weights=w[order], **options)
    for name in QUANTITIES:
        assert two.corrected[name] == pytest.approx(one.corrected[name], abs=1e-9)
    masked = fastpid.estimate_predictions(x, y, z, mask=np.arange(120) < 100, **options)
    first = fastpid.estimate_predictions(x[:100], y[:100], z[:100], **options)
    assert masked.corrected == pytest.approx(first.corrected, abs=1e-9)


def test_bad_predictions() -> None:
    x, y, z = soft(50, 0)
    with pytest.raises(ValueError, match="z has one label in 50 samples"):
        fastpid.estimate_predictions(x, y, np.zeros(50, dtype=int), logits=True)
    with pytest.raises(ValueError, match="soft ones cannot be resampled"):
        fastpid.estimate_predictions(x, y, np.full((50, 3), 1 / 3), logits=True)
    with pytest.raises(ValueError, match="chao_shen"):
        fastpid.estimate_predictions(x, y, z, logits=True, bias="chao_shen")
    with pytest.raises(ValueError, match="sum to"):
        fastpid.estimate_predictions(x, y, z)
    few = soft(6, 0)
    with pytest.raises(ValueError, match="divides the samples in quarters"), pytest.warns():
        fastpid.estimate_predictions(*few, logits=True)


def test_few_sure_predictions_are_flagged() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (2, 40))
    z = rng.integers(0, 3, 40)
    with pytest.warns(fastpid.UndersampledWarning, match="40 samples in 6 x 6 x 3 symbols cover"):
        e = fastpid.estimate_predictions(np.eye(6)[x], np.eye(6)[y], z, **QUICK)
    assert not e.sampling.is_sufficient
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fastpid.estimate_predictions(
            *soft(300, 0), logits=True, **QUICK
        ).sampling.is_sufficient


# --- sums


def streamed(data: tuple[np.ndarray, ...], batch: int) -> PredictionSums:
    x, y, z = data
    sums = PredictionSums((x.shape[1], y.shape[1], 3))
    for start in range(0, len(z), batch):
        some = slice(start, start + batch)
        sums.add(x[some], y[some], z[some], logits=True)
    return sums


@pytest.mark.parametrize("batch", [1, 7, 64, 400])
def test_sums_are_those_of_all_samples(batch: int) -> None:
    data = soft(400, 0)
    sums = streamed(data, batch)
    assert sums.n_samples == 400
    assert sums.mass == pytest.approx(400)
    np.testing.assert_allclose(sums.p, from_predictions(*data, logits=True), atol=1e-12)
    found = sums.measure()
    e = fastpid.estimate_predictions(
        *data, logits=True, bias="miller_madow", n_bootstrap=300, n_permutations=0, rng=0
    )
    for name in QUANTITIES:
        assert found.values[name] == pytest.approx(e.corrected[name], abs=1e-5)
        assert found.errors[name] == pytest.approx(e.standard_errors[name], rel=0.6, abs=2e-3)
    assert 0.0 <= found.gap <= 1e-6


def test_standard_errors_are_what_values_vary_by() -> None:
    for signal in ((2.0, 1.0), (4.0, 3.0)):
        found = [streamed(soft(320, seed, signal), 320).measure() for seed in range(150)]
        for name in ("redundancy", "unique_x", "synergy", "mi_xy"):
            spread = np.std([m.values[name] for m in found])
            stated = np.sqrt(np.mean([m.errors[name] ** 2 for m in found]))
            assert 0.8 * spread < stated < 1.25 * spread, (signal, name)


def test_blocks_see_what_neighbours_share() -> None:
    """Samples that come eightfold are worth an eighth; a bound from the table cannot tell."""
    data = tuple(np.repeat(column, 8, axis=0) for column in soft(160, 0))
    repeated = streamed(data, len(data[2])).measure()
    plain = streamed(soft(160, 0), 160).measure()
    assert repeated.errors["mi_xy"] == pytest.approx(plain.errors["mi_xy"], rel=0.4)


@pytest.mark.parametrize("batch", [1, 7, 400])
def test_sums_without_errors_say_the_same(batch: int) -> None:
    data = soft(400, 0)
    plain, with_errors = PredictionSums((3, 3, 3), errors=False), streamed(data, 400)
    for start in range(0, 400, batch):
        plain.add(*(column[start : start + batch] for column in data), logits=True)
    assert plain.sums.size < with_errors.sums.size / 4
    found, expected = plain.measure(), with_errors.measure()
    assert found.errors == {}
    assert found.values == pytest.approx(expected.values, abs=1e-9)
    assert found.gap <= 1e-6
    with pytest.raises(TypeError, match="errors"):
        PredictionSums((3, 3, 3), errors="none")


def test_sums_of_processes_add_up() -> None:
    one, two = streamed(soft(160, 0), 32), streamed(soft(160, 1), 32)
    both = PredictionSums((3, 3, 3))
    both.sums = one.sums + two.sums
    assert both.n_samples == 320
    np.testing.assert_allclose(both.p, (one.p + two.p) / 2, atol=1e-12)


def test_few_blocks_have_a_bound() -> None:
    """That of certain predictions is the delta method's, as of symbols."""
    x, y, z = hard(50)
    sums = PredictionSums((3, 3, 3))
    sums.add(np.eye(3)[x], np.eye(3)[y], z)  # seven runs
    e = fastpid.estimate_table(
        from_samples(x, y, z), bias="none", n_bootstrap=400, n_permutations=0, rng=0
    )
    assert sums.measure().errors["mi_xy"] == pytest.approx(e.standard_errors["mi_xy"], rel=0.3)


def test_bad_sums() -> None:
    sums = PredictionSums((3, 3, 3))
    with pytest.raises(ValueError, match="no samples yet"):
        sums.measure()
    x, y, z = soft(20, 0)
    with pytest.raises(ValueError, match="must have 3 and 3 columns"):
        sums.add(x[:, :2], y, z, logits=True)
    with pytest.raises(ValueError, match="sum to"):
        sums.add(x, y, z)
    assert sums.n_samples == 0
