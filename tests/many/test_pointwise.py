"""Cells of tables of several sources: what they average to, and what they are for two."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from many_tables import FAMILIES

import fastpid
from fastpid import gates


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(2, 3, 2, 3), (2, 2, 2, 2), (3, 2, 3, 2, 3), (3, 4, 3)], ids=str)
def test_averages_are_the_values_of_the_table(family: str, shape: tuple[int, ...]) -> None:
    p = FAMILIES[family](np.random.default_rng(len(family)), shape)
    cells = fastpid.pointwise_many(p, tol=1e-11, on_failure="ignore")
    d = cells.decomposition
    # Of the brackets as they are, and of potentials that an inequality may have overtaken.
    within = 1e-10 + d.gap + cells.slack
    assert cells.slack <= (1e-10 if d.converged else 1e-7)
    assert cells.average(cells.synergy) == pytest.approx(d.synergy, abs=within)
    assert cells.average(cells.mi_joint) == pytest.approx(d.mi_joint, abs=1e-12)
    assert cells.average(cells.mi) == pytest.approx(d.mi, abs=1e-12)
    assert cells.average(cells.unique) == pytest.approx(d.unique, abs=2 * within)
    for subset, value in cells.coverage.items():
        wide = len(d.subsets) * within
        assert cells.average(value) == pytest.approx(d.coverage[subset], abs=wide)
        assert np.array_equal(np.isnan(value), p == 0.0)
    total = sum(cells.coverage.values()) + cells.synergy
    assert total[p > 0.0] == pytest.approx(cells.mi_joint[p > 0.0], abs=1e-10)


def test_two_sources_are_those_of_pointwise() -> None:
    p = FAMILIES["spiky"](np.random.default_rng(0), (3, 4, 3))
    two, many = fastpid.pointwise(p), fastpid.pointwise_many(p)
    seen = p > 0.0
    for ours, theirs in (
        (many.synergy, two.synergy),
        (many.unique[0], two.unique_x),
        (many.coverage[1,], two.unique_y),
        (many.redundancy, two.redundancy),
    ):
        assert ours[seen] == pytest.approx(theirs[seen], abs=1e-9)


def test_gates_have_the_cells_that_they_should() -> None:
    parity = fastpid.pointwise_many(gates.parity(3))
    seen = parity.p > 0.0
    assert parity.synergy[seen] == pytest.approx(1.0, abs=1e-9)
    giant = fastpid.pointwise_many(gates.giant_bit(3))
    assert giant.redundancy[giant.p > 0.0] == pytest.approx(1.0, abs=1e-9)
    copy = fastpid.pointwise_many(gates.copy_of(3))
    assert copy.unique[:, copy.p > 0.0] == pytest.approx(1.0, abs=1e-6)


def test_batches_blocks_and_subsets() -> None:
    rng = np.random.default_rng(1)
    p = np.stack([FAMILIES["dense"](rng, (2, 2, 3, 3)) for _ in range(3)])
    batch = fastpid.pointwise_many(p, n_sources=3)
    assert batch.shape == (3,)
    assert len(batch) == 3
    assert batch.unique.shape == (3, *p.shape)
    single = fastpid.pointwise_many(p[1])
    assert batch[1] == single
    assert [one.slack for one in batch] == batch.slack.tolist()
    assert batch.average(batch.unique).shape == (3, 3)
    assert pickle.loads(pickle.dumps(single)) == single
    assert "a batch of shape (3,) of 2 x 2 x 3 x 3" in repr(batch)
    with pytest.raises(TypeError, match="has no length"):
        len(single)
    with pytest.raises(ValueError, match="must have the shape of p"):
        single.average(np.ones(3))
    blocks = fastpid.pointwise_many(p[0], sources=[[2, 0], [1]])
    assert blocks.p == pytest.approx(p[0].transpose(2, 0, 1, 3).reshape(6, 2, 3))
    two = fastpid.pointwise(np.ascontiguousarray(blocks.p))
    assert blocks.synergy == pytest.approx(two.synergy, abs=1e-7)
    few = fastpid.pointwise_many(p[0], subsets="leave_one_out")
    assert few.unique == pytest.approx(fastpid.pointwise_many(p[0]).unique, abs=1e-7)
    some = fastpid.pointwise_many(p[0], subsets=[])
    with pytest.raises(KeyError, match="was not asked for"):
        some.union_information((0, 1))
    with pytest.raises(ValueError, match='pass subsets="all"'):
        _ = some.coverage
    nats = fastpid.pointwise_many(p[0], unit="nats")
    assert nats.synergy == pytest.approx(batch[0].synergy * np.log(2.0), abs=1e-7)
    counts = fastpid.pointwise_many(30.0 * p[0], normalize=True)
    assert counts.p == pytest.approx(p[0])


def test_frames() -> None:
    pytest.importorskip("pandas")
    cells = fastpid.pointwise_many(gates.and_of(3))
    frame = cells.to_frame()
    assert list(frame.index.names) == ["source_0", "source_1", "source_2", "z"]
    assert len(frame) == 8
    assert (frame["p"] * frame["0,1,2"]).sum() == pytest.approx(cells.decomposition.redundancy)
    assert frame.loc[(1, 1, 1, 1), "synergy"] == pytest.approx(2.0, abs=1e-6)
    few = fastpid.pointwise_many(gates.and_of(3), subsets=[])
    assert list(few.to_frame().columns) == ["p", "synergy", "0", "1", "2", "0,1,2"]


def test_tensors_are_refused() -> None:
    torch = pytest.importorskip("torch")
    p: Any = torch.full((2, 2, 2, 2), 1 / 16)
    with pytest.raises(TypeError, match=r"pass p.detach\(\).cpu\(\).numpy\(\)"):
        fastpid.pointwise_many(p)
