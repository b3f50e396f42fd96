"""The controller as a callback of Hugging Face's Trainer."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch

from fastpid._base.atomic import write_beside
from fastpid._base.extras import import_extra
from fastpid.torch.training import AsyncTraining

__all__ = ["TrainerCallback"]

#: Beside what the Trainer saves.
_FILE = "fastpid.pt"

_transformers = import_extra("transformers", "fastpid.torch.training.transformers", "transformers")


class TrainerCallback(_transformers.TrainerCallback):  # type: ignore[misc, name-defined]
    """Decide after every evaluation that ends an epoch: ``eval_strategy="epoch"``.

    For the Trainer's ``callbacks=[callback]`` and ``compute_metrics=callback.metrics``. The model
    returns its loss and then the logits of the modalities, in the controller's order; the loss adds
    up those of ``training.active`` while ``training.phase`` is "unimodal", and that of the fusion
    of detached features, which learns along.

    The Trainer's epoch is one pass through the data. While a modality is held back, the others take
    its steps in more passes before the controller decides again: of two modalities in two, so that
    a decision's epoch counts what was decided, not the Trainer's epochs. Give ``num_train_epochs``
    as many passes as you can afford.

    Parameters
    ----------
    training : AsyncTraining
    resume_from : path, optional
        The checkpoint that ``train(resume_from_checkpoint=...)`` goes on from, of which callbacks
        are not told; by default that of its step in the Trainer's output_dir.
    """

    def __init__(
        self, training: AsyncTraining, *, resume_from: str | os.PathLike[str] | None = None
    ) -> None:
        self.training = training
        self.training.distributed = False  # the Trainer shows all predictions to every process
        self.resume_from = resume_from
        self.seen: Any = None
        self._ended = False  # a pass through the data, of which the evaluation is to come
        self._save = False  # after it

    def metrics(self, found: Any) -> dict[str, float]:
        """Keep what may have been an evaluation."""
        self.seen = found
        return {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save a checkpoint at the end of a pass after the evaluation, or it would lack that."""
        if control.should_save and math.isclose(state.epoch, round(state.epoch), abs_tol=1e-9):
            control.should_save, self._save = False, True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Await the evaluation of this pass."""
        self._ended = True
        control.should_save, self._save = control.should_save or self._save, False

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Observe and decide."""
        if not self._ended:
            return
        self._ended = False
        if self.seen is None:
            raise TypeError("the Trainer needs compute_metrics=callback.metrics")
        plan = self.training
        if plan.ends_epoch and plan.due(plan.epoch):
            outputs = dict(zip(plan.controller.modalities, self.seen.predictions, strict=False))
            plan.observe(outputs, self.seen.label_ids, logits=True)
        plan.end_pass()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the state in a checkpoint."""
        if state.is_world_process_zero:
            with write_beside(self._folder(args, state) / _FILE) as path:
                torch.save(self.training.state_dict(), path)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Go on from a checkpoint, if the Trainer does."""
        self._ended = False
        if state.global_step > 0:
            folder = Path(self.resume_from or self._folder(args, state))
            if not (folder / _FILE).is_file():
                raise FileNotFoundError(
                    f"there is no {_FILE} in {folder}, where this callback would have saved what "
                    f"the controller had decided after step {state.global_step}; pass the "
                    "checkpoint's folder as TrainerCallback(training, resume_from=...)"
                )
            kept = torch.load(folder / _FILE, map_location="cpu", weights_only=True)
            self.training.load_state_dict(kept)

    def _folder(self, args: Any, state: Any) -> Path:
        return Path(args.output_dir, f"checkpoint-{state.global_step}")
