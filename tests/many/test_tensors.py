"""Tensors of several sources: the values of arrays, exact gradients, and torch's machinery."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from many_tables import FAMILIES, SHAPES, each_source

import fastpid

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

#: torch's own forward mode compiles something when it is first used, and says so.
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
TIGHT: dict[str, Any] = {"unit": "nats", "tol": 1e-13, "on_failure": "ignore"}


def table(shape: tuple[int, ...] = (2, 3, 2, 3), seed: int = 0) -> Any:
    """Return a table in the interior."""
    p = FAMILIES["dense"](np.random.default_rng(seed), shape)
    return torch.from_numpy(0.7 * p + 0.3 / p.size)


def batch(count: int = 3, shape: tuple[int, ...] = (2, 3, 2, 3)) -> Any:
    return torch.stack([table(shape, seed) for seed in range(count)])


def sources(p: Any, n: int = 3) -> list[Any]:
    """Return the marginals of the sources on the last axes but one."""
    axes = range(-1 - n, -1)
    return [p.sum(tuple(a for a in axes if a != axis)) for axis in axes]


def parts(d: fastpid.ManyDecomposition) -> Any:
    """Return every value, one a row."""
    coverage = list(d.coverage.values())
    pairs = [value for e in d.pairs.values() for value in (e.synergy, e.redundancy)]
    return torch.stack([*d.mi, *d.unique, *coverage, d.synergy, d.mi_joint, *pairs])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [SHAPES[0], (3, 2, 3, 3), (3, 4, 3)], ids=str)
def test_values_are_those_of_arrays(family: str, shape: tuple[int, ...]) -> None:
    n = len(shape) - 1
    rng = np.random.default_rng(1)
    p = np.stack([FAMILIES[family](rng, shape) for _ in range(3)])
    each = each_source(p, n)
    u = fastpid.union_information([torch.from_numpy(a) for a in each])
    expected = fastpid.union_information(each)
    assert u.numpy() == expected
    assert u[1].numpy() == expected[1]
    assert repr(u[1]) == repr(expected[1])
    assert (u.status == "converged").tolist() == (expected.status == "converged").tolist()
    for ours, theirs in zip(u.potentials, expected.potentials, strict=True):
        assert np.array_equal(ours.numpy(), theirs)
    assert u[2].coupling().numpy() == pytest.approx(expected[2].coupling(), abs=1e-9)
    d = fastpid.decompose_many(torch.from_numpy(p), n_sources=n)
    many = fastpid.decompose_many(p, n_sources=n)
    assert d.subsets == many.subsets
    for subset in d.subsets:
        assert d.bounds(subset)[0].numpy() == pytest.approx(many.bounds(subset)[0], abs=1e-12)
        assert d.bounds(subset)[1].numpy() == pytest.approx(many.bounds(subset)[1], abs=1e-12)
        assert d.method(subset).tolist() == many.method(subset).tolist()
        assert d.coverage[subset].numpy() == pytest.approx(many.coverage[subset], abs=1e-12)
    assert d.synergy.numpy() == pytest.approx(many.synergy, abs=1e-12)
    assert d.unique.shape == many.unique.shape
    assert d[1].gap >= 0.0
    assert repr(d[1]) == repr(many[1])
    assert d.pairs[0, 1].numpy() == many.pairs[0, 1]


@pytest.mark.parametrize("shape", [(2, 3, 2, 3), (2, 2, 2, 2), (3, 2, 2, 2, 3)], ids=str)
@pytest.mark.parametrize("normalize", [False, True])
def test_unions_pass_gradcheck_along_changes_that_leave_one_target(
    shape: tuple[int, ...], normalize: bool
) -> None:
    """Those of a table, and of each source by itself, with p(z) kept."""
    n = len(shape) - 1
    rng = np.random.default_rng(2)
    each = sources(table(shape), n)
    moves = []
    for _ in range(2):
        step = torch.from_numpy(rng.normal(size=shape))
        moves.append(sources((step - step.mean()) / (8.0 * step.norm()), n))
    for i in (0, n - 1):
        step = torch.from_numpy(rng.normal(size=each[i].shape))
        alone = [torch.zeros_like(a) for a in each]
        alone[i] = (step - step.mean(0)) / (8.0 * step.norm())
        moves.append(alone)

    def on(c: Any) -> Any:
        moved = [
            a + sum(ci * move[i] for ci, move in zip(c, moves, strict=True))
            for i, a in enumerate(each)
        ]
        if normalize:  # by other sums, which are divided out
            moved = [(3.0 + i + c[0]) * a for i, a in enumerate(moved)]
        u = fastpid.union_information(moved, normalize=normalize, **TIGHT)
        return torch.stack([u.value, u.upper - u.mi[0], u.mi[-1]])

    zero = torch.zeros(len(moves), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(on, zero, eps=1e-5, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 2, 3), (2, 2, 2, 2), (3, 4, 3), (2, 2, 2, 2, 2)], ids=str)
def test_everything_passes_gradcheck_along_tangents(shape: tuple[int, ...]) -> None:
    p = table(shape)
    rng = np.random.default_rng(3)
    steps = torch.from_numpy(rng.normal(size=(2, *shape)))
    steps = steps - steps.flatten(1).mean(1).reshape(2, *(1,) * len(shape))
    steps = 0.2 * steps / steps.norm()
    mixed = torch.from_numpy(rng.normal(size=(4, len(parts(fastpid.decompose_many(p))))))

    def on(c: Any) -> Any:
        moved = p + torch.tensordot(c, steps, 1)
        return mixed @ parts(fastpid.decompose_many(moved, **TIGHT))

    zero = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(on, zero, eps=1e-5, rtol=1e-6, atol=1e-6)
    d = fastpid.decompose_many(p.requires_grad_(), **TIGHT)
    (of_gap,) = torch.autograd.grad(d.gap.sum(), p)
    assert of_gap.abs().max() <= 1e-12


def test_two_sources_have_the_gradients_of_decompose() -> None:
    p = table((3, 4, 3)).requires_grad_()
    two, many = fastpid.decompose(p), fastpid.decompose_many(p)
    for one, other in (
        (two.synergy, many.synergy),
        (two.unique_x, many.unique[0]),
        (two.redundancy, many.redundancy),
        (two.mi_y, many.mi[1]),
    ):
        (expected,) = torch.autograd.grad(one, p, retain_graph=True)
        (grad,) = torch.autograd.grad(other, p, retain_graph=True)
        torch.testing.assert_close(grad, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_finite_and_add_up_where_p_is_zero(family: str) -> None:
    rng = np.random.default_rng(4)
    for shape in ((2, 3, 2, 3), (3, 2, 2, 2)):
        p = torch.from_numpy(FAMILIES[family](rng, shape)).requires_grad_()
        d = fastpid.decompose_many(p, unit="nats", on_failure="ignore")
        value = d.redundancy - 2.0 * d.synergy + d.unique.sum()
        (grad,) = torch.autograd.grad(value, p)
        assert grad.isfinite().all()
        # All is homogeneous of the first degree.
        assert (grad * p).sum().item() == pytest.approx(value.item(), abs=1e-7)


@pytest.mark.parametrize("gate", ["and_of", "giant_bit", "copy_of", "parity"])
def test_kinks_have_subgradients(gate: str) -> None:
    """The union information is convex in marginals with one p(z): it lies above its plane."""
    rng = np.random.default_rng(6)
    at = [torch.from_numpy(a) for a in each_source(getattr(fastpid.gates, gate)(3), 3)]
    p_z = at[0].sum(0)
    here = [a.clone().requires_grad_() for a in at]
    u = fastpid.union_information(here, unit="nats")
    grads = torch.autograd.grad(u.value, here)
    for weight in (1e-6, 1e-3, 0.1, 1.0):
        for _ in range(5):
            others = [
                torch.from_numpy(rng.dirichlet(np.ones(len(a)), len(p_z))).T * p_z for a in at
            ]
            moved = [(1.0 - weight) * a + weight * b for a, b in zip(at, others, strict=True)]
            there = fastpid.union_information(moved, unit="nats", on_failure="ignore")
            plane = u.value + sum(
                (g * (b - a)).sum() for g, a, b in zip(grads, at, moved, strict=True)
            )
            assert plane <= there.upper + u.gap + 1e-12


def test_counts_blocks_and_dtypes() -> None:
    p = table()
    d = fastpid.decompose_many(p)
    counts = (40.0 * p).requires_grad_()
    scaled = fastpid.decompose_many(counts, normalize=True)
    assert scaled.synergy.item() == pytest.approx(d.synergy.item(), abs=1e-8)
    (grad,) = torch.autograd.grad(scaled.redundancy, counts)
    assert (grad * counts).sum().abs() <= 1e-12  # the sum is divided out
    narrow = p.float().requires_grad_()
    single = fastpid.decompose_many(narrow)
    assert single.unique.dtype == single.coverage[0, 1].dtype == torch.float32
    single.synergy.backward()
    assert narrow.grad.dtype == torch.float32
    composite = fastpid.decompose_many(p, sources=[[2, 0], [1]])
    expected = fastpid.decompose_many(p.numpy(), sources=[[2, 0], [1]])
    assert composite.synergy.item() == pytest.approx(expected.synergy, abs=1e-12)
    u = fastpid.union_information([a.float() for a in sources(p)])
    assert u.value.dtype == u.mi.dtype == torch.float32


def test_a_thousand_sources_of_a_binary_target() -> None:
    channels = np.random.default_rng(5).dirichlet(np.ones(4), (1000, 2)).transpose(0, 2, 1)
    each = [torch.from_numpy(a).requires_grad_() for a in channels * np.array([0.3, 0.7])]
    u = fastpid.union_information(each, unit="nats")
    u.value.backward()
    # Homogeneity again; all but the sources on the hull have no part in it but their share of H(Z).
    total = sum((a.grad * a).sum() for a in each)
    assert total.item() == pytest.approx(u.value.item(), abs=1e-9)


def test_the_operator_keeps_torchs_rules() -> None:
    from torch.library import opcheck

    operator = torch.ops.fastpid.union_information.default
    options = (0, 1e-9, 0, 1, False, "warn", "bits", [2, 3, 2])
    together = torch.cat(sources(batch()), dim=-2)
    opcheck(operator, (together.clone().requires_grad_(), *options))
    terms, codes, potentials = operator(together, *options)
    arguments = (torch.ones_like(terms), together, codes, potentials, 1, False, [2, 3, 2])
    rules = ("test_schema", "test_faketensor")  # the others are for what has derivatives
    opcheck(torch.ops.fastpid.union_information_backward.default, arguments, test_utils=rules)


def _loss(p: Any) -> Any:
    d = fastpid.decompose_many(p * 1.0, n_sources=3)
    u = fastpid.union_information(sources(p))
    return (d.synergy - 2.0 * d.redundancy + d.pairs[0, 2].synergy).sum() + u.value.sum()


def test_compile_vmap_and_second_derivatives() -> None:
    p = batch().requires_grad_()
    (expected,) = torch.autograd.grad(_loss(p), p)
    compiled = torch.compile(_loss, fullgraph=True, backend="aot_eager")
    (grad,) = torch.autograd.grad(compiled(p), p)
    torch.testing.assert_close(grad, expected, rtol=0, atol=1e-12)
    mapped = torch.func.vmap(torch.func.grad(_loss))(p.detach())
    torch.testing.assert_close(mapped, expected, rtol=0, atol=1e-12)
    (first,) = torch.autograd.grad(_loss(p), p, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        first.sum().backward()


@FORWARD_MODE
def test_forward_mode_agrees_with_reverse_mode() -> None:
    p = table()
    step = torch.randn_like(p)

    def of(q: Any) -> Any:
        u = fastpid.union_information(sources(q))
        d = fastpid.decompose_many(q)
        return torch.cat([parts(d), torch.stack([u.value, u.gap, d.gap])])

    expected = (torch.func.jacrev(of)(p) * step).flatten(1).sum(1)
    _, along = torch.func.jvp(of, (p,), (step,))
    torch.testing.assert_close(along, expected, rtol=0, atol=1e-11)
    assert along[-3].abs() > 1e-3
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        torch.func.hessian(lambda q: fastpid.decompose_many(q).synergy)(p)


def test_what_does_not_converge_is_reported() -> None:
    p = table((3, 3, 3, 3))
    with pytest.warns(fastpid.ConvergenceWarning, match=r"sources \(0, 1\): .*max_iter"):
        d = fastpid.decompose_many(p, max_iter=2)
    assert not d.converged
    with pytest.raises(fastpid.ConvergenceError) as caught:
        fastpid.union_information(sources(p), max_iter=2, on_failure="raise")
    assert isinstance(caught.value.result, fastpid.UnionInformation)
    with pytest.warns(fastpid.ConvergenceWarning, match="the union information: "):
        torch.compile(
            lambda q: fastpid.union_information(sources(q), max_iter=2).value, backend="aot_eager"
        )(p)


def test_what_is_refused() -> None:
    p = table()
    each = sources(p)
    with pytest.raises(TypeError, match=r"pass list\(marginals\)"):
        fastpid.union_information(torch.stack([each[0], each[2]]))
    with pytest.raises(TypeError, match=r"marginals\[1\] must be a torch.Tensor; got ndarray"):
        fastpid.union_information([each[0], each[1].numpy()])
    with pytest.raises(TypeError, match=r"marginals\[0\] must be a torch.Tensor; got ndarray"):
        fastpid.union_information([each[0].numpy(), each[1]])
    with pytest.raises(TypeError, match=r"marginals\[2\] is torch.float32"):
        fastpid.union_information([each[0], each[1], each[2].float()])
    with pytest.raises(ValueError, match=r"marginals\[1\] is on meta"):
        fastpid.union_information([each[0], each[1].to("meta")])
    with pytest.raises(ValueError, match="1 source; pass two or more"):
        fastpid.union_information(each[:1])
    with pytest.raises(ValueError, match=r"p\(z=.*differ by"):
        fastpid.union_information([each[0], each[1].flip(1)])
    with pytest.raises(TypeError, match=r"p must be a floating-point tensor.*p.double\(\)"):
        fastpid.decompose_many((100 * p).long())
    with pytest.raises(ValueError, match="sums to 2"):
        fastpid.decompose_many(2 * p)
    with pytest.raises(ValueError, match="n_sources=4 needs 5 axes"):
        fastpid.decompose_many(p, n_sources=4)
    with pytest.raises(ValueError, match="share axis 1"):
        fastpid.decompose_many(p, sources=[[0, 1], [1, 2]])
