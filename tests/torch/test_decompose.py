"""Decompositions of tensors: the same numbers as numpy's, and torch's ways of calling them."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from families import FAMILIES, table
from process_group import run_in_two

import fastpid
from fastpid._base.quantities import VALUES

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")


def tensor(family: str = "dense", shape: tuple[int, int, int] = (3, 4, 3), seed: int = 0):
    return torch.from_numpy(table(family, shape, seed))


def batch(count: int = 4, shape: tuple[int, int, int] = (3, 2, 3)):
    return torch.stack([tensor("dense", shape, seed) for seed in range(count)])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 3, 3), (5, 4, 8)])
def test_results_are_numpys_bit_for_bit(family: str, shape: tuple[int, int, int]) -> None:
    p = np.stack([table(family, shape, seed) for seed in range(3)])
    for one in (p, p[0], p.reshape(3, 1, *shape)):
        d = fastpid.decompose(one, on_failure="ignore")
        for grad in (False, True):
            t = fastpid.decompose(torch.from_numpy(one).requires_grad_(grad), on_failure="ignore")
            for name in VALUES:
                value = getattr(t, name)
                assert value.dtype == torch.float64
                assert value.requires_grad == grad
                np.testing.assert_array_equal(value.detach().numpy(), getattr(d, name))
            assert t.numpy().to_dict() == d.to_dict()
            assert t.shape == d.shape
            for mine, other in zip(t.potentials, d.potentials, strict=True):
                np.testing.assert_array_equal(mine.numpy(), other)
    np.testing.assert_array_equal(t.coupling().numpy(), d.coupling())


def test_it_prints_and_converts_like_numpys() -> None:
    p = batch()
    d, t = fastpid.decompose(p.numpy()), fastpid.decompose(p)
    assert repr(t) == repr(d)
    assert t.message == d.message
    assert t.converged.tolist() == d.converged.tolist()
    assert t.to_dict() == d.to_dict()
    assert t.to_frame().equals(d.to_frame())
    single = fastpid.decompose(p[0])
    assert repr(single) == repr(fastpid.decompose(p[0].numpy()))
    assert isinstance(single.numpy().synergy, float)
    assert single.numpy().status is fastpid.Status.CONVERGED


def test_memory_that_is_not_contiguous_is_read_correctly() -> None:
    p = tensor(shape=(4, 5, 3))
    for strided in (p.permute(2, 1, 0).contiguous().permute(2, 1, 0), p.repeat(2, 1, 1)[::2] * 2):
        again = fastpid.decompose(strided, normalize=True).synergy
        expected = fastpid.decompose(strided.contiguous(), normalize=True).synergy
        assert again == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_narrow_types_are_computed_in_double_precision(dtype: torch.dtype) -> None:
    p = tensor(shape=(3, 3, 3)).to(dtype).requires_grad_()
    normalize = dtype != torch.float32
    d = fastpid.decompose(p, normalize=normalize)
    assert d.synergy.dtype == dtype
    exact = fastpid.decompose(p.detach().double(), normalize=True).synergy
    assert d.synergy.item() == pytest.approx(exact.item(), rel=2 * torch.finfo(dtype).eps, abs=1e-6)
    d.synergy.backward()
    assert p.grad.dtype == dtype
    assert p.grad.isfinite().all()


def test_autocast_changes_nothing() -> None:
    p = tensor(shape=(3, 3, 3)).requires_grad_()
    plain = fastpid.decompose(p).synergy
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = fastpid.decompose(p).synergy
        x = torch.randn(20, 3, requires_grad=True)
        joint = fastpid.torch.from_predictions(
            x, x @ torch.eye(3), torch.arange(20) % 3, num_classes=3, logits=True
        )
    assert cast.dtype == torch.float64
    assert cast == plain
    assert joint.dtype == torch.float64
    assert abs(joint.sum().item() - 1.0) < 1e-12
    fastpid.decompose(joint).synergy.backward()
    assert x.grad.dtype == torch.float32


def test_the_operator_keeps_torchs_rules() -> None:
    from torch.library import opcheck

    options = (0, 1e-9, 0, 1, False, "warn", "bits")
    solve_tables = torch.ops.fastpid.solve_tables.default
    for p in (tensor().requires_grad_(), batch(), batch().requires_grad_()):
        opcheck(solve_tables, (p, *options))
    p = batch()
    terms, *others = solve_tables(p, *options)
    arguments = (torch.ones_like(terms), p, *others, 1, False)
    opcheck(torch.ops.fastpid.solve_tables_backward.default, arguments)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_takes_the_whole_graph(dynamic: bool) -> None:
    def loss(p):
        d = fastpid.decompose(p * 1.0, tol=1e-8)
        return (d.synergy - 2.0 * d.redundancy).sum() + d.gap.sum()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for p in (batch(3), batch(5), tensor()):
        plain, through = p.clone().requires_grad_(), p.clone().requires_grad_()
        value = compiled(through)
        assert value == loss(plain)
        value.backward()
        loss(plain).backward()
        torch.testing.assert_close(through.grad, plain.grad, rtol=0, atol=1e-15)


def test_compiled_code_returns_whole_results() -> None:
    compiled = torch.compile(lambda p: fastpid.decompose(p), fullgraph=True, backend="aot_eager")
    d, expected = compiled(batch()), fastpid.decompose(batch())
    assert repr(d) == repr(expected)


@pytest.mark.parametrize("in_dim", [0, 2])
def test_vmap_folds_into_the_batch(in_dim: int) -> None:
    p = batch(5)
    moved = p.movedim(0, in_dim)
    mapped = torch.func.vmap(lambda q: fastpid.decompose(q).unique_x, in_dims=in_dim)(moved)
    torch.testing.assert_close(mapped, fastpid.decompose(p).unique_x, rtol=0, atol=0)


def test_gradients_under_vmap_and_torch_func() -> None:
    p = batch(5).requires_grad_()
    expected = torch.autograd.grad(fastpid.decompose(p).synergy.sum(), p)[0]

    def synergy(q):
        return fastpid.decompose(q).synergy

    through = torch.autograd.grad(torch.func.vmap(synergy)(p).sum(), p)[0]
    torch.testing.assert_close(through, expected, rtol=0, atol=1e-13)
    inside = torch.func.vmap(torch.func.grad(synergy))(p.detach())
    torch.testing.assert_close(inside, expected, rtol=0, atol=1e-13)
    # One table, many directions: here grad_values is mapped and p is not.
    jacobian = torch.func.jacrev(
        lambda q: torch.stack([fastpid.decompose(q).synergy, fastpid.decompose(q).mi_x])
    )(p.detach()[0])
    torch.testing.assert_close(jacobian[0], expected[0], rtol=0, atol=1e-13)


def test_second_derivatives_are_refused() -> None:
    p = tensor().requires_grad_()
    (first,) = torch.autograd.grad(fastpid.decompose(p).synergy, p, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        first.sum().backward()
    compiled = torch.ops.fastpid.solve_tables(p, 0, 1e-9, 0, 1, False, "warn", "bits")
    (first,) = torch.autograd.grad(compiled[0].sum(), p, create_graph=True)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        first.sum().backward()


#: torch's own forward mode compiles something when it is first used, and says so.
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


@FORWARD_MODE
def test_forward_mode_agrees_with_reverse_mode() -> None:
    p = batch(3)
    step = torch.randn_like(p)

    def of(q):
        d = fastpid.decompose(q)
        return torch.stack([d.synergy, d.unique_x, d.mi_xy, d.gap])

    expected = (torch.func.vmap(torch.func.jacrev(of))(p) * step[:, None]).sum((-3, -2, -1)).T
    _, along = torch.func.jvp(of, (p,), (step,))
    torch.testing.assert_close(along, expected, rtol=0, atol=1e-12)
    mapped = torch.func.vmap(lambda q, s: torch.func.jvp(of, (q,), (s,))[1])(p, step)
    torch.testing.assert_close(mapped.T, expected, rtol=0, atol=1e-12)
    reverse, forward = torch.func.jacrev(of)(p[0]), torch.func.jacfwd(of)(p[0])
    torch.testing.assert_close(forward, reverse, rtol=0, atol=1e-12)
    # One of two marginals moves.
    a, b = p[0].sum(1), p[0].sum(0)

    def redundancy(a):
        return fastpid.decompose_marginals(a, b).redundancy

    _, along = torch.func.jvp(redundancy, (a,), (step[0].sum(1),))
    expected = (torch.func.grad(redundancy)(a) * step[0].sum(1)).sum()
    torch.testing.assert_close(along, expected, rtol=0, atol=1e-12)


@FORWARD_MODE
def test_second_derivatives_in_forward_mode_are_refused() -> None:
    p = tensor()

    def synergy(q):
        return fastpid.decompose(q).synergy

    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        torch.func.hessian(synergy)(p)
    with pytest.raises(RuntimeError, match="cannot be differentiated twice"):
        torch.func.jvp(lambda q: torch.func.jvp(synergy, (q,), (p,))[1], (p,), (p,))


def test_threads_change_nothing() -> None:
    p = batch(64, (6, 6, 6)).requires_grad_()
    grads = []
    for threads in (1, 3):
        d = fastpid.decompose(p, threads=threads)
        (grad,) = torch.autograd.grad(d.redundancy.sum(), p)
        grads.append(grad)
    assert torch.equal(*grads)


class _Decomposed(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, i: int):
        return fastpid.decompose(tensor("dense", (8, 8, 8), i), threads=2).synergy


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_workers_after_fork() -> None:
    # The parent's pool is at work before they are forked.
    expected = [
        fastpid.decompose(tensor("dense", (8, 8, 8), i), threads=2).synergy for i in range(6)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # python 3.12 warns of forks beside threads
        loader = torch.utils.data.DataLoader(
            _Decomposed(), batch_size=2, num_workers=2, multiprocessing_context="fork"
        )
        assert torch.equal(torch.cat(list(loader)), torch.stack(expected))


#: Two processes train the same model, each on samples of its own.
_TRAIN = """
import torch
import fastpid

torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(5, 8))
x = torch.randn(2, 40, 5)[rank]
z = torch.arange(40) % 4
logits = model(x)
p = fastpid.torch.from_predictions(logits[:, :4], logits[:, 4:], z, num_classes=4, logits=True)
fastpid.decompose(p).redundancy.backward()
torch.save(model.module.weight.grad, f"{folder}/{rank}.pt")
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_distributed_data_parallel(tmp_path: Path) -> None:
    assert run_in_two(_TRAIN, tmp_path) == [0, 0]
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert torch.equal(first, second)
    assert first.abs().max() > 0.0


def test_failures_are_reported_as_for_arrays() -> None:
    p = batch(3, (5, 4, 8))
    with pytest.warns(fastpid.ConvergenceWarning, match=r"table \[0\].*iteration limit") as caught:
        fastpid.decompose(p, method="newton", max_iter=1)
    assert caught[0].filename == __file__
    with pytest.raises(fastpid.ConvergenceError) as error:
        fastpid.decompose(p, method="newton", max_iter=1, on_failure="raise")
    assert error.value.result.shape == (3,)
    d = fastpid.decompose(p, method="newton", max_iter=1, on_failure="ignore")
    assert (d.status == fastpid.Status.MAX_ITERATIONS).all()
    with pytest.raises(ValueError, match="two symbols"):
        fastpid.decompose(p, method="exact")


def test_invalid_tables_get_nan_and_no_gradient() -> None:
    p = batch(3)
    p[1, 0, 0, 0] = float("nan")
    p.requires_grad_()
    with pytest.warns(fastpid.ConvergenceWarning, match=r"p\[1, 0, 0, 0\] is NaN"):
        d = fastpid.decompose(p)
    assert d.synergy.isnan().tolist() == [False, True, False]
    d.synergy.nansum().backward()
    assert p.grad.isfinite().all()
    assert (p.grad[1] == 0.0).all()
    assert (p.grad[0] != 0.0).any()
    with pytest.raises(ValueError, match=r"sums to"):
        fastpid.decompose(torch.ones(2, 2, 2))


@pytest.mark.parametrize(
    ("bad", "error", "text"),
    [
        (lambda: torch.ones(2, 2, 2, dtype=torch.int64), TypeError, "p must be a floating-point"),
        (lambda: torch.ones(2, 2, 2, dtype=torch.complex64), TypeError, "floating-point"),
        (lambda: torch.ones(2, 2, 2).to_sparse(), TypeError, "p must be dense"),
        (
            lambda: torch.quantize_per_tensor(torch.ones(2, 2, 2), 0.1, 0, torch.qint8),
            TypeError,
            "quantised",
        ),
        (lambda: torch.ones(4, 2), ValueError, "at least 3 axes"),
        (lambda: torch.ones(0, 2, 2, 2), ValueError, "the batch is empty"),
        (lambda: torch.ones(2, 0, 2), ValueError, "every variable needs a symbol"),
        (lambda: -torch.ones(2, 2, 2), ValueError, "negative"),
    ],
)
def test_bad_tensors(bad, error: type[Exception], text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates quantised tensors
        p = bad()
    with pytest.raises(error, match=text):
        fastpid.decompose(p)


def test_bad_options_are_the_same_errors() -> None:
    with pytest.raises(ValueError, match="method must be one of"):
        fastpid.decompose(tensor(), method="best")
    with pytest.raises(TypeError, match="tol must be a positive number"):
        fastpid.decompose(tensor(), tol=[1e-9])
    with pytest.raises(TypeError, match=r"p must be a torch\.Tensor"):
        fastpid.torch.decompose(np.ones((2, 2, 2)))


def test_a_torch_that_is_too_old_is_named() -> None:
    program = "import torch; del torch.library.register_vmap; import fastpid.torch"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "ImportError: fastpid.torch needs torch 2.5 or newer" in done.stderr
