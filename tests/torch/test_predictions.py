"""Joint tables of soft predictions, from tensors: numpy's, with gradients."""

from __future__ import annotations

import numpy as np
import pytest
from predictions import CASES, HARD, MASK, NX, NZ, SOFT, WEIGHTS, N, X, Y

import fastpid
from fastpid.joint import from_predictions

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")


def tensors(*arrays):
    return tuple(torch.from_numpy(np.asarray(array)) for array in arrays)


def as_tensors(options):
    return {name: torch.from_numpy(value) for name, value in options.items()}


@pytest.fixture(params=["at once", "by class"])
def summed(request, monkeypatch) -> None:
    if request.param == "by class":
        from fastpid.torch import _predictions

        monkeypatch.setattr(_predictions, "_ONE_PRODUCT", 0)


@pytest.mark.usefixtures("summed")
@pytest.mark.parametrize("z", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("options", CASES)
def test_torchs_is_numpys(z, options) -> None:
    p = fastpid.torch.from_predictions(*tensors(X, Y, z), **as_tensors(options))
    np.testing.assert_allclose(p.numpy(), from_predictions(X, Y, z, **options), atol=1e-15)


@pytest.mark.usefixtures("summed")
@pytest.mark.parametrize("hard", [True, False])
def test_gradients(hard: bool) -> None:
    x, y, weights = (t[:12].clone().requires_grad_() for t in tensors(X, Y, WEIGHTS))
    z = torch.from_numpy(HARD[:12]) if hard else torch.from_numpy(SOFT[:12])
    mask = torch.from_numpy(MASK[:12])

    def joint(x, y, weights):
        return fastpid.torch.from_predictions(
            x, y, z, num_classes=NZ, weights=weights, mask=mask, validate=False
        )

    inputs = (x, y, weights)
    assert torch.autograd.gradcheck(joint, inputs)
    assert torch.autograd.gradgradcheck(joint, inputs)

    def synergy(x, y):
        p = fastpid.torch.from_predictions(x, y, z, num_classes=NZ, logits=True)
        return fastpid.decompose(p, tol=1e-13, on_failure="ignore").synergy

    assert torch.autograd.gradcheck(synergy, (x, y), eps=1e-5, atol=1e-7, rtol=1e-5)


def test_batches() -> None:
    x, y = torch.rand(2, 5, 30, 3).softmax(-1), torch.rand(2, 5, 30, 4).softmax(-1)
    z = torch.randint(0, 5, (2, 5, 30))
    p = fastpid.torch.from_predictions(x, y, z, num_classes=5)
    assert p.shape == (2, 5, 3, 4, 5)
    one = fastpid.torch.from_predictions(x[1, 3], y[1, 3], z[1, 3], num_classes=5)
    torch.testing.assert_close(p[1, 3], one, rtol=0, atol=1e-15)
    assert fastpid.decompose(p).synergy.shape == (2, 5)


def test_what_is_masked_may_be_anything() -> None:
    x, y, z, mask = (t.clone() for t in tensors(X, Y, HARD, MASK))
    expected = fastpid.torch.from_predictions(x, y, z, mask=mask)
    x[~mask], z[~mask] = float("nan"), -100
    x.requires_grad_()
    p = fastpid.torch.from_predictions(x, y, z, num_classes=NZ, mask=mask)
    torch.testing.assert_close(p, expected, rtol=0, atol=0)
    fastpid.decompose(p).redundancy.backward()
    assert (x.grad[~mask] == 0.0).all()
    assert x.grad.isfinite().all()


def test_compiled_and_mapped() -> None:
    x, y, z = tensors(X, Y, HARD)

    def synergy(x, y, z):
        p = fastpid.torch.from_predictions(x, y, z, num_classes=NZ, logits=True)
        return fastpid.decompose(p).synergy

    expected = synergy(x, y, z)
    compiled = torch.compile(synergy, fullgraph=True, backend="aot_eager")
    assert compiled(x, y, z).item() == pytest.approx(expected.item(), abs=1e-12)
    mapped = torch.func.vmap(synergy)(*(t.expand(3, *t.shape) for t in (x, y, z)))
    torch.testing.assert_close(mapped, expected.expand(3), rtol=0, atol=1e-12)

    def weighed(weights):
        p = fastpid.torch.from_predictions(x, y, z, num_classes=NZ, logits=True, weights=weights)
        return fastpid.decompose(p).synergy

    mapped = torch.func.vmap(weighed)(torch.ones(3, N))  # nothing else is mapped
    torch.testing.assert_close(mapped, expected.expand(3), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="num_classes is needed"):
        fastpid.torch.from_predictions(x, y, z, validate=False)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"probs_x": torch.ones(N, NX, dtype=torch.int64)}, TypeError, "probs_x must be a float"),
        ({"probs_x": 2.0 * torch.from_numpy(X)}, ValueError, r"probs_x\[0\] sums to 2"),
        ({"probs_y": torch.from_numpy(-Y)}, ValueError, "negative entry"),
        ({"probs_y": torch.from_numpy(Y[:10])}, ValueError, "probs_y has samples of shape"),
        ({"probs_x": torch.rand(NX)}, ValueError, "must have shape"),
        ({"probs_x": torch.rand(0, NX)}, ValueError, "empty axis"),
        ({"probs_x": torch.from_numpy(X).to_sparse()}, TypeError, "must be dense"),
        ({"probs_x": X}, TypeError, "must be a torch.Tensor"),
        ({"z": torch.from_numpy(HARD) - 1}, ValueError, "labels from -1"),
        ({"z": torch.rand(N, NZ, requires_grad=True)}, ValueError, "z requires a gradient"),
        ({"num_classes": 2}, ValueError, "num_classes=2"),
        ({"num_classes": 2.0}, TypeError, "positive integer"),
        ({"z": torch.from_numpy(HARD).to(torch.complex64)}, TypeError, "integer labels"),
        ({"z": torch.from_numpy(HARD).double()}, ValueError, "hard labels"),
        ({"z": torch.from_numpy(SOFT) * 2}, ValueError, r"z\[0\] sums to 2"),
        ({"z": torch.from_numpy(SOFT), "num_classes": 2}, ValueError, "leave num_classes out"),
        ({"weights": torch.ones(N, dtype=torch.int64)}, TypeError, "weights must be a float"),
        ({"weights": -torch.ones(N)}, ValueError, r"weights\[0\] is -1"),
        ({"weights": torch.zeros(N)}, ValueError, "no samples are left"),
        (
            {"probs_x": torch.full((N, NX), torch.nan), "logits": True},
            ValueError,
            "logits that are NaN",
        ),
        ({"mask": torch.ones(N)}, TypeError, "mask must be a tensor of bool"),
        ({"mask": torch.zeros(N, dtype=torch.bool)}, ValueError, "no samples are left"),
        ({"weights": torch.ones(N, device="meta")}, ValueError, "weights is on meta"),
    ],
)
def test_torchs_bad_input(change, error, text) -> None:
    x, y, z = tensors(X, Y, HARD)
    arguments = {"probs_x": x, "probs_y": y, "z": z, **change}
    with pytest.raises(error, match=text):
        fastpid.torch.from_predictions(**arguments)
