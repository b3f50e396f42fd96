"""What must hold of the answer to any table, whatever the table: checked for whole batches.

Every check takes tables and marks those that break it, or returns how far their answers may be
from the truth. In nats throughout.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hostile import Tables, shares
from numpy.typing import NDArray

import fastpid
from fastpid.information import mutual_information
from fastpid.result import ATOMS

Mask = NDArray[np.bool_]
#: Names of what was broken, and by which tables.
Broken = dict[str, Mask]

VALUES = (*ATOMS, "mi_x", "mi_y", "mi_xy", "lower", "upper", "gap", "union_information")
#: What rounding may do to sums of probabilities and to exponentials of potentials.
SLACK = 1e-12
#: Other ways to ask, whose brackets must overlap the default's. Steps are few: this is about
#: bounds that hold, which they must wherever a method stops.
WAYS: list[dict[str, Any]] = [
    *({"tol": tol} for tol in (1e-3, 1e-6, 1e-12, 1e-14, 1e-16)),
    *({"method": "newton", "tol": tol} for tol in (1e-9, 1e-15, 1e-300)),
    {"method": "newton", "tol": 1e-9, "max_iter": 4},
    {"method": "proxy"},
    {"method": "gradient", "tol": 1e-4, "max_iter": 60},
    {"method": "gradient", "tol": 1e-300, "max_iter": 25},
    {"tol": 1e-300, "max_iter": 60},
]


def solve(p: Tables, **options: Any) -> fastpid.Decomposition[Any]:
    return fastpid.decompose(p, **{"unit": "nats", "on_failure": "ignore", "threads": 1, **options})


def rounding(p: Tables, log_total: float = 0.0) -> float:
    """Return how far bounds that meet may cross (docs/theory.md)."""
    nx, ny, nz = p.shape[-3:]
    n = (nx + ny) * nz
    return float(4.0 * np.finfo(float).eps * n * (1.0 + np.log(n) + abs(log_total)))


def not_finite(d: fastpid.Decomposition[Any]) -> Mask:
    return ~np.isfinite([getattr(d, name) for name in VALUES]).all(axis=0)


def check_answers(d: fastpid.Decomposition[Any], tol: float) -> Broken:
    """Check the numbers against one another."""
    least = np.maximum(d.mi_x, d.mi_y)
    most = np.minimum(d.mi_x + d.mi_y, d.mi_xy)
    return {
        "not finite": not_finite(d),
        "bounds in the wrong order": ~(d.lower <= d.upper),
        "beyond the information inequalities": ~((least <= d.lower) & (d.upper <= most)),
        "atoms below zero": ~(np.min([getattr(d, atom) for atom in ATOMS], axis=0) >= -SLACK),
        "converged is not gap <= tol": d.converged != (d.gap <= tol),
    }


def crossing(one: fastpid.Decomposition[Any], other: fastpid.Decomposition[Any]) -> Any:
    """Return how far two brackets of the same number lie apart; negative where they overlap."""
    return np.maximum(one.lower - other.upper, other.lower - one.upper)


def check_effort(d: fastpid.Decomposition[Any]) -> Broken:
    """Check that a default call comes close, where rounding keeps it from converging."""
    return {"far from converged": ~(d.gap <= 1e-7)}


def by_inequality(d: fastpid.Decomposition[Any]) -> Any:
    """Return whether an information inequality gave a bound, and not the solve."""
    return (d.lower <= np.maximum(d.mi_x, d.mi_y)) | (
        d.upper >= np.minimum(d.mi_x + d.mi_y, d.mi_xy)
    )


def transformations(p: Tables, rng: np.random.Generator) -> Iterator[tuple[str, Tables]]:
    """Tables with the same union information."""
    yield "swapped", p.swapaxes(-3, -2)
    order = [rng.permutation(n) for n in p.shape[-3:]]
    yield "permuted", p[..., order[0], :, :][..., order[1], :][..., order[2]]
    part = rng.choice([0.5, 0.1, 1e-3, 1e-7, 1e-11])
    first = p[..., :1, :, :]
    yield "split", np.concatenate([first * part, first * (1.0 - part), p[..., 1:, :, :]], axis=-3)


def check_scale(p: Tables, rng: np.random.Generator, tol: float) -> Broken:
    """Check that weights may add up to anything; a power of two changes no digit of them."""
    exponent = int(rng.integers(-800, 800))
    scale, slack = 2.0**exponent, 2.0 * rounding(p, exponent * np.log(2.0))
    one, other = (solve(weights, normalize=True) for weights in (p, p * scale))
    broken = check_answers(other, tol)
    broken["brackets cross: scaled"] = ~(crossing(one, other) <= slack)
    # Where rounding decides, steps and the last digits of the gap may differ.
    broken["wider when scaled"] = one.converged & ~(other.gap <= 10.0 * tol)
    return broken


def check_potentials(p: Tables, d: fastpid.Decomposition[Any]) -> Broken:
    """Check that the potentials are feasible and prove the lower bound."""
    lam, mu = d.potentials
    finite = np.isfinite(lam).all(axis=(1, 2)) & np.isfinite(mu).all(axis=(1, 2))
    sums = np.exp(lam[:, :, None] + mu[:, None]).sum(axis=-1)
    p_z = p.sum(axis=(1, 2))
    mass = p_z.sum(axis=1)
    # Not negative where z has no mass; H(Z) as it is for a total that is not quite one.
    logs = np.log(np.where(p_z > 0.0, p_z, 1.0)) - np.log(mass)[:, None]
    value = (p.sum(axis=2) * lam).sum(axis=(1, 2)) + (p.sum(axis=1) * mu).sum(axis=(1, 2))
    value -= (p_z * logs).sum(axis=1)
    # Where the information inequalities are better, the potentials prove less.
    theirs = d.lower > np.maximum(d.mi_x, d.mi_y)
    return {
        "potentials not finite": ~finite,
        "potentials infeasible": ~(sums.max(axis=(1, 2)) <= 1.0 + SLACK),
        "potentials prove more than lower": ~(value <= d.lower + SLACK),
        "potentials prove less than lower": theirs & ~(value >= d.lower - SLACK - rounding(p)),
    }


def check_coupling(
    p: Tables, d: fastpid.Decomposition[Any], tol: float, taken: float | None = None
) -> Broken:
    """Check that the coupling has the marginals of p and attains the upper bound.

    Where an information inequality closed the bracket, it may have taken up to `taken` off the gap
    of the solve: twice tol for a method that goes on until its own gap is tol.
    """
    q = d.coupling()
    finite = np.isfinite(q).all(axis=(1, 2, 3)) & (q.min(axis=(1, 2, 3)) >= 0.0)
    off = np.maximum(
        *(np.abs(q.sum(axis=axis) - p.sum(axis=axis)).max(axis=(1, 2)) for axis in (1, 2))
    )
    with np.errstate(invalid="ignore"):  # what is not finite has been found already
        information = mutual_information(
            shares(q).reshape(len(q), -1, q.shape[-1]), unit="nats"
        ) * p.sum(axis=(1, 2, 3))
    # An inequality may have closed the bracket, which no coupling need attain.
    inequality = by_inequality(d)
    allowed = np.where(
        inequality,
        np.where(d.converged, 2 * tol if taken is None else taken, np.inf),
        max(SLACK, tol / 10),
    )
    return {
        "coupling not finite": ~finite,
        "marginals of the coupling": ~(off <= 1e-14),
        "coupling above upper": ~(information <= d.upper + allowed),
    }


def check_bits(p: Tables, d: fastpid.Decomposition[Any]) -> Broken:
    """Check that neither company, address nor threads change a bit."""
    memory = np.empty(p[0].size + 8)
    other = np.zeros(len(p), dtype=bool)
    for i, table in enumerate(p):
        moved = memory[i % 8 : i % 8 + table.size].reshape(table.shape)
        moved[...] = table
        other[i] = solve(moved) != d[i]
    # As many as get a second thread.
    repeats = 1 + 2 * 8192 // p.size
    many = solve(np.concatenate([p] * repeats), threads=2)
    same = [(part.lower == d.lower) & (part.upper == d.upper) for part in _parts(many, repeats)]
    return {"other bits alone": other, "other bits with two threads": ~np.all(same, axis=0)}


def _parts(d: fastpid.Decomposition[Any], n: int) -> list[fastpid.Decomposition[Any]]:
    size = len(d) // n
    return [d[i * size : (i + 1) * size] for i in range(n)]


def check_gradients(p: Tables, d: fastpid.Decomposition[Any], tol: float) -> Broken:
    """Check that the gradient is a plane below the union information, near it at p."""
    import torch

    from fastpid.torch import decompose

    tensor = torch.from_numpy(p).requires_grad_()
    value = decompose(tensor, unit="nats", on_failure="ignore", threads=1).union_information
    value.sum().backward()
    gradient = tensor.grad.numpy()
    # By homogeneity the plane passes through the origin.
    at_p = (p * gradient).sum(axis=(1, 2, 3))
    allowed = np.where(by_inequality(d), np.where(d.converged, 2 * tol, np.inf), d.gap)
    # Less H(Z) the union information is convex, so that the plane is below it at other tables.
    other = np.roll(p, 1, axis=0)
    p_z, other_z = p.sum(axis=(1, 2)), other.sum(axis=(1, 2))
    known = ((p_z > 0.0) | (other_z == 0.0)).all(axis=1)

    def entropy(by: Tables) -> Tables:
        logs = np.log(np.where(by > 0.0, by, 1.0)) - np.log(by.sum(axis=1, keepdims=True))
        return -(other_z * logs).sum(axis=1)

    plane = (other * gradient).sum(axis=(1, 2, 3)) - entropy(p_z) + entropy(other_z)
    return {
        "gradient not finite": ~np.isfinite(gradient).all(axis=(1, 2, 3)),
        "gradient off the value": ~(d.upper - at_p <= allowed + SLACK + rounding(p)),
        "gradient above the value": ~(at_p <= d.upper + SLACK),
        "no subgradient": known & ~(plane <= np.roll(d.upper, 1) + SLACK),
    }


def check_reference(p: Tables, d: fastpid.Decomposition[Any]) -> Broken:
    """Check against bounds of another solver and other code (slow)."""
    from fastpid.reference import cvx_pid

    other = cvx_pid(p, unit="nats")
    # Its bounds are certified whether or not it came to an end; they are of shares, not of p.
    return {"reference": crossing(d, other) > 1e-6 * (1.0 - p.sum(axis=(1, 2, 3))) + 1e-10}
