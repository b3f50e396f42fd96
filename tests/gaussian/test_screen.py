"""Screens of Gaussian channels: pairs are decompositions of their covariances, and tests."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, pearsonr

import fastpid
import fastpid.gaussian
from fastpid._base.quantities import ATOMS, QUANTITIES
from fastpid.gaussian._bias import information_excess, simulated_covariances
from fastpid.gaussian._pairs import GaussianPairs
from fastpid.gaussian._wilks import wilks_p_values
from fastpid.screening import ScreenInterrupted

RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(300, 9))
#: Columns 1 and 2 see both numbers of the target, 3 and 4 one each, the others none.
Z = NOISE[:, :2] + 0.5 * NOISE[:, 1:3]
X = NOISE[:, 3:] + np.stack([Z[:, 0], Z.sum(1), *Z.T, 0 * Z[:, 0], 0 * Z[:, 0]], axis=1)
NAMES = list("abcdef")
CHANNELS = {"one": ["a"], "two": ["b", "c"], "three": ["d", "e", "f"], "four": [0, 5]}


def same(one: fastpid.Screen, other: fastpid.Screen) -> bool:
    """Whether records agree to the last bit; tests that were not made are NaN."""
    return one.records.tobytes() == other.records.tobytes()


@pytest.mark.parametrize("channels", [None, CHANNELS])
def test_every_pair_is_the_decomposition_of_its_covariance(channels: Any) -> None:
    found = fastpid.gaussian.screen(X, Z, names=NAMES, channels=channels)
    columns = [[i] for i in range(6)] if channels is None else [[0], [1, 2], [3, 4, 5], [0, 5]]
    n = len(columns)
    assert found.names == tuple(channels or NAMES)
    assert found.targets == ("z",)
    assert [(r["x"], r["y"]) for r in found.records] == [
        (i, j) for i in range(n) for j in range(i + 1, n)
    ]
    for record in found.records:
        x, y = (columns[record[side]] for side in "xy")
        cov = np.cov(np.column_stack([X[:, x], X[:, y], Z]), rowvar=False)
        m, n = len(x), len(y)
        d = fastpid.gaussian.decompose(cov, (m, n, 2))
        for name in QUANTITIES:
            assert abs(record[name] - getattr(d, name)) < 3e-9
        assert record["gap"] <= 1e-9
        assert record["samples_per_column"] == 300 / (m + n + 2)
        rank = len({*x, *y})
        for of, size in (("x", m), ("y", n)):
            excess = information_excess(size, 2, 300) / np.log(2.0)
            corrected = record["corrected_redundancy"] + record[f"corrected_unique_{of}"]
            assert abs(corrected - record[f"mi_{of}"] + excess) < 1e-12
        whole = sum(record[f"corrected_{atom}"] for atom in ATOMS)
        excess = information_excess(rank, 2, 300) / np.log(2.0)
        assert abs(whole - record["mi_xy"] + excess) < 1e-12
    assert np.isnan(found.records["p_synergy"]).all()


def test_one_column_against_one_is_the_test_of_a_partial_correlation() -> None:
    x, y, z = X[:80, 0], X[:80, 2], Z[:80, 0] + 2.0 * NOISE[:80, 8]
    record = fastpid.gaussian.screen(np.column_stack([x, y]), z, test="f").records[0]

    def partial(a: Any, b: Any, given: Any) -> float:
        """The test of a correlation of residuals, with a degree of freedom for the regression."""
        one = np.column_stack([np.ones(80), given])
        left = [v - one @ np.linalg.lstsq(one, v, rcond=None)[0] for v in (a, b)]
        r = pearsonr(*left).statistic
        t = r * np.sqrt(77 / (1 - r * r))
        from scipy.stats import t as student

        return float(2 * student.sf(abs(t), 77))

    beyond_y, beyond_x = partial(x, z, y), partial(y, z, x)
    assert record["p_unique_x"] == pytest.approx(beyond_y, rel=1e-9)
    assert record["p_unique_y"] == pytest.approx(beyond_x, rel=1e-9)
    assert record["p_synergy"] == max(record["p_unique_x"], record["p_unique_y"])
    alone = max(pearsonr(x, z).pvalue, pearsonr(y, z).pvalue)
    assert record["p_redundancy"] == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(("m", "n", "d"), [(1, 1, 2), (2, 3, 2), (1, 2, 4), (3, 3, 3), (5, 2, 4)])
def test_p_values_of_wilks_are_uniform_under_their_null(m: int, n: int, d: int) -> None:
    """X is a noisy copy of Y, which Z depends on: it says something of Z, and nothing beyond Y."""
    rng = np.random.default_rng(m + 10 * n + 100 * d)
    of_x, of_z = rng.normal(size=(m, n)), rng.normal(size=(d, n))
    root = np.zeros((m + n + d, m + n + d))
    root[:m, :n], root[m : m + n, :n], root[m + n :, :n] = of_x, np.eye(n), of_z
    root[:m, n : n + m], root[m + n :, n + m :] = np.eye(m), np.eye(d)
    few = 2 * (m + n + d)
    covariances = simulated_covariances(root @ root.T, few, 2000, rng)
    d_ = fastpid.gaussian.decompose(covariances, (m, n, d), unit="nats", tol=1e-2)
    p = wilks_p_values(d_.mi_xy - d_.mi_y, d, m, n, few)
    assert kstest(p, "uniform").pvalue > 1e-3
    p = wilks_p_values(d_.mi_xy - d_.mi_y, d, m, n, few + 6)  # a wrong number shows
    assert kstest(p, "uniform").pvalue < 1e-3


def test_a_channel_that_adds_nothing_has_nothing_of_its_own() -> None:
    channels = {"ab": ["a", "b"], "b": ["b"], "c": ["c"]}
    for test in ("f", "permutation"):
        found = fastpid.gaussian.screen(
            X, Z, names=NAMES, channels=channels, test=test, n_permutations=100
        )
        inner = found.records[0]  # ab, b
        assert inner["unique_y"] < 1e-9
        assert inner["p_unique_y"] == inner["p_synergy"] == 1.0
        assert inner["p_unique_x"] < 0.01


def test_permutations_test_what_the_closed_form_does_not_dismiss() -> None:
    closed = fastpid.gaussian.screen(X, Z, names=NAMES, test="f")
    drawn = fastpid.gaussian.screen(X, Z, names=NAMES, test="permutation", n_permutations=200)
    for atom in ATOMS:
        f, p = closed.values(f"p_{atom}"), drawn.values(f"p_{atom}")
        assert (p[f > 0.2] == f[f > 0.2]).all()
        assert (p >= f).all()
    # c and d see directions of their own: they pass the closed form without redundancy.
    i = next(i for i, r in enumerate(drawn.records) if (r["x"], r["y"]) == (2, 3))
    assert closed.values("p_redundancy")[i] < 0.05
    assert drawn.values("p_unique_x")[i] < 0.01
    assert drawn.values("p_unique_y")[i] < 0.01
    assert closed.values("p_synergy")[i] < 0.05 < drawn.values("p_synergy")[i]
    again = fastpid.gaussian.screen(
        X, Z, names=NAMES, test="permutation", n_permutations=200, batch_size=4, threads=1
    )
    assert (again.records == drawn.records).all()
    other = fastpid.gaussian.screen(
        X, Z, names=NAMES, test="permutation", n_permutations=200, rng=1
    )
    assert (other.records["p_synergy"] != drawn.records["p_synergy"]).any()


def test_false_discoveries_are_few() -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(40):
        noise = rng.normal(size=(100, 14))
        screened = fastpid.gaussian.screen(noise[:, :12], noise[:, 12:], test="f")
        found += len(screened.significant(0.05, "synergy", "bonferroni")) > 0
    assert found <= 7  # of 40, at 5%


def test_pairs_are_ranked_and_chosen() -> None:
    whole = fastpid.gaussian.screen(X, Z, names=NAMES, test="f")
    best = fastpid.gaussian.screen(X, Z, names=NAMES, test="f", top_k=3, by="mi_xy")
    assert (best.records == whole.top(3, "mi_xy").records).all()
    assert (best.adjusted("synergy") == whole.top(3, "mi_xy").adjusted("synergy")).all()
    listed = fastpid.gaussian.screen(X, Z, names=NAMES, pairs=[("d", "a"), ("b", "c")])
    assert [(r["x"], r["y"]) for r in listed.records] == [(3, 0), (1, 2)]
    mirrored = whole.records[2]  # a, d
    for name, other in (("synergy", "synergy"), ("unique_x", "unique_y"), ("mi_y", "mi_x")):
        assert abs(listed.records[0][name] - mirrored[other]) < 3e-9
    some = fastpid.gaussian.screen(X, Z, names=NAMES, sources=["f", "a"])
    assert [(r["x"], r["y"]) for r in some.records] == [(5, 0)]
    nats = fastpid.gaussian.screen(X, Z, unit="nats", tol=1e-9)
    assert np.allclose(nats.values("synergy"), whole.values("synergy") * np.log(2.0), atol=3e-9)


def test_the_result_has_the_face_of_a_screen() -> None:
    pytest.importorskip("pandas")
    found = fastpid.gaussian.screen(X, Z, names=NAMES, test="f")
    assert isinstance(found, fastpid.Screen)
    assert pickle.loads(pickle.dumps(found)) == found
    frame = found.to_frame()
    assert frame.columns[:3].tolist() == ["x", "y", "target"]
    assert "samples_per_column" in frame
    assert "coverage" not in frame
    assert found.is_sufficient.all()
    assert found.matrix("unique_x")[1, 0] == found.records[0]["unique_y"]
    assert "p = " in repr(found)
    with pytest.raises(ValueError, match="name must be one of redundancy"):
        found.values("coverage")
    pytest.importorskip("matplotlib")
    assert found.plot() is not None


def test_the_target_may_be_columns_of_a_frame() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.column_stack([X, Z]), columns=[*NAMES, "u", "v"])
    plain = fastpid.gaussian.screen(X, Z, names=NAMES)
    named = fastpid.gaussian.screen(frame, ["u", "v"])
    assert named.targets == ("u, v",)
    assert named.names == tuple(NAMES)
    assert same(named, plain)
    apart = fastpid.gaussian.screen(frame[NAMES], frame[["u", "v"]])
    assert same(apart, plain)
    one = fastpid.gaussian.screen(frame[NAMES], frame["u"])
    assert one.targets == ("u",)
    assert fastpid.gaussian.screen(frame.drop(columns="v"), "u") == one
    assert fastpid.gaussian.screen({name: frame[name] for name in NAMES}, Z).names == plain.names


def test_the_copula_takes_ranks() -> None:
    plain = fastpid.gaussian.screen(X, Z, copula=True)
    bent = fastpid.gaussian.screen(np.exp(X), Z**3, copula=True)
    assert same(bent, plain)
    e = fastpid.gaussian.estimate(X[:, 0], X[:, 1], Z, copula=True, ci="none", n_permutations=0)
    assert abs(e.decomposition.synergy - plain.records[0]["synergy"]) < 3e-9


def test_blocks_jobs_and_checkpoints_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: Any = {"names": NAMES, "channels": CHANNELS, "test": "f"}
    whole = fastpid.gaussian.screen(X, Z, **options)
    blocks = list(fastpid.gaussian.screen(X, Z, batch_size=4, return_as="generator", **options))
    assert [len(block) for block in blocks] == [4, 2]
    assert (np.concatenate([block.records for block in blocks]) == whole.records).all()
    path = tmp_path / "pairs.screen"
    block = GaussianPairs.block
    calls: list[int] = []

    def limited(self: Any, start: int, stop: int) -> Any:
        calls.append(start)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return block(self, start, stop)

    monkeypatch.setattr(GaussianPairs, "block", limited)
    with pytest.raises(ScreenInterrupted, match="after 4 pairs"):
        fastpid.gaussian.screen(X, Z, batch_size=4, checkpoint=path, **options)
    again = fastpid.gaussian.screen(X, Z, batch_size=4, checkpoint=path, **options)
    assert calls[2:] == [4]
    assert again == whole
    with pytest.raises(ValueError, match="holds another screen"):
        fastpid.gaussian.screen(X, 2.0 * Z, checkpoint=path, **options)
    monkeypatch.undo()
    pytest.importorskip("joblib")
    assert fastpid.gaussian.screen(X, Z, batch_size=2, n_jobs=2, **options) == whole


@pytest.mark.parametrize(
    ("args", "options", "error", "words"),
    [
        ((X, None), {}, ValueError, "there is no target"),
        ((X, Z[:100]), {}, ValueError, "X has 300, z has 100"),
        ((X, "g"), {"names": NAMES}, ValueError, "z names a column 'g'"),
        ((X[:, :2], ["0", "1"]), {}, ValueError, "no column that is not part of the target"),
        ((X[:, :1], Z), {}, ValueError, "there are 1 sources"),
        ((X[:, 0], Z), {}, ValueError, r"X must be \(n_samples, n_columns\)"),
        ((X[:15], Z[:15]), {}, ValueError, "15 samples, and at least 16 are needed"),
        ((X.astype(str), Z), {}, TypeError, "X: column 0 must be a real-valued"),
        ((np.where(X > 2.0, np.nan, X), Z), {}, ValueError, "X has .* not finite.* of column"),
        ((X * (np.arange(6) != 4), Z), {}, ValueError, "X: column 4 is .*0.0 in every sample"),
        ((X, Z[:, [0, 0]]), {}, ValueError, r"z: columns repeat .* z\[0\]"),
        (
            (np.column_stack([X, X[:, 0] + X[:, 1]]), Z),
            {"channels": {"c": [0, 1, 6], "d": [2]}},
            *(ValueError, "channel 'c': columns repeat one another"),
        ),
        (
            (np.column_stack([X, X[:, 0] + Z[:, 0]]), Z),
            {"names": [*NAMES, "g"]},
            *(ValueError, r"X = 'a' and Y = 'g': X and Y together determine z\[0\].*infinite"),
        ),
        ((X, Z), {"channels": [[0, 1]]}, TypeError, "channels must be a mapping"),
        ((X, Z), {"channels": {"c": []}}, ValueError, r"channels\['c'\] must be one or more"),
        ((X, Z), {"channels": {"c": [0, 0]}}, ValueError, "one or more different columns"),
        ((X, Z), {"channels": {"c": [9]}}, ValueError, "has the index 9; X has 6"),
        ((X, Z), {"pairs": [[0, 6]]}, ValueError, "pairs has the index 6"),
        ((X, Z), {"pairs": [["1", "1"]]}, ValueError, "paired with itself"),
        ((X, Z), {"by": "coverage"}, ValueError, "by must be one of"),
        ((X, Z), {"test": "g"}, ValueError, "test must be one of none, f, permutation"),
        ((X, Z), {"test": "permutation", "n_permutations": 20}, ValueError, "take 100 or more"),
        ((X, Z), {"copula": "yes"}, TypeError, "copula must be True or False"),
        ((X, Z), {"top_k": 2, "return_as": "generator"}, ValueError, "top_k needs all pairs"),
    ],
)
def test_bad_input_is_refused(args: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        fastpid.gaussian.screen(*args, **options)


def test_what_is_warned_of() -> None:
    counts = np.column_stack([X, np.random.default_rng(1).poisson(4.0, 300)])
    with pytest.warns(UserWarning, match="X: column 6 has 1. different integers"):
        fastpid.gaussian.screen(counts, Z)
    with pytest.warns(fastpid.UndersampledWarning, match="60 samples are too few for 15 of 15"):
        few = fastpid.gaussian.screen(X[:60], Z[:60])
    assert not few.is_sufficient.any()
    assert "too few samples" in repr(few)
