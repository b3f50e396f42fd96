"""screen(targets="all"): every column about every pair of the others."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid._base.compare import same
from fastpid.joint import Discretizer, from_samples
from fastpid.screening import ScreenInterrupted, _pairs, _screen
from fastpid.screening._tests import TestPlan as Plan
from fastpid.screening._triples import TripleWork


def data(n: int = 300, columns: int = 6) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = np.stack([rng.integers(0, 2 + i % 3, n) for i in range(columns)], axis=1)
    x[:, -1] = np.where(rng.random(n) < 0.8, (x[:, 0] + x[:, 1]) % 3, x[:, -1])
    return x


def keys(records: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(int(r[k]) for k in ("x", "y", "target")) for r in records]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_record_is_what_decompose_says(weighted: bool) -> None:
    x = data()
    weights = np.random.default_rng(1).integers(0, 3, len(x)) if weighted else None
    found = fastpid.screen(x, targets="all", tol=1e-9, weights=weights)
    expected = []
    for i, j, k in itertools.combinations(range(6), 3):
        expected += [(i, j, k), (i, k, j), (j, k, i)]
    assert keys(found.records) == expected
    assert len(found) == found.n_screened == 60
    for record in found.records:
        columns = (x[:, record[k]] for k in ("x", "y", "target"))
        table = from_samples(*columns, weights=weights)
        d = fastpid.decompose(table)
        for name in ("redundancy", "unique_x", "unique_y", "synergy", "mi_x", "mi_y", "mi_xy"):
            assert record[name] == pytest.approx(getattr(d, name), abs=3e-9)
        assert record["coverage"] == pytest.approx(table.sampling.coverage)


def test_it_is_the_screens_of_all_targets() -> None:
    x = data()
    found = fastpid.screen(x, targets="all", names=list("abcdef"), test="g")
    for t, name in enumerate("abcdef"):
        one = fastpid.screen(
            np.delete(x, t, axis=1), x[:, t], names=list("abcdef".replace(name, "")), test="g"
        )
        mine = found.to_frame().query("target == @name").reset_index(drop=True)
        theirs = one.to_frame()
        theirs["target"] = name
        order = ["x", "y"]
        mine = mine.sort_values(order).reset_index(drop=True)
        theirs = theirs.sort_values(order).reset_index(drop=True)
        assert mine[["x", "y", "target"]].equals(theirs[["x", "y", "target"]])
        values = [c for c in mine.columns if c not in ("x", "y", "target")]
        np.testing.assert_allclose(
            mine[values].to_numpy(float), theirs[values].to_numpy(float), atol=2e-6
        )
    assert found.matrix("synergy", "c")[0, 1] == pytest.approx(
        found.records[keys(found.records).index((0, 1, 2))]["synergy"]
    )


def test_sources_restrict_the_pairs_and_not_the_targets() -> None:
    x = data()
    whole = fastpid.screen(x, targets="all")
    by_key = {key: r for key, r in zip(keys(whole.records), whole.records, strict=True)}
    for sources in ([0, 2, 3, 5], [4, 1], [5, 3, 1], range(6)):
        found = fastpid.screen(x, targets="all", sources=sources)
        wanted = {
            (*pair, t)
            for pair in itertools.combinations(sorted(sources), 2)
            for t in set(range(6)) - set(pair)
        }
        got = [(*sorted(key[:2]), key[2]) for key in keys(found.records)]
        assert len(got) == len(set(got)) == len(wanted)
        assert set(got) == wanted
        for key, record in zip(got, found.records, strict=True):
            assert record["mi_xy"] == pytest.approx(by_key[key]["mi_xy"], abs=1e-12)
            assert record["synergy"] == pytest.approx(by_key[key]["synergy"], abs=2e-6)
        for batch_size in (1, 5, 7):
            parts = fastpid.screen(x, targets="all", sources=sources, batch_size=batch_size)
            assert same(parts.records, found.records)
    names = fastpid.screen(x, targets="all", sources=["b", "e"], names=list("abcdef"))
    assert names.to_frame()["target"].tolist() == ["a", "c", "d", "f"]


@pytest.mark.parametrize("n", [3, 4, 9, 40])
def test_triples_are_numbered_in_order(n: int) -> None:
    x = np.random.default_rng(0).integers(0, 2, (20, n))
    coded = _screen.code_all(x)
    plan = _screen.plan_sources(coded, None, None)
    work = TripleWork(coded, None, plan, _screen.check_options())
    triples = list(itertools.combinations(range(n), 3))
    assert work.total == 3 * len(triples)
    assert work._triples(np.arange(len(triples))).tolist() == [list(t) for t in triples]


@pytest.mark.parametrize("batch_size", [1, 4, 15, 1000, "auto"])
def test_blocks_change_nothing(batch_size: int | str) -> None:
    x = data()
    whole = fastpid.screen(x, targets="all")
    assert same(
        fastpid.screen(x, targets="all", batch_size=batch_size, threads=2).records, whole.records
    )
    blocks = list(fastpid.screen(x, targets="all", batch_size=batch_size, return_as="generator"))
    assert same(np.concatenate([block.records for block in blocks]), whole.records)


def test_the_best_are_the_best() -> None:
    x = data(columns=9)
    whole = fastpid.screen(x, targets="all")
    best = fastpid.screen(x, targets="all", top_k=7, batch_size=10)
    assert same(best.records, whole.top(7).records)
    assert best.n_screened == len(whole) == 252
    assert "about 9 targets" in repr(best)


def test_tests_have_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    x = data(columns=4)
    options: dict[str, Any] = {"test": "permutation", "n_permutations": 100, "rng": 3}
    whole = fastpid.screen(x, targets="all", **options)
    assert same(fastpid.screen(x, targets="all", batch_size=2, **options).records, whole.records)
    assert not np.isnan(whole.values("p_synergy")).any()
    assert whole.family is not None
    assert whole.significant(0.1).records.size >= 1
    some = fastpid.screen(x, targets="all", sources=[0, 1, 2], **options)
    numbers: list[int] = []
    seed = Plan.seed

    def noted(self: Plan, number: int) -> np.random.SeedSequence:
        numbers.append(number)
        return seed(self, number)

    monkeypatch.setattr(Plan, "seed", noted)
    monkeypatch.setattr(_pairs, "DISMISSED", 1.0)  # so that every pair draws
    fastpid.screen(x, targets="all", sources=[0, 1, 2], **options)
    assert numbers == list(range(6))
    monkeypatch.undo()
    parts = fastpid.screen(x, targets="all", sources=[0, 1, 2], batch_size=2, **options)
    assert same(some.records, parts.records)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs_give_the_same(backend: str) -> None:
    joblib = pytest.importorskip("joblib")
    x = data()
    whole = fastpid.screen(x, targets="all")
    with joblib.parallel_config(backend):
        found = fastpid.screen(x, targets="all", n_jobs=2, batch_size=7)
    assert same(found.records, whole.records)


# The cluster's own threads and sockets are not ours to close.
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    joblib = pytest.importorskip("joblib")
    x = data()
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        found = fastpid.screen(x, targets="all", n_jobs=-1, batch_size=7)
    assert same(found.records, fastpid.screen(x, targets="all").records)


def test_checkpoints_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = data()
    whole = fastpid.screen(x, targets="all")
    path = tmp_path / "kept"
    done: list[int] = []
    block = TripleWork.block

    def stop_after_three(self: Any, start: int, stop: int) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(start)
        return block(self, start, stop)

    monkeypatch.setattr(TripleWork, "block", stop_after_three)
    with pytest.raises(ScreenInterrupted) as stopped:
        fastpid.screen(x, targets="all", checkpoint=path, batch_size=7)
    assert same(stopped.value.result.records, whole.records[:21])
    monkeypatch.setattr(TripleWork, "block", block)
    found = fastpid.screen(x, targets="all", checkpoint=path, batch_size=10)
    assert same(found.records, whole.records)
    with pytest.raises(ValueError, match="holds another screen"):
        fastpid.screen(x, targets="all", checkpoint=path, sources=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="holds another screen"):
        fastpid.screen(x, x[:, 0], checkpoint=path)


def test_millions_of_records_are_not_kept_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).integers(0, 2, (10, 160))
    with pytest.raises(ValueError, match=r"gives 2009760 records.*top_k.*return_as"):
        fastpid.screen(x, targets="all")
    monkeypatch.setattr(_screen, "_MOST_KEPT", 59)
    x = data()
    with pytest.raises(ValueError, match="60 records"):
        fastpid.screen(x, targets="all")
    assert len(fastpid.screen(x, targets="all", top_k=5)) == 5
    assert sum(map(len, fastpid.screen(x, targets="all", return_as="generator"))) == 60
    assert len(fastpid.screen(x, targets="all", sources=[0, 1, 2])) == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fastpid.screen(x), 'pass z, or targets="all"'),
        (lambda x: fastpid.screen(x, x[:, 0], targets="all"), "not both"),
        (lambda x: fastpid.screen(x, targets="some"), "targets must be one of all"),
        (lambda x: fastpid.screen(x, targets="all", pairs=[(0, 1)]), "pairs cannot be listed"),
        (lambda x: fastpid.screen(x[:, :2], targets="all"), "needs three or more"),
        (lambda x: fastpid.screen(0 * x, targets="all"), r"6 columns.*'0', '1', '2', '3', '4', .*"),
        (lambda x: fastpid.screen(x / 7.1 + np.arange(300)[:, None], targets="all"), "continuous"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(data())


def test_tables_of_three_wide_columns_are_refused() -> None:
    x = np.column_stack([np.arange(3000)] * 3 + [np.arange(3000) % 2])
    with pytest.raises(ValueError, match=r"columns '.' and '.'"):
        fastpid.screen(x, targets="all")
    # Two wide ones, which meet no third.
    y = np.column_stack([np.arange(300), np.arange(300)[::-1], np.arange(300) % 2])
    with pytest.warns(fastpid.UndersampledWarning):
        found = fastpid.screen(y, targets="all", method="proxy", on_failure="ignore")
    assert len(found) == 3


def test_counts_are_cut_and_classes_are_not() -> None:
    """An int cuts counts, where columns are sources and targets; a mapping cuts what it names."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(6.0, (600, 4))
    found = fastpid.screen(counts, targets="all", bins=3)
    cut = np.column_stack([Discretizer(3).fit_transform(column) for column in counts.T])
    assert same(found.records, fastpid.screen(cut, targets="all").records)
    counts = np.minimum(counts, 9)
    named = fastpid.screen(
        counts[:, :3], targets="all", names=list("abc"), bins={"a": 2, "b": [-1, 4, 8, 100]}
    )
    parts = [
        Discretizer(2).fit_transform(counts[:, 0]),
        np.digitize(counts[:, 1], [4, 8]),
        counts[:, 2],
    ]
    whole = fastpid.screen(np.column_stack(parts), targets="all")
    assert same(named.records, whole.records)
    # As sources, counts are cut by an int; as a target they are classes, and cut by name.
    about = fastpid.screen(counts[:, :3], counts[:, 3], bins=3)
    assert about.values("mi_x").max() <= np.log2(3)
    z = {"z": 2, **{str(i): 3 for i in range(3)}}
    assert fastpid.screen(counts[:, :3], counts[:, 3], bins=z).values("mi_xy").max() <= 1.0
