"""The way of several sources on a CUDA device, with the CPU's kernel in the place of the device's.

What needs a device is in test_cuda.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from many_tables import FAMILIES, each_source

import fastpid
from fastpid._base.quantities import MASS_TOLERANCE
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.unions import Refused, check_sources

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

SIZES = (2, 3, 2)
SHAPE = (*SIZES, 3)


class HostUnions:
    """What :class:`fastpid.torch._cuda.Unions` is for a device, by the CPU."""

    taken = True

    def __init__(
        self, count: int, sizes: Any, nz: int, options: SolveOptions, device: torch.device
    ) -> None:
        self._sizes = list(sizes)
        self._options = options

    def solve(self, marginals: torch.Tensor) -> tuple[torch.Tensor, ...]:
        each = [part.contiguous().numpy() for part in marginals.split(self._sizes, dim=1)]
        o = self._options
        mi, bounds, codes, duals, _ = kernel.union_information(
            each, o.method, o.tol, o.max_iter, 1, False
        )
        arrays = (np.concatenate([mi, bounds]), np.asarray(codes), np.concatenate(duals, axis=1))
        return tuple(torch.from_numpy(np.array(a)) for a in arrays)


def solve_pair(given: Any, shape: Any, options: SolveOptions) -> tuple[torch.Tensor, ...]:
    xz, yz = (tensor.numpy() for tensor in given)
    out = kernel.decompose_marginals(xz, yz, *options.for_kernel(1), True)
    return tuple(map(torch.from_numpy, out))


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[HostUnions]:
    """Put the CPU in the place of a device that takes everything."""
    from fastpid.torch import _cuda, _device_unions

    monkeypatch.setattr(_device_unions.kernel, "cuda_library", lambda: Path("library"))
    monkeypatch.setattr(_cuda, "Unions", HostUnions)
    monkeypatch.setattr(_cuda, "solve", solve_pair)
    monkeypatch.setattr(HostUnions, "taken", True)
    return HostUnions


def marginals(family: str = "dense", count: int = 6, shape: tuple[int, ...] = SHAPE) -> Any:
    """Return marginals of tables of a family in one tensor (count, symbols, nz)."""
    rng = np.random.default_rng(3)
    p = np.stack([FAMILIES[family](rng, shape) for _ in range(count)])
    return torch.from_numpy(np.concatenate(each_source(p, len(shape) - 1), axis=1))


def solve_on(where: str, together: Any, sizes: tuple[int, ...] = SIZES, **options: Any) -> Any:
    from fastpid.torch._unions import union_of

    run = getattr(union_of, f"_solve_on_{where}")
    return run(together, *_ordered(check_options(**options)), list(sizes))


def _ordered(o: SolveOptions) -> tuple[Any, ...]:
    return (o.method, o.tol, o.max_iter, o.threads, o.normalize, o.on_failure, o.unit)


def hostile() -> tuple[Any, list[int]]:
    """Return marginals some of which hold no distributions, and which."""
    together = marginals(count=9)
    together[1] = together[1].float().double()  # p(z) that agree as single precision does
    together[2, :2, 0] *= 1.0 + 1e-9
    together[3, 1, 1] = torch.nan
    together[4, 0, 0] = -together[4, 0, 0]
    together[5] *= 1.0 + 3.0 * MASS_TOLERANCE
    together[6, :2] = together[6, :2].roll(1, dims=1)  # another p(z)
    together[7, 2:5] = 0.0
    together[8, :, 2] = 0.0  # a target symbol that is not there
    together[8] /= together[8, :2].sum()
    return together, [3, 4, 5, 6, 7]


def test_marginals_are_prepared_as_the_cpu_checks_them() -> None:
    from fastpid.torch._device_unions import prepare

    together, bad = hostile()
    for normalize in (False, True):
        given = together * 40.0 if normalize else together
        refused = Refused()
        split = [part.numpy() for part in given.split(SIZES, dim=1)]
        _, expected = check_sources(split, normalize, refused)
        found, good = prepare(given, SIZES, normalize)
        assert refused.entries is not None
        # A mass that is a little off is no matter if it is divided by.
        assert np.flatnonzero(~good.numpy()).tolist() == [k for k in bad if not normalize or k != 5]
        assert (refused.entries == ~good.numpy()).all()
        np.testing.assert_allclose(
            found.numpy(), np.concatenate(expected, axis=1), rtol=2e-13, atol=0.0
        )


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sizes", [(2, 3, 2), (3, 4), (2, 2, 2, 2)], ids=str)
def test_a_device_answers_as_the_cpu(
    device: type[HostUnions], family: str, sizes: tuple[int, ...]
) -> None:
    together = marginals(family, shape=(*sizes, 3))
    for method in ("auto", "proxy"):
        found = solve_on("cuda", together, sizes, method=method)
        expected = solve_on("cpu", together, sizes, method=method)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            torch.testing.assert_close(one, other, rtol=0.0, atol=1e-12)


def test_batches_have_their_shape_and_invalid_problems_are_nan(device: type[HostUnions]) -> None:
    together, bad = hostile()
    shaped = together.view(3, 3, 7, 3)
    with pytest.warns(fastpid.ConvergenceWarning, match=r"NaN.*\[5 of 9 problems are invalid\]"):
        terms, codes, potentials = solve_on("cuda", shaped)
    assert terms.shape == (5, 3, 3)
    assert codes.shape == (3, 3, 3)
    assert potentials.shape == shaped.shape
    with pytest.warns(fastpid.ConvergenceWarning):
        expected = solve_on("cpu", shaped)
    for one, other in zip((terms, codes, potentials), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-9, equal_nan=True)
    invalid = codes[1].flatten() == fastpid.Status.INVALID.code
    assert invalid.nonzero().flatten().tolist() == bad
    assert terms.isnan().flatten(1).all(0).nonzero().flatten().tolist() == bad
    with pytest.raises(ValueError, match="NaN"):
        solve_on("cuda", shaped, on_failure="raise")
    found = solve_on("cuda", shaped, on_failure="ignore")
    assert torch.equal(found[1], codes)


def test_failures_on_a_device_are_reported(device: type[HostUnions]) -> None:
    together = marginals()
    with pytest.warns(fastpid.ConvergenceWarning, match="did not converge"):
        solve_on("cuda", together, max_iter=1)
    with pytest.raises(fastpid.ConvergenceError) as error:
        solve_on("cuda", together, max_iter=1, on_failure="raise")
    assert error.value.result.lower.shape == (6,)


def test_what_the_device_does_not_take_is_for_the_cpu(
    device: type[HostUnions], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastpid.torch import _device_unions

    together = marginals()
    auto, exact = check_options(), check_options("exact", normalize=True)
    assert _device_unions.solve(together, SIZES, auto) is not None
    assert _device_unions.solve(together[..., :2], SIZES, exact) is not None
    assert _device_unions.solve(together, SIZES, exact) is None
    with pytest.raises(ValueError, match="needs a target with two symbols"):
        solve_on("cuda", together, method="exact")
    assert _device_unions.solve(together[:0], SIZES, auto) is None
    monkeypatch.setattr(device, "taken", False)
    assert _device_unions.solve(together, SIZES, auto) is None
    for one, other in zip(solve_on("cuda", together), solve_on("cpu", together), strict=True):
        assert torch.equal(one, other)
    monkeypatch.setattr(device, "taken", True)
    monkeypatch.setattr(_device_unions.kernel, "cuda_library", lambda: None)
    assert _device_unions.solve(together, SIZES, auto) is None
