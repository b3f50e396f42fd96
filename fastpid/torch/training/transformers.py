"""The controller as a callback of Hugging Face's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fastpid._base.atomic import write_beside
from fastpid._base.extras import import_extra
from fastpid.torch.training import AsyncTraining

__all__ = ["TrainerCallback"]

_transformers = import_extra("transformers", "fastpid.torch.training.transformers", "transformers")


class TrainerCallback(_transformers.TrainerCallback):  # type: ignore[misc, name-defined]
    """Decide after every evaluation that ends an epoch: ``eval_strategy="epoch"``.

    For the Trainer's ``callbacks=[callback]`` and ``compute_metrics=callback.metrics``. The model
    returns its loss and then the logits of the modalities, in the controller's order; the loss adds
    up those of ``training.active`` while ``training.phase`` is "unimodal". Resume from the same
    output_dir. Steps of a modality that is held back are saved, not given away.
    """

    def __init__(self, training: AsyncTraining) -> None:
        self.training = training
        self.training.distributed = False  # the Trainer shows all predictions to every process
        self.seen: Any = None

    def metrics(self, found: Any) -> dict[str, float]:
        """Keep what may have been an evaluation."""
        self.seen = found
        return {}

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Observe and decide."""
        controller, epoch = self.training.controller, round(state.epoch or 0) - 1
        if epoch > max((d.epoch for d in controller.history), default=-1):
            if self.seen is None:
                raise TypeError("the Trainer needs compute_metrics=callback.metrics")
            outputs = dict(zip(controller.modalities, self.seen.predictions, strict=False))
            self.training.observe(outputs, self.seen.label_ids, logits=True)
            self.training.decide(epoch)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the state in a checkpoint."""
        if state.is_world_process_zero:
            with write_beside(self._path(args, state)) as path:
                torch.save(self.training.state_dict(), path)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Go on from a checkpoint, if the Trainer does."""
        if state.global_step > 0:
            kept = torch.load(self._path(args, state), map_location="cpu", weights_only=True)
            self.training.load_state_dict(kept)

    def _path(self, args: Any, state: Any) -> Path:
        return Path(args.output_dir, f"checkpoint-{state.global_step}", "fastpid.pt")
