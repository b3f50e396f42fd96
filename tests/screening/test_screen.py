"""screen() and PIDSelector: against decompose(), in any engine, stopped and resumed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid._base.compare import same
from fastpid.joint import from_samples
from fastpid.screening import ScreenInterrupted, _pairs


def data(n: int = 300, columns: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = np.stack([rng.integers(0, 2 + i % 3, n) for i in range(columns)], axis=1)
    return x, (x[:, 1] + x[:, 3]) % 3


def test_every_pair_is_what_decompose_says() -> None:
    x, z = data()
    targets = np.stack([z, x[:, 0] ^ (z > 0)], axis=1)
    found = fastpid.screen(x, targets, tol=1e-9)
    assert len(found) == 30
    expected = [(i, j, t) for t in range(2) for i, j in itertools.combinations(range(6), 2)]
    keys = [tuple(int(r[k]) for k in ("x", "y", "target")) for r in found.records]
    assert keys == expected
    for record in found.records:
        table = from_samples(x[:, record["x"]], x[:, record["y"]], targets[:, record["target"]])
        d = fastpid.decompose(table)
        for name in ("redundancy", "unique_x", "unique_y", "synergy", "mi_x", "mi_y", "mi_xy"):
            assert record[name] == pytest.approx(getattr(d, name), abs=3e-9)
        assert record["gap"] <= 1e-9


@pytest.mark.parametrize("batch_size", [1, 4, 15, 100, "auto"])
def test_blocks_change_nothing(batch_size: int | str) -> None:
    x, z = data()
    whole = fastpid.screen(x, z)
    assert same(fastpid.screen(x, z, batch_size=batch_size, threads=2).records, whole.records)
    blocks = list(fastpid.screen(x, z, batch_size=batch_size, return_as="generator"))
    assert same(np.concatenate([block.records for block in blocks]), whole.records)


@pytest.mark.parametrize("by", ["synergy", "unique", "mi_xy"])
def test_the_best_are_the_best(by: str) -> None:
    x, z = data(columns=12)
    whole = fastpid.screen(x, z)
    best = fastpid.screen(x, z, top_k=7, by=by, batch_size=5)
    values = whole.values(by)
    np.testing.assert_array_equal(best.values(by), np.sort(values)[::-1][:7])
    assert same(best.records, whole.top(7, by).records)
    assert by in repr(best)


def test_some_pairs_and_some_sources() -> None:
    x, z = data()
    names = list("abcdef")
    whole = fastpid.screen(x, z, names=names)
    some = fastpid.screen(x, z, names=names, sources=["b", "d", "e"])
    assert some.to_frame()[["x", "y"]].to_numpy().tolist() == [["b", "d"], ["b", "e"], ["d", "e"]]
    listed = fastpid.screen(x, z, names=names, pairs=[("d", "b"), (4, 0)])
    assert listed.values("unique_x")[0] == pytest.approx(some.values("unique_y")[0], abs=1e-6)
    assert listed.matrix("synergy")[3, 1] == listed.values("synergy")[0]
    matrix = whole.matrix("unique_x")
    assert matrix[1, 3] == whole.values("unique_x")[6]
    assert matrix[3, 1] == whole.values("unique_y")[6]
    assert np.isnan(np.diag(matrix)).all()


def test_weights_and_frames() -> None:
    pd = pytest.importorskip("pandas")
    x, z = data()
    frame = pd.DataFrame(x, columns=list("abcdef")).assign(target=z)
    weights = np.random.default_rng(1).integers(0, 3, 300)
    weighted = fastpid.screen(frame, "target", weights=weights)
    repeated = fastpid.screen(np.repeat(x, weights, axis=0), np.repeat(z, weights))
    assert weighted.names == tuple("abcdef")
    assert weighted.targets == ("target",)
    np.testing.assert_allclose(weighted.values("synergy"), repeated.values("synergy"), atol=2e-6)


def test_float_columns_are_cut() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3))
    z = (x[:, 0] * x[:, 2] > 0).astype(int)
    best = fastpid.screen(x, z, bins=4, top_k=1)
    assert (best.records["x"][0], best.records["y"][0]) == (0, 2)
    table = from_samples(x[:, 0], x[:, 2], z, bins=4)
    assert best.values("synergy")[0] == pytest.approx(fastpid.decompose(table).synergy, abs=1e-6)
    with pytest.raises(ValueError, match="is continuous"):
        fastpid.screen(x, z)


def test_processes_give_the_same() -> None:
    pytest.importorskip("joblib")
    x, z = data()
    whole = fastpid.screen(x, z)
    assert same(fastpid.screen(x, z, n_jobs=2, batch_size=4).records, whole.records)


# The cluster's own threads and sockets are not ours to close.
@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    joblib = pytest.importorskip("joblib")
    x, z = data()
    whole = fastpid.screen(x, z)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        found = fastpid.screen(x, z, n_jobs=-1, batch_size=4)
    assert same(found.records, whole.records)


def test_a_screen_that_was_cut_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, z = data()
    whole = fastpid.screen(x, z)
    path = tmp_path / "pairs.screen"
    block = _pairs.PairWork.block
    calls: list[int] = []

    def limited(self: Any, start: int, stop: int) -> Any:
        calls.append(start)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return block(self, start, stop)

    monkeypatch.setattr(_pairs.PairWork, "block", limited)
    with pytest.raises(ScreenInterrupted, match="after 8 pairs") as caught:
        fastpid.screen(x, z, batch_size=4, checkpoint=path)
    assert same(caught.value.result.records, whole.records[:8])
    with open(path, "ab") as file:  # as if a write had been cut short
        file.write(b"half a record")
    calls.clear()
    calls.extend([0] * 10)
    again = fastpid.screen(x, z, batch_size=5, checkpoint=path)
    assert calls[10:] == [8, 10]
    assert same(again.records, whole.records)
    # It is finished now: nothing is computed.
    calls.clear()
    assert same(fastpid.screen(x, z, checkpoint=path).records, whole.records)
    assert calls == []
    with pytest.raises(ValueError, match="holds another screen"):
        fastpid.screen(x, 1 - (z > 0), checkpoint=path)
    path.write_text("notes of mine\nof two lines\n")
    with pytest.raises(ValueError, match="holds no screen"):
        fastpid.screen(x, z, checkpoint=path)
    assert path.read_text() == "notes of mine\nof two lines\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "surprise"}, "by must be one of"),
        ({"sources": ["a"]}, "a pair needs two columns"),
        ({"sources": ["a", "a"]}, "names a column twice"),
        ({"sources": ["a", "sea"]}, r"sources names a column 'sea' that X does not have"),
        ({"pairs": [(0, 9)]}, "pairs has the index 9; X has 6 columns"),
        ({"pairs": [(2, 2)]}, "'c' paired with itself"),
        ({"pairs": [(0, 1)], "sources": [0, 1]}, "not both"),
        ({"top_k": 0}, "top_k must be between 1"),
        ({"top_k": 3, "return_as": "generator"}, "top_k needs all pairs"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"names": ["a"]}, "names must be 6 different strings"),
        ({"weights": np.zeros(300)}, "weights are all zero"),
        ({"strategy": "bayesian_blocks", "bins": 3}, "finds the number of bins itself"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    x, z = data()
    with pytest.raises(ValueError, match=words):
        fastpid.screen(x, z, **{"names": list("abcdef"), **options})


def test_a_gap_wider_than_tol_is_warned_of() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, 8, (4000, 3)), rng.integers(0, 8, 4000)
    # Rounding closes many gaps altogether, but not all that mirror descent leaves.
    with pytest.warns(fastpid.ConvergenceWarning, match="some pairs were not solved") as caught:
        found = fastpid.screen(x, z, tol=1e-17, method="gradient")
    assert caught[0].filename == __file__
    assert found.records["gap"].max() > 1e-17
    assert len(fastpid.screen(x, z, method="proxy")) == 3  # no warning: it is what was asked for


def test_late_values_count_as_values() -> None:
    x = np.zeros((300_000, 2))
    x[-1000:] = np.random.default_rng(0).normal(size=(1000, 2))
    z = (x[:, 0] > 0).astype(int)
    with pytest.warns(UserWarning, match="quantile bins"):  # of ties
        found = fastpid.screen(x, z, bins=400)
    assert found.values("mi_x")[0] > 0


def test_bad_columns() -> None:
    x, z = data()
    constant = x.copy()
    constant[:, 2] = 1
    with pytest.raises(ValueError, match="1 columns of X have one symbol and say nothing: '2'"):
        fastpid.screen(constant, z)
    with pytest.raises(ValueError, match="1 targets have one symbol"):
        fastpid.screen(x, np.zeros(300, dtype=int))
    with pytest.raises(ValueError, match="differ in length"):
        fastpid.screen(x, z[1:])
    with pytest.raises(ValueError, match=r"z names a column 'tar'.*did you mean"):
        fastpid.screen({"a": x[:, 0], "b": x[:, 1], "target": z}, "tar")
    with pytest.raises(ValueError, match="missing values"):
        fastpid.screen(np.where(x == 1, np.nan, x), z)


@pytest.mark.parametrize("criterion", ["pairs", "union"])
def test_selector_passes_scikit_learns_checks(criterion: str) -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    import warnings

    from fastpid.screening import PIDSelector

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = checks.check_estimator(PIDSelector(criterion=criterion), on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert len(results) > 40


def test_selector_takes_synergy_and_leaves_copies() -> None:
    pytest.importorskip("sklearn")
    from fastpid.screening import PIDSelector

    rng = np.random.default_rng(0)
    a, b, noise = rng.integers(0, 2, (3, 2000))
    c = rng.integers(0, 2, 2000)
    z = 2 * a + (b ^ c)
    x = np.stack([a, a ^ (rng.random(2000) < 0.05), b, noise, c], axis=1).astype(float)
    fitted = PIDSelector(2).fit(x, z)
    assert fitted.ranking_[0] == 1
    assert not fitted.support_[1]
    # Without a penalty a feature is scored by I(f; Z | s).
    plain = PIDSelector(2, redundancy_penalty=0.0).fit(x, z)
    table = from_samples(x[:, 1].astype(int), x[:, 0].astype(int), z)
    expected = fastpid.information.conditional_mutual_information(table.p.transpose(0, 2, 1))
    assert plain.scores_[1] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="n_features_to_select must be"):
        PIDSelector(9).fit(x, z)


def test_a_screen_of_two_targets_is_drawn_one_at_a_time() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    rng = np.random.default_rng(0)
    columns, targets = rng.integers(0, 2, (100, 4)), rng.integers(0, 2, (100, 2))
    found = fastpid.screen(columns, targets)
    ax = found.plot(target="z1")
    assert ax.get_title() == "synergy about z1"
    assert found.plot("redundancy", target="z0").get_title() == "redundancy about z0"
    with pytest.raises(ValueError, match="several targets"):
        found.plot()
    with pytest.raises(ValueError, match="no target 'z7'"):
        found.plot(target="z7")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"redundancy_penalty": -1.0}, ValueError, "redundancy_penalty must be 0 or more"),
        ({"redundancy_penalty": "much"}, TypeError, "redundancy_penalty must be a number"),
        ({"bins": 1}, ValueError, "bins must be 2 or more"),
        ({"bins": 2.5}, TypeError, "bins must be an integer"),
        ({"target_bins": 0}, ValueError, "target_bins must be 2 or more"),
        ({"threads": 0}, ValueError, "threads must be between 1"),
        ({"n_features_to_select": 0}, ValueError, "n_features_to_select must be"),
    ],
)
def test_the_selector_checks_its_parameters(
    options: dict[str, object], error: type[Exception], words: str
) -> None:
    pytest.importorskip("sklearn")
    X = np.random.default_rng(0).normal(size=(50, 4))  # noqa: N806
    with pytest.raises(error, match=words):
        fastpid.PIDSelector(**options).fit(X, X[:, 0] > 0)


def test_kmeans_of_a_screen_is_seeded() -> None:
    pytest.importorskip("sklearn")
    columns = np.random.default_rng(0).normal(size=(200, 3))
    target = np.arange(200) % 2
    runs = [fastpid.screen(columns, target, bins=4, strategy="kmeans", rng=5) for _ in range(2)]
    assert runs[0] == runs[1]


def test_pairs_of_too_few_samples_are_flagged() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, k, 150) for k in (2, 3, 12, 14)])
    z = rng.integers(0, 2, 150)
    with pytest.warns(fastpid.UndersampledWarning, match="too few for . of 6 pairs") as caught:
        found = fastpid.screen(x, z)
    assert caught[0].filename == __file__
    for record, enough in zip(found.records, found.is_sufficient, strict=True):
        sampling = from_samples(x[:, record["x"]], x[:, record["y"]], z).sampling
        assert record["coverage"] == pytest.approx(sampling.coverage)
        assert record["samples_per_occupied_cell"] == pytest.approx(
            sampling.samples_per_occupied_cell
        )
        assert enough == sampling.is_sufficient
    assert found.is_sufficient.tolist().count(True) >= 1
    assert "too few samples" in repr(found)
    with pytest.warns(fastpid.UndersampledWarning):
        assert len(list(fastpid.screen(x, z, return_as="generator"))) == 1
    assert fastpid.screen(x[:, :2], z).is_sufficient.all()


def test_the_sampling_of_weighted_pairs() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.integers(0, 3, (300, 3)), rng.integers(0, 2, 300)
    weights = rng.random(300)
    found = fastpid.screen(x, z, weights=weights)
    for record in found.records:
        columns = x[:, record["x"]], x[:, record["y"]], z
        sampling = from_samples(*columns, weights=weights).sampling
        assert record["coverage"] == pytest.approx(sampling.coverage)
        assert record["samples_per_occupied_cell"] == pytest.approx(
            sampling.samples_per_occupied_cell
        )
