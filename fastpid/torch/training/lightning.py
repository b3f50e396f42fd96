"""The controller as a callback of Lightning (``pip install fastpid[lightning]``)."""

from __future__ import annotations

from typing import Any

from fastpid._base.extras import import_extra
from fastpid.torch.training import AsyncTraining

__all__ = ["LightningCallback"]

_pl = import_extra("lightning.pytorch", "fastpid.torch.training.lightning", "lightning")


class LightningCallback(_pl.Callback):  # type: ignore[misc, name-defined]
    """Observe every validation of a fit, and decide after it.

    ``validation_step`` returns ``{"outputs": {name: logits}, "z": labels}``; ``training_step`` adds
    up the losses of ``training.active`` while ``training.phase`` is "unimodal", and that of the
    fusion of detached features, which learns along. Validate once an epoch; with several processes,
    ``strategy="ddp_find_unused_parameters_true"``.

    Lightning's epoch is one pass through the data. While a modality is held back, the others take
    its steps in more passes before the controller decides again: of two modalities in two, so that
    a decision's epoch counts what was decided, not Lightning's epochs. Give ``max_epochs`` as many
    passes as you can afford. Goes on from any checkpoint, within an epoch too.

    Parameters
    ----------
    training : AsyncTraining
    """

    def __init__(self, training: AsyncTraining) -> None:
        self.training = training

    def _is_due(self, trainer: Any) -> bool:
        fit = trainer.state.fn == "fit" and not trainer.sanity_checking
        return fit and self.training.ends_epoch and self.training.due(self.training.epoch)

    def on_validation_batch_end(self, trainer: Any, module: Any, outputs: Any, *_: Any) -> None:
        """Observe."""
        if self._is_due(trainer):
            if not isinstance(outputs, dict) or not {"outputs", "z"} <= set(outputs):
                raise TypeError('validation_step must return {"outputs": {name: logits}, "z": z}')
            self.training.observe(outputs["outputs"], outputs["z"], logits=True)

    def on_validation_epoch_end(self, trainer: Any, module: Any) -> None:
        """Decide."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.training.end_pass()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return self.training.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.training.load_state_dict(state)
