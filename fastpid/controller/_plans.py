"""From what was measured to what is trained next: by a peak of all together, or by each one's own.

A look is a decision after which there was something measured; the last one, of which there is no
decision yet, comes as its reading and its metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastpid.controller._decision import Decision
from fastpid.controller._observations import Reading, Uncertain
from fastpid.controller._rules import Rules

#: What is tracked for a peak of all together, in words.
_TRACKED = {"pid": "synergy", "mi": "mean mutual information", "union": "union information"}

#: What the skill of the same predictions may differ by.
_ROUNDING = 1e-9


class Plan(NamedTuple):
    """What to do in a unimodal phase that goes on, and whether it does."""

    shares: dict[str, float]
    keep: tuple[str, ...]  # whose present state is the best so far
    over: bool
    reasons: list[str]
    ended: tuple[str, ...] = ()  # who from now on stays as it was at its best


def by_common_peak(
    criterion: str,
    rules: Rules,
    unit: str,
    looks: Sequence[Decision],
    reading: Reading,
    metrics: Mapping[str, float],
) -> Plan:
    """Level the modalities' pace, until what they are together is past its peak."""
    names = (*reading.mi,)
    leads: Mapping[str, Uncertain] = reading.mi if criterion == "mi" else reading.unique
    # What each said before its own stretches of training.
    what, now = ("unique", reading.unique) if rules.own else ("mi", reading.mi)
    before = {
        name: [d.metrics[f"{what}/{name}"] for d in looks if d.shares[name] > 0.0] for name in names
    }
    learning = [name for name in names if rules.learns(before[name], now[name])]
    ahead = rules.ahead(leads, learning)
    lead = "mutual information" if criterion == "mi" else "unique information"
    reasons = [
        f"{name} is held back: it is ahead of {other} in {lead}, {leads[name].value:.3g} against "
        f"{leads[other].value:.3g} {unit}"
        for name, other in ahead.items()
    ]
    curve = [
        Uncertain(found["tracked"], found["tracked_error"])
        for found in (*(d.metrics for d in looks), metrics)
    ]
    at_peak = rules.at_peak(curve)[-1]
    title, value = _TRACKED[criterion], curve[-1].value
    if rules.plateau:
        change = "has risen" if at_peak else "has not risen beyond noise"
        reasons.append(f"{title} {change}, to {value:.3g} {unit}")
    else:
        place = "within noise of" if at_peak else "below"
        top = max(curve).value
        reasons.append(f"{title} {value:.3g} {unit} is {place} its maximum so far, {top:.3g}")
    over = rules.is_past_peak(curve)
    if over:
        reasons.append(f"{rules.patience} observations are past the peak")
    return Plan(shares_of(names, ahead), names if at_peak else (), over, reasons)


def by_own_peaks(
    patience: int, looks: Sequence[Decision], metrics: Mapping[str, float], names: Sequence[str]
) -> Plan:
    """Train each modality until it is past its own best skill.

    It goes back to its best as soon as that is known: what trains along on the features of all
    sees it as it will be.
    """
    keep, past, ended, reasons = [], [], [], []
    taken = [dict.fromkeys(names, 1.0), *(d.shares for d in looks)]
    for name in names:
        # After its own stretches of training; a modality that is held stays what it is.
        curve = [
            (found[f"skill/{name}"], share[name] > 0.0)
            for share, found in zip(taken, (*(d.metrics for d in looks), metrics), strict=True)
        ]
        values = [value for value, trained in curve if trained]
        top = max(values) - _ROUNDING
        best = next(place for place, value in enumerate(values) if value >= top)
        if len(values) - 1 - best >= patience:
            past.append(name)
            if curve[-1][1]:
                ended.append(name)
            reasons.append(f"{name} is past its best skill, {values[best]:.3g} of 1")
        elif curve[-1][1] and best == len(values) - 1:
            keep.append(name)
            reasons.append(f"{name} is at its best skill so far, {values[best]:.3g} of 1")
        else:
            reasons.append(f"{name} has a skill of {values[-1]:.3g}, {values[best]:.3g} at best")
    over = len(past) == len(names)
    shares = shares_of(names, () if over else past)
    return Plan(shares, tuple(keep), over, reasons, tuple(ended))


def shares_of(names: Sequence[str], held: Sequence[str] | Mapping[str, object]) -> dict[str, float]:
    """Return the shares of steps, those of modalities that are held given to the others."""
    share = len(names) / (len(names) - len(held))
    return {name: 0.0 if name in held else share for name in names}
