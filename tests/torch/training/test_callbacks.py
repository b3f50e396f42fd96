"""Lightning's and Hugging Face's trainers train as the controller says, and resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is an extra: pip install fastpid[torch]")

from torch.nn.functional import cross_entropy  # noqa: E402
from two_views import NAMES, Model, batches_of, controlled, copy_of, data  # noqa: E402

from fastpid.torch.training import AsyncTraining  # noqa: E402

# What the libraries themselves warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

PASSES = 8


def loss_of(model, training, views, y):
    if training.phase == "joint":
        return cross_entropy(model(views), y)
    return sum(cross_entropy(model.alone(name, views[name]), y) for name in training.active)


def check(training, frozen_passes):
    """Audio, which shows the label, was held at first, and joint training came in the end."""
    history = training.controller.history
    assert [d.epoch for d in history] == list(range(len(history)))
    assert sum(d.start_joint for d in history) == 1
    assert history[-1].phase == "joint"
    # An epoch in which video takes the steps of both is two passes, in which audio stands still.
    held, ended = [], 1
    for decision in history:
        passes = range(ended, ended + round(max(decision.shares.values())))
        held += passes if decision.active == ("video",) else []
        ended += len(passes)
    assert held
    assert frozen_passes == held
    assert ended - 1 == PASSES  # the last decision is of an epoch to come


def loader(seed):
    return torch.utils.data.DataLoader(batches_of(*data(seed=seed)), batch_size=None)


def lightning_run(folder: Path, epochs: int, resume: str | None = None):
    pl = pytest.importorskip("lightning.pytorch")
    from fastpid.torch.training.lightning import LightningCallback

    torch.manual_seed(0)
    frozen: list[int] = []

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = Model()
            modules = self.model.modules_of()
            controller = controlled(patience=9, max_epochs=3)
            self.plan = AsyncTraining(controller, modules)

        def training_step(self, batch, _):
            return loss_of(self.model, self.plan, *batch)

        def validation_step(self, batch, _):
            views, y = batch
            return {"outputs": {n: self.model.alone(n, views[n]) for n in NAMES}, "z": y}

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

        def on_train_epoch_start(self):
            self.before = self.model.encoders["audio"].weight.detach().clone()

        def on_train_epoch_end(self):
            if torch.equal(self.before, self.model.encoders["audio"].weight):
                frozen.append(self.current_epoch)

    module = Module()
    trainer = pl.Trainer(
        max_epochs=epochs,
        default_root_dir=folder,
        callbacks=[LightningCallback(module.plan)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        devices=1,
    )
    trainer.fit(module, loader(0), loader(1), ckpt_path=resume)
    trainer.validate(module, loader(1), verbose=False)  # outside of a fit
    trainer.save_checkpoint(folder / f"{epochs}.ckpt")
    return module, frozen


def test_lightning(tmp_path: Path) -> None:
    module, frozen = lightning_run(tmp_path, PASSES)
    check(module.plan, frozen)
    expected = copy_of(module.model)
    for stop in (2, 3):  # amid an epoch of two passes, and after it
        lightning_run(tmp_path, stop)
        resumed, _ = lightning_run(tmp_path, PASSES, resume=str(tmp_path / f"{stop}.ckpt"))
        assert resumed.plan.controller.history == module.plan.controller.history
        assert all(torch.equal(v, expected[k]) for k, v in resumed.model.state_dict().items())


def test_lightning_says_what_a_validation_step_returns() -> None:
    pytest.importorskip("lightning")
    from types import SimpleNamespace

    from fastpid.torch.training.lightning import LightningCallback

    trainer = SimpleNamespace(state=SimpleNamespace(fn="fit"), sanity_checking=False)
    plan = AsyncTraining(controlled(), Model().modules_of())
    for outputs in (None, torch.zeros(3), {"z": torch.zeros(3)}):
        with pytest.raises(TypeError, match="validation_step must return"):
            LightningCallback(plan).on_validation_batch_end(trainer, None, outputs, None, 0)


def test_transformers_needs_its_metrics() -> None:
    pytest.importorskip("transformers")
    from types import SimpleNamespace

    from fastpid.torch.training.transformers import TrainerCallback

    plan = AsyncTraining(controlled(), Model().modules_of())
    callback = TrainerCallback(plan)
    callback.on_epoch_end(None, None, SimpleNamespace(should_save=False))
    with pytest.raises(TypeError, match=r"compute_metrics=callback\.metrics"):
        callback.on_evaluate(None, SimpleNamespace(epoch=1.0), None)


def transformers_run(folder: Path, resume: Path | None = None):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from fastpid.torch.training.transformers import TrainerCallback

    torch.manual_seed(0)
    frozen: list[int] = []

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = Model()
            self.before = None

        def forward(self, audio, video, labels):
            views = {"audio": audio, "video": video}
            loss = loss_of(self.model, self.plan, views, labels)
            return {"loss": loss, **{n: self.model.alone(n, views[n]) for n in NAMES}}

    class Watch(transformers.TrainerCallback):
        def on_epoch_begin(self, args, state, control, **_):
            self.before = wrapped.model.encoders["audio"].weight.detach().clone()

        def on_epoch_end(self, args, state, control, **_):
            if torch.equal(self.before, wrapped.model.encoders["audio"].weight):
                frozen.append(round(state.epoch) - 1)

    def rows(seed):
        views, y = data(seed=seed)
        return [{**{n: views[n][i] for n in NAMES}, "labels": y[i]} for i in range(len(y))]

    wrapped = Wrapped()
    plan = AsyncTraining(
        controlled(patience=9, max_epochs=3),
        wrapped.model.modules_of(),
        distributed=False,
    )
    wrapped.plan = plan
    callback = TrainerCallback(plan, resume_from=resume)
    trainer = transformers.Trainer(
        model=wrapped,
        args=transformers.TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=PASSES,
            per_device_train_batch_size=40,
            per_device_eval_batch_size=100,
            learning_rate=0.02,
            lr_scheduler_type="constant",
            eval_strategy="epoch",
            save_strategy="steps",
            save_steps=1 / PASSES / 2,  # amid every pass, too
            remove_unused_columns=False,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=0,
        ),
        train_dataset=rows(0),
        eval_dataset=rows(1),
        compute_metrics=callback.metrics,
        callbacks=[callback, Watch()],
    )
    trainer.evaluate()  # not after an epoch
    trainer.predict(rows(2))
    assert plan.controller.history == ()
    trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    state = plan.controller.state_dict()
    trainer.predict(rows(2))
    trainer.evaluate()
    assert plan.controller.state_dict() == state
    return wrapped, plan, frozen


def test_transformers(tmp_path: Path) -> None:
    wrapped, plan, frozen = transformers_run(tmp_path / "whole")
    check(plan, frozen)
    expected = copy_of(wrapped.model)
    for step in (6, 15, 21):  # after a pass, amid one of two, amid a later one; six are a pass
        checkpoint = tmp_path / "whole" / f"checkpoint-{step}"
        resumed, again, _ = transformers_run(tmp_path / "other", resume=checkpoint)
        assert again.controller.history == plan.controller.history
        for name, value in resumed.model.state_dict().items():
            np.testing.assert_allclose(value, expected[name], atol=1e-6)


def test_a_checkpoint_without_the_controller_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from types import SimpleNamespace

    from fastpid.torch.training.transformers import TrainerCallback

    callback = TrainerCallback(AsyncTraining(controlled(), Model().modules_of()))
    state = SimpleNamespace(global_step=7, is_world_process_zero=True)
    with pytest.raises(FileNotFoundError, match=r"checkpoint-7, where.*resume_from"):
        callback.on_train_begin(SimpleNamespace(output_dir=str(tmp_path)), state, None)


class Malicious:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_a_checkpoint_is_never_executed(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("transformers")
    from types import SimpleNamespace

    from fastpid.torch.training.transformers import TrainerCallback

    monkeypatch.chdir(tmp_path)
    callback = TrainerCallback(AsyncTraining(controlled(), Model().modules_of()))
    args = SimpleNamespace(output_dir=str(tmp_path))
    state = SimpleNamespace(global_step=3, is_world_process_zero=True)
    folder = tmp_path / "checkpoint-3"
    folder.mkdir()
    callback.on_save(args, state, None)
    callback.on_train_begin(args, state, None)  # what is saved can be loaded
    assert [path.name for path in folder.iterdir()] == ["fastpid.pt"]
    asked: list[object] = []
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: asked.append(k) or load(*a, **k))
    torch.save({"controller": Malicious(), "kept": None}, folder / "fastpid.pt")
    with pytest.raises(Exception, match=r"[Ww]eights"):
        callback.on_train_begin(args, state, None)
    assert not Path("executed").exists()
    assert asked[0]["weights_only"] is True  # not left to the default of older versions of torch
