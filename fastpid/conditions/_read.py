"""Samples of conditions: with a label each, or measured in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastpid._base.quantities import ROLES
from fastpid.conditions._design import Design, check_design
from fastpid.estimation._arrangement import read_groups, read_labels
from fastpid.joint._frames import pick
from fastpid.joint._samples import CodedSamples, code_samples


def read_labelled(
    given: tuple[Any, Any, Any],
    condition: Any,
    data: Any,
    groups: Any,
    permute: Any,
    coding: dict[str, Any],
) -> tuple[CodedSamples, tuple[Any, ...], Design]:
    """Read samples that have a label each."""
    if condition is None:
        raise TypeError(
            "condition is missing: pass the condition of every sample, or a mapping from "
            "conditions to values for what differs between them"
        )
    samples = code_samples(*given, data=data, **coding)
    n_samples = samples.n_samples + samples.n_dropped

    def column(argument: str, of: Any) -> Any:
        if not isinstance(of, str):
            return of
        if data is None:
            raise TypeError(f"{argument} names a column, {of!r}, of data; pass data=")
        return pick(data, argument, of)

    numbers, labels = read_labels("condition", column("condition", condition), n_samples)
    if len(labels) == 1:
        raise ValueError(
            f"condition is {labels[0]!r} for all samples, so that there is nothing to compare; use "
            "estimate(), or pass the samples of the others as well"
        )
    if samples.kept is not None:
        numbers = numbers[samples.kept]
    empty = np.flatnonzero(np.bincount(numbers, minlength=len(labels)) == 0)
    if empty.size:
        left = ' that missing="drop" leaves' if samples.kept is not None else ""
        raise ValueError(
            f"condition {labels[empty[0]]!r} has no samples{left}; leave it out of the categories"
        )
    runs = None
    if groups is not None:
        runs = read_groups(column("groups", groups), n_samples, samples.kept)
    return samples, labels, check_design(numbers, len(labels), runs, permute)


def read_mappings(
    given: tuple[Any, Any, Any],
    condition: Any,
    data: Any,
    groups: Any,
    permute: Any,
    coding: dict[str, Any],
) -> tuple[CodedSamples, tuple[Any, ...], Design]:
    """Read samples that were measured in all conditions: one after the other, each its own pair."""
    if condition is not None:
        raise TypeError(
            "condition cannot be had with mappings, whose keys are the conditions; leave it out"
        )
    if permute is not None:
        raise TypeError(f"permute={permute!r} cannot be had with mappings, which are paired")
    mappings = {r: m for r, m in zip(ROLES, given, strict=True) if isinstance(m, Mapping)}
    labels = tuple(next(iter(mappings.values())))
    for role, each in mappings.items():
        if set(each) != set(labels):
            raise ValueError(
                f"{role} has the conditions {list(each)}, and others have {list(labels)}; pass the "
                "same for all"
            )
    if len(labels) < 2:
        raise ValueError(
            f"there is one condition, {list(labels)}, so that there is nothing to compare; use "
            "estimate()"
        )
    parts = {
        role: [_array(pick(data, role, v) if isinstance(v, str) else v) for v in each.values()]
        for role, each in mappings.items()
    }
    sizes = {len(part) for each in parts.values() for part in each}
    if len(sizes) > 1:
        raise ValueError(
            f"conditions of the same samples differ in length: {sorted(sizes)}; pass all of a "
            "length, or condition= if they are of different samples"
        )
    ordered = {r: [parts[r][list(m).index(c)] for c in labels] for r, m in mappings.items()}
    count = len(labels)

    def stacked(role: str, values: Any) -> Any:
        if role in ordered:
            return _joined(ordered[role])
        values = pick(data, role, values) if isinstance(values, str) else values
        return _joined([_array(values)] * count)

    x, y, z = (stacked(role, values) for role, values in zip(ROLES, given, strict=True))
    if coding["weights"] is not None:
        coding = {**coding, "weights": stacked("weights", coding["weights"])}
    samples = code_samples(x, y, z, **coding)
    n_each = (samples.n_samples + samples.n_dropped) // count
    runs = np.arange(n_each)
    if groups is not None:
        groups = pick(data, "groups", groups) if isinstance(groups, str) else groups
        runs = read_groups(groups, n_each)
    numbers, runs = np.repeat(np.arange(count), n_each), np.tile(runs, count)
    if samples.kept is not None:
        complete = np.tile(samples.kept.reshape(count, n_each).all(axis=0), count)
        numbers, runs = numbers[complete], np.unique(runs[complete], return_inverse=True)[1]
        samples = samples.take(complete[samples.kept])
    return samples, labels, check_design(numbers, count, runs, None)


def _array(values: Any) -> Any:
    return values if isinstance(values, np.ma.MaskedArray) else np.asarray(values)


def _joined(parts: list[Any]) -> Any:
    masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    return (np.ma if masked else np).concatenate(parts)
