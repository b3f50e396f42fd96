"""Plots show the values that they are given."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid._base.quantities import ATOMS

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from fastpid import plot  # noqa: E402


@pytest.fixture(autouse=True)
def close() -> object:
    yield
    plt.close("all")


def an_estimate() -> fastpid.Estimate:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (2, 200))
    return fastpid.estimate(x, y, x & y, n_bootstrap=40, n_permutations=0, rng=0)


def test_bars_are_the_atoms() -> None:
    d = {"and": fastpid.decompose(fastpid.gates.and_()), "estimate": an_estimate()}
    ax = plot.atoms(d)
    heights = np.array([[bar.get_height() for bar in bars] for bars in ax.containers[:1]])
    assert heights[0, 0] == pytest.approx(d["and"].redundancy)
    drawn = {bar.get_height() for patch in ax.containers for bar in getattr(patch, "patches", [])}
    for atom in ATOMS:
        assert any(h == pytest.approx(getattr(d["and"], atom)) for h in drawn)
        assert any(h == pytest.approx(getattr(d["estimate"], atom)) for h in drawn)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["and", "estimate"]
    assert ax.get_ylabel() == "information / bits"


def test_venn_writes_every_atom() -> None:
    d = fastpid.decompose(fastpid.gates.and_())
    texts = " ".join(text.get_text() for text in plot.venn(d).texts)
    for value in ("0.311", "0.000", "0.500", "I(X,Y;Z) = 0.811 bits"):
        assert value in texts
    with pytest.raises(ValueError, match="draws one result"):
        plot.venn(fastpid.decompose(np.stack([fastpid.gates.and_()] * 2)))


def test_heat_map_is_the_matrix() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (200, 5))
    s = fastpid.screen(x, x[:, 0] ^ x[:, 1])
    ax = s.plot("redundancy")
    np.testing.assert_array_equal(ax.images[0].get_array().filled(np.nan), s.matrix("redundancy"))
    listed = fastpid.screen(x, x[:, 0] ^ x[:, 1], pairs=[(0, 4), (1, 4)])
    assert plot.heatmap(listed).images[0].get_array().shape == (3, 3)


def test_lines_over_time() -> None:
    share = np.linspace(0, 1, 5)[:, None, None, None]
    d = fastpid.decompose((1 - share) * fastpid.gates.xor() + share * fastpid.gates.and_())
    ax = plot.over_time(d, share.ravel())
    line = next(line for line in ax.get_lines() if line.get_label() == "synergy")
    np.testing.assert_array_equal(line.get_ydata(), d.synergy)
    np.testing.assert_array_equal(line.get_xdata(), share.ravel())
    assert plot.over_time([an_estimate(), an_estimate()]).get_lines()
    with pytest.raises(ValueError, match="times must have 5 entries"):
        plot.over_time(d, [0, 1])


def test_given_axes_are_used() -> None:
    _, ax = plt.subplots()
    e = an_estimate()
    assert e.plot(ax=ax) is ax
    assert plot.venn(e, ax=ax) is ax


def test_bad_results() -> None:
    d = fastpid.decompose(fastpid.gates.and_())
    with pytest.raises(ValueError, match="results is empty"):
        plot.atoms([])
    with pytest.raises(TypeError, match="must be Decompositions"):
        plot.atoms([1.0])
    with pytest.raises(ValueError, match="different units"):
        plot.atoms([d, fastpid.decompose(fastpid.gates.and_(), unit="nats")])
    with pytest.raises(ValueError, match="labels must be 1"):
        plot.atoms(d, labels=["a", "b"])
