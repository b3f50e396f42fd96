"""pointwise_posteriors(): what every sample contributes, from its posteriors and its label."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid._posteriors._pointwise import _shares
from fastpid._posteriors._read import read_pair
from fastpid._posteriors._symbols import choose_symbols
from fastpid._solve.options import check_options

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
CLASSES = 4


def world(n: int, seed: int) -> tuple[np.ndarray, ...]:
    """Points around corners, seen twice: true posteriors of x, of y and of both, and labels."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, CLASSES, n)
    logits = [c**2 * np.eye(CLASSES)[z] + c * rng.normal(size=(n, CLASSES)) for c in (1.6, 1.0)]
    rows = []
    for each in (*logits, logits[0] + logits[1]):
        odds = np.exp(each - each.max(axis=1, keepdims=True))
        rows.append(odds / odds.sum(axis=1, keepdims=True))
    return (*rows, z)


X, Y, XY, Z = world(400, 0)


@pytest.mark.parametrize("n_symbols", [None, 30])
def test_shares_average_to_the_union_information(n_symbols: int | None) -> None:
    """Over the posteriors themselves, and of clusters to the middle of the bracket."""
    sources, p_z = read_pair(X, Y, None, None)
    options = check_options("auto", 1e-6, None, "nats", 1, False, "ignore")
    symbols = choose_symbols(sources, options.tol, n_symbols, np.random.default_rng(0))
    solved = symbols.solve(options, potentials=True)
    potentials = (solved.lam.reshape(-1, CLASSES), solved.mu.reshape(-1, CLASSES))
    mean = -float(p_z @ np.log(p_z))
    for source, potential in zip(sources, potentials, strict=True):
        for k in range(CLASSES):
            of_class = np.full(len(source.rows), k)
            shares = _shares(source, of_class, potential, symbols.centres)
            mean += float((source.weights * source.rows[:, k]) @ shares)
    expected = float(solved.terms.union_information[0]) + 0.5 * sum(symbols.lost)
    assert mean == pytest.approx(expected, abs=1e-6)
    assert (sum(symbols.lost) > 1e-3) == (n_symbols is not None)


def test_one_sample_a_row_of_a_table_gives_its_cells() -> None:
    """Rows of a table, as often as its cells occur, give the cells' own pointwise atoms."""
    counts = np.random.default_rng(3).integers(1, 6, (3, 3, 2))
    p = counts / counts.sum()
    cells = np.repeat(np.indices(p.shape).reshape(3, -1), counts.ravel(), axis=1)
    p_xz, p_yz = p.sum(axis=1), p.sum(axis=0)
    rows_x = (p_xz / p_xz.sum(axis=1, keepdims=True))[cells[0]]
    rows_y = (p_yz / p_yz.sum(axis=1, keepdims=True))[cells[1]]
    both = (p / p.sum(axis=2, keepdims=True))[cells[0], cells[1]]
    samples = fastpid.pointwise_posteriors(
        rows_x, rows_y, cells[2], posteriors_xy=both, tol=1e-10, method="newton"
    )
    expected = fastpid.pointwise(p)
    for atom in ATOMS:
        np.testing.assert_allclose(
            getattr(samples, atom), getattr(expected, atom)[tuple(cells)], atol=2e-4
        )
        # Labels are as frequent as the rows say, so that averages are the atoms.
        assert samples.average(atom) == pytest.approx(expected.average(atom), abs=1e-6)
    union = samples.average("union_information")
    assert union == pytest.approx(samples.decomposition.union_information, abs=1e-9)


def test_averages_of_calibrated_posteriors_are_near_the_atoms() -> None:
    x, y, both, z = world(1500, 1)
    samples = fastpid.pointwise_posteriors(x, y, z, posteriors_xy=both, tol=1e-3)
    for name in ("redundancy", "unique_x", "unique_y", "mi_x", "mi_y", "union_information"):
        values = getattr(samples, name)
        error = values.std() / np.sqrt(len(values))
        off = samples.average(name) - getattr(samples.decomposition, name)
        assert abs(off) < 4 * error + 1e-3
    assert samples.average("synergy") == pytest.approx(
        samples.average("mi_xy") - samples.average("union_information")
    )


def test_clusters_give_nearly_what_samples_give() -> None:
    fine = fastpid.pointwise_posteriors(X, Y, Z, posteriors_xy=XY, tol=1e-4)
    coarse = fastpid.pointwise_posteriors(
        X, Y, Z, posteriors_xy=XY, n_symbols=100, tol=1e-4, on_failure="ignore"
    )
    d = coarse.decomposition
    assert d.details["n_symbols_x"] <= 100
    for atom in ATOMS:
        difference = getattr(fine, atom) - getattr(coarse, atom)
        # A single sample's share is uncertain by more than the gap; values spread over bits.
        assert difference.std() < 0.2
        assert abs(fine.average(atom) - coarse.average(atom)) < d.gap


def test_rows_top_and_text() -> None:
    samples = fastpid.pointwise_posteriors(X, Y, Z, posteriors_xy=XY, unit="nats")
    frame = samples.to_frame()
    assert list(frame.columns[:3]) == ["z", "weight", "redundancy"]
    assert len(frame) == len(samples) == 400
    best = samples.top("unique_x", 5)
    assert best["unique_x"].tolist() == sorted(samples.unique_x)[::-1][:5]
    assert best.index[0] == int(np.argmax(samples.unique_x))
    assert "PointwiseSamples of 400 samples (nats)" in repr(samples)
    sums = samples.redundancy + samples.unique_x + samples.unique_y + samples.synergy
    np.testing.assert_allclose(sums, samples.mi_xy, atol=1e-12)


def test_without_posteriors_of_both_there_is_no_synergy() -> None:
    samples = fastpid.pointwise_posteriors(X, Y, Z)
    assert np.isnan(samples.synergy).all()
    assert "synergy" not in repr(samples)
    with pytest.raises(ValueError, match="takes posteriors_xy"):
        samples.top("synergy")


def test_a_plot() -> None:
    pytest.importorskip("matplotlib")
    axes = fastpid.pointwise_posteriors(X, Y, Z).plot()
    assert len(axes.get_legend().get_texts()) == 3


def test_an_estimate_has_its_samples() -> None:
    e = fastpid.models.from_posteriors(
        X, Y, XY, Z, n_bootstrap=0, n_permutations=0, rng=0, unit="nats"
    )
    samples = e.pointwise()
    assert samples.unit == "nats"
    for name in ("mi_x", "mi_y", "mi_xy"):
        assert samples.average(name) == pytest.approx(e.cross_entropy[name], abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y, Z[:-1]), ValueError, "399 labels z, 400 rows of posteriors_x"),
        ((X, Y[:-1], Z), ValueError, "399 of posteriors_y"),
        ((X, Y, Z + 1), ValueError, "labels number the columns, from 0 to 3"),
        ((X, Y, Z.astype(float)), TypeError, "z must be integer labels"),
        ((X, Y, np.stack([Z, Z])), TypeError, "z must be integer labels"),
    ],
)
def test_bad_labels(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fastpid.pointwise_posteriors(*arguments)


def test_posteriors_of_both_of_other_samples() -> None:
    with pytest.raises(ValueError, match=r"posteriors_xy has shape \(399, 4\)"):
        fastpid.pointwise_posteriors(X, Y, Z, posteriors_xy=XY[1:])


def test_a_class_held_impossible() -> None:
    rows = X.copy()
    rows[7] = np.eye(CLASSES)[(Z[7] + 1) % CLASSES]
    with pytest.raises(ValueError, match="posteriors_x holds the class of sample 7 impossible"):
        fastpid.pointwise_posteriors(rows, Y, Z)
