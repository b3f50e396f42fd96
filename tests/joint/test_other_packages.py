"""Distributions in the forms of other packages."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid.joint import (
    from_dict,
    from_dit,
    from_idtxl,
    from_samples,
)


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


def test_variables_of_dit_are_named_and_none_is_dropped() -> None:
    dit = pytest.importorskip("dit")
    d = dit.Distribution(["0000", "0111", "1011", "1100"], [0.25] * 4)
    with pytest.raises(ValueError, match=r"has 4 variables.*sources= and target="):
        from_dit(d)
    d.set_rv_names("ABCD")
    assert from_dit(d, sources=("A", ["B", "C"]), target="D").names == ("A", "B, C", "D")
