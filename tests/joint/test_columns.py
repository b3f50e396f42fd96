"""Columns of every kind of container: masks, nulls, names, weights, labels, single samples."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import fastpid
from fastpid.joint import (
    Discretizer,
    JointAccumulator,
    from_counts,
    from_dict,
    from_idtxl,
    from_predictions,
    from_samples,
)

RANDOM = np.random.default_rng(0)
N = 400
X, Y = RANDOM.integers(0, 2, (2, N))
Z = X ^ Y
HIDDEN = RANDOM.random(N) < 0.5


def masked(values: np.ndarray, mask: object = HIDDEN) -> np.ma.MaskedArray:
    return np.ma.masked_array(np.where(mask, -9999, values), mask)


TABLE = np.ma.masked_array(
    fastpid.gates.random_dense((3, 3, 3), rng=0), np.arange(27).reshape(3, 3, 3) < 9
)
HALVES = np.ma.masked_array(np.full((4, 2), 0.5), [[True, False]] * 4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: from_samples(masked(X), Y, Z),
        lambda: fastpid.screen(np.ma.stack([masked(X), Y], axis=1), Z),
        lambda: fastpid.screen(np.stack([X, Y], axis=1), masked(Z)),
        lambda: Discretizer().fit(masked(X)[:, None]),
        lambda: Discretizer(2).fit(np.ma.stack([masked(X), Y], axis=1)),
        lambda: from_samples(["x", "y"], "z", "z", data={"x": masked(X), "y": Y, "z": Z}, bins=3),
        lambda: from_idtxl(np.ma.stack([masked(X), Y, Z]), dim_order="ps"),
        lambda: from_samples(X, Y, Z, weights=np.ma.masked_array(np.ones(N), HIDDEN)),
        lambda: from_counts(np.ma.masked_array(np.ones((2, 2, 2), int), TABLE.mask[:2, :2, :2])),
        lambda: fastpid.decompose(TABLE),
        lambda: fastpid.reference.cvx_pid(TABLE),
        lambda: fastpid.information.entropy(TABLE),
        lambda: fastpid.information.mutual_information(TABLE[0]),
        lambda: fastpid.information.conditional_mutual_information(TABLE),
        lambda: from_predictions(HALVES, HALVES, [0, 1, 0, 1]),
        lambda: from_predictions(HALVES.data, HALVES.data, np.ma.masked_array([0] * 4, [1] * 4)),
        lambda: JointAccumulator().partial_fit(masked(X), Y, Z),
    ],
)
def test_masks_are_never_forgotten(call) -> None:
    with pytest.raises(ValueError, match=r"masked in \d+|missing values in"):
        call()


def test_masks_without_masked_entries_are_arrays() -> None:
    assert from_samples(np.ma.masked_array(X), Y, Z) == from_samples(X, Y, Z)
    assert fastpid.decompose(np.ma.masked_array(TABLE.data)).converged


@pytest.mark.parametrize("missing", ["drop", "category"])
def test_missing_values_are_dropped_or_become_a_symbol(missing: str) -> None:
    table = from_samples(masked(X), Y, Z, missing=missing)
    if missing == "drop":
        np.testing.assert_array_equal(
            table.counts, from_samples(X[~HIDDEN], Y[~HIDDEN], Z[~HIDDEN]).counts
        )
        assert table.n_dropped == np.count_nonzero(HIDDEN)
        assert f"({table.n_dropped} more dropped)" in repr(table)
        e = fastpid.estimate(masked(X), Y, Z, missing="drop", n_bootstrap=20, n_permutations=19)
        assert e.table.n_samples == table.n_samples
    else:
        assert table.labels[0] == (0, 1, None)
        assert table.counts_along(0)[2] == np.count_nonzero(HIDDEN)
    numbers = np.where(HIDDEN, np.nan, RANDOM.normal(size=N))
    binned = from_samples(numbers, Y, Z, bins=4, missing=missing)
    assert binned.shape[0] == (4 if missing == "drop" else 5)
    screened = fastpid.screen(np.ma.stack([masked(X), Y], axis=1), Z, missing=missing)
    assert screened.n_dropped == table.n_dropped
    assert screened.values("mi_xy")[0] == pytest.approx(fastpid.decompose(table).mi_xy, abs=1e-6)
    with pytest.raises(ValueError, match="leaves no sample"):
        from_samples([None, 1], [1, None], [0, 1], missing="drop")
    with pytest.raises(ValueError, match="missing must be one of raise, drop, category"):
        from_samples(X, Y, Z, missing="ignore")


def test_the_remedy_for_missing_values_is_one_that_the_call_takes() -> None:
    with pytest.raises(ValueError, match=r'missing="drop"'):
        from_samples(masked(X), Y, Z)
    with pytest.raises(ValueError, match="drop these rows, or impute them") as error:
        Discretizer().fit(masked(X))
    assert "missing=" not in str(error.value)


def test_weights_of_any_scale() -> None:
    weights = np.exp(-RANDOM.uniform(480, 500, N))
    tiny = from_samples(X, Y, Z, weights=weights)
    same = from_samples(X, Y, Z, weights=weights / weights.sum())
    np.testing.assert_allclose(tiny.p, same.p, rtol=1e-12)
    assert tiny.n_effective == pytest.approx(same.n_effective)
    for scale in (1e-200, 1e160, 1e308):
        assert from_samples(X, Y, Z, weights=np.full(N, scale)).n_effective == pytest.approx(N)
    assert from_samples(X, Y, Z, weights=HIDDEN).n_effective == np.count_nonzero(HIDDEN)
    pieces = JointAccumulator()
    for part, scale in ((slice(0, 50), 1e-250), (slice(50, 200), 1e250), (slice(200, N), 1.0)):
        count = len(X[part])
        pieces.partial_fit(X[part], Y[part], Z[part], weights=np.full(count, scale))
    np.testing.assert_allclose(pieces.table().p, from_samples(X[50:200], Y[50:200], Z[50:200]).p)
    assert pieces.table().n_effective == pytest.approx(150)


def test_labels_may_be_bools() -> None:
    torch = pytest.importorskip("torch")
    probs = RANDOM.dirichlet(np.ones(3), N)
    wanted = from_predictions(probs, probs, Z)
    np.testing.assert_array_equal(from_predictions(probs, probs, Z.astype(bool)), wanted)
    tensors = torch.from_numpy(probs), torch.from_numpy(probs), torch.from_numpy(Z.astype(bool))
    np.testing.assert_allclose(fastpid.torch.from_predictions(*tensors).numpy(), wanted, atol=1e-15)
    controller = fastpid.controller.AsyncController(["a", "b"], num_classes=2)
    sure = np.eye(2)[Z]
    controller.observe({"a": sure, "b": sure}, Z.astype(bool))
    words = r"numpy\.unique\(z, return_inverse=True\)"
    with pytest.raises(TypeError, match=words):
        from_predictions(probs, probs, np.array(["a", "b"])[Z])
    numbers = np.unique(np.array(["a", "b"])[Z], return_inverse=True)[1]
    np.testing.assert_array_equal(from_predictions(probs, probs, numbers), wanted)


def test_one_sample_of_several_features() -> None:
    pytest.importorskip("sklearn")
    features = RANDOM.normal(size=(101, 5))
    clusters = Discretizer(4).fit(features)
    assert clusters.transform(features[:1]).shape == (1, 1)
    pieces = JointAccumulator(x=clusters)
    pieces.partial_fit(features[:100], [0] * 100, [0] * 100).partial_fit(features[100:], [0], [1])
    assert pieces.n_samples == 101


def test_names_of_columns_are_names() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"name": RANDOM.normal(size=N), "columns": RANDOM.normal(size=N)})
    pytest.importorskip("sklearn")
    assert Discretizer(3).fit(frame).n_symbols_ == 3
    assert from_samples(frame, Y, Z, bins={"x": 2}).names == ("x", "y", "z")
    with pytest.raises(ValueError, match="X has 2 columns whose name reads '1'"):
        fastpid.screen(pd.DataFrame({1: X, "1": Y, "k": Y, "z": Z}), "z")
    data = pd.DataFrame({"a": X, "b": Y})
    for target in (pd.Series(Z), pd.Series(Z, name="t"), Z, Z.tolist()):
        assert fastpid.screen(data, target).values("synergy")[0] > 0.9
    assert fastpid.screen(data, pd.Series(Z, name="t")).targets == ("t",)
    labels = ["a", "b"] * (N // 2)
    assert fastpid.screen(data, labels).targets == ("z",)


def test_sparse_matrices_and_anndata_are_read_by_column() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    wanted = fastpid.screen(np.stack([X, Y], axis=1), Z)
    for kind in ("csr", "csc", "coo"):
        assert (
            fastpid.screen(sparse.coo_matrix(np.stack([X, Y], axis=1)).asformat(kind), Z) == wanted
        )

    class AnnData:  # as the package of that name has it
        __module__ = "anndata._core.anndata"
        X = sparse.csr_matrix(np.stack([X, Y], axis=1))
        var_names = ("gene a", "gene b")

    assert fastpid.screen(AnnData(), Z).names == ("gene a", "gene b")


def test_tables_of_too_many_cells_are_refused_by_name() -> None:
    many = np.stack([np.arange(40_000), np.arange(40_000), np.arange(40_000) % 2], axis=1)
    with pytest.raises(ValueError, match=r"columns '0' and '1': .*more than the 268435456"):
        fastpid.screen(many[:, :2], many[:, 2])
    with pytest.raises(ValueError, match="more than the 268435456"):
        from_predictions(np.full((1, 20_000), 1 / 20_000), np.full((1, 20_000), 1 / 20_000), [0])


def test_messages_are_short() -> None:
    wide = RANDOM.integers(0, 2, (50, 3000))
    for call in (
        lambda: fastpid.screen(wide, np.zeros(51, int)),
        lambda: fastpid.screen(np.ma.masked_array(wide, wide == 0), wide[:, 0]),
        lambda: fastpid.screen(wide, wide[:, 0], bins=4),
        lambda: fastpid.screen(wide, "t", names=[f"gene {i}" for i in range(3000)]),
    ):
        with pytest.raises(ValueError, match=r"\w") as error:
            call()
        assert len(str(error.value)) < 800


def test_counters_are_read_as_counts() -> None:
    counter = Counter(zip(X.tolist(), Y.tolist(), Z.tolist(), strict=True))
    with pytest.raises(ValueError, match=r"fastpid\.joint\.from_counts\(\)"):
        from_dict(counter)
    assert from_counts(counter) == from_samples(X, Y, Z)


def test_pieces_obey_the_rules_of_the_whole() -> None:
    values = np.sort(np.round(RANDOM.random(2000) * 1000) / 10)
    pieces = JointAccumulator()

    def count() -> object:
        for start in range(0, 2000, 20):
            part = slice(start, start + 20)
            pieces.partial_fit(values[part], [0] * 20, [0, 1] * 10)
        return pieces.table()

    with pytest.raises(ValueError, match="x is continuous"):
        count()
    few = JointAccumulator().partial_fit([0.25], ["a"], [0])
    with pytest.raises(ValueError, match="x is continuous: 1 distinct floats in 1 samples"):
        few.table()
    assert few.partial_fit([0.25], ["a"], [1]).table().shape == (1, 1, 2)
    with pytest.raises(ValueError, match=r"x has 1 \(row 3\)"):
        few.partial_fit([0.25, np.nan], ["a", "a"], [1, 1])


def test_the_first_call_may_stand_under_another_device() -> None:
    pytest.importorskip("torch")
    program = """
import torch, fastpid
with torch.device("meta"):
    fastpid.decompose(torch.empty(3, 3, 3, dtype=torch.float64))
logits = torch.zeros(27, dtype=torch.float64, requires_grad=True)
fastpid.decompose(logits.softmax(0).view(3, 3, 3)).synergy.backward()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
