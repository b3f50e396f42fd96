"""When to train which modality alone, and when all of them jointly. Needs numpy alone."""

from fastpid.controller._controller import AsyncController
from fastpid.controller._decision import JOINT, UNIMODAL, Decision

__all__ = ["JOINT", "UNIMODAL", "AsyncController", "Decision"]
