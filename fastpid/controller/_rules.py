"""A controller's rules: what is noise, which modality is ahead or learns, what is a peak."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from fastpid.controller._observations import Uncertain


class Rules(NamedTuple):
    """The rules, and their numbers; AsyncController explains them."""

    patience: int
    balance: float
    margin: float
    tol: float  # values closer than it are equal: solves do not tell them apart
    plateau: bool = False  # what is tracked rises until it stands still
    own: bool = False  # who learns is told by what it alone knows

    def noise(self, error: float) -> float:
        """Return how far apart values of such an error have to be to differ."""
        return self.margin * error + self.tol

    def ahead(self, leads: Mapping[str, Uncertain], learning: Collection[str]) -> dict[str, str]:
        """Return which modalities run ahead of another one that learns, and of which."""

        def is_ahead(name: str, other: str) -> bool:
            # Information is not negative; corrected values may be.
            mine, its = max(leads[name].value, 0.0), max(leads[other].value, 0.0)
            its = its if its > self.tol else 0.0
            noise = self.noise(leads[name].error + leads[other].error)
            return its < self.balance * mine and mine - its > noise

        behind = {name: [o for o in learning if is_ahead(name, o)] for name in leads}
        return {name: others[0] for name, others in behind.items() if others}

    def learns(self, before: Sequence[float], now: Uncertain) -> bool:
        """Whether a value has risen over those `before` the last stretches of training.

        Of few stretches nothing is known, unless it has fallen since, as what a modality alone
        knows may.
        """
        if self.own and before and now.value < max(before) - self.noise(now.error):
            return False
        if len(before) < self.patience:
            return True
        return now.value > before[-self.patience] + self.noise(now.error)

    def at_peak(self, curve: Sequence[Uncertain]) -> list[bool]:
        """Whether each value was within noise of the highest one until then.

        On the way to a plateau: whether it was higher, beyond noise, than the last one that was.
        """
        if not self.plateau:
            highest = itertools.accumulate(curve, max)
            return [
                now.value >= top.value - self.noise(top.error)
                for now, top in zip(curve, highest, strict=True)
            ]
        peaks, top = [], -math.inf
        for now in curve:
            peaks.append(now.value > top + self.noise(now.error))
            top = now.value if peaks[-1] else top
        return peaks

    def is_past_peak(self, curve: Sequence[Uncertain]) -> bool:
        """Whether there is a peak beyond noise, and none of the last `patience` values is at it."""
        if not curve or max(curve).value <= self.noise(max(curve).error):
            return False
        last = self.at_peak(curve)[-self.patience :]
        return len(last) == self.patience and not any(last)
