"""CUDA: the library loads and speaks anywhere; the rest runs where there is a device."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from families import FAMILIES, table
from many_tables import FAMILIES as MANY
from many_tables import each_source

import fastpid
from fastpid._base.quantities import VALUES
from fastpid._solve import kernel

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

needs_library = pytest.mark.skipif(
    kernel.cuda_library() is None, reason="built without CUDA: not asked for by FASTPID_CUDA=1"
)
needs_device = pytest.mark.skipif(
    not torch.cuda.is_available() or kernel.cuda_library() is None,
    reason="needs a CUDA device and the library built for it",
)


@needs_library
def test_the_library_loads_without_a_device_and_says_what_is_wrong() -> None:
    from fastpid.torch import _cuda

    library = _cuda._library()
    wanted, least = ctypes.c_size_t(), ctypes.c_size_t()
    sizes = (ctypes.byref(wanted), ctypes.byref(least))
    status = library.fastpid_cuda_gradient_workspace(0, 3, 3, 3, *sizes)
    assert library.fastpid_cuda_error(status) == b"an argument is out of range"
    # Neither a table nor both marginals.
    status = library.fastpid_cuda_gradient(
        *(None, 8, None, 1, 3, 3, 3, 0), *(None,) * 8, *(None, 0, None)
    )
    assert library.fastpid_cuda_error(status) == b"an argument is out of range"
    if not torch.cuda.is_available():
        status = library.fastpid_cuda_gradient_workspace(1, 3, 3, 3, *sizes)
        assert status > 0
        assert b"CUDA" in library.fastpid_cuda_error(status)
        with pytest.raises(RuntimeError, match="CUDA kernel was not launched"):
            _cuda._check(status)


@needs_library
def test_unions_that_are_for_the_cpu_are_declined() -> None:
    from fastpid._solve.options import check_options
    from fastpid.torch import _cuda

    library = _cuda._library()
    wanted, least = ctypes.c_size_t(), ctypes.c_size_t()

    def ask(count: int, sizes: tuple[int, ...], nz: int) -> int:
        symbols = (ctypes.c_int * len(sizes))(*sizes)
        options = ctypes.byref(_cuda._packed(check_options()))
        room = (ctypes.byref(wanted), ctypes.byref(least))
        shape = (count, len(sizes), symbols, nz, options)
        status: int = library.fastpid_cuda_union_workspace(*shape, *room)
        assert library.fastpid_cuda_union(None, *shape, *(None,) * 4, 0, None) == status
        return status

    for bad in ((0, (2, 2, 2), 3), (5, (2, 0, 2), 3), (5, (2, 2, 2), 0), (5, (), 2)):
        assert library.fastpid_cuda_error(ask(*bad)) == b"an argument is out of range"
    for large in ((10**6, (5, 5, 5), 5), (10**6, (1,) * 33, 2), (10**6, (10**5,) * 4, 2)):
        assert library.fastpid_cuda_error(ask(*large)) == b"the batch is left to the CPU"
    if not torch.cuda.is_available():
        assert ask(10**6, (3, 3, 3), 3) > 0


def test_a_build_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastpid.torch import _cuda

    monkeypatch.setattr(_cuda, "cuda_library", lambda: None)
    _cuda._library.cache_clear()
    with pytest.raises(RuntimeError, match="built without CUDA"):
        _cuda._library()
    _cuda._library.cache_clear()


def check_against_cpu(p: torch.Tensor, device: str = "cuda", **options) -> None:
    """Brackets that overlap, the same mutual information, gradients of the same planes."""
    here = p.clone().requires_grad_()
    there = p.to(device, copy=True).requires_grad_()
    cpu = fastpid.decompose(here, on_failure="ignore", **options)
    gpu = fastpid.decompose(there, on_failure="ignore", **options)
    assert gpu.synergy.device == there.device
    assert gpu.synergy.dtype == p.dtype
    slack = 1e-5 if p.dtype == torch.float32 else 1e-10
    for name in ("mi_x", "mi_y", "mi_xy"):
        torch.testing.assert_close(
            getattr(gpu, name).cpu(), getattr(cpu, name), rtol=slack, atol=slack
        )
    assert (gpu.lower.cpu() <= cpu.upper + slack).all()
    assert (cpu.lower <= gpu.upper.cpu() + slack).all()
    converged = cpu.status == fastpid.Status.CONVERGED
    assert (gpu.status == fastpid.Status.CONVERGED).cpu()[converged].all()
    gpu.mi_xy.sum().backward()
    cpu.mi_xy.sum().backward()
    torch.testing.assert_close(there.grad.cpu(), here.grad, rtol=1e-6, atol=1e-6)


@pytest.mark.cuda
@needs_device
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["auto", "newton", "proxy", "gradient"])
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 3, 3), (5, 4, 8), (4, 6, 3)])
def test_devices_agree(family: str, method: str, shape: tuple[int, int, int]) -> None:
    p = torch.stack([torch.from_numpy(table(family, shape, seed)) for seed in range(3)])
    check_against_cpu(p, method=method, tol=1e-4 if method == "gradient" else 1e-9)


@pytest.mark.cuda
@needs_device
def test_several_sources_on_devices_agree() -> None:
    shape = (2, 3, 2, 3)
    p = np.random.default_rng(0).dirichlet(np.ones(np.prod(shape)), 3).reshape(3, *shape)
    answers = []
    for device in ("cpu", "cuda"):
        q = torch.from_numpy(p).to(device, copy=True).requires_grad_()
        d = fastpid.decompose_many(q, n_sources=3)
        u = fastpid.union_information([q.sum((2, 3)), q.sum((1, 3)), q.sum((1, 2))])
        assert d.synergy.device == u.value.device == u.potentials[0].device == q.device
        (d.synergy - d.redundancy + d.unique.sum(0) + u.value).sum().backward()
        values = (d.synergy, d.redundancy, d.mi_joint, d.unique, u.value, u.mi, q.grad)
        answers.append([t.detach().cpu() for t in values])
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)


def filling_batch(shape: tuple[int, ...], few: int = 40) -> torch.Tensor:
    """Return so many tables of several sources that a device takes their unions; few differ."""
    rng = np.random.default_rng(1)
    names = list(MANY)
    p = np.stack([MANY[names[k % len(names)]](rng, shape) for k in range(few)])
    processors = torch.cuda.get_device_properties(0).multi_processor_count
    return torch.from_numpy(p).repeat(1 + 32 * processors // few, *(1,) * len(shape))


@pytest.mark.cuda
@needs_device
@pytest.mark.parametrize("method", ["auto", "newton", "proxy", "gradient"])
@pytest.mark.parametrize("shape", [(2, 2, 2, 2), (3, 3, 3, 3), (2, 4, 3, 5), (2, 2, 2, 2, 4)])
def test_unions_on_devices_agree(shape: tuple[int, ...], method: str) -> None:
    """Threads of the device find brackets that overlap the CPU's, the same in every copy."""
    from fastpid._solve.options import check_options
    from fastpid.torch import _device_unions

    p = filling_batch(shape)
    each = each_source(p.numpy(), len(shape) - 1)
    marginals = [torch.from_numpy(a) for a in each]
    tol = 1e-3 if method == "gradient" else 1e-9
    options = {"method": method, "tol": tol, "on_failure": "ignore"}
    there = [a.cuda().requires_grad_() for a in marginals]
    together = torch.cat(there, dim=-2).detach()
    assert _device_unions.solve(together, shape[:-1], check_options(**options)) is not None
    gpu = fastpid.union_information(there, **options)
    cpu = fastpid.union_information([a[:40] for a in marginals], **options)
    for name in ("lower", "upper", "mi"):
        copies = getattr(gpu, name).detach().cpu()
        assert torch.equal(copies[..., 40:80], copies[..., :40])
        assert torch.equal(copies[..., -40:], copies[..., :40])
    low, high = gpu.lower.cpu()[:40], gpu.upper.cpu()[:40]
    assert (low <= cpu.upper + 1e-12).all()
    assert (cpu.lower <= high + 1e-12).all()
    torch.testing.assert_close(gpu.mi.cpu()[:, :40], cpu.mi, rtol=0, atol=1e-12)
    converged = cpu.status == fastpid.Status.CONVERGED
    assert (gpu.status == fastpid.Status.CONVERGED).cpu()[:40][converged].all()
    exponents = sum(
        lam.cpu()[:40].view(40, *(1,) * i, -1, *(1,) * (len(shape) - 2 - i), shape[-1])
        for i, lam in enumerate(gpu.potentials)
    )
    assert (exponents.logsumexp(-1) <= 1e-12).all()
    if method in ("auto", "newton"):  # the union information is homogeneous in the marginals
        gpu.value.sum().backward()
        total = sum((a.grad * a.detach()).sum((1, 2)) for a in there)
        torch.testing.assert_close(total, gpu.value.detach(), rtol=0, atol=2e-9)


@pytest.mark.cuda
@needs_device
def test_decompositions_of_several_sources_on_devices_agree() -> None:
    p = filling_batch((2, 3, 2, 3))
    gpu = fastpid.decompose_many(p.cuda())
    cpu = fastpid.decompose_many(p[:40])
    for subset in cpu.subsets:
        for one, other in zip(gpu.bounds(subset), cpu.bounds(subset), strict=True):
            torch.testing.assert_close(one.cpu()[:40], other, rtol=0, atol=2e-9)
    torch.testing.assert_close(gpu.synergy.cpu()[:40], cpu.synergy, rtol=0, atol=2e-9)


@pytest.mark.cuda
@needs_device
def test_unions_of_invalid_problems_on_a_device_are_nan() -> None:
    each = [torch.from_numpy(a).cuda() for a in each_source(filling_batch((2, 3, 2, 3)).numpy(), 3)]
    each[1][7, 0, 0] = float("nan")
    with pytest.warns(fastpid.ConvergenceWarning, match="NaN"):
        u = fastpid.union_information(each)
    assert u.value.isnan().nonzero().flatten().tolist() == [7]
    with pytest.raises(ValueError, match="NaN"):
        fastpid.union_information(each, on_failure="raise")


@pytest.mark.cuda
@needs_device
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 3, 3), (5, 4, 8), (30, 20, 10)])
@pytest.mark.parametrize("normalize", [False, True])
def test_marginals_on_devices_agree(shape: tuple[int, int, int], normalize: bool) -> None:
    p = torch.stack([torch.from_numpy(table("dense", shape, seed)) for seed in range(3)])
    scale = 40.0 if normalize else 1.0
    answers = []
    for device in ("cpu", "cuda"):
        a, b = ((scale * m).to(device, copy=True).requires_grad_() for m in (p.sum(-2), p.sum(-3)))
        d = fastpid.decompose_marginals(a, b, tol=1e-8, normalize=normalize)
        (d.unique_x + d.mi_y).sum().backward()
        answers.append([t.detach().cpu() for t in (d.lower, d.upper, d.mi_x, a.grad, b.grad)])
    (low, high, *here), (low_there, high_there, *there) = answers
    assert (low_there <= high + 1e-10).all()
    assert (low <= high_there + 1e-10).all()
    for one, other in zip(here, there, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


@pytest.mark.cuda
@needs_device
@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 4, 2), (3, 3, 3), (5, 4, 8), (8, 8, 8)])
@pytest.mark.parametrize("method", ["auto", "gradient"])
def test_a_thread_and_a_block_give_the_same_bits(shape: tuple[int, int, int], method: str) -> None:
    """In large batches threads have the small tables; in small ones blocks, if above 8 cells."""
    rng = np.random.default_rng(0)
    names = rng.choice(list(FAMILIES), 100)
    few = torch.from_numpy(np.stack([table(name, shape, k) for k, name in enumerate(names)]))
    many = few.cuda().repeat(200, 1, 1, 1)
    answers = []
    for p in (few.cuda(), many):
        q = p.clone().requires_grad_()
        d = fastpid.decompose(q, method=method, tol=1e-6, max_iter=200, on_failure="ignore")
        (d.synergy - d.unique_x).sum().backward()
        answers.append((d.lower.detach(), d.upper.detach(), q.grad))
    for one, other in zip(*answers, strict=True):
        assert torch.equal(one.repeat(200, *(1,) * (one.ndim - 1)), other)


@pytest.mark.cuda
@needs_device
@pytest.mark.parametrize("shape", [(20, 20, 10), (30, 30, 10), (50, 40, 6), (100, 100, 2)])
def test_large_tables_use_device_memory(shape: tuple[int, int, int]) -> None:
    check_against_cpu(torch.from_numpy(table("dense", shape, 0))[None], tol=1e-8)


@pytest.mark.cuda
@needs_device
def test_gradients_agree() -> None:
    p = torch.stack([torch.from_numpy(table("dense", (4, 4, 4), seed)) for seed in range(8)])
    grads = []
    for device in ("cpu", "cuda"):
        q = p.to(device, copy=True).requires_grad_()
        d = fastpid.decompose(q, tol=1e-12, on_failure="ignore")
        (d.synergy - d.redundancy).sum().backward()
        grads.append(q.grad.cpu())
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)


@pytest.mark.cuda
@needs_device
def test_float32_strided_and_batches_of_one_and_many() -> None:
    p = torch.from_numpy(table("dense", (4, 5, 3), 0))
    check_against_cpu(p.float()[None])
    strided = p.cuda().permute(2, 1, 0).contiguous().permute(2, 1, 0)
    assert not strided.is_contiguous()
    assert fastpid.decompose(strided).synergy == fastpid.decompose(strided.contiguous()).synergy
    many = torch.rand(100_000, 3, 3, 3, dtype=torch.float64)
    many /= many.sum((1, 2, 3), keepdim=True)
    d = fastpid.decompose(many.cuda())
    assert d.gap.max() <= 1e-9
    expected = fastpid.decompose(many)
    torch.testing.assert_close(d.synergy.cpu(), expected.synergy, rtol=0, atol=2e-9)


@pytest.mark.cuda
@needs_device
def test_streams_devices_and_invalid_tables() -> None:
    p = torch.from_numpy(table("dense", (6, 6, 6), 0)).cuda()
    expected = fastpid.decompose(p).synergy
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        inside = fastpid.decompose(p, on_failure="ignore").synergy
    stream.synchronize()
    assert inside == expected
    for index in range(torch.cuda.device_count()):
        there = fastpid.decompose(p.to(f"cuda:{index}")).synergy
        assert there.device.index == index
        assert there.cpu() == expected.cpu()
    q = torch.stack([p, p])
    q[1, 0, 0, 0] = float("nan")
    with pytest.warns(fastpid.ConvergenceWarning, match="NaN"):
        d = fastpid.decompose(q)
    assert d.synergy.isnan().tolist() == [False, True]


@pytest.mark.cuda
@needs_device
def test_short_memory_means_fewer_blocks_and_too_short_an_error() -> None:
    p = torch.from_numpy(
        np.stack([table("dense", (30, 30, 10), seed) for seed in range(40)])
    ).cuda()
    # More than what the allocator may have left of its segments, of 20 MB.
    large = torch.from_numpy(table("dense", (600, 600, 10), 0)).cuda()
    expected = fastpid.decompose(p, tol=1e-7).synergy
    try:
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(0).total_memory
        held = torch.cuda.memory_reserved()
        torch.cuda.set_per_process_memory_fraction((held + 300e6) / total)
        assert torch.equal(fastpid.decompose(p, tol=1e-7).synergy, expected)
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
        with pytest.raises(torch.OutOfMemoryError):
            fastpid.decompose(large, tol=1e-7)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.cuda
@needs_device
def test_values_are_named_alike() -> None:
    d = fastpid.decompose(torch.from_numpy(table("dense", (3, 3, 3), 0)).cuda())
    assert all(getattr(d, name).is_cuda for name in VALUES)
    assert d.numpy().shape == ()
