"""PIDLoss of several sources: decompose_many()'s numbers and gradients of an averaged table."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")
PIDLoss, pid_loss = fastpid.torch.PIDLoss, fastpid.torch.pid_loss
CLASSES = 3
#: By the name of a quantity, how a decomposition is asked for it.
QUANTITIES = {
    "redundancy": lambda d: d.redundancy,
    "synergy": lambda d: d.synergy,
    "union_information": lambda d: d.union_information(),
    "union_information[2, 0]": lambda d: d.union_information((0, 2)),
    "union_information[1]": lambda d: d.union_information(1),
    "mi_joint": lambda d: d.mi_joint,
    "mi[2]": lambda d: d.mi[2],
    "unique[1]": lambda d: d.unique[1],
    "coverage[0,2]": lambda d: d.coverage[0, 2],
}
OBJECTIVE = {"redundancy": 0.7, "unique[0]": -1.3, "synergy": 1.1, "mi[1]": 0.4, "mi_joint": -0.2}


def batch(seed: int = 0, n: int = 70, shape: tuple[int, ...] = (4, 3, 2)):
    """Logits of classifiers that know something of the labels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randint(0, CLASSES, (n,), generator=generator)
    sources = []
    for i, symbols in enumerate(shape):
        logits = torch.randn(n, symbols, generator=generator, dtype=torch.float64)
        logits[torch.arange(n), (z + i) % symbols] += 1.0 + 0.3 * i
        sources.append(logits)
    return sources, z


def table(sources, z, weights=None):
    """The joint distribution, of probabilities, by its definition."""
    labels = torch.nn.functional.one_hot(z, CLASSES).double() if z.dim() == 1 else z
    if weights is not None:
        labels = labels * weights[:, None]
    letters = "abcde"[: len(sources)]
    spec = ",".join(f"i{letter}" for letter in letters) + f",iz->{letters}z"
    sums = torch.einsum(spec, *sources, labels)
    return sums / sums.sum()


def live(tensors):
    return [t.clone().requires_grad_() for t in tensors]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 3, 2, 2)], ids=str)
def test_one_batch_is_what_decompose_many_makes_of_its_table(quantity, shape) -> None:
    sources, z = batch(shape=shape)
    ours, theirs = live(sources), live(sources)
    loss = PIDLoss(quantity, num_classes=CLASSES, tol=1e-10)(ours, z)
    d = fastpid.decompose_many(table([t.softmax(-1) for t in theirs], z), tol=1e-10)
    expected = QUANTITIES[quantity](d)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-9)
    loss.backward()
    expected.backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 2, 2, 2)], ids=str)
def test_gradient_against_differences(shape, classes) -> None:
    sources, z = batch(shape=shape)
    options = {"objective": OBJECTIVE, "num_classes": classes, "tol": 1e-12}
    moving = live(sources)
    pid_loss(moving, z=z % classes, **options).backward()
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        directions = [torch.randn(t.shape, generator=generator).double() for t in sources]
        step = 1e-4
        above, below = (
            pid_loss([t + s * d for t, d in zip(sources, directions, strict=True)], z=z % classes,
                     **options).item()
            for s in (step, -step)
        )  # fmt: skip
        along = sum((t.grad * d).sum().item() for t, d in zip(moving, directions, strict=True))
        assert along == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-6)


def test_the_average_and_its_gradient() -> None:
    loss = PIDLoss(OBJECTIVE, num_classes=CLASSES, decay=0.75, tol=1e-11, unit="nats")
    sums = 0.0
    for step in range(4):
        sources, z = batch(step, n=50 + step)
        moving = live(sources)
        own = len(z) * table([t.softmax(-1) for t in moving], z)
        sums = 0.75 * sums + own
        value = loss(moving, z)
        d = fastpid.decompose_many(sums / sums.sum(), tol=1e-11, unit="nats")
        expected = sum(
            weight * QUANTITIES.get(name, lambda d: None)(d)
            for name, weight in OBJECTIVE.items()
            if name in QUANTITIES
        )
        expected = expected - 1.3 * d.unique[0] + 0.4 * d.mi[1]
        assert value.item() == pytest.approx(expected.item(), abs=1e-9)
        # Undamped: by the share that this batch has in the average.
        damped = (sums.sum() / own.sum()).item()
        theirs = torch.autograd.grad(expected, moving)
        value.backward()
        for t, grad in zip(moving, theirs, strict=True):
            torch.testing.assert_close(t.grad, damped * grad, rtol=0, atol=1e-6)
        sums = sums.detach()


@pytest.mark.parametrize("how", ["kernel", "torch", "soft labels"])
@pytest.mark.parametrize("logits", [True, False])
def test_weights_masks_probabilities_and_soft_labels(how, logits, monkeypatch) -> None:
    if how == "torch":
        from fastpid.torch._loss import tables

        monkeypatch.setattr(tables, "_FUSED", 0)
    sources, z = batch()
    generator = torch.Generator().manual_seed(2)
    weights = torch.rand(70, generator=generator).double()
    mask = torch.rand(70, generator=generator) > 0.3
    for t in sources:
        t[~mask] = torch.nan
    if not logits:
        sources = [t.softmax(-1) for t in sources]
    if how == "soft labels":
        z = torch.nn.functional.one_hot(z, CLASSES).double() * 0.8 + 0.2 / CLASSES
    ours, theirs = live(sources), live(t[mask] for t in sources)
    options = {"num_classes": CLASSES, "tol": 1e-10, "logits": logits}
    value = pid_loss(ours, z=z, objective=OBJECTIVE, weights=weights, mask=mask, **options)
    rows = [t.softmax(-1) if logits else t for t in theirs]
    joint = table(rows, z[mask], weights[mask])
    given = joint.detach().requires_grad_()
    d = fastpid.decompose_many(given, tol=1e-10)
    expected = 0.7 * d.redundancy - 1.3 * d.unique[0] + 1.1 * d.synergy
    expected = expected + 0.4 * d.mi[1] - 0.2 * d.mi_joint
    assert value.item() == pytest.approx(expected.item(), abs=1e-8)
    (by_joint,) = torch.autograd.grad(expected, given)
    joint.backward(by_joint)
    value.backward()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad[mask], other.grad, rtol=0, atol=1e-6)
        assert not one.grad[~mask].any()


def test_two_sources_in_a_sequence_are_the_two_sources() -> None:
    (x, y), z = batch(shape=(4, 3))
    names = {
        "mi_joint": "mi_xy", "mi[0]": "mi_x", "mi[1]": "mi_y", "unique[0]": "unique_x",
        "unique[1]": "unique_y", "coverage[0, 1]": "redundancy", "synergy": "synergy",
        "union_information[0, 1]": "union_information",
    }  # fmt: skip
    for indexed, named in names.items():
        ours, theirs = live((x, y)), live((x, y))
        one = pid_loss(ours, z=z, objective=indexed, num_classes=CLASSES)
        other = pid_loss(*theirs, z, named, num_classes=CLASSES)
        assert one.item() == pytest.approx(other.item(), abs=1e-15)
        one.backward()
        other.backward()
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_narrow_types(dtype) -> None:
    sources, z = batch()
    moving = [t.to(dtype).requires_grad_() for t in sources]
    value = pid_loss(moving, z=z, objective="synergy", num_classes=CLASSES)
    assert value.dtype == torch.float32
    value.backward()
    assert all(t.grad.dtype == dtype and t.grad.any() for t in moving)


def test_state_evaluation_and_changes_of_shape(tmp_path) -> None:
    one, other = (PIDLoss("synergy", num_classes=CLASSES, tol=1e-6) for _ in range(2))
    assert one.decomposition is None
    for step in range(3):
        one(*batch(step))
    torch.save(one.state_dict(), tmp_path / "state.pt")
    other(*batch(9))
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other(*batch(3)) == one(*batch(3))
    d = one.decomposition
    assert isinstance(d, fastpid.ManyDecomposition)
    assert d.synergy == pytest.approx(one.eval()(*batch(3)).item(), abs=0.2)
    before = one.state_dict()["_extra_state"]["sums"]
    fresh = pid_loss(*batch(4)[:1], z=batch(4)[1], objective="synergy", num_classes=CLASSES)
    assert one(*batch(4)).item() == pytest.approx(fresh.item(), abs=1e-3)
    assert torch.equal(one.state_dict()["_extra_state"]["sums"], before)
    one.train()
    one(*batch(5, shape=(2, 3, 2)))
    assert one.state_dict()["_extra_state"]["sums"].shape == (2, 3, 2, CLASSES)
    pair, z = batch(6, shape=(4, 3))
    assert one(pair, z).item() == pytest.approx(one(*pair, z).item(), abs=1.0)
    assert isinstance(one.decomposition, fastpid.Decomposition)
    with pytest.raises(ValueError, match="load that of the same model"):
        one.set_extra_state({**one.get_extra_state(), "sums": before})


def test_more_sources_than_there_are_sets_for() -> None:
    """Six sources: the objective's own sets are solved, and no others."""
    sources, z = batch(shape=(2,) * 6)
    loss = PIDLoss({"unique[5]": -1.0, "synergy": 1.0}, num_classes=CLASSES, tol=1e-6)
    value = loss(live(sources), z)
    probs = [t.softmax(-1).numpy() for t in sources]
    joint = fastpid.joint.from_many_predictions(probs, z.numpy(), num_classes=CLASSES)
    d = fastpid.decompose_many(joint, subsets="leave_one_out", tol=1e-8)
    assert value.item() == pytest.approx(d.synergy - d.unique[5], abs=2e-6)
    assert loss.decomposition.synergy == pytest.approx(d.synergy, abs=2e-6)
    value.backward()


def test_what_does_not_converge_is_told(monkeypatch) -> None:
    from fastpid.torch._loss import many

    def give_up(*arguments):
        solved = solve_unions(*arguments)
        solved.status[:] = fastpid.Status.MAX_ITERATIONS.code
        return solved

    solve_unions = many.solve_unions
    monkeypatch.setattr(many, "solve_unions", give_up)
    sources, z = batch()
    options = {"objective": "synergy", "num_classes": CLASSES}
    with pytest.warns(fastpid.ConvergenceWarning, match=r"sources \(0, 1, 2\)"):
        pid_loss(sources, z=z, **options)
    with pytest.raises(fastpid.ConvergenceError) as failed:
        pid_loss(sources, z=z, on_failure="raise", **options)
    assert failed.value.result.n_sources == 3
    assert pid_loss(sources, z=z, on_failure="ignore", **options).isfinite()


SOURCES, Z = batch()
NAN = [t.clone() for t in SOURCES]
NAN[2][7, 1] = torch.nan
LARGE = [torch.zeros(4, 100), torch.zeros(4, 100), torch.zeros(4, 1000)]
BAD_CALLS = [
    ((NAN, Z), {}, ValueError, r"x\[2\]\[7\] has logits .*NaN"),
    ((SOURCES, Z + 1), {}, ValueError, "labels from 1 to 3 for num_classes=3"),
    ((SOURCES[:1], Z), {}, ValueError, "sequence of 1 predictions"),
    ((SOURCES,), {}, TypeError, "behind a sequence of predictions come the labels"),
    ((SOURCES, Z, Z), {}, TypeError, "behind a sequence of predictions come the labels"),
    (tuple(SOURCES[:2]), {}, TypeError, "the labels are missing"),
    (([SOURCES[0], SOURCES[1][:9], SOURCES[2]], Z), {}, ValueError, r"x\[1\] has samples"),
    (([*SOURCES[:2], SOURCES[2][:, 0]], Z), {}, ValueError, r"shape \(n, symbols\)"),
    (([*SOURCES[:2], SOURCES[2].long()], Z), {}, TypeError, r"x\[2\] must be a floating-point"),
    ((LARGE, Z[:4]), {}, ValueError, "100 x 100 x 1000 x 3 symbols has 3e.07 cells"),
    ((SOURCES, Z), {"mask": torch.zeros(70, dtype=torch.bool)}, ValueError, "no samples are left"),
]


@pytest.mark.parametrize(("arguments", "options", "error", "text"), BAD_CALLS)
def test_bad_input_is_named_and_the_state_unharmed(arguments, options, error, text) -> None:
    loss = PIDLoss("synergy", num_classes=CLASSES)
    loss(*batch(0))
    before = loss.state_dict()["_extra_state"]["sums"]
    with pytest.raises(error, match=text):
        loss(*arguments, **options)
    assert torch.equal(loss.state_dict()["_extra_state"]["sums"], before)
    assert loss(*batch(1)).isfinite()


@pytest.mark.parametrize("how", ["torch", "soft labels"])
def test_bad_input_is_named_by_the_operators_of_torch(how, monkeypatch) -> None:
    from fastpid.torch._loss import tables

    monkeypatch.setattr(tables, "_FUSED", 0)
    z = Z if how == "torch" else torch.nn.functional.one_hot(Z, CLASSES).double()
    options = {"objective": "synergy", "num_classes": CLASSES}
    with pytest.raises(ValueError, match=r"x\[2\]\[7\] has logits .*NaN"):
        pid_loss(NAN, z=z, **options)
    with pytest.raises(ValueError, match=r"x\[0\]\[0\].* sums to"):
        pid_loss([t.exp() for t in SOURCES], z=z, logits=False, **options)
    with pytest.raises(ValueError, match="no samples are left"):
        pid_loss(SOURCES, z=z, weights=torch.zeros(70), **options)
    bad = Z + 1 if how == "torch" else 2.0 * z
    with pytest.raises(ValueError, match=r"labels from 1 to 3|z\[0\] sums to 2"):
        pid_loss(SOURCES, z=bad, **options)


@pytest.mark.parametrize(
    ("objective", "error", "text"),
    [
        ("unique_x", ValueError, "'unique_x', which is of two sources; of 3"),
        ("mi_xy", ValueError, "'mi_xy', which is of two sources"),
        ("unique[3]", ValueError, r"'unique\[3\]', which names a source that there is not"),
        ("unique[0, 1]", ValueError, "unknown quantity"),
        ("coverage[1, 1]", ValueError, "unknown quantity"),
        ("synergy[0]", ValueError, "unknown quantity"),
        ("unique[-1]", ValueError, "unknown quantity"),
    ],
)
def test_bad_objectives(objective, error, text) -> None:
    with pytest.raises(error, match=text):
        PIDLoss(objective, num_classes=CLASSES)(*batch(0))


def test_redundancy_of_three_can_be_trained_away() -> None:
    """Three classifiers that say the same are made to say different things, or left to it."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randint(0, 8, (256,), generator=generator)
    features = torch.nn.functional.one_hot(z, 8).double()
    start = 0.1 * torch.randn(3, 8, 2, generator=generator).double()
    start[:, :4, 0] += 4.0
    start[:, 4:, 1] += 4.0
    informative = {f"mi[{i}]": -0.5 for i in range(3)}
    found = []
    for objective in (informative, {"redundancy": 1.0, **informative}):
        heads = start.clone().requires_grad_()
        loss = PIDLoss(objective, num_classes=8)
        optimizer = torch.optim.Adam([heads], lr=0.1)
        for _ in range(80):
            optimizer.zero_grad()
            loss([features @ head for head in heads], z).backward()
            optimizer.step()
        found.append(loss.decomposition)
    without, trained = found
    assert without.redundancy > 0.9
    assert without.mi_joint < 1.1
    assert trained.redundancy < 0.01
    assert trained.mi_joint > 2.0
    assert np.all(np.array(trained.mi) > 0.8)
