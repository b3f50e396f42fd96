"""decompose_many(): known values, identities, and what it refuses."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from many_tables import FAMILIES, SHAPES, each_source

import fastpid
from fastpid import gates
from fastpid.information import mutual_information


def _h(p: float) -> float:
    return float(-p * np.log2(p) - (1.0 - p) * np.log2(1.0 - p))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_gates_have_their_known_values(n: int) -> None:
    everything = tuple(range(n))
    parity = fastpid.decompose_many(gates.parity(n))
    assert parity.synergy == pytest.approx(1.0, abs=1e-9)
    assert max(map(abs, parity.coverage.values())) <= 1e-9
    copy = fastpid.decompose_many(gates.copy_of(n))
    assert copy.unique == pytest.approx(np.ones(n), abs=1e-9)
    assert copy.synergy == pytest.approx(0.0, abs=1e-9)
    giant = fastpid.decompose_many(gates.giant_bit(n))
    assert giant.coverage[everything] == giant.redundancy == pytest.approx(1.0, abs=1e-9)
    assert giant.synergy == pytest.approx(0.0, abs=1e-9)
    both = fastpid.decompose_many(gates.and_of(n))
    shared = _h(0.5**n) - _h(0.5 ** (n - 1)) / 2 if n > 1 else 1.0
    assert both.redundancy == pytest.approx(shared, abs=1e-9)
    assert both.synergy == pytest.approx(_h(0.5**n) - shared, abs=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_parts_fit_together(family: str, shape: tuple[int, ...]) -> None:
    n = len(shape) - 1
    p = FAMILIES[family](np.random.default_rng(len(family)), shape)
    d = fastpid.decompose_many(p, on_failure="raise")
    assert d.gap <= 1e-9
    total = mutual_information(p.reshape(-1, shape[-1]))
    assert d.mi_joint == pytest.approx(total, abs=1e-12)
    assert sum(d.coverage.values()) + d.synergy == pytest.approx(total, abs=1e-11)
    assert d.synergy >= 0.0
    assert (d.unique >= -1e-12).all()
    assert d.mi == pytest.approx([mutual_information(a) for a in each_source(p, n)], abs=1e-12)
    for subset in d.subsets:
        # The definition of coverage atoms.
        meets = sum(m for other, m in d.coverage.items() if set(other) & set(subset))
        assert meets == pytest.approx(d.union_information(subset), abs=1e-11)
        low, high = d.bounds(subset)
        assert low <= high
        for i in subset:
            rest = tuple(j for j in subset if j != i)
            if rest:
                assert d.bounds(rest)[0] <= low
                assert d.bounds(rest)[1] <= high
    for subset, (low, high) in d.coverage_bounds.items():
        assert low - 1e-15 <= d.coverage[subset] <= high + 1e-15
        if len(subset) == 1 or shape[-1] == 2:
            assert high >= -1e-9
    union = fastpid.union_information(each_source(p, n))
    assert d.union_information() == pytest.approx(union.value, abs=1e-9)


def test_two_sources_are_those_of_decompose() -> None:
    p = FAMILIES["spiky"](np.random.default_rng(0), (3, 4, 3))
    many, two = fastpid.decompose_many(p), fastpid.decompose(p)
    assert many.pairs[0, 1] == two
    assert many.bounds() == (two.lower, two.upper)
    assert many.coverage[0,] == pytest.approx(two.unique_x, abs=1e-12)
    assert many.coverage[1,] == pytest.approx(two.unique_y, abs=1e-12)
    assert many.redundancy == pytest.approx(two.redundancy, abs=1e-12)
    assert many.synergy == pytest.approx(two.synergy, abs=1e-12)


def test_pairs_are_decompositions_of_two() -> None:
    p = FAMILIES["dense"](np.random.default_rng(1), (3, 2, 4, 3))
    d = fastpid.decompose_many(p)
    assert sorted(d.pairs) == [(0, 1), (0, 2), (1, 2)]
    assert d.pairs[0, 2] == fastpid.decompose(np.ascontiguousarray(p.sum(axis=1)))


def test_permuting_the_sources_permutes_the_parts() -> None:
    p = FAMILIES["spiky"](np.random.default_rng(2), (3, 2, 4, 3))
    order = (2, 0, 1)
    d = fastpid.decompose_many(p)
    other = fastpid.decompose_many(p.transpose(*order, 3))
    for subset, value in other.coverage.items():
        assert value == pytest.approx(d.coverage[tuple(sorted(order[i] for i in subset))], abs=1e-8)


def test_some_coverage_atoms_are_negative_beyond_doubt() -> None:
    rng = np.random.default_rng(3)
    found = False
    for _ in range(40):
        d = fastpid.decompose_many(FAMILIES["spiky"](rng, (3, 3, 3, 3)))
        negative = [s for s, (_, high) in d.coverage_bounds.items() if high < 0.0]
        assert all(len(s) > 1 for s in negative)
        found = found or bool(negative)
        assert ("negative atoms are no error" in repr(d)) == any(
            d.coverage_bounds[s][1] < -1e-12 for s in negative
        )
    assert found


def test_batches_are_singles_and_threads_change_nothing() -> None:
    rng = np.random.default_rng(4)
    tables = np.stack([FAMILIES["spiky"](rng, (2, 3, 2, 3)) for _ in range(1200)])
    tables = tables.reshape(40, 30, 2, 3, 2, 3)
    batch = fastpid.decompose_many(tables, n_sources=3, threads=1)
    assert batch == fastpid.decompose_many(tables, n_sources=3, threads=4)
    assert batch.shape == (40, 30)
    assert batch.unique.shape == (3, 40, 30)
    assert batch[3].shape == (30,)
    single = fastpid.decompose_many(tables[3, 7])
    assert single == batch[3, 7]
    assert single.coverage[0, 1] == batch.coverage[0, 1][3, 7]
    assert pickle.loads(pickle.dumps(single)) == single
    assert "a batch of shape (40, 30)" in repr(batch)


def test_subsets_are_those_asked_for() -> None:
    p = FAMILIES["dense"](np.random.default_rng(5), (2, 2, 2, 2, 3))
    every = fastpid.decompose_many(p)
    few = fastpid.decompose_many(p, subsets="leave_one_out")
    assert len(few.subsets) == 4 + 4 + 1
    assert few.unique == pytest.approx(every.unique, abs=1e-8)
    with pytest.raises(ValueError, match='pass subsets="all"'):
        _ = few.coverage
    some = fastpid.decompose_many(p, subsets=[(3, 0), {1, 2, 0}])
    assert some.subsets == ((0,), (1,), (2,), (3,), (0, 3), (0, 1, 2), (0, 1, 2, 3))
    assert some.union_information([3, 0]) == some.pairs[0, 3].union_information
    with pytest.raises(KeyError, match="was not asked for"):
        some.union_information((1, 2))


def test_blocks_of_axes_are_merged() -> None:
    p = FAMILIES["spiky"](np.random.default_rng(8), (2, 3, 2, 2, 3))
    merged = np.ascontiguousarray(p.transpose(3, 0, 2, 1, 4).reshape(4, 2, 3, 3))
    d = fastpid.decompose_many(p, sources=[[3, 0], 2, (1,)])
    assert d == fastpid.decompose_many(merged)
    # Axes in no block are summed out.
    two = fastpid.decompose_many(p, sources=[[3, 1], [0]])
    left = np.ascontiguousarray(p.sum(axis=2).transpose(2, 1, 0, 3).reshape(6, 2, 3))
    assert two.bounds() == fastpid.decompose_many(left).bounds()
    batch = fastpid.decompose_many(np.stack([p, p]), n_sources=4, sources=[[3, 0], [2], [1]])
    assert batch[1].coverage == d.coverage
    # What a block says is at least what its parts say without their synergy.
    parts = fastpid.decompose_many(p, sources=[[3], [0], [2], [1]])
    assert d.bounds()[1] >= parts.bounds()[0]


def test_units_and_counts() -> None:
    p = FAMILIES["empirical"](np.random.default_rng(6), (2, 3, 2, 3))
    bits, nats = fastpid.decompose_many(p), fastpid.decompose_many(p, unit="nats")
    assert nats.synergy == pytest.approx(bits.synergy * np.log(2.0), abs=1e-9)
    counts = fastpid.decompose_many(50.0 * p, normalize=True)
    assert counts.synergy == pytest.approx(bits.synergy, abs=1e-9)


def test_frames_and_notebooks() -> None:
    pytest.importorskip("pandas")
    d = fastpid.decompose_many(gates.and_of(3))
    frame = d.to_frame()
    assert list(frame.index) == ["0", "1", "2", "0,1", "0,2", "1,2", "0,1,2"]
    assert frame.loc["0,1,2", "coverage"] == pytest.approx(d.redundancy)
    batch = fastpid.decompose_many(np.stack([gates.and_of(3), gates.parity(3)]), n_sources=3)
    frames = batch.to_frame()
    assert frames.loc[(1, "0,1,2"), "union_information"] == pytest.approx(0.0, abs=1e-12)
    assert frames.loc[(0, "1"), "lower"] == pytest.approx(d.mi[1])
    assert "<table>" in d._repr_html_()
    assert "-0.000000" not in repr(fastpid.decompose_many(gates.copy_of(3)))


def test_plots() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    d = fastpid.decompose_many(gates.and_of(3))
    ax = d.plot()
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [*d.coverage.values(), d.synergy]
    batch = fastpid.decompose_many(np.stack([gates.and_of(3)] * 2), n_sources=3)
    with pytest.raises(ValueError, match=r"result\[0\]"):
        batch.plot()
    with pytest.raises(ValueError, match="kind must be one of"):
        d.plot(kind="upset")
    matplotlib.pyplot.close("all")


def test_three_sources_are_a_diagram_with_every_value() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    rng = np.random.default_rng(3)
    many = fastpid.decompose_many(
        np.stack([FAMILIES["spiky"](rng, (3, 3, 3, 3)) for _ in range(40)]), n_sources=3
    )
    d = many[int(np.argmin(many.redundancy))]
    ax = d.plot(kind="venn")
    texts = [text.get_text() for text in ax.texts]
    for subset, value in d.coverage.items():
        words = "only {}" if len(subset) == 1 else "{} and {}" if len(subset) == 2 else "all three"
        (text,) = (t for t in texts if t.startswith(words.format(*subset)))
        assert f"{round(value, 3) + 0.0:.3f}".replace("-", "\u2212") in text
        assert ("(negative)" in text) == (round(value, 3) < 0.0)
    assert any(f"only together\n{d.synergy:.3f}" in text for text in texts)
    # What is negative is hatched where it is: the middle has all three.
    assert d.redundancy < -1e-3
    hatched = [patch for patch in ax.patches if patch.get_hatch()]
    assert len(hatched) == sum("(negative)" in text for text in texts)
    assert any(patch.get_path().contains_point((0.0, 0.0)) for patch in hatched)
    assert not [
        p
        for p in fastpid.decompose_many(gates.and_of(3)).plot(kind="venn").patches
        if p.get_hatch()
    ]
    with pytest.raises(ValueError, match=r"draws three sources, and result has 2.*pairs\[0, 1\]"):
        fastpid.decompose_many(gates.and_of(2)).plot(kind="venn")
    with pytest.raises(ValueError, match='pass subsets="all"'):
        fastpid.decompose_many(gates.and_of(3), subsets=[]).plot(kind="venn")
    matplotlib.pyplot.close("all")


P = np.full((2, 2, 2, 2), 1 / 16)


@pytest.mark.parametrize(
    ("p", "options", "error", "words"),
    [
        (P, {"n_sources": 1}, ValueError, "n_sources must be 2 or more; got 1"),
        (P, {"n_sources": 4}, ValueError, r"n_sources=4 needs 5 axes or more.*\(2, 2, 2, 2\)"),
        (P, {"n_sources": 2.5}, TypeError, "n_sources must be an integer"),
        (P[0, 0], {}, ValueError, "at least 3 axes"),
        (np.stack([P, P]), {}, ValueError, "sums to 2.*pass n_sources=3"),
        (P[:, :0], {}, ValueError, "empty axis: axis 1"),
        (-P, {}, ValueError, "is negative"),
        (P, {"sources": [[0, 1], [1, 2]]}, ValueError, "blocks 0 and 1 .* share axis 1; .*over"),
        (P, {"sources": [[0, 1, 2]]}, ValueError, "1 blocks; pass two or more"),
        (P, {"sources": [[0, 3], [1]]}, ValueError, "count from 0 to 2"),
        (P, {"sources": [[0, 0], [1]]}, ValueError, "names an axis twice"),
        (P, {"sources": [["a"], [1]]}, TypeError, "axis numbers"),
        (P, {"sources": 2}, TypeError, "a sequence of blocks"),
        (P, {"subsets": "some"}, ValueError, "subsets must be one of all, leave_one_out"),
        (P, {"subsets": [(0, 3)]}, ValueError, "count from 0 to 2"),
        (P, {"subsets": [(0, 0)]}, ValueError, "names a source twice"),
        (P, {"subsets": [()]}, ValueError, "is empty"),
        (P, {"subsets": [("a",)]}, TypeError, "source numbers"),
        (np.full((1,) * 14, 1.0), {}, ValueError, 'subsets="leave_one_out"'),
    ],
)
def test_bad_input_is_refused(
    p: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fastpid.decompose_many(p, **options)


def test_a_bad_table_of_a_batch_is_told_of_and_spoils_no_other() -> None:
    good = FAMILIES["dense"](np.random.default_rng(8), (2, 3, 2, 3))
    tables = np.stack([good, -good, good, np.where(good > good.mean(), good, np.nan)])
    words = r"p\[1, 0, 0, 0, 0\] = .* is negative .*2 of 4 tables are invalid"
    with pytest.warns(fastpid.ConvergenceWarning, match=words):
        d = fastpid.decompose_many(tables, n_sources=3)
    assert d[0] == d[2] == fastpid.decompose_many(good[None], n_sources=3)[0]
    for bad in (d[1], d[3]):
        assert np.isnan([bad.synergy, bad.redundancy, *bad.mi, *bad.unique, *bad.bounds()]).all()
        assert np.isnan(bad.pairs[0, 1].synergy)
        assert bad.status() == bad.status(0) == "invalid"
        assert not bad.converged
    with pytest.raises(ValueError, match=words):
        fastpid.decompose_many(tables, n_sources=3, on_failure="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastpid.decompose_many(tables, n_sources=3, on_failure="ignore")


def test_sets_of_one_shape_are_what_they_are_alone() -> None:
    rng = np.random.default_rng(9)
    for shape in ((3, 3, 3, 3, 3), (2, 3, 2, 3, 4)):
        p = FAMILIES["spiky"](rng, shape)
        d = fastpid.decompose_many(p)
        for subset in d.subsets:
            left = tuple(i for i in range(4) if i not in subset)
            part = p.sum(axis=left)
            if len(subset) == 2:
                assert d.pairs[subset] == fastpid.decompose(part)
            elif len(subset) == 3:
                alone = fastpid.union_information(each_source(part, 3))
                low, high = d.bounds(subset)
                assert alone.lower - 1e-13 <= low
                assert high <= alone.upper + 1e-13
                assert d.iterations(subset) == alone.iterations


def test_dyadic_and_triadic_relations_are_told_apart() -> None:
    dyadic, triadic = fastpid.decompose(gates.dyadic()), fastpid.decompose(gates.triadic())
    assert (dyadic.mi_x, dyadic.mi_xy) == pytest.approx((triadic.mi_x, triadic.mi_xy))
    assert (dyadic.unique_x, dyadic.unique_y) == pytest.approx((1.0, 1.0))
    assert (triadic.redundancy, triadic.synergy) == pytest.approx((1.0, 1.0))
