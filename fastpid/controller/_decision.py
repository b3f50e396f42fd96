"""What a controller decides."""

from __future__ import annotations

import dataclasses

UNIMODAL = "unimodal"
"""The phase in which every modality is trained by itself."""
JOINT = "joint"
"""The phase in which all are trained together."""


@dataclasses.dataclass(frozen=True)
class Decision:
    """What to do after an epoch.

    Attributes
    ----------
    epoch : int
        The epoch that has ended.
    phase : {"unimodal", "joint"}
        How the next epoch trains.
    shares : dict of str to float
        How many optimisation steps every modality takes in the next epoch, in units of those of an
        even epoch. They add up to the number of modalities, so that an epoch costs the same if one
        is held back (0). In the joint phase all are 1.
    keep : tuple of str
        The modalities whose present state is to be kept: those that are at their peak. What is
        sought of all together is at its peak for all of them, or for none.
    start_joint : bool
        Joint training starts now. True once.
    restore_epochs : dict of str to int
        The modalities to take back to an earlier state, and the epoch of it: the last one that each
        was in `keep`. At the start of joint training all of them, none if it starts from the
        present states; before that, those that have ended their training alone for good.
    metrics : dict of str to float
        What was measured, by names that suit a logger; empty if nothing was.
    reason : str
        Why, in words.
    """

    epoch: int
    phase: str
    shares: dict[str, float]
    keep: tuple[str, ...] = ()
    start_joint: bool = False
    restore_epochs: dict[str, int] = dataclasses.field(default_factory=dict)
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    reason: str = dataclasses.field(default="", compare=False)

    @property
    def active(self) -> tuple[str, ...]:
        """The modalities that train in the next epoch."""
        return tuple(name for name, share in self.shares.items() if share > 0.0)
