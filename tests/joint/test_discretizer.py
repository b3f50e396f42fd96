"""Discretizer, columns of frames, data in pieces, and the forms of other packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid.joint import (
    Discretizer,
    JointAccumulator,
    from_dict,
    from_dit,
    from_file,
    from_idtxl,
    from_samples,
)


def numbers(n: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("strategy", ["quantile", "uniform", "kmeans"])
def test_bins_are_learnt_once(strategy: str) -> None:
    if strategy == "kmeans":
        pytest.importorskip("sklearn")
    column = numbers()
    fitted = Discretizer(4, strategy=strategy, outside="nearest").fit(column)
    codes = fitted.transform(column)[:, 0]
    assert fitted.n_symbols_ == 4
    assert set(codes.tolist()) == {0, 1, 2, 3}
    assert (np.diff(codes[np.argsort(column)]) >= 0).all()
    np.testing.assert_array_equal(fitted.transform([-9.0, 9.0])[:, 0], [0, 3])
    strict = Discretizer(4, strategy=strategy).fit(column)
    with pytest.raises(ValueError, match=r"X has 2 of 2 values outside the edges"):
        strict.transform([-9.0, 9.0])


def test_bayesian_blocks_find_their_number() -> None:
    pytest.importorskip("astropy")
    column = np.concatenate([numbers(200) - 5, numbers(200, 1) + 5])
    fitted = Discretizer(strategy="bayesian_blocks").fit(column)
    assert fitted.n_symbols_ >= 3
    table = from_samples(column, (column > 0).astype(int), [0, 1] * 200, strategy="bayesian_blocks")
    assert table.shape == (fitted.n_symbols_, 2, 2)
    with pytest.raises(ValueError, match="finds the number of bins itself"):
        Discretizer(3, strategy="bayesian_blocks").fit(column)


def test_categories_that_were_not_there_are_named() -> None:
    fitted = Discretizer().fit(["a", "b", "a"])
    np.testing.assert_array_equal(fitted.transform(["b", "a"])[:, 0], [1, 0])
    with pytest.raises(ValueError, match=r"1 values of unseen categories \(row 1, the first c\)"):
        fitted.transform(["a", "c"])
    with pytest.raises(ValueError, match="not fitted"):
        Discretizer().transform(["a"])


def test_several_columns_are_clustered() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    which = rng.integers(0, 3, 600)
    features = np.array([[0, 0], [8, 0], [0, 800]])[which] + rng.normal(size=(600, 2))
    for options in ({}, {"n_components": 2}, {"random_state": 5}):
        codes = Discretizer(3, **options).fit_transform(features)[:, 0]
        # One symbol for each cluster, whatever its number.
        assert len(set(zip(which.tolist(), codes.tolist(), strict=True))) == 3
    table = from_samples(features, [0, 1] * 300, which, bins={"x": 3})
    assert fastpid.decompose(table).mi_x == pytest.approx(
        fastpid.decompose(from_samples(which, [0, 1] * 300, which)).mi_x
    )
    assert table.labels[0] == ("cluster 0", "cluster 1", "cluster 2")
    again = Discretizer(3).fit(features)
    np.testing.assert_array_equal(again.transform(features), Discretizer(3).fit_transform(features))
    with pytest.raises(ValueError, match="fitted to 2"):
        again.transform(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"got shape \(600, 2\): say into how many"):
        from_samples(features, [0, 1] * 300, which)
    with pytest.raises(ValueError, match="distinct samples, fewer than the 9"):
        Discretizer(9).fit(np.ones((20, 2)))
    with pytest.raises(ValueError, match="n_components is 3"):
        Discretizer(3, n_components=3).fit(features)


def test_many_samples_go_through_mini_batches() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    which = rng.integers(0, 2, 12_000)
    codes = Discretizer(2).fit_transform(which[:, None] * 9.0 + rng.normal(size=(12_000, 3)))[:, 0]
    assert len(set(zip(which.tolist(), codes.tolist(), strict=True))) == 2


def test_parameters_are_those_of_the_constructor() -> None:
    d = Discretizer(4, strategy="uniform")
    assert d.get_params()["strategy"] == "uniform"
    assert repr(d.set_params(bins=3)) == "Discretizer(bins=3, strategy='uniform')"
    with pytest.raises(ValueError, match="'bin' is no parameter"):
        d.set_params(bin=3)
    sklearn = pytest.importorskip("sklearn.base")
    assert sklearn.clone(d).get_params() == d.get_params()


def test_a_fitted_discretizer_goes_where_bins_go() -> None:
    train, test = numbers(300), numbers(100, 1)
    fitted = Discretizer(3, outside="nearest").fit(train)
    z = (test > 0).astype(int)
    table = from_samples(test, z, z, bins={"x": fitted})
    np.testing.assert_array_equal(table.counts_along(0), np.bincount(fitted.transform(test)[:, 0]))
    assert table.labels[0] == fitted.labels_


# Frames


def frames() -> list[Any]:
    columns = {"height": numbers(60), "group": ["a", "b", "c"] * 20, "z": [0, 1] * 30}
    found: list[Any] = [columns]
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    return [*found, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]


def test_columns_by_name() -> None:
    tables = [from_samples("height", "group", "z", data=data, bins=3) for data in frames()]
    for table in tables:
        assert table.names == ("height", "group", "z")
        assert table.labels == tables[0].labels
        np.testing.assert_array_equal(table.counts, tables[0].counts)
    for data in frames():
        with pytest.raises(ValueError, match=r"x names a column 'Heigth'.*did you mean 'height'\?"):
            from_samples("Heigth", "group", "z", data=data, bins=3)
    with pytest.raises(TypeError, match="data must be a frame"):
        from_samples("a", "b", "c", data=3)


def test_several_columns_by_name() -> None:
    pytest.importorskip("sklearn")
    data = {"a": numbers(60), "b": numbers(60, 1), "c": [0, 1] * 30, "w": np.arange(60.0)}
    table = from_samples(["a", "b"], "c", "c", data=data, bins={"x": 4}, weights="w")
    assert table.shape == (4, 2, 2)
    assert table.names[0] == "a, b"
    assert table.n_effective < 60


def test_columns_of_polars_and_arrow() -> None:
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    x, z = ["u", "v", "u", "v"], [0, 1, 1, 0]
    expected = from_samples(x, z, z).counts
    for column in (pl.Series("s", x), pa.array(x), pa.chunked_array([x[:2], x[2:]])):
        np.testing.assert_array_equal(from_samples(column, z, z).counts, expected)
    assert from_samples(pl.Series("s", x), z, z).names[0] == "s"
    with pytest.raises(ValueError, match=r"missing values in 1 of 4 rows: x .* has 1 \(row 2\)"):
        from_samples(pl.Series("s", [1, 2, None, 2]), z, z)
    with pytest.raises(TypeError, match="convert dates"):
        from_samples(pa.array(np.array(["2024-01-01"] * 4, dtype="M8[s]")), z, z)


# Pieces


def test_pieces_make_up_the_whole() -> None:
    rng = np.random.default_rng(0)
    x, y, z = numbers(500), rng.choice(["b", "a", "c"], 500), rng.integers(0, 3, 500)
    weights = rng.random(500)
    edges = [-9.0, -0.5, 0.5, 9.0]
    for w in (None, weights):
        whole = from_samples(x, y, z, bins={"x": edges}, weights=w)
        pieces = JointAccumulator(x=edges)
        for part in np.array_split(np.arange(500), 7):
            pieces.partial_fit(x[part], y[part], z[part], weights=None if w is None else w[part])
        table = pieces.table()
        assert table.labels == whole.labels
        assert table.n_samples == 500
        np.testing.assert_array_equal(table.counts, whole.counts)
        np.testing.assert_allclose(table.p, whole.p, atol=1e-15)
        assert table.n_effective == pytest.approx(whole.n_effective)


def test_a_bad_piece_leaves_the_rest() -> None:
    pieces = JointAccumulator(x=Discretizer(2).fit([0.0, 1.0]))
    pieces.partial_fit([0.1, 0.9], ["a", "b"], [0, 1])
    with pytest.raises(ValueError, match="outside the edges"):
        pieces.partial_fit([0.1, 2.0], ["c", "b"], [0, 1])
    with pytest.raises(TypeError, match="y is integer here and was string before"):
        pieces.partial_fit([0.1, 0.9], [3, 4], [0, 1])
    with pytest.raises(ValueError, match="pass weights with all or with none"):
        pieces.partial_fit([0.1, 0.9], ["a", "b"], [0, 1], weights=[1.0, 2.0])
    assert pieces.n_samples == 2
    assert pieces.table().labels[1] == ("a", "b")
    with pytest.raises(TypeError, match="x must be edges or a fitted Discretizer"):
        JointAccumulator(x=4)
    with pytest.raises(ValueError, match="not fitted"):
        JointAccumulator(x=Discretizer(4))
    with pytest.raises(ValueError, match="no samples"):
        JointAccumulator().table()


def write(tmp_path: Path) -> list[Path]:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": np.round(numbers(900), 6),
            "y": rng.choice(["u", "v"], 900),
            "z": rng.integers(0, 3, 900),
            "w": rng.integers(1, 4, 900) / 2,
        }
    )
    frame.to_csv(tmp_path / "data.csv", index=False)
    frame.to_parquet(tmp_path / "data.parquet")
    return [tmp_path / "data.csv", tmp_path / "data.parquet"]


def test_files_are_read_in_pieces(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    csv, parquet = write(tmp_path)
    frame = pd.read_csv(csv)
    whole = from_samples("x", "y", "z", data=frame, bins=4, weights="w")
    for path in (csv, parquet):
        table = from_file(path, "x", "y", "z", bins=4, weights="w", chunk_rows=100)
        assert table.labels == whole.labels
        assert table.names == ("x", "y", "z")
        np.testing.assert_array_equal(table.counts, whole.counts)
        np.testing.assert_allclose(table.p, whole.p, atol=1e-15)


@pytest.mark.parametrize("chunk_rows", [7, 100, 10_000])
def test_bins_of_files_are_those_of_the_samples(tmp_path: Path, chunk_rows: int) -> None:
    _, parquet = write(tmp_path)
    pd = pytest.importorskip("pandas")
    table = from_file(parquet, "x", "y", "z", bins=3, chunk_rows=chunk_rows)
    assert table == from_samples("x", "y", "z", data=pd.read_parquet(parquet), bins=3)
    assert table.counts_along(0).min() == 300


def test_bad_files(tmp_path: Path) -> None:
    csv, _ = write(tmp_path)
    with pytest.raises(ValueError, match=r"a column 'xx' that .*data.csv does not have"):
        from_file(csv, "xx", "y", "z")
    (tmp_path / "bad.parquet").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"bad.parquet cannot be read"):
        from_file(tmp_path / "bad.parquet", "x", "y", "z")
    (tmp_path / "data.xls").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ValueError, match=r"data.xls is a zip archive or an Excel workbook"):
        from_file(tmp_path / "data.xls", "x", "y", "z")
    with pytest.raises(OSError, match=r"no\.csv"):
        from_file(tmp_path / "no.csv", "x", "y", "z")
    (tmp_path / "gap.csv").write_text("x,y,z\n1,a,0\n,b,1\n")
    with pytest.raises(ValueError, match="missing values in 1 of 2 rows"):
        from_file(tmp_path / "gap.csv", "x", "y", "z")
    (tmp_path / "empty.csv").write_text("x,y,z\n")
    with pytest.raises(ValueError, match="has a header and no rows"):
        from_file(tmp_path / "empty.csv", "x", "y", "z")


# Other packages


def test_a_dict_of_outcomes() -> None:
    pmf = {(0, "a", 0): 0.25, (0, "b", 1): 0.25, (1, "a", 1): 0.25, (1, "b", 0): 0.25}
    p = from_dict(pmf)
    assert p.labels == ((0, 1), ("a", "b"), (0, 1))
    assert fastpid.decompose(p).synergy == pytest.approx(1.0)
    target_first = {(z, x, y): mass for (x, y, z), mass in pmf.items()}
    np.testing.assert_array_equal(from_dict(target_first, order="zxy").p, p.p)
    assert "JointDistribution 2 x 2 x 2, 4 of 8 cells occupied" in repr(p)
    for bad, words in (
        ({(0, 1): 1.0}, "three symbols"),
        ({(0, 0, 0): 0.5}, "pmf sums to 0.5"),
        ({(0, 0, 0): 1.5, (0, 0, 1): -0.5}, "non-negative"),
    ):
        with pytest.raises(ValueError, match=words):
            from_dict(bad)
    with pytest.raises(ValueError, match="order must be a permutation"):
        from_dict(pmf, order="xxz")
    with pytest.raises(TypeError, match="must be a mapping"):
        from_dict([0.5, 0.5])


def test_samples_of_idtxl() -> None:
    data = np.random.default_rng(0).integers(0, 2, (4, 50, 3))
    x, y, z = (data[i].ravel() for i in (3, 0, 2))
    found = from_idtxl(data, sources=(3, 0), target=2)
    np.testing.assert_array_equal(found.counts, from_samples(x, y, z).counts)
    assert found.names == ("process 3", "process 0", "process 2")
    turned = from_idtxl(data.transpose(1, 2, 0), sources=(3, 0), target=2, dim_order="srp")
    np.testing.assert_array_equal(found.counts, turned.counts)
    with pytest.raises(ValueError, match="there is no process 7"):
        from_idtxl(data, sources=(0, 7))
    with pytest.raises(ValueError, match="data has 3 axes"):
        from_idtxl(data, dim_order="ps")
    with pytest.raises(TypeError, match="discretise it first"):
        from_idtxl(data / 2)


def test_distributions_of_dit() -> None:
    dit = pytest.importorskip("dit")
    d = dit.Distribution(["000", "011", "101", "110"], [0.25] * 4)
    assert fastpid.decompose(from_dit(d)).synergy == pytest.approx(1.0)
    d.set_rv_names("ABC")
    p = from_dit(d, sources=("C", "A"), target="B")
    assert fastpid.decompose(p).synergy == pytest.approx(1.0)
    joint = from_dit(d, sources=(["A", "B"], "B"), target="C")
    assert fastpid.decompose(joint).unique_x == pytest.approx(1.0)
    with pytest.raises(ValueError, match="there is no variable 'D'"):
        from_dit(d, sources=("A", "D"), target="B")
