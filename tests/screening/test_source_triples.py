"""screen_triples(): every triple of columns, as three sources, about targets."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid._base.compare import same
from fastpid.estimation._many_problem import name_of_atom, name_of_union
from fastpid.joint import from_sources
from fastpid.screening import ScreenInterrupted, _screen_triples, _source_triples, screen_triples
from fastpid.screening._plans import combinations_at


def data(n: int = 400, columns: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = np.stack([rng.integers(0, 2 + i % 3, n) for i in range(columns)], axis=1)
    return x, (x[:, 1] + x[:, 2] + x[:, 4]) % 3


def keys(records: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(r[k]) for k in ("x0", "x1", "x2", "target")) for r in records]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_triple_is_what_decompose_many_says(weighted: bool) -> None:
    x, z = data(1500)
    targets = np.stack([z, x[:, 0] ^ (z > 0)], axis=1)
    weights = np.random.default_rng(1).integers(0, 3, len(x)) if weighted else None
    found = screen_triples(x, targets, tol=1e-9, weights=weights)
    assert found.n_screened == len(found) == 40
    expected = [(*c, t) for t in range(2) for c in itertools.combinations(range(6), 3)]
    assert keys(found.records) == expected
    for record in found.records:
        sources = [x[:, record[f"x{i}"]] for i in range(3)]
        table = from_sources(sources, targets[:, record["target"]], weights=weights)
        d = fastpid.decompose_many(table)
        for subset, atom in d.coverage.items():
            assert record[name_of_atom(subset, 3)] == pytest.approx(atom, abs=9e-9)
            assert record[name_of_union(subset, 3)] == pytest.approx(
                d.union_information(subset), abs=3e-9
            )
        assert record["synergy"] == pytest.approx(d.synergy, abs=3e-9)
        assert record["mi_joint"] == pytest.approx(d.mi_joint, abs=1e-12)
        assert 0.0 <= record["gap"] <= 1e-9
        assert record["coverage"] == pytest.approx(table.sampling.coverage)
        cells = np.count_nonzero(table.p)
        n = len(x) if weights is None else weights.sum() ** 2 / (weights**2).sum()
        assert record["samples_per_occupied_cell"] == pytest.approx(n / cells)


@pytest.mark.parametrize("wide", [0, 1, 2])
def test_the_widest_column_may_stand_anywhere(wide: int) -> None:
    rng = np.random.default_rng(2)
    sizes = [3, 2, 2]
    sizes.insert(wide, sizes.pop(0) + 4)
    x = np.stack([rng.integers(0, n, 300) for n in sizes], axis=1)
    z = (x.sum(axis=1) + rng.integers(0, 2, 300)) % 3
    (record,) = screen_triples(x, z).records
    expected = fastpid.decompose_many(from_sources(list(x.T), z))
    for i in range(3):
        assert record[f"mi_{i}"] == pytest.approx(expected.mi[i], abs=1e-9)
        assert record[f"unique_{i}"] == pytest.approx(expected.unique[i], abs=3e-6)


def test_blocks_engines_and_threads_change_nothing() -> None:
    x, z = data(columns=7)
    targets = np.stack([z, x[:, 0] ^ (z > 0)], axis=1)
    whole = screen_triples(x, targets, test="g")
    for options in ({"batch_size": 1}, {"batch_size": 9, "threads": 2}, {"batch_size": 1000}):
        assert same(screen_triples(x, targets, test="g", **options), whole)
    blocks = list(screen_triples(x, targets, test="g", batch_size=13, return_as="generator"))
    assert [len(block) for block in blocks] == [13, 13, 13, 13, 13, 5]
    assert same(np.concatenate([block.records for block in blocks]), whole.records)
    pytest.importorskip("joblib")
    assert same(screen_triples(x, targets, test="g", n_jobs=2, batch_size=30), whole)


@pytest.mark.parametrize("by", ["synergy", "unique", "corrected_synergy", "p_synergy"])
def test_the_best_are_the_best(by: str) -> None:
    x, z = data(columns=8)
    test = "g" if by.startswith("p_") else "none"
    whole = screen_triples(x, z, test=test)
    best = screen_triples(x, z, top_k=7, by=by, batch_size=5, test=test)
    if by == "unique":
        values = np.max([whole.records[f"unique_{i}"] for i in range(3)], axis=0)
    else:
        values = whole.records[by]
    wanted = np.sort(values) if by.startswith("p_") else np.sort(values)[::-1]
    np.testing.assert_array_equal(best.values(by), wanted[:7])
    assert (len(best), best.n_screened) == (7, 56)
    assert same(best.records, whole.top(7, by).records)
    assert f"of 7 triples of 8 columns about z (bits); by {by}" in repr(best)


def test_some_triples_and_some_sources() -> None:
    x, z = data()
    names = list("abcdef")
    records = screen_triples(x, z).records
    whole = dict(zip(keys(records), records, strict=True))
    for triples in ([["a", "c", "f"], ["b", "d", "e"]], np.array([[0, 2, 5], [1, 3, 4]])):
        found = screen_triples(x, z, names=names, triples=triples)
        assert keys(found.records) == [(0, 2, 5, 0), (1, 3, 4, 0)]
        for record in found.records:
            assert same(record, whole[keys(np.array([record]))[0]])
    found = screen_triples(x, z, names=names, sources=["f", "a", "c", "d"])
    assert keys(found.records) == [(5, 0, 2, 0), (5, 0, 3, 0), (5, 2, 3, 0), (0, 2, 3, 0)]
    turned = screen_triples(x, z, triples=[[5, 0, 2]]).records[0]
    assert turned["unique_0"] == pytest.approx(whole[0, 2, 5, 0]["unique_2"], abs=3e-6)
    frame = found.to_frame()
    assert frame[["x0", "x1", "x2", "target"]].to_numpy().tolist()[0] == ["f", "a", "c", "z"]
    assert frame["synergy"].to_numpy() == pytest.approx(found.records["synergy"])


def test_numbers_of_combinations() -> None:
    for n, size in ((5, 3), (9, 2), (4, 4), (3, 3)):
        count = math.comb(n, size)
        wanted = list(itertools.combinations(range(n), size))
        assert combinations_at(n, size, np.arange(count)).tolist() == [list(c) for c in wanted]
    last = math.comb(20_000, 3) - 1
    assert combinations_at(20_000, 3, np.array([0, last])).tolist() == [
        [0, 1, 2],
        [19_997, 19_998, 19_999],
    ]


def test_corrected_values_have_less_bias() -> None:
    rng = np.random.default_rng(3)
    x, z = rng.integers(0, 3, (400, 12)), rng.integers(0, 3, 400)
    records = screen_triples(x, z).records
    for atom, share in (("synergy", 0.2), ("unique_0", 0.6)):  # which are none
        bias, left = records[atom].mean(), records[f"corrected_{atom}"].mean()
        assert abs(left) < share * abs(bias)
    # They add up, as the plain ones do.
    corrected = [records[f"corrected_{atom}"] for atom in _source_triples.ATOMS]
    cells = [
        np.count_nonzero(from_sources([x[:, i] for i in c], z).p.any(axis=3))
        for c in itertools.combinations(range(12), 3)
    ]
    full = [
        np.count_nonzero(from_sources([x[:, i] for i in c], z).p)
        for c in itertools.combinations(range(12), 3)
    ]
    excess = (np.array(full) - cells - 3 + 1) / (2 * 400 * np.log(2))
    np.testing.assert_allclose(np.sum(corrected, axis=0), records["mi_joint"] - excess, atol=1e-9)


def test_pairs_are_corrected_as_a_screen_of_pairs_does() -> None:
    x, z = data()
    x = x[:, :3]
    tables = from_sources(list(x.T), z).p[None] * len(x)
    problem = _source_triples.PROBLEM
    found = problem.decompose(tables, fastpid._solve.options.recall_options())
    less = _source_triples.less_bias(problem.vector(found), found, tables, len(x))[0]
    pairs = fastpid.screen(x, z, unit="nats").records
    for k, pair in enumerate(pairs):
        union = sum(pair[f"corrected_{a}"] for a in ("redundancy", "unique_x", "unique_y"))
        assert less[3 + k] == pytest.approx(union, abs=2e-6)


def test_p_values_are_g_tests_of_what_estimate_many_shuffles_for() -> None:
    stats = pytest.importorskip("scipy.stats")
    x, z = data(2000)
    found = screen_triples(x, z, test="g", triples=[[1, 2, 4], [0, 1, 3]])

    def p_value(moved: np.ndarray, given: np.ndarray) -> float:
        g = df = 0.0
        for value in np.unique(given):
            rows = given == value
            table = np.histogram2d(moved[rows], z[rows], bins=[range(100), range(4)])[0]
            table = table[table.any(axis=1)][:, table.any(axis=0)]
            some = stats.chi2_contingency(table, lambda_="log-likelihood", correction=False)
            g, df = g + some.statistic, df + some.dof
        return float(stats.chi2.sf(g, df))

    nothing = np.zeros(len(z))
    for record in found.records:
        a, b, c = (x[:, record[f"x{i}"]] for i in range(3))
        wanted = {
            "unique_0": [(a, b), (a, c)],
            "shared_0_2": [(a, b), (c, b)],
            "redundancy": [(a, nothing), (b, nothing), (c, nothing)],
            "synergy": [(10 * a + b, c), (10 * a + c, b), (10 * b + c, a)],
        }
        for atom, nulls in wanted.items():
            expected = max(p_value(*null) for null in nulls)
            assert record[f"p_{atom}"] == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert found.records["p_synergy"][0] < 1e-10 < 0.01 < found.records["p_synergy"][1]
    best = found.significant(0.01, by="synergy")
    assert keys(best.records) == [(1, 2, 4, 0)]
    weights = np.ones(len(z))
    with pytest.raises(ValueError, match="weights leave without meaning"):
        screen_triples(x, z, test="g", weights=weights)


def test_p_values_of_nothing_are_even() -> None:
    pytest.importorskip("scipy")
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(60):
        x, z = rng.integers(0, 2, (600, 3)), rng.integers(0, 2, 600)
        shares.append(screen_triples(x, z, test="g").records["p_synergy"][0] < 0.1)
    assert np.mean(shares) <= 0.2  # the largest of three: at most a tenth, and chance


def test_a_checkpoint_goes_on_after_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, z = data(columns=7)
    whole = screen_triples(x, z, batch_size=6)
    block = _source_triples.SourceTripleWork.block
    seen = []

    def limited(self: Any, start: int, stop: int) -> np.ndarray:
        seen.append(start)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return block(self, start, stop)

    file = tmp_path / "file"
    monkeypatch.setattr(_source_triples.SourceTripleWork, "block", limited)
    with pytest.raises(ScreenInterrupted, match="18 triples") as caught:
        screen_triples(x, z, batch_size=6, checkpoint=file)
    assert same(caught.value.result.records, whole.records[:18])
    assert same(screen_triples(x, z, batch_size=6, checkpoint=file).records, whole.records)
    assert seen == [0, 6, 12, 18, 18, 24, 30]
    with pytest.raises(ValueError, match="another screen"):
        screen_triples(x, z, checkpoint=file, tol=1e-3)
    with pytest.raises(ValueError, match="another screen"):
        fastpid.screen(x, z, checkpoint=file)


def test_too_many_triples(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).integers(0, 2, (200, 200))
    with pytest.raises(ValueError, match=r"there are 1313400 triples \(0\.\d GiB.*top_k"):
        screen_triples(x, x[:, 0] ^ x[:, 1])
    monkeypatch.setattr(_screen_triples, "_MOST_TESTED", 10)
    with pytest.raises(ValueError, match=r"there are 20 triples, whose p-values.*bonferroni"):
        screen_triples(x[:, :6], x[:, 0], test="g", top_k=3)
    first = next(
        screen_triples(x, np.arange(200) % 2, return_as="generator", test="g", batch_size=4)
    )
    assert (len(first), first.n_screened) == (4, 1313400)
    p_values = first.values("p_synergy")
    adjusted = first.adjusted("synergy", "bonferroni")
    np.testing.assert_allclose(adjusted, np.minimum(1313400 * p_values, 1.0))
    with pytest.raises(ValueError, match="p-values of all triples"):
        first.adjusted("synergy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"triples": [["a", "b"]]}, r"triples must have the shape \(n_triples, 3\)"),
        ({"triples": [["a", "b", "c"], ["a", "b"]]}, "rows of 2 and 3"),
        ({"triples": [["a", "b", "a"]]}, "a triple with 'a' twice"),
        ({"triples": [["a", "b", "q"]]}, "triples names"),
        ({"triples": np.array([[0, 1, 9]])}, "triples has the index 9"),
        ({"sources": ["a", "b"]}, "there are 2 sources; a triple needs three columns"),
        ({"sources": ["a", "b", "c", "a"]}, "a column twice"),
        ({"sources": ["a", "b", "c"], "triples": [[0, 1, 2]]}, "triples or sources, not both"),
        ({"by": "mi_xy"}, "by must be one of unique_0"),
        ({"test": "permutation"}, "test must be one of none, g"),
        ({"top_k": 2, "return_as": "generator"}, "top_k"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    x, z = data()
    with pytest.raises(ValueError, match=message):
        screen_triples(x, z, names=list("abcdef"), **options)


def test_columns_of_too_many_symbols() -> None:
    x = np.stack([np.arange(900) % k for k in (300, 450, 900, 2)], axis=1)
    z = np.arange(900) % 2
    with pytest.raises(ValueError, match=r"columns '0', '1' and '2' have 243000000 cells"):
        screen_triples(x, z)
    x = np.stack([np.arange(900) % k for k in (2, 300, 300, 300)], axis=1)
    with pytest.raises(ValueError, match=r"columns '1', '2' and '3' have 90000 pairs of symbols"):
        screen_triples(x, z)
    assert len(screen_triples(x[:, :3], z, method="proxy", on_failure="ignore")) == 1


def test_few_samples_are_told() -> None:
    x, z = data(60)
    with pytest.warns(fastpid.UndersampledWarning, match="too few for .* of 20 triples"):
        screen_triples(x, z)
