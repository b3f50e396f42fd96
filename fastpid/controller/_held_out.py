"""Joint tables of two classifiers' predictions on held-out samples, with bias and standard error.

A sample i adds the table t_i[x, y, z] = f_i[x] g_i[y] 1[z_i = z] to the sum, f_i and g_i being what
the two classifiers predict of it. With p the mean of the t_i over N samples:

* Bias. A plug-in entropy H(p) is too small by tr(Cov(t) / p) / 2N to second order, that is by
  (d - 1) / 2N with d = sum of E[t^2] / p over the cells. For certain predictions, t is 0 or 1
  and d the number of occupied cells: the correction of Miller (1955). Uncertain ones vary less,
  and d counts the cells that they are worth. So the squares are summed beside the tables.
* Standard error. To first order a quantity is off by the mean of <g, t_i>, g its gradient by p
  (delta method), which varies by Var_i <g, t_i> / N. As <g, t_i> is the mean of g over symbols
  drawn from f_i and g_i, this is at most Var_p(g) / N (law of total variance), and equal to it for
  certain predictions. The table alone gives the bound; no sample needs to be kept. It is far
  from tight for predictions that are nearly uniform: with f and g within e of it, the bound is of
  the order of e, while <g, t_i> varies by e^2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import QUANTITIES, Terms
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve_tables
from fastpid._solve.threads import count_threads
from fastpid.estimation._bias import Occupancy, miller_madow
from fastpid.joint._predictions import sum_by_class

#: How every quantity, in this order, depends on mi_x, mi_y, mi_xy and the union information.
_COMBINATIONS = np.stack([*Terms.of_vector(np.eye(4)).named().values()])


class HeldOutTable:
    """The sums that a joint table and its uncertainty are made of.

    They stand in one vector, so that the sums of several processes can be added up.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        nx, ny, nz = shape
        self.shape = shape
        self.sums = np.zeros(2 * nx * ny * nz + nx * nz + ny * nz + 1)

    def add(
        self, x: NDArray[np.float64], y: NDArray[np.float64], labels: NDArray[np.int64]
    ) -> None:
        """Add samples: predictions (n, nx) and (n, ny), labels (n,)."""
        classes = self.shape[2]
        members = np.eye(classes)[labels]
        x_squared, y_squared = x * x, y * y
        parts = (
            sum_by_class(x, y, labels, classes),
            sum_by_class(x_squared, y_squared, labels, classes),
            x_squared.T @ members,
            y_squared.T @ members,
        )
        self.sums += np.concatenate([*(part.ravel() for part in parts), [float(len(labels))]])

    @property
    def n_samples(self) -> float:
        """The number of samples."""
        return float(self.sums[-1])

    @property
    def p(self) -> NDArray[np.float64]:
        """The joint table (nx, ny, nz)."""
        joint = self.sums[: np.prod(self.shape)].reshape(self.shape)
        return np.ascontiguousarray(joint / joint.sum())

    def occupancy(self) -> Occupancy:
        """How many cells the predictions are worth: d of the table and each of its marginals."""
        nx, ny, nz = self.shape
        ends = np.cumsum([nx * ny * nz, nx * ny * nz, nx * nz, ny * nz])
        joint, squares, of_x, of_y = np.split(self.sums[:-1], ends[:-1])
        p, squares = joint.reshape(self.shape), squares.reshape(self.shape)
        xz, yz = of_x.reshape(nx, nz), of_y.reshape(ny, nz)

        def worth(square: NDArray[np.float64], *axes: int) -> float:
            mass = p.sum(axis=axes)
            return float(np.divide(square, mass, out=np.zeros_like(mass), where=mass > 0.0).sum())

        return Occupancy(
            x=worth(xz.sum(axis=1), 1, 2),
            y=worth(yz.sum(axis=1), 0, 2),
            z=float(np.count_nonzero(p.sum(axis=(0, 1)))),  # labels are certain
            xy=worth(squares.sum(axis=2), 2),
            xz=worth(xz, 1),
            yz=worth(yz, 0),
            xyz=worth(squares),
        )


class Measurement(NamedTuple):
    """What a table says, in the unit of the options."""

    values: Mapping[str, float]  # of every quantity, with its bias taken out
    errors: Mapping[str, float]  # their standard errors, at most
    gap: float  # of the certified bracket around the plug-in union information


def measure(
    tables: Sequence[HeldOutTable], options: SolveOptions, design_effect: float = 1.0
) -> list[Measurement]:
    """Decompose tables of one shape, so many samples of which count for one independent one."""
    stack = np.stack([table.p for table in tables])
    solved = solve_tables(stack, options, potentials=True)
    plug_in, gaps = solved.terms.vector(), solved.terms.gap
    threads = count_threads(options.threads, stack.size)
    gradients = [
        kernel.gradient(
            *(stack, solved.p_xz, solved.p_yz, solved.lam, solved.mu),
            np.tile(term, (len(stack), 1)),
            False,
            threads,
        ).reshape(len(stack), -1)
        for term in np.eye(4)
    ]
    measurements = []
    for i, table in enumerate(tables):
        n_effective = table.n_samples / design_effect
        p, g = stack[i].ravel(), np.stack([gradient[i] for gradient in gradients])
        # All are 1-homogeneous in p: the means of their gradients are they themselves.
        deviations = g - (g @ p)[:, None]
        covariance = (deviations * p) @ deviations.T / n_effective
        variances = ((_COMBINATIONS @ covariance) * _COMBINATIONS).sum(axis=1)
        errors = np.sqrt(np.maximum(variances, 0.0)) * options.scale
        corrected = miller_madow(plug_in[i], table.occupancy(), n_effective)
        values = _COMBINATIONS @ corrected * options.scale
        measurements.append(
            Measurement(
                values=dict(zip(QUANTITIES, values.tolist(), strict=True)),
                errors=dict(zip(QUANTITIES, errors.tolist(), strict=True)),
                gap=float(gaps[i]) * options.scale,
            )
        )
    return measurements
