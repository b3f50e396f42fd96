"""Columns by name, of every kind of frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastpid.joint import (
    from_samples,
)


def numbers(n: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


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
