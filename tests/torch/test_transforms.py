"""Forward-mode derivatives, compiled code and tensors without values: right, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402

# torch's own forward mode compiles rules by what newer torches deprecate, and its tracing warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch.fx"),
]
RNG = np.random.default_rng(0)
P = torch.from_numpy(RNG.dirichlet(np.full(27, 3.0), 2).reshape(2, 3, 3, 3))
T = torch.from_numpy(RNG.normal(size=P.shape))
LABELS = torch.arange(12) % 3
LOGITS = torch.from_numpy(RNG.normal(size=(2, 12, 3)))
COV = torch.from_numpy(np.cov(RNG.normal(size=(6, 50))))


def of_table(p):
    d = fastpid.decompose(p, tol=1e-11)
    return torch.stack([d.redundancy, d.unique_x, d.synergy, d.mi_y, d.lower, d.gap])


def of_marginals(p):
    d = fastpid.decompose_marginals(p.sum(-2), p.sum(-3), tol=1e-11)
    return torch.stack([d.redundancy, d.unique_x, d.union_information])


def of_logits(logits):
    x, y = logits
    p = fastpid.torch.from_predictions(x, y, LABELS, num_classes=3, logits=True)
    return of_table(p)


def of_covariance(cov):
    return fastpid.gaussian.decompose(cov, (2, 2, 2)).synergy


CASES = [(of_table, P), (of_marginals, P), (of_logits, LOGITS)]


@pytest.mark.parametrize(("function", "at"), CASES)
def test_forward_mode_is_reverse_mode(function, at) -> None:
    reverse = torch.func.jacrev(function)(at)
    assert reverse.abs().max() > 0.01
    torch.testing.assert_close(torch.func.jacfwd(function)(at), reverse, rtol=0, atol=1e-12)
    tangent = torch.from_numpy(np.random.default_rng(1).normal(size=at.shape))
    expected = (reverse * tangent).flatten(-at.dim()).sum(-1)
    value, change = torch.func.jvp(function, (at,), (tangent,))
    torch.testing.assert_close(value, function(at), rtol=0, atol=0)
    torch.testing.assert_close(change, expected, rtol=0, atol=1e-11)
    _, linear = torch.func.linearize(function, at)
    torch.testing.assert_close(linear(tangent), expected, rtol=0, atol=1e-11)
    forward_ad = torch.autograd.forward_ad
    with forward_ad.dual_level():
        dual = function(forward_ad.make_dual(at, tangent))
        torch.testing.assert_close(
            forward_ad.unpack_dual(dual).tangent, expected, rtol=0, atol=1e-11
        )


def test_one_marginal_alone_may_move() -> None:
    p_xz, p_yz = P.sum(-2), P.sum(-3)

    def unique_x(by):
        return fastpid.decompose_marginals(by, p_yz, tol=1e-11).unique_x.sum()

    forward = torch.func.jacfwd(unique_x)(p_xz)
    torch.testing.assert_close(forward, torch.func.grad(unique_x)(p_xz), rtol=0, atol=1e-12)


def test_forward_mode_under_vmap_and_in_single_precision() -> None:
    def change(p, t):
        return torch.func.jvp(lambda q: of_table(q.float()), (p,), (t,))[1]

    expected = torch.func.jvp(of_table, (P,), (T,))[1]
    mapped = torch.func.vmap(change, out_dims=1)(P, T)
    torch.testing.assert_close(mapped, expected.float(), rtol=1e-5, atol=1e-5)


def test_second_derivatives_are_refused_in_every_order() -> None:
    def value(p):
        return of_table(p).sum()

    def change(p):
        return torch.func.jvp(value, (p,), (T,))[1]

    for twice in (
        lambda: torch.func.hessian(value)(P),
        lambda: torch.func.grad(change)(P),
        lambda: torch.func.jvp(change, (P,), (T,)),
        lambda: torch.func.grad(lambda p: torch.func.grad(value)(p).sum())(P),
    ):
        with pytest.raises(RuntimeError, match="differentiated twice"):
            twice()


def test_forward_mode_inside_compiled_code_is_refused() -> None:
    compiled = torch.compile(lambda p: torch.func.jvp(of_table, (p,), (T,))[1], backend="aot_eager")
    with pytest.raises(RuntimeError, match="no forward-mode derivative under"):
        compiled(P)


def test_covariances_refuse_what_they_do_not_know() -> None:
    with pytest.raises(RuntimeError, match=r"none of torch\.func's transforms"):
        torch.func.jvp(of_covariance, (COV,), (COV,))
    with pytest.raises(RuntimeError, match=r"none of torch\.func's transforms"):
        torch.func.vmap(of_covariance)(COV[None])
    forward_ad = torch.autograd.forward_ad
    with forward_ad.dual_level():
        with pytest.raises(RuntimeError, match="no forward-mode derivatives"):
            of_covariance(forward_ad.make_dual(COV, COV))
        assert of_covariance(COV) == of_covariance(COV.clone())


@pytest.mark.parametrize(("function", "at"), CASES)
def test_meta_and_fake_tensors_get_shapes(function, at, monkeypatch) -> None:
    expected = function(at).shape
    mode = FakeTensorMode()
    fake, labels = mode.from_tensor(at), mode.from_tensor(LABELS)
    monkeypatch.setitem(globals(), "LABELS", LABELS.to("meta"))
    out = function(at.to("meta"))
    assert out.is_meta
    assert out.shape == expected
    monkeypatch.setitem(globals(), "LABELS", labels)
    with mode:
        assert function(fake).shape == expected
    monkeypatch.undo()
    assert function(at).isfinite().all()


def test_covariances_without_values_are_named() -> None:
    with pytest.raises(TypeError, match="cov is a meta or fake tensor"):
        of_covariance(COV.to("meta"))
    mode = FakeTensorMode()
    fake = mode.from_tensor(COV)
    with mode, pytest.raises(TypeError, match="cov is a meta or fake tensor"):
        of_covariance(fake)


def test_inductor() -> None:
    def loss(p):
        return fastpid.decompose(p * 1.0, tol=1e-11).synergy.sum()

    compiled = torch.compile(loss, fullgraph=True)
    plain, through = (P.clone().requires_grad_() for _ in range(2))
    value = compiled(through)
    torch.testing.assert_close(value, loss(plain), rtol=1e-12, atol=1e-12)
    value.backward()
    loss(plain).backward()
    torch.testing.assert_close(through.grad, plain.grad, rtol=0, atol=1e-10)
