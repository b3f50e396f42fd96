"""network(): against its definition, in any engine, stopped and resumed."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid._base.compare import same
from fastpid.joint import from_samples
from fastpid.screening import Network, network
from fastpid.screening import _unique_shares as shares_module


def data(n: int = 400, columns: int = 7) -> np.ndarray:
    """Columns of two to four symbols that depend on one another."""
    rng = np.random.default_rng(0)
    out = [rng.integers(0, 3, n)]
    for i in range(1, columns):
        noise = rng.integers(0, 2 + i % 3, n)
        out.append(np.where(rng.random(n) < 0.5, out[i // 2] % (2 + i % 3), noise))
    return np.stack(out, axis=1)


def by_definition(x: np.ndarray, measure: str, weights: np.ndarray | None = None) -> np.ndarray:
    """u of all pairs, each table counted from the samples and decomposed by itself."""
    n = x.shape[1]
    u = np.zeros((n, n))
    for z in range(n):
        for i, j in itertools.combinations([c for c in range(n) if c != z], 2):
            p = from_samples(x[:, i], x[:, j], x[:, z], weights=weights)
            d = fastpid.compare(p, tol=1e-9)
            atoms, mi = d.atoms(measure), (d.broja.mi_x, d.broja.mi_y)
            for c, unique, says in zip((i, j), (atoms.unique_x, atoms.unique_y), mi, strict=True):
                u[c, z] += unique / says
                u[z, c] += unique / says
    np.fill_diagonal(u, np.nan)
    return u


@pytest.mark.parametrize("measure", ["broja", "i_min"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_the_definition(measure: str, weighted: bool) -> None:
    x = data()
    weights = np.random.default_rng(1).integers(0, 3, len(x)) if weighted else None
    found = network(x, measure=measure, tol=1e-9, weights=weights)
    np.testing.assert_allclose(found.scores, by_definition(x, measure, weights), atol=1e-5)
    mi = [
        [fastpid.information.mutual_information(pair_table(x, i, j, weights)) for j in range(7)]
        for i in range(7)
    ]
    np.fill_diagonal(found.mutual_information, np.diag(mi))
    np.testing.assert_allclose(found.mutual_information, mi, atol=1e-12)


def pair_table(x: np.ndarray, i: int, j: int, weights: np.ndarray | None) -> np.ndarray:
    p = np.zeros((4, 4))
    np.add.at(p, (x[:, i], x[:, j]), 1.0 if weights is None else weights)
    return p / p.sum()


def test_errors_hold_what_the_tolerance_leaves_open() -> None:
    x = data(columns=9)
    exact = network(x, tol=1e-9)
    assert np.nanmax(exact.errors) < 1e-4
    for tol in (1e-3, 1e-2):
        loose = network(x, tol=tol, method="auto" if tol == 1e-3 else "gradient")
        assert loose.gap <= tol
        assert np.nanmax(loose.errors) > 1e-3
        off = np.abs(loose.scores - exact.scores)
        assert (off <= loose.errors + exact.errors + 1e-9)[~np.isnan(off)].all()
    assert np.nanmax(network(x, measure="i_min").errors) == 0.0


def test_unique_information_is_ordered() -> None:
    x = data(columns=9)
    broja, i_min = network(x, tol=1e-9), network(x, measure="i_min")
    least = np.nan_to_num(broja.scores - i_min.scores + broja.errors)
    assert least.min() >= -1e-9
    assert np.nanmin(i_min.scores) >= 0.0
    assert np.nanmax(broja.scores) <= 2.0 * 7.0 + 1e-9


def test_confidence_is_that_of_both_columns() -> None:
    found = network(data(), tol=1e-6, context="empirical")
    n = len(found.names)
    u, c = found.scores, found.confidence
    for i, j in itertools.permutations(range(n), 2):
        places = [np.mean([u[a, k] <= u[i, j] for k in range(n) if k != a]) for a in (i, j)]
        assert c[i, j] == pytest.approx(sum(places))
    assert np.isnan(np.diag(c)).all()
    assert same(c, c.T)


def test_a_gamma_context() -> None:
    stats = pytest.importorskip("scipy.stats")
    found = network(data(), tol=1e-6)
    u = found.scores
    for i, j in itertools.permutations(range(len(u)), 2):
        places = []
        for a in (i, j):
            others = np.delete(u[a], a)
            shape = others.mean() ** 2 / others.var()
            places.append(stats.gamma.cdf(u[i, j], shape, scale=others.var() / others.mean()))
        assert found.confidence[i, j] == pytest.approx(sum(places), abs=1e-9)


def test_scores_that_are_all_the_same() -> None:
    """Three columns that are one: nothing is unique, and no score stands out."""
    x = np.repeat(np.arange(400)[:, None] % 3, 3, axis=1)
    for context in ("empirical", "gamma"):
        found = network(x, tol=1e-6, context=context)
        np.testing.assert_allclose(found.scores[~np.eye(3, dtype=bool)], 0.0, atol=1e-6)
        np.testing.assert_array_equal(found.confidence[~np.eye(3, dtype=bool)], 2.0)


def test_columns_that_say_nothing_have_no_score() -> None:
    grid = np.array(list(itertools.product(range(2), repeat=4)) * 5)
    found = network(grid)
    assert np.nanmax(found.scores) == 0.0
    assert np.nanmax(found.errors) == 0.0


def test_a_chain_is_found() -> None:
    rng = np.random.default_rng(0)
    chain = [rng.normal(size=3000)]
    for _ in range(5):
        chain.append(chain[-1] + 0.7 * rng.normal(size=3000))
    found = network(np.column_stack(chain), bins=5, names=list("abcdef"))
    wanted = {("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f")}
    assert {edge[:2] for edge in found.top(5)} == wanted
    frame = found.to_frame()
    assert len(frame) == 15
    assert frame["confidence"].is_monotonic_decreasing
    assert frame.columns.tolist()[:4] == ["x", "y", "confidence", "scores"]
    first = frame.iloc[0]
    row, column = "abcdef".index(first["x"]), "abcdef".index(first["y"])
    assert found.matrix("scores")[row, column] == first["scores"]
    assert found.matrix()[column, row] == first["confidence"]


def test_any_batch_and_any_threads_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = data()
    whole = network(x)
    assert same(network(x, threads=2), whole)
    monkeypatch.setattr(shares_module, "_CELLS_PER_BATCH", 100)
    monkeypatch.setattr(shares_module, "_SAMPLES_PER_BATCH", 500)
    parts = network(x)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-12)
    np.testing.assert_allclose(parts.mutual_information, whole.mutual_information, rtol=1e-12)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs_give_the_same(backend: str) -> None:
    joblib = pytest.importorskip("joblib")
    x = data()
    with joblib.parallel_config(backend):
        found = network(x, n_jobs=2)
    assert found == network(x)


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
        found = network(x, n_jobs=-1)
    assert found == network(x)


def test_checkpoints_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = data()
    whole = network(x)
    path = tmp_path / "kept"
    done: list[int] = []
    block = shares_module.ShareWork.block

    def stop_after_three(self: Any, target: int, stop: int) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(target)
        return block(self, target, stop)

    monkeypatch.setattr(shares_module.ShareWork, "block", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        network(x, checkpoint=path)
    done.clear()
    with pytest.raises(KeyboardInterrupt):
        network(x, checkpoint=path)
    assert done == [3, 4, 5]
    # Damage in the middle: what stands behind it is computed again.
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(shares_module.ShareWork, "block", block)
    with pytest.warns(UserWarning, match=r"damaged after \d of 6 targets"):
        assert network(x, checkpoint=path) == whole
    assert network(x, checkpoint=path) == whole
    for other in ({"measure": "i_min"}, {"tol": 1e-4}, {"weights": np.arange(400)}):
        with pytest.raises(ValueError, match="holds another screen or network"):
            network(x, checkpoint=path, **other)
    with pytest.raises(ValueError, match="holds another screen or network"):
        fastpid.screen(x, x[:, 0], checkpoint=path)


def test_forms_of_data() -> None:
    pd = pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    counts = np.random.default_rng(0).poisson(4 + 3 * data())
    names = [f"g{i}" for i in range(7)]
    whole = network(counts, bins=4, names=names)
    assert network(pd.DataFrame(counts, columns=names), bins=4) == whole
    assert network(sparse.csr_matrix(counts), bins=4, names=names) == whole

    class AnnData:
        """What is used of anndata's, which need not be installed."""

        X = sparse.csr_matrix(counts)
        var_names = pd.Index(names)

    AnnData.__module__ = "anndata._core.anndata"
    assert network(AnnData(), bins=4) == whole
    assert pickle.loads(pickle.dumps(whole)) == whole
    assert whole != network(counts, bins=3, names=names)


def test_counts_are_cut() -> None:
    """Whole numbers are classes of a target, but counts where columns are both."""
    counts = np.random.default_rng(0).poisson(5.0, (500, 4))
    found = network(counts, bins=3)
    assert np.nanmax(found.mutual_information) <= np.log2(3)
    edges = {str(i): [-1, 3, 6, 100] for i in range(4)}
    by_name = network(counts, bins=edges)
    cut = np.digitize(counts, [3, 6])
    np.testing.assert_allclose(by_name.scores, network(cut).scores, rtol=1e-9)
    some = network(counts, bins={"1": 2, "3": 2})
    assert some.mutual_information[1, 3] <= 1.0


def test_missing_values() -> None:
    x = np.random.default_rng(0).normal(size=(300, 4))
    x[::10, 1] = np.nan
    with pytest.raises(ValueError, match="missing values in 30 of 300 rows"):
        network(x, bins=3)
    found = network(x, bins=3, missing="drop")
    assert (found.n_dropped, found.n_samples) == (30, 270)


def test_failures_are_reported() -> None:
    x = data()
    few = {"method": "newton", "max_iter": 1, "tol": 1e-6}
    with pytest.warns(fastpid.ConvergenceWarning, match="largest gap"):
        found = network(x, **few)
    exact = network(x, tol=1e-9)
    off = np.abs(found.scores - exact.scores)
    assert (off <= found.errors + exact.errors + 1e-9)[~np.isnan(off)].all()
    with pytest.raises(fastpid.ConvergenceError) as error:
        network(x, on_failure="raise", **few)
    assert error.value.result == found
    network(x, method="proxy", tol=1e-9)  # asks for no more


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: network(x[:, :2]), "2 columns; a network needs three"),
        (lambda x: network(x, measure="mmi"), "measure must be one of broja, i_min"),
        (lambda x: network(x, context="clr"), "context must be one of gamma, empirical"),
        (lambda x: network(np.column_stack([x, 0 * x[:, 0]])), r"one symbol.*'7'"),
        (lambda x: network(x / 7.3 + np.arange(400)[:, None]), "is continuous"),
        (lambda x: network(x, bins={"11": 2}), "bins has the key '11'"),
        (lambda x: network({}), "X has no columns"),
        (lambda x: network(np.arange(9000)[:, None] * [1, 1, 1]), "columns '0', '1', '2'"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(data())


def test_edges_and_text() -> None:
    found = network(data())
    edges = found.edges()
    assert len(edges) == 21
    assert same(found.edges(3), edges[:3])
    order = sorted(edges.tolist(), key=lambda e: (-e[2], -e[3]))
    assert [e[2:4] for e in order] == [e[2:4] for e in edges.tolist()]
    for bad in (0, -1):
        with pytest.raises(ValueError, match="k must be 1 or more"):
            found.top(bad)
    with pytest.raises(ValueError, match="name must be one of confidence"):
        found.matrix("synergy")
    assert "7 columns, 400 samples" in repr(found)
    assert found._repr_html_().startswith("<pre>Network of 7 columns")
    assert fastpid.Network is Network


def test_a_network_is_drawn() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    found = network(data())
    ax = found.plot()
    assert ax.get_title() == "confidence"
    assert ax.images[0].get_array().shape == (7, 7)
    assert found.plot("scores").get_title() == "scores"
    with pytest.raises(ValueError, match="a network has no target"):
        fastpid.plot.heatmap(found, target="a")
    plt.close("all")
