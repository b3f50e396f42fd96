"""What a controller measured, by names that suit a logger."""

from __future__ import annotations

import statistics

from fastpid.controller._observations import Reading, Uncertain


def metrics_of(reading: Reading, criterion: str) -> dict[str, float]:
    """Return all that was read, and what a criterion that seeks a common peak tracks."""
    metrics = {}
    for name in reading.mi:
        metrics[f"mi/{name}"] = reading.mi[name].value
        metrics[f"unique/{name}"] = reading.unique[name].value
        metrics[f"skill/{name}"] = reading.skill[name]
    metrics["redundancy"] = reading.redundancy.value
    metrics["synergy"] = reading.synergy.value
    if len(reading.pairs) > 1:
        metrics["synergy_pairs"] = reading.synergy_pairs.value
    metrics["union"] = reading.union.value
    metrics["mi_joint"] = reading.mi_joint
    metrics["gap"] = reading.gap
    if criterion != "skill":
        metrics["tracked"], metrics["tracked_error"] = _tracked(reading, criterion)
    if len(reading.pairs) > 1:
        for pair, atoms in reading.pairs.items():
            metrics.update({f"{atom}/{'+'.join(pair)}": v for atom, v in atoms.items()})
    return metrics


def _tracked(reading: Reading, criterion: str) -> Uncertain:
    if criterion == "pid":
        return reading.synergy
    if criterion == "union":
        return reading.union
    values, errors = zip(*reading.mi.values(), strict=True)
    return Uncertain(statistics.fmean(values), statistics.fmean(errors))
