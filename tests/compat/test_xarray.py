"""Labelled arrays in and out."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid.compat import xarray as bridge

xr = pytest.importorskip("xarray")

P = np.stack([gates.random_dense((2, 3, 4), rng=k) for k in range(6)]).reshape(2, 3, 2, 3, 4)


def test_axes_go_by_name() -> None:
    p = xr.DataArray(
        P,
        dims=("subject", "time", "left", "right", "stimulus"),
        coords={"subject": ["a", "b"], "time": [0.1, 0.2, 0.3], "left": [10, 20]},
    )
    turned = p.transpose("stimulus", "time", "right", "subject", "left")
    found = bridge.decompose(turned, sources=("left", "right"), target="stimulus")
    assert set(found.dims) == {"subject", "time"}
    assert found.sizes == {"subject": 2, "time": 3}
    d = fastpid.decompose(P)
    for name in ("redundancy", "unique_x", "synergy", "gap", "mi_xy"):
        values = found[name].transpose("subject", "time")
        np.testing.assert_allclose(values, getattr(d, name), atol=1e-9)
    assert float(found.unique_x.sel(subject="b", time=0.2)) == pytest.approx(d.unique_x[1, 1])
    assert found.unique_x.attrs == {"units": "bits", "long_name": "unique information of left"}
    assert found.mi_xy.attrs["long_name"] == "I(left, right; stimulus)"
    assert found.attrs["z"] == "stimulus"
    assert (found.status == "converged").all()
    assert "left" not in found.coords


def test_joint_dimensions_and_one_table() -> None:
    p = xr.DataArray(gates.parity(3), dims=("a", "b", "c", "out"))
    found = bridge.decompose(p, sources=(["a", "b"], "c"), target="out", unit="nats")
    assert found.synergy.dims == ()
    assert float(found.synergy) == pytest.approx(np.log(2))
    assert found.synergy.attrs["units"] == "nats"
    assert str(found.method.values) in ("exact", "newton")
    counts = xr.DataArray(np.eye(2)[:, :, None] * [1, 1], dims=("x", "y", "z"))
    found = bridge.decompose(counts, sources=("x", "y"), target="z", normalize=True)
    assert float(found.mi_x) == pytest.approx(0.0)


def test_results_become_datasets() -> None:
    d = fastpid.decompose(P)
    plain = bridge.to_dataset(d)
    assert plain.synergy.dims == ("batch_0", "batch_1")
    named = bridge.to_dataset(d, dims=("s", "t"), coords={"s": [1, 2]}, names=("u", "v", "w"))
    assert float(named.lower.sel(s=2)[0]) == d.lower[1, 0]
    assert named.mi_y.attrs["long_name"] == "I(v; w)"
    with pytest.raises(ValueError, match="dims must name 2 axes"):
        bridge.to_dataset(d, dims=("s",))


def test_bad_names() -> None:
    p = xr.DataArray(gates.xor(), dims=("x", "y", "z"))
    for sources, target, words in (
        (("x", "w"), "z", "p has no dimension 'w'"),
        (("x",), "z", "sources must name two"),
        ("xy", "z", "sources must name two"),
        (("x", "y"), "x", "dimension 'x' is named twice"),
    ):
        with pytest.raises(ValueError, match=words):
            bridge.decompose(p, sources=sources, target=target)
    with pytest.raises(TypeError, match=r"must be an xarray\.DataArray; got ndarray"):
        bridge.decompose(gates.xor(), sources=("x", "y"), target="z")
