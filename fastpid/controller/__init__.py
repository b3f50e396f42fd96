"""When to train which modality alone, and when to start training them jointly. Needs numpy alone."""

from fastpid.controller._controller import JOINT, UNIMODAL, AsyncController, Decision

__all__ = ["JOINT", "UNIMODAL", "AsyncController", "Decision"]
