"""The controller as a callback of Hugging Face's Trainer."""

from pathlib import Path
from typing import Any

import torch

from fastpid._extras import import_extra
from fastpid.torch.training import AsyncTraining

_transformers = import_extra("transformers", "fastpid.torch.transformers", "transformers")


class AsyncCallback(_transformers.TrainerCallback):  # type: ignore[misc, name-defined]
    """Observe every evaluation (``eval_strategy="epoch"``), and decide after it.

    For the Trainer's ``callbacks=[callback]`` and ``compute_metrics=callback.metrics``. The model
    returns its loss and then the logits of the modalities, in the controller's order; the loss adds
    up those of ``training.active`` while ``training.phase`` is "unimodal". Checkpoints keep what it
    takes to resume. The steps of a modality that is held back are saved, not given away. Give
    `training` ``distributed=False``: the Trainer shows all predictions to every process.
    """

    def __init__(self, training: AsyncTraining) -> None:
        self.training = training

    def metrics(self, found: Any) -> dict[str, float]:
        """Observe."""
        outputs = dict(zip(self.training.controller.modalities, found.predictions, strict=False))
        self.training.observe(outputs, found.label_ids, logits=True)
        return {}

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide."""
        self.training.step(round(state.epoch) - 1)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the state in a checkpoint."""
        torch.save(self.training.state_dict(), self._path(args, state))

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Go on from a checkpoint, if that is what the Trainer does."""
        if state.global_step > 0:
            self.training.load_state_dict(torch.load(self._path(args, state)))

    def _path(self, args: Any, state: Any) -> Path:
        return Path(args.output_dir, f"checkpoint-{state.global_step}", "fastpid.pt")
