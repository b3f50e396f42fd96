"""Plots show the values that they are given."""

from __future__ import annotations

import io
import itertools

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


def test_areas_are_the_atoms() -> None:
    result = fastpid.pointwise(fastpid.gates.random_dense((3, 4, 3), rng=0))
    ax = plot.pointwise(result, atoms=("synergy", "redundancy"))
    for line, atom in zip(ax.patches[1::2], ("synergy", "redundancy"), strict=True):
        values, edges, _ = line.get_data()
        assert (np.diff(values) <= 0.0).all()
        assert edges[-1] == pytest.approx(1.0)
        assert values @ np.diff(edges) == pytest.approx(result.average(atom), abs=1e-12)
    assert "synergy" in ax.get_legend().get_texts()[0].get_text()
    assert result.plot(ax=ax) is ax
    with pytest.raises(ValueError, match="index it first"):
        plot.pointwise(fastpid.pointwise(np.full((2, 2, 2, 2), 0.125)))
    with pytest.raises(ValueError, match="atoms must be one of"):
        plot.pointwise(result, atoms=("mi_x",))


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


def legend_of(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_names_of_columns_are_on_the_plots() -> None:
    rng = np.random.default_rng(0)
    data = {"bill length": rng.integers(0, 2, 200), "$a$b$c": rng.integers(0, 2, 200)}
    data[r"\\foo{$"] = data["bill length"]
    e = fastpid.estimate(*data, data=data, n_bootstrap=20, n_permutations=0, rng=0)
    for kind in plot.KINDS:
        ax = e.plot(kind=kind)
        assert "unique to bill length" in legend_of(ax)
        assert ax.get_title(loc="left").startswith("What bill length and ")
        ax.figure.savefig(io.BytesIO())  # dollars are no mathematics
    texts = " ".join(text.get_text() for text in plot.venn(e).texts)
    assert "only\nbill length" in texts
    plain = fastpid.decompose(fastpid.gates.xor()).plot()
    assert plain.get_title(loc="left") == "What X and Y say about Z"
    assert plain.get_xticks().size == 0  # one bar without a name has no empty label


def test_dots_have_their_intervals() -> None:
    e = an_estimate()
    ax = e.plot()
    assert len(ax.containers) == 4
    for atom, container in zip(ATOMS, ax.containers, strict=True):
        (points,) = container.lines[0].get_xydata()
        assert points[1] == pytest.approx(getattr(e, atom))
        low, high = container.lines[2][0].get_segments()[0][:, 1]
        assert low == pytest.approx(min(e.intervals[atom][0], getattr(e, atom)))
        assert high == pytest.approx(max(e.intervals[atom][1], getattr(e, atom)))
    with pytest.raises(ValueError, match="kind must be one of stacked, dots"):
        plot.atoms(e, kind="pie")


def test_many_and_long_names_do_not_overlap() -> None:
    d = fastpid.decompose(np.stack([fastpid.gates.xor()] * 60))
    ax = plot.atoms(d, labels=[f"a rather long name of a condition {i}" for i in range(60)])
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert len(boxes) <= 20
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_dates_and_unknown_atoms() -> None:
    d = fastpid.decompose(np.stack([fastpid.gates.xor()] * 40))
    dates = np.datetime64("2026-01-01") + np.arange(40)
    ax = plot.over_time(d, dates)
    ax.figure.canvas.draw()
    labels = [label for label in ax.get_xticklabels() if label.get_text()]
    boxes = [label.get_window_extent() for label in labels]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
    assert ax.get_xlabel() == "time"
    with pytest.raises(ValueError, match=r"atoms must be one of redundancy, .*; got 'sinergy'"):
        plot.over_time(d, atoms=["sinergy"])


def test_rounding_errors_do_not_fill_the_axis() -> None:
    d = fastpid.decompose(np.full((2, 2, 2), 1 / 8))
    for kind in plot.KINDS:
        assert d.plot(kind=kind).get_ylim()[1] >= 0.01
    assert "100.0%" not in repr(d)
    x = np.random.default_rng(0).integers(0, 2, (4, 50))
    same = fastpid.screen(np.stack([x[0], 1 - x[0], x[0]], axis=1), x[0])
    assert plot.heatmap(same, "synergy").images[0].norm.vmax >= 0.01


def test_dark_styles_are_legible() -> None:
    with plt.style.context("dark_background"):
        ax = plot.venn(an_estimate())
        ink = matplotlib.colors.to_rgb(ax.texts[0].get_color())
        circles = [patch for patch in ax.patches if patch.get_alpha() is None and patch.get_fill()]
        assert sum(ink) > 2
        assert all(sum(patch.get_facecolor()[:3]) < 1 for patch in circles)
        line = plot.over_time(an_estimate()).get_lines()[-1]
        assert sum(matplotlib.colors.to_rgb(line.get_color())) > 2


def test_heat_maps_of_few_columns_have_numbers() -> None:
    x = np.random.default_rng(0).integers(0, 3, (200, 5))
    ax = fastpid.screen(x, x[:, 0] ^ x[:, 1], names=[*"abcd", "e" * 60]).plot()
    assert len(ax.texts) == 20
    assert max(len(label.get_text()) for label in ax.get_yticklabels()) <= 24
    with pytest.raises(TypeError, match="screen must be a Screen or a Network; got list"):
        plot.heatmap([1])


def test_power_and_stability() -> None:
    found = fastpid.power(
        (3, 3, 3), synergy=0.3, n_samples=[20, 100, 400], n_replicates=10, rng=0, progress=False
    )
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert "synergy" in ax.get_ylabel()
    assert any(f"{found.needed:,}" == text.get_text() for text in ax.texts)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300))
    s = fastpid.stability(
        x, y, x * y, bins=[2, 3, 12], n_bootstrap=20, n_permutations=0, progress=False, rng=0
    )
    ax = s.plot()
    assert ax.get_xlabel() == "bins"
    assert len(ax.patches) == 1  # 12 bins: too few samples
