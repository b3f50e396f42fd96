from __future__ import annotations

import math
import pickle
import re
from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastpid import decompose
from fastpid.joint import Interval, JointTable, from_samples

FLOATS = st.floats(-1e6, 1e6, allow_nan=False)


def floats(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def sizes(table: JointTable, axis: int) -> list[int]:
    return table.counts_along(axis).tolist()


# Categories


def test_counts_are_those_of_a_counter():
    x, y, z = ["b", "a", "b", "c"], [True, True, False, True], [3, -1, 3, 3]
    table = from_samples(x, y, z)
    assert table.labels == (("a", "b", "c"), (False, True), (-1, 3))
    expected = Counter(zip(x, y, z, strict=True))
    for (i, a), (j, b), (k, c) in (
        (u, v, w)
        for u in enumerate(table.labels[0])
        for v in enumerate(table.labels[1])
        for w in enumerate(table.labels[2])
    ):
        assert table.counts[i, j, k] == expected[a, b, c]
    assert table.n_samples == 4
    assert table.p.dtype == np.float64
    assert table.counts.dtype == np.int64
    np.testing.assert_array_equal(table.p, table.counts / 4)


@pytest.mark.parametrize(
    "column",
    [
        [2, 0, 1, 0],
        (2, 0, 1, 0),
        np.array([2, 0, 1, 0], dtype=np.uint8),
        np.array([2, 0, 1, 0], dtype=object),
        [np.int64(2), 0, 1, 0],
        np.ma.masked_array([2, 0, 1, 0]),
        np.array(["c", "a", "b", "a"]),
        np.array(["c", "a", "b", "a"], dtype=object),
        [np.str_("c"), "a", "b", "a"],
        [2.0, 0.0, 1.0, 0.0],
        [2**70, 5, 6, 5],
    ],
)
def test_every_kind_of_category_gives_the_same_table(column):
    table = from_samples(column, [0, 0, 1, 1], [0, 1, 0, 1])
    reference = from_samples([2, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1])
    np.testing.assert_array_equal(table.counts, reference.counts)
    assert all(type(label) in (int, str, float) for label in table.labels[0])


def test_integers_sort_by_value_and_text_as_text():
    table = from_samples([10, 9, 2], ["10", "9", "2"], [0, 0, 1])
    assert table.labels[0] == (2, 9, 10)
    assert table.labels[1] == ("10", "2", "9")


def test_text_is_kept_to_the_letter():
    table = from_samples(["a", "a ", "a\0", "A"], [0, 0, 1, 1], [0, 1, 0, 1])
    assert len(table.labels[0]) == 4


def test_a_constant_category_is_a_source_of_one_symbol():
    table = from_samples(["a"] * 4, [0, 1, 0, 1], [1, 1, 0, 0])
    assert table.shape == (1, 2, 2)
    assert from_samples([5], [6], [7]).shape == (1, 1, 1)


def test_one_number_of_bins_is_for_every_numeric_source():
    x = list(range(10))
    z = [0, 1] * 5
    assert from_samples(x, floats(10), z, bins=2).shape == (2, 2, 2)
    assert from_samples(x, floats(10), z, bins={"x": 5, "y": 2}).shape == (5, 2, 2)
    assert from_samples(x, floats(10), z, bins={"y": 2}).shape == (10, 2, 2)
    # A column with no more values than bins keeps them.
    assert from_samples(x, z, z, bins=4).labels[1] == (0, 1)
    assert from_samples(x, [0.5, 1.5] * 5, z, bins=4).labels[1] == (0.5, 1.5)
    # Whole numbers of a target are classes, others are not.
    assert from_samples(x, z, x, bins=4).shape == (4, 2, 10)
    assert from_samples(x, z, [float(i) for i in x], bins=4).shape == (4, 2, 10)
    assert from_samples(x, z, floats(10), bins=4).shape == (4, 2, 4)
    assert from_samples(x, z, x, bins={"z": 4}).shape == (10, 2, 4)


def test_bins_that_cut_nothing_are_refused():
    words = (
        r"bins=4 cuts no column: x has 2 distinct values; y is string; z is a target of whole "
        r"numbers.*bins=\{\"x\": 4\}"
    )
    with pytest.raises(ValueError, match=words):
        from_samples([0, 1] * 5, list("ab") * 5, list(range(10)), bins=4)


def test_floats_that_are_codes_are_categories():
    x = [0.0, 1.0, 2.0, 1.0]
    y = [0.5, 0.5, 1.5, 1.5]
    table = from_samples(x, y, [0, 1, 0, 1])
    assert table.labels[:2] == ((0.0, 1.0, 2.0), (0.5, 1.5))


@pytest.mark.parametrize(
    "column", [floats(10), floats(10).astype(np.float32), np.arange(30.0), list(floats(50))]
)
def test_continuous_floats_need_bins(column):
    n = len(column)
    with pytest.raises(ValueError, match=r"^y is continuous: \d+ distinct.*bins=\{\"y\": 4\}"):
        from_samples([0] * n, column, [1] * n)
    # and so when bins names other columns only
    with pytest.raises(ValueError, match="y is continuous"):
        from_samples(floats(n), column, [1] * n, bins={"x": 2})


# Bins


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=60, unique=True),
    st.integers(2, 12),
)
def test_quantile_bins_without_ties_are_even(values, count):
    n = len(values)
    values = np.array(values) / 8
    if count > n:
        with pytest.raises(ValueError, match=f"{n} distinct values, fewer than the {count}"):
            from_samples([0] * n, values, [1] * n, bins={"y": count})
        return
    table = from_samples([0] * n, values, [1] * n, bins={"y": count})
    assert table.shape == (1, count, 1)
    assert max(sizes(table, 1)) - min(sizes(table, 1)) <= 1
    edges = [table.labels[1][0].lo, *(interval.hi for interval in table.labels[1])]
    quantiles = np.quantile(values, np.linspace(0, 1, count + 1))
    np.testing.assert_allclose(edges, quantiles, rtol=1e-12, atol=1e-9)


@given(
    hnp.arrays(np.float64, st.integers(2, 60), elements=FLOATS),
    st.integers(2, 12),
)
def test_uniform_marginals_are_those_of_numpy_histogram(values, count):
    n = len(values)
    lo, hi = values.min(), values.max()
    edges = np.linspace(lo, hi, count + 1)
    if lo == hi:
        with pytest.raises(ValueError, match="one distinct value"):
            from_samples(values, [0] * n, [1] * n, bins={"x": count}, strategy="uniform")
    elif not np.all(np.diff(edges) > 0):
        with pytest.raises(ValueError, match="too little for"):
            from_samples(values, [0] * n, [1] * n, bins={"x": count}, strategy="uniform")
    else:
        table = from_samples(values, [0] * n, [1] * n, bins={"x": count}, strategy="uniform")
        assert sizes(table, 0) == np.histogram(values, edges)[0].tolist()


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=60),
    st.integers(2, 6),
)
@pytest.mark.filterwarnings("ignore:.*quantile bins, not the:UserWarning")
def test_quantile_bins_with_ties_are_never_empty_and_hold_everything(values, count):
    column = np.array(values, dtype=float)
    n = len(values)
    distinct = len(set(values))
    if distinct < max(count, 2):
        words = "one distinct value" if distinct == 1 else "fewer than the"
        with pytest.raises(ValueError, match=words):
            from_samples(column, [0] * n, [1] * n, bins={"x": count})
        return
    inner = np.quantile(column, np.arange(1, count) / count)
    if np.all(np.isclose(inner, min(values)) | np.isclose(inner, max(values))):
        with pytest.raises(ValueError, match="all samples into one bin"):
            from_samples(column, [0] * n, [1] * n, bins={"x": count})
        return
    table = from_samples(column, [0] * n, [1] * n, bins={"x": count})
    assert min(sizes(table, 0)) > 0
    edges = [table.labels[0][0].lo, *(interval.hi for interval in table.labels[0])]
    assert sizes(table, 0) == np.histogram(column, edges)[0].tolist()
    quantiles = np.quantile(column, np.linspace(0, 1, count + 1))
    assert all(np.isclose(quantiles, edge, rtol=1e-12, atol=1e-12).any() for edge in edges)


@given(
    hnp.arrays(np.float64, 40, elements=FLOATS, unique=True),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=40, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
    st.permutations(range(40)),
)
def test_the_order_of_the_rows_does_not_matter(x, y, z, order):
    table = from_samples(x, y, z, bins=3)
    shuffled = from_samples(x[order], [y[i] for i in order], [z[i] for i in order], bins=3)
    np.testing.assert_array_equal(table.counts, shuffled.counts)
    assert table.labels == shuffled.labels
    assert table.counts.sum() == table.n_samples == 40
    assert math.isclose(table.p.sum(), 1.0, rel_tol=1e-14)


def test_ties_that_merge_bins_are_told_with_their_number():
    x = [0.0] * 6 + [1.0, 2.0, 3.0, 4.0]
    with pytest.warns(UserWarning, match=r"x has 2 quantile bins, not the 4.*60% .* are 0") as said:
        table = from_samples(x, ["a"] * 10, [0] * 10, bins=4)
    assert table.shape == (2, 1, 1)
    assert said[0].filename == __file__


def test_ties_that_leave_one_bin_are_an_error():
    with pytest.raises(ValueError, match=r"all samples into one bin.*uniform"):
        from_samples([0.0] * 9 + [1.0], ["a"] * 10, [0] * 10, bins={"x": 2})


def test_a_value_on_an_edge_belongs_to_the_bin_on_its_right_and_the_last_to_the_last():
    x = [0, 1, 1, 2, 3]
    table = from_samples(x, ["a"] * 5, [0] * 5, bins={"x": [0, 1, 2, 3]})
    assert sizes(table, 0) == [1, 2, 2]
    assert [str(label) for label in table.labels[0]] == ["[0, 1)", "[1, 2)", "[2, 3]"]
    assert table.labels[0] == ((0.0, 1.0), (1.0, 2.0), (2.0, 3.0))


def test_edges_may_be_infinite_and_leave_bins_empty():
    edges = np.array([-np.inf, 0.0, 10.0, np.inf])
    table = from_samples([-1.0, -2.0], ["a", "b"], [0, 1], bins={"x": edges})
    assert sizes(table, 0) == [2, 0, 0]
    assert repr(table.labels[0][0]) == "[-inf, 0)"


@pytest.mark.parametrize(
    "bins", [{"x": 2, "z": 3}, {"x": 2, "y": None, "z": 3}, (2, None, 3), [2, None, 3]]
)
def test_bins_by_column(bins):
    table = from_samples(floats(30), ["a", "b"] * 15, floats(30, 1), bins=bins)
    assert table.shape == (2, 2, 3)
    assert [table.is_binned(axis) for axis in range(3)] == [True, False, True]


def test_intervals_print_apart():
    assert str(Interval(1.0, 2.5)) == "[1, 2.5)"
    assert str(Interval(1000000.125, 1000000.25)) == "[1000000.125, 1000000.25)"


@pytest.mark.parametrize(
    ("bins", "error", "words"),
    [
        (True, TypeError, "bins must be an int, a mapping"),
        (2.0, TypeError, "bins must be an int, a mapping"),
        ("4", TypeError, "got str"),
        (np.array([0.0, 1.0]), TypeError, "bins must be an int, a mapping"),
        (1, ValueError, "bins is 1; at least 2"),
        (0, ValueError, "bins is 0; at least 2"),
        ({"w": 3}, ValueError, "key 'w'"),
        ((2, 3), ValueError, "bins has 2 entries"),
        ((0.5, None, None), TypeError, r'bins\["x"\] must be an int, an array of edges'),
        ({"x": "4"}, TypeError, r'bins\["x"\] must be .* got str'),
        ({"x": 1}, ValueError, r'bins\["x"\] is 1'),
        ({"x": []}, ValueError, "two edges or more"),
        ({"x": [[0, 1], [1, 2]]}, ValueError, r"shape \(2, 2\)"),
        ({"x": ["a", "b"]}, TypeError, "array of edges"),
        ({"x": [0.0, 0.0, 9.0]}, ValueError, "increase strictly; got 0 and then 0 at index 1"),
        ({"x": [0.0, np.nan, 9.0]}, ValueError, "increase strictly; got 0 and then nan"),
        ({"x": [0.0, 1.0]}, ValueError, r"x has 2 of 4 values outside .*rows 2, 3, the first 2"),
        ({"y": 2}, TypeError, "bins names y, which is string"),
        ({"z": 2}, TypeError, "bins names z, which is boolean"),
    ],
)
def test_bad_bins(bins, error, words):
    with pytest.raises(error, match=words):
        from_samples([0.0, 1.0, 2.0, 3.0], ["a", "b", "a", "b"], [True, False] * 2, bins=bins)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_constant_columns_cannot_be_binned(strategy):
    with pytest.raises(ValueError, match="z has one distinct value, 3, and cannot be binned"):
        from_samples(["a", "b"], ["a", "b"], [3.0, 3.0], bins={"z": 2}, strategy=strategy)


def test_spans_beyond_double_precision():
    with pytest.raises(ValueError, match="beyond double precision"):
        from_samples([-1.7e308, 1.7e308], [0, 1], [0, 1], bins={"x": 2})
    with pytest.raises(ValueError, match="too little for 4 uniform bins"):
        from_samples([1.0, 1.0 + 2**-52], [0, 1], [0, 1], bins={"x": 4}, strategy="uniform")
    with pytest.raises(ValueError, match="too large for a float"):
        from_samples([10**400, 1], [0, 1], [0, 1], bins={"x": 2})


def test_strategy_is_checked():
    with pytest.raises(ValueError, match=r"strategy must be one of quantile, .*; got 'equal'"):
        from_samples([0], [0], [0], strategy="equal")
    with pytest.raises(TypeError, match="strategy must be a string"):
        from_samples([0], [0], [0], strategy=None)


# Bad columns


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan")])
def test_missing_values_are_counted_by_column(missing):
    x = ["a", missing, "b", missing]
    z = [1.0, 2.0, missing, missing]
    words = r"missing values in 3 of 4 rows: x has 2 \(rows 1, 3\); z has 2 \(rows 2, 3\); drop"
    with pytest.raises(ValueError, match=words):
        from_samples(x, [0, 1, 0, 1], z)


def test_many_missing_values_show_the_first_rows():
    with pytest.raises(ValueError, match=r"y has 50 \(rows 0, 1, 2, 3, 4, \.\.\.\)"):
        from_samples([0] * 50, [None] * 50, [0] * 50)
    with pytest.raises(ValueError, match=r"x has 1 \(row 1\)"):
        from_samples(np.ma.masked_array([1, 2, 3], [False, True, False]), [0] * 3, [0] * 3)
    with pytest.raises(ValueError, match=r"x has 1 \(row 1\)"):
        from_samples(np.ma.masked_array(["a", b"", "c"], [0, 1, 0], dtype=object), [0] * 3, [0] * 3)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values(value):
    with pytest.raises(ValueError, match=r"x has 1 infinite values \(row 2\)"):
        from_samples([0.0, 1.0, value], [0] * 3, [1] * 3, bins=2)


def test_lengths_differ():
    with pytest.raises(ValueError, match="differ in length: x has 2, y has 3, z has 2"):
        from_samples([0, 1], [0, 1, 2], [0, 1])


def test_empty():
    with pytest.raises(ValueError, match="columns are empty"):
        from_samples([], [], [])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.zeros((2, 1), dtype=int), r"shape \(2, 1\); pass y.ravel\(\)"),
        ([[0, 1], [1, 0]], r"got shape \(2, 2\): say into how many"),
        (3, r"got int of shape \(\)"),
        ({"a": 1}, r"got dict of shape \(\)"),
    ],
)
def test_columns_are_one_dimensional(column, words):
    with pytest.raises(ValueError, match=f"^y must be one-dimensional.*{words}"):
        from_samples([0, 1], column, [0, 1])


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"), "datetime64.*dates"),
        (np.array([1, 2], dtype="timedelta64[s]"), "timedelta64.*time spans"),
        (np.array([1j, 2j]), "complex128.*real part"),
        (np.array([b"a", b"b"]), "decode bytes"),
        ([1j, 2j], "holds a complex in row 0"),
        (["a", b"b"], "holds a bytes in row 1"),
        ([1, Decimal(2)], "holds a Decimal in row 1"),
        ([1, np.timedelta64(2, "s")], "holds a timedelta64 in row 1"),
        ([[1], [1, 2]], "holds a list in row 0"),
        (["a", 1.5], r"mixes strings \(first in row 0\) and floats \(first in row 1\)"),
        ([True, 2], "mixes booleans .* and integers"),
    ],
)
def test_columns_of_other_types(column, words):
    with pytest.raises(TypeError, match=f"^z .*{words}"):
        from_samples([0, 1], [0, 1], column)


def test_tables_too_large_are_refused_before_they_are_made():
    n = np.arange(1000)
    with pytest.raises(ValueError, match="1000 x 1000 x 1000 symbols has 1000000000 cells"):
        from_samples(n, n, n)


# The table


def test_the_table_is_an_array():
    table = from_samples([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0])
    assert np.asarray(table) is table.p
    assert np.asarray(table, dtype=np.float32).dtype == np.float32
    copied = np.array(table)
    copied[...] = 0
    assert table.p.sum() == 1
    for array in (table.p, table.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 1
    with pytest.raises(AttributeError):
        table.n_samples = 3


def test_decompose_takes_a_table():
    result = decompose(from_samples([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]))
    assert result.synergy == pytest.approx(1.0, abs=1e-9)  # exclusive or


def test_a_table_survives_pickling():
    table = from_samples([0.1, 0.2, 0.3], ["a", "b", "a"], [0, 1, 0], bins=2)
    again = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(again.counts, table.counts)
    assert repr(again) == repr(table)


def test_repr_says_what_every_axis_is():
    table = from_samples(
        np.arange(12.0),
        [f"label {i:02}" for i in range(12)],
        ["line\nbreak", ""] * 6,
        bins={"x": 3},
        names=["dose", "id", "outcome"],
    )
    lines = repr(table).splitlines()
    assert lines[0] == "JointTable 3 x 12 x 2 from 12 samples, 12 of 72 cells occupied"
    assert "x  dose" in lines[1]
    assert lines[1].endswith("3 bins: [0, 3.66667) (4), [3.66667, 7.33333) (4), [7.33333, 11] (4)")
    assert "12 categories: label 00 (1)" in lines[2]
    assert lines[2].endswith("and 4 more")
    assert lines[3].endswith(r"2 categories: '' (6), 'line\nbreak' (6)")


def test_names():
    table = from_samples([0], [0], [0], names=["a", "b", "c"])
    assert table.names == ("a", "b", "c")
    with pytest.raises(ValueError, match="three strings; got 2"):
        from_samples([0], [0], [0], names=["a", "b"])
    with pytest.raises(TypeError, match="three strings; got 'abc'"):
        from_samples([0], [0], [0], names="abc")
    with pytest.raises(TypeError, match="three strings"):
        from_samples([0], [0], [0], names=["a", "b", 3])
    with pytest.raises(ValueError, match=r"^y \('weight'\) is continuous"):
        from_samples([0] * 9, floats(9), [0] * 9, names=["a", "weight", "c"])


# pandas


def test_pandas_series_bring_their_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"dose": floats(8), "sex": ["f", "m"] * 4, "alive": [True, False, False, True] * 2}
    )
    table = from_samples(frame["dose"], frame["sex"], frame["alive"], bins=2)
    assert table.names == ("dose", "sex", "alive")
    assert table.labels[1:] == (("f", "m"), (False, True))
    unnamed = from_samples(frame["sex"].rename(None), frame["sex"], frame["alive"])
    assert unnamed.names == ("x", "sex", "alive")


@pytest.mark.parametrize("wrap", ["Categorical", "Series", "CategoricalIndex"])
def test_pandas_categoricals_keep_order_and_unobserved_categories(wrap):
    pd = pytest.importorskip("pandas")
    column = pd.Categorical(["lo", "hi", "lo"], categories=["lo", "mid", "hi"], ordered=True)
    if wrap != "Categorical":
        column = getattr(pd, wrap)(column)
    table = from_samples(column, [0, 1, 0], [1, 0, 0])
    assert table.labels[0] == ("lo", "mid", "hi")
    assert sizes(table, 0) == [2, 0, 1]
    with pytest.raises(TypeError, match="which is categorical"):
        from_samples(column, [0, 1, 0], [1, 0, 0], bins={"x": 2})


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "string", "category", "object"])
def test_pandas_missing_values(dtype):
    pd = pytest.importorskip("pandas")
    values = ["a", None, "b"] if dtype in ("string", "category", "object") else [1, None, 0]
    column = pd.Series(values, dtype=dtype, name="sex")
    with pytest.raises(
        ValueError, match=r"missing values in 1 of 3 rows: x \('sex'\) has 1 \(row 1"
    ):
        from_samples(column, [0, 1, 0], [1, 0, 0])
    table = from_samples(column.dropna(), [0, 1], [1, 0])
    assert table.shape == (2, 2, 2)


def test_pandas_dates_and_frames_are_refused():
    pd = pytest.importorskip("pandas")
    naive = pd.Series(pd.to_datetime(["2024-01-01", None]))
    with pytest.raises(TypeError, match="datetime64"):
        from_samples(naive, [0, 1], [0, 1])
    aware = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("UTC"))
    with pytest.raises(TypeError, match="Timestamp"):
        from_samples(aware, [0, 1], [0, 1])
    with pytest.raises(ValueError, match="one-dimensional"):
        from_samples(pd.DataFrame({"a": [0, 1]}), [0, 1], [0, 1])


@pytest.mark.parametrize("nothing", [[None, None], [np.nan, np.nan], np.full(2, np.nan)])
@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (2, "bins=2 cuts no column: x has no values"),
        ({"x": 2}, 'bins["x"] cannot cut x: it has no values'),
        ({"x": [0.0, 1.0]}, 'bins["x"] cannot cut x: it has no values'),
    ],
)
def test_a_column_of_nothing_is_not_cut(nothing, bins, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        from_samples(nothing, [0, 1], [0, 0], bins=bins, missing="category")
    by_blocks = {"strategy": "bayesian_blocks", "missing": "category"}
    assert from_samples(nothing, [0, 1], [0, 0], **by_blocks).shape == (1, 2, 1)
