"""The controller in training: in a loop of your own, in Lightning, in Hugging Face's Trainer."""

from fastpid.torch.training._loop import AsyncTraining, Stateful, tensorboard_logger

__all__ = ["AsyncTraining", "Stateful", "tensorboard_logger"]
