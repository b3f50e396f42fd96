"""PIDLoss: decompose()'s numbers and gradients of an averaged table, from start to start."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from process_group import run_in_two

import fastpid
from fastpid._base.quantities import QUANTITIES

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
PIDLoss, pid_loss = fastpid.torch.PIDLoss, fastpid.torch.pid_loss
LN2 = float(np.log(2.0))


def batch(seed: int = 0, n: int = 60, sharp: float = 1.0, shape: tuple[int, int, int] = (4, 3, 3)):
    """Logits of two classifiers that know something of the labels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    nx, ny, nz = shape
    z = torch.randint(0, nz, (n,), generator=generator)
    x = torch.randn(n, nx, generator=generator, dtype=torch.float64)
    y = torch.randn(n, ny, generator=generator, dtype=torch.float64)
    x[torch.arange(n), z % nx] += sharp
    y[torch.arange(n), (z + 1) % ny] += sharp
    return x, y, z


def table(x, y, z, **options):
    return fastpid.torch.from_predictions(x, y, z, num_classes=3, logits=True, **options)


OBJECTIVE = {"redundancy": 0.7, "unique_x": -1.3, "unique_y": 0.2, "synergy": 1.1, "mi_x": 0.4}


def of(d) -> float:
    return sum(weight * getattr(d, name) for name, weight in OBJECTIVE.items())


@pytest.mark.parametrize("objective", QUANTITIES)
@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_one_batch_is_what_decompose_makes_of_its_table(objective: str, unit: str) -> None:
    x, y, z = batch()
    ours, theirs = ([t.clone().requires_grad_() for t in (x, y)] for _ in range(2))
    loss = PIDLoss(objective, num_classes=3, tol=1e-10, unit=unit)(*ours, z)
    d = fastpid.decompose(table(*theirs, z), tol=1e-10, unit=unit)
    expected = getattr(d, objective)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
    loss.backward()
    expected.backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize("how", ["kernel", "torch", "soft labels"])
@pytest.mark.parametrize("logits", [True, False])
def test_weights_masks_probabilities_and_soft_labels(how: str, logits: bool, monkeypatch) -> None:
    if how == "torch":
        from fastpid.torch._loss import tables

        monkeypatch.setattr(tables, "_FUSED", 0)
    x, y, z = batch()
    weights, mask = torch.rand(60, dtype=torch.float64), torch.rand(60) > 0.3
    x[~mask] = torch.nan
    if not logits:
        x, y = x.softmax(-1), y.softmax(-1)
    if how == "soft labels":
        z = torch.nn.functional.one_hot(z, 3) * 0.8 + 0.2 / 3
    options = {"weights": weights, "mask": mask, "logits": logits}
    ours, theirs = ([t.clone().requires_grad_() for t in (x, y)] for _ in range(2))
    value = pid_loss(*ours, z, OBJECTIVE, num_classes=3, tol=1e-10, **options)
    joint = fastpid.torch.from_predictions(*theirs, z, num_classes=3, **options)
    expected = of(fastpid.decompose(joint, tol=1e-10))
    assert value.item() == pytest.approx(expected.item(), abs=1e-8)
    value.backward()
    expected.backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad[mask], other.grad[mask], rtol=0, atol=1e-6)
        assert not one.grad[~mask].any()


def test_the_average_and_its_gradient() -> None:
    """The value is that of the averaged table, and the gradient that of its last batch times
    what an average damps it by."""
    loss = PIDLoss(OBJECTIVE, num_classes=3, decay=0.75, tol=1e-11)
    sums = 0.0
    for step in range(6):
        x, y, z = batch(step, n=40 + step)
        x.requires_grad_()
        sums = 0.75 * sums + len(z) * table(x, y, z).detach()
        value = loss(x, y, z)
        d = fastpid.decompose((sums / sums.sum()).numpy(), tol=1e-11)
        assert value.item() == pytest.approx(of(d), abs=1e-9)
    value.backward()

    def moved(by):
        now = 0.75 * before + len(z) * table(x.detach() + by, y, z)
        return of(fastpid.decompose((now / now.sum()).numpy(), tol=1e-12))

    before = (sums - len(z) * table(x, y, z).detach()) / 0.75
    damped = (sums.sum() / len(z)).item()
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
        step = 1e-4 * direction
        difference = (moved(step) - moved(-step)) / 2e-4 * damped
        assert (x.grad * direction).sum().item() == pytest.approx(difference, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.9])
@pytest.mark.parametrize("tol", [1e-3, 1e-7])
def test_every_start_gives_the_same_answer_to_the_tolerance(decay: float, tol: float) -> None:
    """Batches that differ, classes that come and go, predictions that grow certain."""
    loss = PIDLoss("union_information", num_classes=5, decay=decay, tol=tol)
    for step in range(60):
        x, y, z = batch(step, n=50, sharp=0.3 * step, shape=(6, 7, 5))
        if step % 7 == 3:
            x, y, z = (t[z != step % 5] for t in (x, y, z))
        loss(x, y, z)
        warm = loss.decomposition
        sums = loss.state_dict()["_extra_state"]["sums"].numpy()
        cold = fastpid.decompose(sums / sums.sum(), tol=1e-10)
        assert warm.converged
        assert warm.gap <= tol
        # Both brackets are true.
        assert warm.lower <= cold.upper + 1e-12
        assert cold.lower <= warm.upper + 1e-12
        # The potentials are feasible, and the bound that they prove is within the tolerance.
        lam, mu = warm.potentials
        constraint = np.logaddexp.reduce(lam[:, None] + mu[None], axis=-1)
        assert constraint.max() <= 1e-12
        p = sums / sums.sum()
        p_z = p.sum((0, 1))
        h_z = -np.sum(p_z[p_z > 0] * np.log(p_z[p_z > 0]))
        proved = (h_z + (p.sum(1) * lam).sum() + (p.sum(0) * mu).sum()) / LN2
        assert proved <= cold.upper + 1e-9
        if warm.iterations > 0 or warm.method == "gradient":
            assert proved >= cold.lower - tol - 1e-9


def test_a_table_that_hardly_moves_costs_no_iterations() -> None:
    loss = PIDLoss("redundancy", num_classes=5, tol=1e-3, decay=0.98)
    iterations = []
    for step in range(40):
        loss(*batch(step, n=400, shape=(6, 7, 5)))
        iterations.append(loss.decomposition.iterations)
    assert iterations[0] > 0
    assert np.mean(np.array(iterations[20:]) == 0) >= 0.5


def test_start_of_pairs_that_have_died_out() -> None:
    """Two classifiers that agree, then disagree: pairs without mass in S have to come back."""
    loss = PIDLoss("synergy", num_classes=4, decay=0.0, tol=1e-6)
    eye = 40.0 * torch.eye(4, dtype=torch.float64)
    z = torch.arange(64) % 4
    loss(eye[z], eye[z], z)
    loss(eye[z], eye[(z + torch.arange(64) // 16) % 4] * 0.05, z)
    x, y, z = batch(1, n=64, shape=(4, 4, 4))
    value = loss(x, y, z)
    joint = fastpid.torch.from_predictions(x, y, z, num_classes=4, logits=True)
    assert value.item() == pytest.approx(fastpid.decompose(joint).synergy.item(), abs=1e-6)


def test_evaluation_remembers_nothing() -> None:
    loss = PIDLoss("synergy", num_classes=3, tol=1e-9)
    loss(*batch(0))
    state = loss.state_dict()["_extra_state"]
    loss.eval()
    value = loss(*batch(1))
    assert value.item() == pytest.approx(
        pid_loss(*batch(1), "synergy", num_classes=3, tol=1e-9).item(), abs=1e-9
    )
    after = loss.state_dict()["_extra_state"]
    assert all(torch.equal(state[name], after[name]) for name in state)


def test_state_dict_round_trip(tmp_path: Path) -> None:
    one, other = (PIDLoss(OBJECTIVE, num_classes=3) for _ in range(2))
    for step in range(3):
        one(*batch(step))
    torch.save(one.state_dict(), tmp_path / "state.pt")
    other(*batch(9))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other(*batch(3)) == one(*batch(3))
    assert other.decomposition.iterations == one.decomposition.iterations
    other.load_state_dict(PIDLoss("synergy", num_classes=3).state_dict())
    assert other.state_dict()["_extra_state"] == {}


def test_a_change_of_shape_and_reset_begin_anew() -> None:
    loss = PIDLoss("synergy", num_classes=3, tol=1e-9)
    loss(*batch(0))
    fresh = pid_loss(*batch(1, shape=(5, 3, 3)), "synergy", num_classes=3, tol=1e-9).item()
    assert loss(*batch(1, shape=(5, 3, 3))).item() == pytest.approx(fresh, abs=1e-9)
    loss(*batch(2, shape=(5, 3, 3)))
    loss.reset()
    assert loss(*batch(1, shape=(5, 3, 3))).item() == pytest.approx(fresh, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_narrow_types(dtype) -> None:
    x, y, z = batch()
    x, y = x.to(dtype).requires_grad_(), y.to(dtype).requires_grad_()
    value = pid_loss(x, y, z, "synergy", num_classes=3)
    assert value.dtype == torch.float32
    value.backward()
    assert x.grad.dtype == y.grad.dtype == dtype
    assert x.grad.any()


# torch's own forward mode compiles its rules by what newer torches deprecate.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_forward_mode_and_second_derivatives() -> None:
    x, y, z = batch()
    x.requires_grad_()
    loss = PIDLoss(OBJECTIVE, num_classes=3)
    value = loss(x, y, z)
    (grad,) = torch.autograd.grad(value, x)
    tangent = torch.randn_like(x)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x.detach(), tangent)
        out = pid_loss(dual, y, z, OBJECTIVE, num_classes=3)
        change = torch.autograd.forward_ad.unpack_dual(out).tangent
    assert change.item() == pytest.approx((grad * tangent).sum().item(), rel=1e-9)
    with pytest.raises(RuntimeError, match="differentiated twice"):
        torch.autograd.grad(loss(x, y, z), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"transform of torch\.func"):
        torch.func.grad(lambda logits: loss(logits, y, z))(x.detach())
    with pytest.raises(RuntimeError, match=r"transform of torch\.func"):
        torch.func.vmap(lambda logits: loss(logits, y, z))(x.detach()[None])


# Dynamo looks at the gradient of every tensor that crosses a break.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compiled_code_calls_it_and_fake_tensors_do_no_harm() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    x, y, z = batch()
    x.requires_grad_()
    loss, plain = PIDLoss(OBJECTIVE, num_classes=3), PIDLoss(OBJECTIVE, num_classes=3)
    compiled = torch.compile(lambda x: 2.0 * loss(x * 1.0, y, z), backend="aot_eager")
    value = compiled(x)
    assert value.item() == pytest.approx(2.0 * plain(x, y, z).item(), rel=1e-12)
    value.backward()
    assert x.grad.any()
    before = loss.state_dict()["_extra_state"]
    assert loss(x.to("meta"), y.to("meta"), z.to("meta")).is_meta
    mode = FakeTensorMode()
    fake = [mode.from_tensor(t.detach()) for t in (x, y, z)]
    with mode:
        assert loss(*fake).shape == ()
    after = loss.state_dict()["_extra_state"]
    assert all(torch.equal(before[name], after[name]) for name in before)


X, Y, Z = batch()
NAN = X.clone()
NAN[7, 2] = torch.nan
BAD_CALLS = [
    ((NAN, Y, Z), ValueError, r"x\[7\] has logits .*NaN"),
    ((X, X.new_full((60, 3), -torch.inf), Z), ValueError, r"y\[0\] has logits .*no finite largest"),
    ((X, Y, Z + 1), ValueError, r"labels from 1 to 3 for num_classes=3"),
    ((X, Y, Z - 1), ValueError, r"labels from -1"),
    ((X, Y[:9], Z), ValueError, r"y has samples of shape \(9,\), but x has \(60,\)"),
    ((X, Y, Z[:9]), ValueError, r"z has samples of shape"),
    ((X[None], Y[None], Z[None]), ValueError, r"shape \(n, symbols\)"),
    ((X.long(), Y, Z), TypeError, r"x must be a floating-point tensor"),
    ((X, Y.to("meta"), Z), ValueError, r"y is on meta, but x is on cpu"),
    ((X.numpy(), Y, Z), TypeError, r"x must be a torch.Tensor"),
    ((X[:0], Y[:0], Z[:0]), ValueError, r"empty axis"),
]


@pytest.mark.parametrize(("arguments", "error", "text"), BAD_CALLS)
def test_bad_input_is_named_and_the_state_unharmed(arguments, error, text) -> None:
    loss = PIDLoss("synergy", num_classes=3)
    loss(*batch(0))
    before = loss.state_dict()["_extra_state"]
    with pytest.raises(error, match=text):
        loss(*arguments)
    after = loss.state_dict()["_extra_state"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert loss(*batch(1)).isfinite()


def test_what_is_no_distribution_or_no_weight_is_named() -> None:
    with pytest.raises(ValueError, match=r"x\[0\].* sums to"):
        pid_loss(X.exp(), Y.softmax(-1), Z, "synergy", num_classes=3, logits=False)
    nothing = torch.zeros(60, dtype=torch.bool)
    with pytest.raises(ValueError, match="no samples are left"):
        pid_loss(X, Y, Z, "synergy", num_classes=3, mask=nothing)
    with pytest.raises(ValueError, match=r"weights\[0\] is -1"):
        pid_loss(X, Y, Z, "synergy", num_classes=3, weights=-torch.ones(60))


@pytest.mark.parametrize(
    ("objective", "options", "error", "text"),
    [
        ("synergie", {}, ValueError, "unknown quantity 'synergie'"),
        ({}, {}, ValueError, "objective is empty"),
        ([1.0], {}, TypeError, "mapping of names to weights"),
        ({"synergy": float("nan")}, {}, ValueError, r"objective\['synergy'\]"),
        ("synergy", {"decay": 1.0}, ValueError, "decay must be below 1"),
        ("synergy", {"decay": -0.1}, ValueError, "decay must be from 0 to 1"),
        ("synergy", {"tol": 0.0}, ValueError, "tol must be positive"),
        ("synergy", {"num_classes": 0}, ValueError, "num_classes must be between"),
        ("synergy", {"logits": 1}, TypeError, "logits must be True or False"),
    ],
)
def test_bad_options(objective, options, error, text) -> None:
    with pytest.raises(error, match=text):
        PIDLoss(objective, **{"num_classes": 3, **options})


def test_bad_states() -> None:
    loss = PIDLoss("synergy", num_classes=3)
    loss(*batch(0))
    good = loss.get_extra_state()
    other = PIDLoss("synergy", num_classes=5)
    with pytest.raises(ValueError, match="load that of the same model"):
        other.set_extra_state(good)
    for bad in ({"sums": good["sums"]}, 3, {**good, "s": good["s"][:, 1:]}):
        with pytest.raises(ValueError, match="state of a PIDLoss"):
            loss.set_extra_state(bad)
    with pytest.raises(ValueError, match="finite numbers"):
        loss.set_extra_state({**good, "lam": good["lam"] * torch.nan})
    assert torch.equal(loss.get_extra_state()["sums"], good["sums"])


#: Two processes with samples of their own, whose loss is that of all of them.
_TRAIN = """
import torch
import fastpid

torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(5, 8).double())
x = torch.randn(3, 80, 5).double()
z = torch.arange(80) % 4
loss = fastpid.torch.PIDLoss({"redundancy": 1.0, "synergy": -0.5}, num_classes=4, tol=1e-9)
for step in range(3):
    logits = model(x[step][rank::2])
    model.zero_grad()
    value = loss(logits[:, :4], logits[:, 4:], z[rank::2])
    value.backward()
parts = [logits.detach()[:, :3], logits.detach()[:, 3:5], logits.detach()[:, 5:]]
several = fastpid.torch.PIDLoss("synergy", num_classes=4, tol=1e-9)(parts, z[rank::2])
try:
    loss(logits[:, :4] * (float("nan") if rank else 1.0), logits[:, 4:], z[rank::2])
except ValueError as error:
    text = str(error)
torch.save((value.detach(), model.module.weight.grad, several, text), f"{folder}/{rank}.pt")
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_processes_share_one_table(tmp_path: Path) -> None:
    assert run_in_two(_TRAIN, tmp_path) == [0, 0]
    (first, grad, several, one), (second, same, again, other) = (
        torch.load(tmp_path / f"{rank}.pt") for rank in range(2)
    )
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 8).double()
    x = torch.randn(3, 80, 5).double()
    z = torch.arange(80) % 4
    loss = PIDLoss({"redundancy": 1.0, "synergy": -0.5}, num_classes=4, tol=1e-9)
    for step in range(3):
        logits = model(x[step])
        model.zero_grad()
        value = loss(logits[:, :4], logits[:, 4:], z)
        value.backward()
    parts = [logits.detach()[:, :3], logits.detach()[:, 3:5], logits.detach()[:, 5:]]
    together = pid_loss(parts, z=z, objective="synergy", num_classes=4, tol=1e-9)
    assert several == again
    assert several.item() == pytest.approx(together.item(), abs=2e-9)
    assert first == second
    assert first.item() == pytest.approx(value.item(), abs=1e-9)
    assert torch.equal(grad, same)
    torch.testing.assert_close(grad, model.weight.grad, rtol=0, atol=1e-6)
    assert "another process" in one
    assert "NaN" in other
