"""Tensors of marginals: gradients by both, and torch's own machinery."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

NAMES = ("redundancy", "unique_x", "unique_y", "mi_x", "mi_y", "union_information")
tables = st.builds(
    table,
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
)


def tensor(shape: tuple[int, ...] = (3, 4, 3), seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(table("dense", shape, seed))


def batch(count: int = 4, shape: tuple[int, ...] = (3, 4, 3)) -> torch.Tensor:
    return torch.stack([tensor(shape, seed) for seed in range(count)])


def marginals(p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return p.sum(-2), p.sum(-3)


def leaves(p: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(m.clone().requires_grad_() for m in marginals(p.detach()))


def check_chain(p: torch.Tensor, **options: object) -> None:
    """Through the sums that make marginals of a table, the gradient is that of decompose()."""
    for name in NAMES:
        q = p.clone().requires_grad_()
        d = fastpid.decompose(q, unit="nats", on_failure="ignore", **options)
        (expected,) = torch.autograd.grad(getattr(d, name).sum(), q)
        e = fastpid.decompose_marginals(*marginals(q), unit="nats", on_failure="ignore", **options)
        (grad,) = torch.autograd.grad(getattr(e, name).sum(), q)
        torch.testing.assert_close(grad, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", ["auto", "newton", "proxy"])
@pytest.mark.parametrize("shape", [(3, 4, 3), (4, 2, 2), (2, 5, 6), (1, 3, 4)])
def test_the_chain_rule_through_the_sums(shape: tuple[int, int, int], method: str) -> None:
    p = 0.8 * tensor(shape) + 0.2 / np.prod(shape)
    check_chain(p, method=method, tol=1e-12)
    check_chain(250.0 * p, method=method, tol=1e-12, normalize=True)


@pytest.mark.parametrize("seed", range(30))
def test_gradcheck_along_changes_that_leave_one_target(seed: int) -> None:
    """Those of a table, and of each source by itself, with p(z) kept."""
    rng = np.random.default_rng(seed)
    shape = [(2, 3, 3), (3, 2, 2), (4, 3, 4)][seed % 3]
    p = 0.7 * tensor(shape, seed) + 0.3 / np.prod(shape)
    a, b = marginals(p)
    steps = [torch.from_numpy(rng.normal(size=shape)) for _ in range(2)]
    of_both = [step - step.mean() for step in steps]
    of_one = [torch.from_numpy(rng.normal(size=m.shape)) for m in (a, b)]
    of_one = [step - step.mean(0) for step in of_one]
    of_both, of_one = ([s / (4.0 * s.norm()) for s in steps] for steps in (of_both, of_one))

    def on(c: torch.Tensor) -> torch.Tensor:
        both = sum(ci * step for ci, step in zip(c[:2], of_both, strict=True))
        d = fastpid.decompose_marginals(
            a + both.sum(1) + c[2] * of_one[0],
            b + both.sum(0) + c[3] * of_one[1],
            unit="nats",
            tol=1e-13,
            on_failure="ignore",
        )
        return torch.stack([d.redundancy, d.unique_x, d.mi_y + d.upper])

    zero = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(on, zero, eps=1e-5, rtol=1e-6, atol=1e-6)


@given(p=tables)
@settings(max_examples=100, deadline=None)
def test_gradients_are_finite_everywhere(p: np.ndarray) -> None:
    a, b = leaves(torch.from_numpy(p))
    d = fastpid.decompose_marginals(a, b, on_failure="ignore", max_iter=60)
    (d.redundancy - 0.5 * d.unique_y + d.gap).backward()
    assert a.grad.isfinite().all()
    assert b.grad.isfinite().all()


def test_values_are_those_of_arrays() -> None:
    p = batch()
    a, b = marginals(p)
    d = fastpid.decompose_marginals(a, b, mi_xy=1.5)
    expected = fastpid.decompose_marginals(a.numpy(), b.numpy(), mi_xy=1.5)
    assert d.numpy() == expected
    for one, other in zip(d.potentials, expected.potentials, strict=True):
        assert np.array_equal(one.numpy(), other)
    assert np.array_equal(d[1].coupling().numpy(), expected[1].coupling())
    assert (d.status == "converged").all()


def test_the_synergy_carries_the_gradient_of_mi_xy() -> None:
    p = tensor().requires_grad_()
    d = fastpid.decompose(p)
    (expected,) = torch.autograd.grad(d.synergy, p, retain_graph=True)
    e = fastpid.decompose_marginals(*marginals(p), mi_xy=d.mi_xy)
    assert e.synergy.item() == pytest.approx(d.synergy.item(), abs=1e-9)
    (grad,) = torch.autograd.grad(e.synergy, p)
    torch.testing.assert_close(grad, expected, rtol=1e-6, atol=1e-6)
    assert fastpid.decompose_marginals(*marginals(p.detach())).synergy.isnan()
    with pytest.raises(ValueError, match="mi_xy = 0 bits is below the union information"):
        fastpid.decompose_marginals(*marginals(p), mi_xy=0.0)
    with pytest.raises(ValueError, match=r"mi_xy has shape \(2,\)"):
        fastpid.decompose_marginals(*marginals(p), mi_xy=torch.zeros(2))


def test_single_precision_and_broadcasting() -> None:
    p = batch()
    a, b = (m.float().requires_grad_() for m in marginals(p))
    d = fastpid.decompose_marginals(a, b)
    assert d.redundancy.dtype == torch.float32
    d.redundancy.sum().backward()
    assert a.grad.dtype == torch.float32
    # One source beside several copies of another: its gradient is the sum.
    one, other = leaves(p[0])
    d = fastpid.decompose_marginals(one, other.expand(3, *other.shape))
    (grad,) = torch.autograd.grad(d.unique_x.sum(), one)
    (single,) = torch.autograd.grad(fastpid.decompose_marginals(one, other).unique_x, one)
    torch.testing.assert_close(grad, 3 * single)


def test_invalid_pairs_of_a_batch_get_zero() -> None:
    a, b = marginals(batch())
    a[1] *= 1.5
    a.requires_grad_()
    with pytest.warns(fastpid.ConvergenceWarning, match=r"p_xz\[1\] sums to 1.5"):
        d = fastpid.decompose_marginals(a, b, mi_xy=1.0)
    assert d.synergy[1].isnan()
    d.unique_x.nansum().backward()
    assert (a.grad[1] == 0.0).all()
    assert (a.grad[0] != 0.0).any()


def test_the_operator_keeps_torchs_rules() -> None:
    from torch.library import opcheck

    options = (0, 1e-9, 0, 1, False, "warn", "bits")
    a, b = marginals(batch())
    fastpid.decompose_marginals(a, b)
    operator = torch.ops.fastpid.decompose_marginals.default
    # Without the one that compares outputs of compiled code: mi_xy is NaN, which equals nothing.
    rules = ("test_schema", "test_autograd_registration", "test_faketensor")
    for pair in (marginals(tensor()), leaves(tensor()), leaves(batch())):
        opcheck(operator, (*pair, *options), test_utils=rules)
    terms, *others = operator(a, b, *options)
    arguments = (torch.ones_like(terms), a, b, *others, 1, False)
    opcheck(torch.ops.fastpid.decompose_marginals_backward.default, arguments)


def test_compile_vmap_and_second_derivatives() -> None:
    a, b = leaves(batch())

    def loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        d = fastpid.decompose_marginals(a * 1.0, b, mi_xy=1.5)
        return (d.synergy - 2.0 * d.redundancy).sum()

    expected = torch.autograd.grad(loss(a, b), (a, b))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for grad, wanted in zip(torch.autograd.grad(compiled(a, b), (a, b)), expected, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=0, atol=1e-15)
    mapped = torch.func.vmap(torch.func.grad(loss, argnums=(0, 1)))(a.detach(), b.detach())
    for grad, wanted in zip(mapped, expected, strict=True):
        torch.testing.assert_close(grad, wanted, rtol=0, atol=1e-13)
    alone = torch.func.grad(loss)(a.detach()[0], b.detach()[0])
    torch.testing.assert_close(alone, expected[0][0], rtol=0, atol=1e-13)
    # One source for all, several of the other.
    same = b.detach()[:1].expand(4, -1, -1)
    with_one = torch.func.vmap(lambda b: fastpid.decompose_marginals(a.detach()[0], b).redundancy)(
        same
    )
    wanted = fastpid.decompose_marginals(a.detach()[0], b.detach()[0]).redundancy
    assert (with_one == wanted).all()
    (first,) = torch.autograd.grad(loss(a, b), a, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        first.sum().backward()


def test_what_is_refused() -> None:
    a, b = marginals(tensor())
    with pytest.raises(TypeError, match=r"p_yz must be a torch\.Tensor; got ndarray"):
        fastpid.decompose_marginals(a, b.numpy())
    with pytest.raises(TypeError, match="p_yz is a torch tensor and p_xz is ndarray"):
        fastpid.decompose_marginals(a.numpy(), b)
    with pytest.raises(TypeError, match=r"p_xz is torch\.float64 and p_yz is torch\.float32"):
        fastpid.decompose_marginals(a, b.float())
    with pytest.raises(TypeError, match="p_xz must be a floating-point tensor"):
        fastpid.decompose_marginals((a * 100).long(), b)
    with pytest.raises(ValueError, match=r"p_xz is on cpu and p_yz is on meta"):
        fastpid.decompose_marginals(a, b.to("meta"))
    with pytest.raises(ValueError, match="p_xz has 3 target symbols and p_yz has 2"):
        fastpid.decompose_marginals(a, b[:, :2])
    with pytest.raises(ValueError, match="differ by"):
        fastpid.decompose_marginals(a, b.flip(1))


def test_threads_change_nothing() -> None:
    a, b = leaves(batch(64, (6, 6, 6)))
    grads = []
    for threads in (1, 3):
        d = fastpid.decompose_marginals(a, b, threads=threads)
        grads.append(torch.autograd.grad(d.redundancy.sum(), (a, b)))
    assert all(torch.equal(one, other) for one, other in zip(*grads, strict=True))
