"""Covariances that are tensors: the same numbers, and gradients that are those of differences."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_families import covariance

import fastpid
import fastpid.gaussian
from fastpid._base.quantities import ATOMS

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

NAMES = (*ATOMS, "mi_x", "mi_y", "mi_xy", "union_information")
SIZES = ((1, 1, 1), (2, 2, 2), (3, 2, 4), (2, 4, 1), (4, 3, 2))


@pytest.mark.parametrize("sizes", SIZES)
def test_tensors_have_the_numbers_of_arrays(sizes: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(40)
    cov = np.stack([covariance("random", sizes, rng) for _ in range(6)]).reshape(
        2, 3, *2 * (sum(sizes),)
    )
    array = fastpid.gaussian.decompose(cov, sizes)
    tensor = fastpid.gaussian.decompose(torch.from_numpy(cov), sizes)
    assert type(tensor) is fastpid.gaussian.GaussianDecomposition
    assert tensor.numpy() == array
    assert (tensor.status == "converged").all()
    for one, other in ((tensor, array), (tensor[1], array[1]), (tensor[1, 2], array[1, 2])):
        assert np.array_equal(one.coupling().numpy(), other.coupling())
        for part, wanted in zip(one.potentials, other.potentials, strict=True):
            assert np.array_equal(part.numpy(), wanted)
    single = fastpid.gaussian.decompose(torch.from_numpy(cov).float(), sizes)
    assert single.redundancy.dtype == torch.float32


@pytest.mark.parametrize("family", ["random", "partly equal", "weak"])
@pytest.mark.parametrize("sizes", SIZES)
def test_gradients_are_those_of_differences(family: str, sizes: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(41)
    cov = covariance(family, sizes, rng)
    q = torch.from_numpy(cov).requires_grad_()
    d = fastpid.gaussian.decompose(q, sizes, unit="nats", tol=1e-11, on_failure="ignore")
    gradients = {
        name: torch.autograd.grad(getattr(d, name), q, retain_graph=True)[0].numpy()
        for name in NAMES
    }
    for _ in range(4):
        step = rng.normal(size=cov.shape)
        step = 1e-5 * (step + step.T) * np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
        up, down = (
            fastpid.gaussian.decompose(
                cov + sign * step, sizes, unit="nats", tol=1e-11, on_failure="ignore"
            )
            for sign in (1.0, -1.0)
        )
        for name in NAMES:
            slope = (getattr(up, name) - getattr(down, name)) / 2.0
            error = abs(slope - float(np.sum(gradients[name] * step)))
            # Exactly equal directions are kinks: there the slopes of both sides are not one.
            kink = family == "partly equal" and name not in ("mi_x", "mi_y", "mi_xy")
            size = float(np.linalg.norm(gradients[name] * np.abs(step)))
            assert error <= (0.5 * size + 1e-8 if kink else 1e-4 * size + 1e-8)


def test_the_information_has_no_scale() -> None:
    rng = np.random.default_rng(42)
    sizes = (2, 3, 2)
    q = torch.from_numpy(covariance("random", sizes, rng)).requires_grad_()
    d = fastpid.gaussian.decompose(q, sizes, unit="nats")
    for name in NAMES:
        (gradient,) = torch.autograd.grad(getattr(d, name), q, retain_graph=True)
        assert torch.allclose(gradient, gradient.T, atol=1e-12)
        # d/dt of cov scaled by t in one variable's row and column is zero.
        assert (gradient * q).sum(1).abs().max() <= 1e-7


def test_refused_members_of_a_batch_get_no_gradient() -> None:
    cov = np.stack([covariance("random", (1, 2, 2), np.random.default_rng(43)) for _ in range(3)])
    cov[1, 0, 0] = np.nan
    q = torch.from_numpy(cov).requires_grad_()
    d = fastpid.gaussian.decompose(q, (1, 2, 2), on_failure="ignore")
    d.synergy.sum().backward()
    assert (q.grad[1] == 0.0).all()
    assert (q.grad[[0, 2]] != 0.0).any()
    assert torch.isfinite(q.grad).all()


def test_what_has_no_gradient_says_so() -> None:
    cov = torch.from_numpy(covariance("random", (1, 1, 2), np.random.default_rng(44)))
    q = cov.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        fastpid.gaussian.decompose(q, (1, 1, 2)).synergy, q, create_graph=True
    )
    with pytest.raises(RuntimeError, match="differentiated twice"):
        gradient.sum().backward()
    rows = [0, 0, 1, 2, 3]
    singular = cov[rows][:, rows].clone().requires_grad_()
    d = fastpid.gaussian.decompose(singular, (2, 1, 2))
    with pytest.raises(RuntimeError, match="no gradient where cov is singular"):
        d.synergy.backward()
    with pytest.raises(TypeError, match="cov must be a floating-point tensor"):
        fastpid.gaussian.decompose(torch.eye(3, dtype=torch.int64), (1, 1, 1))
    with pytest.raises(ValueError, match="cov must be square"):
        fastpid.gaussian.decompose(torch.ones(3), (1, 1, 1))


def test_columns_choose_tensors_as_they_do_arrays() -> None:
    cov = covariance("random", (2, 2, 2), np.random.default_rng(45))
    q = torch.from_numpy(cov).requires_grad_()
    chosen = ([3], [0, 1], [5])
    d = fastpid.gaussian.decompose(q, chosen)
    assert d.numpy() == fastpid.gaussian.decompose(cov, chosen)
    d.mi_x.backward()
    assert q.grad[2].abs().sum() == 0.0
    assert q.grad[3, 5] != 0.0
