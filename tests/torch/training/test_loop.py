"""The controller in torch's loops: freezing, checkpoints, several processes, logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from process_group import run_in_two

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402
from two_views import (  # noqa: E402
    NAMES,
    K,
    Model,
    batches_of,
    changed,
    controlled,
    copy_of,
    data,
    hard,
    prepare,
    show,
    unimodal_epoch,
)

from fastpid.controller import AsyncController  # noqa: E402
from fastpid.torch.training import AsyncTraining, tensorboard_logger  # noqa: E402


def test_batches_follow_the_steps() -> None:
    _, _, training = prepare()
    loader = batches_of(*data())
    assert [names for _, names in training.batches(loader)] == [NAMES] * 6
    show(training, 0.9, 0.2)
    training.decide(0)
    given = list(training.batches(loader))
    assert [names for _, names in given] == [("video",)] * 12
    # Two passes over the data, rather than every batch twice.
    assert [batch[1] is loader[i % 6][1] for i, (batch, _) in enumerate(given)] == [True] * 12


def test_three_modalities_go_half_a_pass_further() -> None:
    nets = {name: nn.Linear(4, K) for name in "abc"}
    training = AsyncTraining(AsyncController(nets, num_classes=K, criterion="pid"), nets)
    y = np.arange(900) % K
    shares = {"a": 0.9, "b": 0.3, "c": 0.3}
    outputs = {name: hard(share, y, i) for i, (name, share) in enumerate(shares.items())}
    training.observe(outputs, torch.from_numpy(y))
    assert training.decide(0).shares == {"a": 0.0, "b": 1.5, "c": 1.5}
    assert [names for _, names in training.batches([0] * 10)] == [("b", "c")] * 15
    # Half passes of 5 batches are 2 and 3 of them: together as many steps as ever.
    assert sum(len(names) for _, names in training.batches([0] * 5)) == 15
    with pytest.raises(TypeError, match="loader must have a length"):
        list(training.batches(iter([0])))


def test_who_is_held_is_frozen_and_thawed() -> None:
    model, optimizer, training = prepare(patience=9)
    model.encoders["audio"].bias.requires_grad_(False)  # frozen by its owner before
    _, _, training = prepare(model, patience=9)
    loader = batches_of(*data())
    unimodal_epoch(model, optimizer, training, loader)
    show(training, 0.9, 0.2)
    assert training.decide(0).active == ("video",)
    assert not any(p.requires_grad for p in model.encoders["audio"].parameters())
    assert all(p.grad is None for p in model.heads["audio"].parameters())
    before = copy_of(model)
    unimodal_epoch(model, optimizer, training, loader)
    assert changed(model, before) == {"encoders.video", "heads.video"}
    show(training, 0.2, 0.9)
    assert training.decide(1).active == ("audio",)
    before = copy_of(model)
    unimodal_epoch(model, optimizer, training, loader)
    assert changed(model, before) == {"encoders.audio", "heads.audio"}
    assert model.encoders["audio"].weight.requires_grad
    assert not model.encoders["audio"].bias.requires_grad


def test_joint_training_starts_from_the_state_at_the_peak() -> None:
    model, optimizer, training = prepare(patience=2)
    loader = batches_of(*data())
    states = []
    for epoch, share in enumerate((0.3, 0.7, 0.97, 0.99)):
        unimodal_epoch(model, optimizer, training, loader)
        moments = [s["exp_avg"].clone() for s in optimizer.state.values()]
        states.append((copy_of(model), moments))
        show(training, share, share)
        decision = training.decide(epoch)
    assert decision.start_joint
    assert decision.restore_epochs == dict.fromkeys(NAMES, 1)
    assert changed(model, states[1][0]) == set()
    assert changed(model, states[3][0])
    restored = [s["exp_avg"] for s in optimizer.state.values()]
    assert all(torch.equal(a, b) for a, b in zip(restored, states[1][1], strict=True))
    assert training.phase == "joint"
    assert all(p.requires_grad for p in model.parameters())
    before = copy_of(model)
    for views, y in loader:
        optimizer.zero_grad()
        cross_entropy(model(views), y).backward()
        optimizer.step()
    assert {"encoders.audio", "encoders.video", "fusion.weight"} <= changed(model, before)


def test_the_peak_is_restored_after_resuming() -> None:
    model, optimizer, training = prepare(patience=2)
    loader = batches_of(*data())
    for epoch, share in enumerate((0.3, 0.7, 0.97)):
        unimodal_epoch(model, optimizer, training, loader)
        if epoch == 1:
            peak = copy_of(model)
        show(training, share, share)
        training.decide(epoch)
    state = training.state_dict()
    other, _, resumed = prepare(Model(), patience=2)
    resumed.load_state_dict(state)
    show(resumed, 0.99, 0.99)
    assert resumed.decide(3).restore_epochs == dict.fromkeys(NAMES, 1)
    assert changed(other, peak) == set()


@pytest.mark.parametrize("resumed", [False, True])
def test_each_modality_goes_back_to_its_own_best(resumed: bool) -> None:
    nets = {name: nn.Linear(4, K) for name in NAMES}
    both, fusion = nn.ModuleDict(nets), nn.Linear(8, K)
    y = torch.arange(300) % K

    def prepared() -> AsyncTraining:
        both.requires_grad_(True)
        c = AsyncController(NAMES, num_classes=K, patience=2, max_epochs=5)
        return AsyncTraining(c, nets, keep={"both": both}, fusion=fusion)

    training = prepared()
    trusts = {"audio": (0.2, 0.5, 0.4, 0.3, 0.5), "video": (0.2, 0.3, 0.4, 0.5, 0.4)}
    for epoch in range(5):
        for name in training.active:
            nn.init.constant_(nets[name].weight, epoch)
        nn.init.constant_(fusion.weight, epoch)
        right = torch.eye(K)[y]
        training.observe({n: t[epoch] * right + (1 - t[epoch]) / K for n, t in trusts.items()}, y)
        if resumed:
            state = training.state_dict()
            training = prepared()
            training.load_state_dict(state)
        decision = training.decide(epoch)
        if epoch == 3:  # two observations past its best
            assert decision.restore_epochs == {"audio": 1}
            assert (nets["audio"].weight == 1).all()
            assert (nets["video"].weight == 3).all()
            assert (fusion.weight == 1).all()
    assert decision.restore_epochs == {"audio": 1, "video": 3}
    assert (nets["audio"].weight == 1).all()
    assert (nets["video"].weight == 3).all()
    assert (fusion.weight == 4).all()


@pytest.mark.parametrize("options", [{"fusion": "late"}, {"keep": {"optimizer": [0.1]}}])
def test_what_has_no_state_cannot_be_kept(options) -> None:
    nets = {name: nn.Linear(4, K) for name in NAMES}
    title = "fusion" if "fusion" in options else r"keep\['optimizer'\]"
    with pytest.raises(TypeError, match=f"{title} must have state_dict.*got (str|list)"):
        AsyncTraining(AsyncController(NAMES, num_classes=K), nets, **options)


def test_a_state_with_a_fusion_is_of_a_training_with_one() -> None:
    nets, fusion = {name: nn.Linear(4, K) for name in NAMES}, nn.Linear(8, K)

    def prepared(**options) -> AsyncTraining:
        return AsyncTraining(AsyncController(NAMES, num_classes=K), nets, **options)

    trainings = [prepared(fusion=fusion), prepared()]
    for training in trainings:
        show(training, 0.9, 0.2)
        training.decide(0)
    for training, other in (trainings, trainings[::-1]):
        before = training.state_dict()
        with pytest.raises(ValueError, match="pass `fusion` where it was passed then"):
            training.load_state_dict(other.state_dict())
        assert training.state_dict()["kept"] is before["kept"]


def test_who_was_held_is_still_frozen_after_resuming() -> None:
    _, _, training = prepare()
    show(training, 0.9, 0.2)
    training.decide(0)
    model, _, resumed = prepare(Model())
    resumed.load_state_dict(training.state_dict())
    assert not any(p.requires_grad for p in model.encoders["audio"].parameters())
    assert all(p.requires_grad for p in model.encoders["video"].parameters())


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_what_is_shared_is_frozen_while_all_are_held(names) -> None:
    shared = nn.Linear(5, 4)
    own = {name: nn.Linear(4, K) for name in names}
    modules = {name: nn.ModuleList([shared, own[name]]) for name in names}
    training = AsyncTraining(AsyncController(names, num_classes=K, criterion="pid"), modules)
    show(training, 0.9, 0.2)
    assert training.decide(0).active == ("video",)
    assert shared.weight.requires_grad
    assert not own["audio"].weight.requires_grad


def test_a_step_in_inference_mode_leaves_what_can_be_trained() -> None:
    model, optimizer, training = prepare(patience=2)
    loader = batches_of(*data())
    for epoch, share in enumerate((0.3, 0.7, 0.97, 0.99)):
        unimodal_epoch(model, optimizer, training, loader)
        with torch.inference_mode():
            show(training, share, share)
            training.decide(epoch)
    assert training.phase == "joint"
    views, y = loader[0]
    optimizer.zero_grad()
    cross_entropy(model(views), y).backward()
    optimizer.step()


def whole_run(path: Path | None, stop: int, **options):
    """Train six epochs; at `stop`, save everything and go on from the file with new objects."""
    loader, (views, y) = batches_of(*data()), data(seed=1)
    model, optimizer, training = prepare(**options)
    for epoch in range(6):
        if path is not None and epoch == stop:
            state = (model.state_dict(), optimizer.state_dict(), training.state_dict())
            torch.save(state, path)
            model, optimizer, training = prepare(Model(), **options)
            # weights_only is what torch.load does by default.
            for part, saved in zip((model, optimizer, training), torch.load(path), strict=True):
                part.load_state_dict(saved)
        if training.phase == "joint":
            for batch, labels in loader:
                optimizer.zero_grad()
                cross_entropy(model(batch), labels).backward()
                optimizer.step()
        else:
            unimodal_epoch(model, optimizer, training, loader)
        with torch.no_grad():
            outputs = {name: model.alone(name, views[name]) for name in NAMES}
            training.observe(outputs, y, logits=True)
        training.decide(epoch)
    return model, training


@pytest.mark.parametrize("stop", [1, 2, 4, 5])
def test_a_run_that_is_resumed_is_the_same(tmp_path: Path, stop: int) -> None:
    expected, first = whole_run(None, stop, max_epochs=4)
    model, second = whole_run(tmp_path / "state.pt", stop, max_epochs=4)
    assert changed(model, copy_of(expected)) == set()
    assert second.controller.history == first.controller.history
    assert any(d.start_joint for d in first.controller.history)
    # Audio learns fast and is held back, as it says so much more.
    assert any(d.active == ("video",) for d in first.controller.history)


def test_a_strange_state_changes_nothing() -> None:
    _, _, training = prepare()
    show(training, 0.9, 0.2)
    training.decide(0)
    before = training.state_dict()
    other = AsyncTraining(controlled(patience=1, max_epochs=6), Model().modules_of())
    show(other, 0.5, 0.5)
    other.decide(0)
    for state, text in (
        ({}, r"state must be the state_dict\(\) of an AsyncTraining"),
        (other.state_dict(), "pass the same keep"),
        ({**before, "controller": controlled(patience=7).state_dict()}, "patience is 7"),
        ({**before, "passes_left": "two"}, "passes_left must be a number"),
        ({**before, "kept": 5}, "its kept is not"),
        (
            {**before, "kept": {**before["kept"], "modules": {"text": {}}}},
            "modules of this AsyncTraining are audio, video",
        ),
    ):
        with pytest.raises((ValueError, TypeError), match=text):
            training.load_state_dict(state)
    after = training.state_dict()
    assert after["controller"] == before["controller"]
    assert set(after["kept"]) == set(before["kept"])
    assert training.active == ("video",)


def test_modules_must_be_those_of_the_modalities() -> None:
    with pytest.raises(ValueError, match="modules must be those of audio, video; got audio"):
        AsyncTraining(controlled(), {"audio": nn.Linear(1, 1)})


def test_a_modality_without_parameters_can_neither_train_nor_wait() -> None:
    modules = Model().modules_of()
    for nothing in (nn.Flatten(), nn.Linear(5, 3).requires_grad_(False)):
        with pytest.raises(ValueError, match=r"modules\['video'\] has no parameters that require"):
            AsyncTraining(controlled(), {**modules, "video": nothing})


def test_an_epoch_of_several_passes_is_decided_after_once() -> None:
    """Of three modalities, those that take the steps of one take a pass and a half an epoch."""
    names = ("audio", "video", "text")
    y = torch.arange(600) % K
    nets = {name: nn.Linear(2, K) for name in names}
    controller = AsyncController(names, num_classes=K, criterion="pid", patience=9)
    training = AsyncTraining(controller, nets)
    shown = {
        name: hard(share, y.numpy(), 3) for name, share in zip(names, (0.9, 0.3, 0.3), strict=True)
    }
    passes, decided = 0, []
    while len(decided) < 5:
        if training.ends_epoch:
            training.observe(shown, y)
        passes += 1
        if training.end_pass() is not None:
            decided.append(passes)
    assert controller.history[0].shares == {"audio": 0.0, "video": 1.5, "text": 1.5}
    assert [d.epoch for d in controller.history] == [0, 1, 2, 3, 4]
    assert decided == [1, 3, 4, 6, 7]
    nets = {name: nn.Linear(2, K) for name in names}
    again = AsyncTraining(AsyncController(names, num_classes=K, criterion="pid", patience=9), nets)
    again.load_state_dict(training.state_dict())
    assert (again.ends_epoch, again.epoch) == (training.ends_epoch, 5)


def test_half_precision_and_gradients_are_observed() -> None:
    _, _, training = prepare()
    y = torch.arange(60) % K
    logits = {name: torch.randn(60, K).requires_grad_() for name in NAMES}
    training.observe({n: v.bfloat16() for n, v in logits.items()}, y, logits=True)
    rounded = training.controller.sums
    again = prepare()[2]
    again.observe({n: v.bfloat16().double() for n, v in logits.items()}, y, logits=True)
    np.testing.assert_array_equal(rounded, again.controller.sums)
    with pytest.raises(TypeError, match="outputs must map the names"):
        training.observe([*logits.values()], y, logits=True)
    with pytest.raises(ValueError, match="num_classes is 3"):
        training.observe({n: v[:, :2] for n, v in logits.items()}, y, logits=True)


def test_every_epoch_is_logged() -> None:
    said = []
    nets = {name: nn.Linear(4, K) for name in NAMES}
    training = AsyncTraining(controlled(), nets, log=said.append)
    show(training, 0.9, 0.2)
    decision = training.decide(0)
    steps = {f"shares/{name}": share for name, share in decision.shares.items()}
    assert said == [{"epoch": 0.0, "joint": 0.0, **steps, **decision.metrics}]


@pytest.mark.filterwarnings("ignore")  # what tensorboard warns of is its own
def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    nets = {name: nn.Linear(4, K) for name in NAMES}
    with SummaryWriter(tmp_path) as writer:
        training = AsyncTraining(controlled(), nets, log=tensorboard_logger(writer))
        for epoch in range(2):
            show(training, 0.9, 0.2)
            training.decide(epoch)
    events = EventAccumulator(str(tmp_path)).Reload()
    synergy = events.Scalars("fastpid/synergy")
    assert [event.step for event in synergy] == [0, 1]
    expected = training.controller.history[0].metrics["synergy"]
    assert synergy[0].value == pytest.approx(expected, rel=1e-6)


_PROCESS = """
import sys
import torch
from torch.nn.parallel import DistributedDataParallel
from two_views import *
(fail,) = args
torch.manual_seed(0)
model = Model()

class Both(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model
    def forward(self, views, names):
        if not names:
            return self.model(views)
        return {name: self.model.alone(name, views[name]) for name in names}

ddp = DistributedDataParallel(Both(), find_unused_parameters=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
training = AsyncTraining(
    controlled(patience=1, max_epochs=4), model.modules_of(),
    keep={"model": model, "optimizer": optimizer},
)
views, y = data()
mine = {name: view[rank::2] for name, view in views.items()}
held_out, labels = data(seed=1)
# A round of blocks, so that the blocks are those of one process.
rows = slice(0, 128) if rank == 0 else slice(0 if fail == "one has samples" else 128, None)
for epoch in range(5):
    if training.phase == "unimodal":
        for (batch, target), names in training.batches(batches_of(mine, y[rank::2], 20)):
            outputs = ddp(batch, names)
            loss = sum(cross_entropy(outputs[name], target) for name in names)
            optimizer.zero_grad(); loss.backward(); optimizer.step()
    else:
        for batch, target in batches_of(mine, y[rank::2], 20):
            loss = cross_entropy(ddp(batch, ()), target)
            optimizer.zero_grad(); loss.backward(); optimizer.step()
    with torch.no_grad():
        outputs = {name: model.alone(name, held_out[name][rows]) for name in NAMES}
    if fail == "no samples":
        try:
            training.decide(epoch)
        except ValueError as error:
            assert "no held-out samples" in str(error), error
            sys.exit(7)
    # The samples of one process alone do.
    if fail != "one has samples" or rank == 1:
        training.observe(outputs, labels[rows], logits=True)
    if fail == "old epoch" and epoch == 1:
        before = training.state_dict()["controller"]
        try:
            training.decide(0)
        except ValueError as error:
            assert "epoch must be later" in str(error), error
            assert training.state_dict()["controller"] == before
            sys.exit(7)
    training.decide(epoch)
torch.save((training.state_dict(), model.state_dict()), f"{folder}/{rank}.pt")
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
@pytest.mark.parametrize("what", ["both have samples", "one has samples"])
def test_two_processes_decide_together(tmp_path: Path, what: str) -> None:
    assert run_in_two(_PROCESS, tmp_path, what) == [0, 0]
    (first, model), (second, other) = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert first["controller"] == second["controller"]
    assert all(torch.equal(model[name], other[name]) for name in model)
    # What was observed by halves is what one process would have observed: the last epoch again.
    alone = controlled(patience=1, max_epochs=4)
    net = Model()
    net.load_state_dict(model)
    views, y = data(seed=1)
    with torch.no_grad():
        logits = {name: net.alone(name, views[name]).double().numpy() for name in NAMES}
    alone.observe(logits, y.numpy(), logits=True)
    expected = alone.decide(0).metrics
    history = first["controller"]["history"]
    assert history[-1]["metrics"] == pytest.approx(expected, abs=1e-6)
    assert [d["phase"] for d in history][-1] == "joint"


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
@pytest.mark.parametrize("what", ["no samples", "old epoch"])
def test_what_goes_wrong_is_raised_by_every_process(tmp_path: Path, what: str) -> None:
    assert run_in_two(_PROCESS, tmp_path, what) == [7, 7]


def test_named_tuples_in_a_kept_state() -> None:
    from typing import NamedTuple

    from fastpid.torch.training._loop import _to_cpu

    class Named(NamedTuple):
        weight: torch.Tensor
        names: tuple[str, ...]

    kept = _to_cpu({"a": Named(torch.ones(2), ("u", "v")), "b": [torch.zeros(1)]})
    assert type(kept["a"]) is Named
    assert kept["a"].names == ("u", "v")


def test_mappings_in_a_kept_state_stay_what_they_are() -> None:
    from fastpid.torch.training._loop import _to_cpu

    net = nn.BatchNorm1d(3)
    versions = net.state_dict()._metadata
    kept = _to_cpu(net.state_dict())
    assert kept._metadata == versions
    before = kept["weight"].clone()
    net.weight.data += 1.0
    assert torch.equal(kept["weight"], before)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    schedule.load_state_dict(_to_cpu(schedule.state_dict()))
    assert sorted(schedule.milestones.elements()) == [1, 2]
