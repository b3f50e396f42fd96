"""Exact gradients: against finite differences, identities, and the definition of a subgradient."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid._base.quantities import ATOMS

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

#: Of everything that depends on p.
NAMES = (*ATOMS, "mi_x", "mi_y", "mi_xy", "union_information")
SHAPES = [(2, 2, 2), (2, 3, 3), (3, 2, 4), (4, 3, 2), (3, 3, 3), (2, 2, 5), (1, 3, 3), (4, 4, 3)]


def gradients(p: np.ndarray, **options) -> np.ndarray:
    """Gradients of NAMES, (len(NAMES), *p.shape); nats."""
    q = torch.from_numpy(np.ascontiguousarray(p)).requires_grad_()
    d = fastpid.decompose(q, unit="nats", **options)
    grads = [torch.autograd.grad(getattr(d, name).sum(), q, retain_graph=True)[0] for name in NAMES]
    return torch.stack(grads).numpy()


def values(p: np.ndarray, **options) -> np.ndarray:
    d = fastpid.decompose(p, unit="nats", **options)
    return np.array([getattr(d, name) for name in NAMES])


def tangents(cells: int, rng: np.random.Generator, count: int) -> np.ndarray:
    """Directions of unit length within the simplex."""
    out = rng.normal(size=(count, cells))
    out -= out.mean(axis=1, keepdims=True)
    return out / np.linalg.norm(out, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(200))
def test_gradcheck_along_tangents_and_through_softmax(seed: int) -> None:
    """Finite differences of solves with a gap of 1e-13, on random interior tables."""
    shape = SHAPES[seed % len(SHAPES)]
    rng = np.random.default_rng(seed)
    p = torch.from_numpy(rng.dirichlet(np.full(int(np.prod(shape)), 3.0)).reshape(shape))
    directions = torch.from_numpy(tangents(p.numel(), rng, 3)).view(3, *shape)
    p = 0.7 * p + 0.3 / p.numel()  # interior: a step along a tangent stays inside

    def on(q):
        d = fastpid.decompose(q, unit="nats", tol=1e-13, on_failure="ignore")
        assert d.gap <= 1e-12
        return torch.stack([d.synergy, d.unique_x, d.mi_y + d.upper])

    along = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda c: on(p + torch.einsum("d,dxyz->xyz", c, directions)),
        along,
        eps=1e-5,
        rtol=1e-6,
        atol=1e-6,
    )
    logits = p.log().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v: on(v.flatten().softmax(0).view(shape)), logits, eps=1e-5, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("shape", [(10, 10, 10), (8, 6, 5), (20, 5, 4), (30, 20, 2)])
@pytest.mark.parametrize("method", ["auto", "newton"])
def test_differences_of_large_tables_at_a_gap_of_1e_10(
    shape: tuple[int, int, int], method: str
) -> None:
    rng = np.random.default_rng(5)
    p = 0.5 * table("dense", shape, 5) + 0.5 / np.prod(shape)
    grads = gradients(p, method=method, tol=1e-10)
    for direction in tangents(p.size, rng, 3):
        step = 0.002 * p.min() * direction.reshape(shape) / np.abs(direction).max()
        tight = {"method": "auto", "tol": 1e-13, "on_failure": "ignore"}
        slope = (values(p + step, **tight) - values(p - step, **tight)) / 2.0
        expected = (grads * step).sum(axis=(1, 2, 3))
        # The step is small against the table; what is compared is relative to the largest slope
        # that a step of this length can have.
        scale = np.linalg.norm(grads.reshape(len(NAMES), -1), axis=1) * np.linalg.norm(step)
        assert (np.abs(slope - expected) <= 1e-5 * scale + 1e-13).all()


def test_a_wider_gap_means_a_gradient_a_little_off() -> None:
    p = table("dense", (6, 6, 4), 5)
    exact = gradients(p, tol=1e-12)
    errors = [
        np.abs(gradients(p, method="gradient", tol=tol) - exact).max() for tol in (1e-2, 1e-3, 1e-5)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(sorted(FAMILIES)),
    shape=st.sampled_from([(2, 2, 2), (3, 3, 3), (4, 6, 3), (6, 3, 5), (1, 4, 3)]),
    seed=st.integers(0, 200),
    method=st.sampled_from(["auto", "newton", "proxy"]),
)
def test_gradients_are_finite_linear_and_homogeneous(
    family: str, shape: tuple[int, int, int], seed: int, method: str
) -> None:
    p = table(family, shape, seed)
    options = {"method": method, "on_failure": "ignore"}
    d = fastpid.decompose(p, unit="nats", **options)
    grads = dict(zip(NAMES, gradients(p, **options), strict=True))
    for grad in grads.values():
        assert np.isfinite(grad).all()
    # The identities between atoms and mutual information, for their gradients.
    scale = 1e-12 * (1.0 + max(np.abs(grad).max() for grad in grads.values()))
    for total, parts in {
        "mi_x": ("redundancy", "unique_x"),
        "mi_y": ("redundancy", "unique_y"),
        "mi_xy": ATOMS,
    }.items():
        difference = grads[total] - sum(grads[part] for part in parts)
        assert np.abs(difference).max() <= scale
    # Euler: everything is 1-homogeneous, so that sum p g is the value; of the union information,
    # what its potentials bound it by.
    for name in ("mi_x", "mi_y", "mi_xy"):
        assert (p * grads[name]).sum() == pytest.approx(getattr(d, name), abs=1e-9)
    lam, mu = d.potentials
    pz = p.sum(axis=(0, 1))
    bound = (p * (lam[:, None] + mu[None])).sum() - sum(v * np.log(v) for v in pz if v > 0.0)
    assert (p * grads["union_information"]).sum() == pytest.approx(bound, abs=1e-9)
    assert bound <= d.upper + 1e-9


def test_mutual_information_has_its_textbook_gradients() -> None:
    p = torch.from_numpy(table("dense", (3, 4, 5), 2)).requires_grad_()

    def mutual_information(q, axes):
        joint = q.sum(axes) if axes else q
        z = joint.sum(tuple(range(joint.dim() - 1)))
        return (joint * (joint / joint.sum(-1, keepdim=True) / z * q.sum()).log()).sum()

    d = fastpid.decompose(p, unit="nats")
    for name, axes in {"mi_x": (1,), "mi_y": (0,), "mi_xy": ()}.items():
        (mine,) = torch.autograd.grad(getattr(d, name), p, retain_graph=True)
        (expected,) = torch.autograd.grad(mutual_information(p, axes), p)
        torch.testing.assert_close(mine, expected, rtol=1e-11, atol=1e-11)


def test_units_and_bounds() -> None:
    p = torch.from_numpy(table("dense", (3, 3, 3), 1)).requires_grad_()
    bits, nats = fastpid.decompose(p), fastpid.decompose(p, unit="nats")
    grad = {}
    for name in ("lower", "union_information", "upper"):
        (grad[name],) = torch.autograd.grad(getattr(nats, name), p, retain_graph=True)
    assert torch.equal(grad["lower"], grad["upper"])
    assert torch.equal(grad["lower"], grad["union_information"])
    (gap,) = torch.autograd.grad(nats.gap, p, retain_graph=True)
    assert (gap == 0.0).all()
    (in_bits,) = torch.autograd.grad(bits.lower, p)
    torch.testing.assert_close(in_bits * np.log(2.0), grad["lower"], rtol=1e-9, atol=1e-9)


def test_sources_are_exchangeable() -> None:
    p = table("dense", (3, 5, 4), 3)
    grads = dict(zip(NAMES, gradients(p, tol=1e-13, on_failure="ignore"), strict=True))
    swapped = np.ascontiguousarray(p.swapaxes(0, 1))
    others = dict(zip(NAMES, gradients(swapped, tol=1e-13, on_failure="ignore"), strict=True))
    for mine, other in {"unique_x": "unique_y", "synergy": "synergy", "mi_x": "mi_y"}.items():
        np.testing.assert_allclose(grads[mine], others[other].swapaxes(0, 1), atol=1e-10)


def test_counts_are_differentiated_through_their_sum() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 30, (3, 2, 3)).astype(float)
    grads = gradients(counts, normalize=True, tol=1e-13, on_failure="ignore")
    # Scaling all counts changes nothing.
    np.testing.assert_allclose((grads * counts).sum(axis=(1, 2, 3)), 0.0, atol=1e-12)
    direction = rng.normal(size=counts.shape)
    step = 1e-4 * direction
    options = {"normalize": True, "tol": 1e-13, "on_failure": "ignore"}
    slope = (values(counts + step, **options) - values(counts - step, **options)) / 2.0
    np.testing.assert_allclose(slope, (grads * step).sum(axis=(1, 2, 3)), rtol=1e-5, atol=1e-11)


def test_where_probabilities_are_zero() -> None:
    p = np.zeros((3, 3, 3))
    p[0, 0, 0] = p[1, 1, 1] = 0.5  # symbol 2 of every variable never occurs
    grads = dict(zip(NAMES, gradients(p), strict=True))
    for name, grad in grads.items():
        assert np.isfinite(grad).all()
        assert (grad[:, :, 2] == 0.0).all(), name  # a target symbol that never occurs
    # A source symbol that never occurs says nothing.
    assert grads["mi_x"][2, 0, 0] == 0.0
    assert grads["mi_xy"][0, 2, 0] == 0.0
    assert grads["redundancy"][0, 0, 0] == pytest.approx(np.log(2.0))
    # A cell without mass beside cells with: -50 nats for its log posterior, plus -log p(z).
    assert grads["mi_x"][0, 0, 1] == pytest.approx(-50.0 + np.log(2.0))
