"""What soft predictions of several classifiers say together: unions, with bias and errors.

The sums are those of two sources: the first classifier, and the tuples of all others. What
:mod:`fastpid.estimation._prediction_sums` says of standard errors holds word for word, the gradient
of a union information being the sum of its potentials over the sources, less log p(z).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import METHODS
from fastpid._many import decompose_many
from fastpid._pointwise import pointwise_many
from fastpid._solve.options import SolveOptions
from fastpid.estimation._prediction_sums import PredictionSums

Floats = NDArray[np.float64]


class ManyMeasurement(NamedTuple):
    """What sums of predictions of M classifiers say.

    Attributes
    ----------
    values : mapping of str to float
        "mi_0", "unique_0" and so on, "union_information", "synergy" and "mi_joint", their bias
        taken out; they may be negative.
    errors : mapping of str to float
        Their standard errors; empty of sums that are made without.
    gap : float
        The width of the widest certified bracket, of plug-in values.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float]
    gap: float


def measure_unions(
    together: PredictionSums,
    alone: Sequence[float],
    options: SolveOptions,
    design_effect: float = 1.0,
) -> ManyMeasurement:
    """Measure the unions of all classifiers, and of all but one.

    Unique information is the union of all less that of all others. Bias is taken out of mutual
    information by the numbers of cells that predictions are worth (Miller 1955); a union
    information keeps its relative place between the largest mutual information of its sources and
    their sum.

    Parameters
    ----------
    together : PredictionSums
        Of shape (k, k**(M - 1), k), the second source being the tuples of all but the first.
    alone : sequence of float
        Of each classifier, the excess of cells of its table with the label: worth(x, z) -
        worth(x) - worth(z) + 1.
    options : SolveOptions
    design_effect : float
        How many samples count for one independent one.
    """
    n, k = len(alone), together.shape[2]
    p = together.p
    joint = p.reshape(*(k,) * (n + 1))
    solver: dict[str, Any] = {
        "subsets": "leave_one_out",
        "method": METHODS[options.method],
        "tol": options.tol,
        "unit": "nats",
        "threads": options.threads or None,
        "normalize": True,
        "on_failure": "ignore",
    }
    every = tuple(range(n))
    rests = [tuple(j for j in every if j != i) for i in every]
    sets = [*((i,) for i in every), every, *rests]
    names, combinations = _combinations(n)
    errors = {}
    if together.errors:
        cells = pointwise_many(joint, **solver)
        found = cells.decomposition
        gradients = np.stack([*(cells.union_information(s) for s in sets), cells.mi_joint])
        # In cells that are empty, nothing.
        covariance = together.covariance(np.nan_to_num(gradients.reshape(len(gradients), -1)))
        variances = ((combinations @ covariance) * combinations).sum(axis=1) * design_effect
        of_each = np.sqrt(np.maximum(variances, 0.0)) * options.scale
        errors = dict(zip(names, of_each.tolist(), strict=True))
    else:
        found = decompose_many(joint, **solver)
    # mi_0 ..., the unions of all and of all but one, I(all; Z).
    plug_in = np.array([*(found.union_information(s) for s in sets), found.mi_joint])

    counts = together.occupancy()
    of_all = counts.xyz - counts.xy - counts.z + 1
    n_effective = together.n_samples / design_effect
    corrected = plug_in.copy()
    corrected[:n] -= np.asarray(alone) / (2.0 * n_effective)
    corrected[-1] -= of_all / (2.0 * n_effective)
    for row, members in enumerate(sets[n:], n):
        corrected[row] = _in_place(plug_in[row], plug_in[[*members]], corrected[[*members]])

    values = combinations @ corrected * options.scale
    return ManyMeasurement(
        values=dict(zip(names, values.tolist(), strict=True)),
        errors=errors,
        gap=float(np.max(found.gap)) * options.scale,
    )


def excess_of_cells(sums: PredictionSums) -> tuple[float, float]:
    """Return the excess of cells, for `alone`, of both sources of a table."""
    counts = sums.occupancy()
    return counts.xz - counts.x - counts.z + 1, counts.yz - counts.y - counts.z + 1


def _in_place(union: float, mi: Floats, corrected: Floats) -> float:
    """Return a union information where it was between the largest and the sum of its sources'."""
    low, high = mi.max(), mi.sum()
    place = (union - low) / (high - low) if high > low else 0.5
    return float(corrected.max() + place * (corrected.sum() - corrected.max()))


def _combinations(n: int) -> tuple[list[str], Floats]:
    """Return what is measured of n classifiers, by name, as sums of what is solved for."""
    unit = np.eye(2 * n + 2)
    mi, union, rests, joint = np.split(unit, np.cumsum([n, 1, n]))
    named = {f"mi_{i}": mi[i] for i in range(n)}
    named |= {f"unique_{i}": union[0] - rests[i] for i in range(n)}
    named |= {"union_information": union[0], "synergy": joint[0] - union[0], "mi_joint": joint[0]}
    return list(named), np.stack(list(named.values()))
