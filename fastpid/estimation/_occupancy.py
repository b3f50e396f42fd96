"""How many cells of a table its samples are worth, which is what the bias of an entropy goes by."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Occupancy(NamedTuple):
    """How many cells samples fall into, or are worth, in a table and in each of its marginals.

    Numbers, or arrays of them for several tables.
    """

    x: Any
    y: Any
    z: Any
    xy: Any
    xz: Any
    yz: Any
    xyz: Any


def occupied_cells(table: NDArray[np.float64]) -> Occupancy:
    """Count the cells (nx, ny, nz) that are not empty; of tables (n, nx, ny, nz), n times."""
    seen = table != 0.0
    yz, xz, xy = seen.any(axis=-3), seen.any(axis=-2), seen.any(axis=-1)

    def count(there: NDArray[np.bool_], axes: int) -> Any:
        return np.count_nonzero(there, axis=tuple(range(-axes, 0)))

    return Occupancy(
        x=count(xz.any(axis=-1), 1),
        y=count(yz.any(axis=-1), 1),
        z=count(yz.any(axis=-2), 1),
        xy=count(xy, 2),
        xz=count(xz, 2),
        yz=count(yz, 2),
        xyz=count(seen, 3),
    )


def worth_of_predictions(
    joint: NDArray[np.float64],
    squares: NDArray[np.float64],
    squares_xz: NDArray[np.float64],
    squares_yz: NDArray[np.float64],
) -> Occupancy:
    """Count the cells that soft predictions are worth.

    A sample i adds the table t_i[x, y, z] = f_i[x] g_i[y] 1[z_i = z], f_i and g_i being what two
    classifiers predict of it. With p the mean of the t_i over N samples, the plug-in entropy H(p)
    is too small by tr(Cov(t) / p) / 2N to second order, that is by (d - 1) / 2N with d = sum of
    E[t^2] / p over the cells. For certain predictions, t is 0 or 1 and d the number of occupied
    cells: the correction of Miller (1955). Uncertain ones vary less.

    Parameters
    ----------
    joint : ndarray (nx, ny, nz)
        The sum of the t_i.
    squares : ndarray (nx, ny, nz)
        The sum of their squares.
    squares_xz, squares_yz : ndarray (nx, nz), (ny, nz)
        The sums of the squares of f_i and g_i, by label.
    """

    def worth(square: NDArray[np.float64], *axes: int) -> float:
        mass = joint.sum(axis=axes)
        return float(np.divide(square, mass, out=np.zeros_like(mass), where=mass > 0.0).sum())

    return Occupancy(
        x=worth(squares_xz.sum(axis=1), 1, 2),
        y=worth(squares_yz.sum(axis=1), 0, 2),
        z=float(np.count_nonzero(joint.sum(axis=(0, 1)))),  # labels are certain
        xy=worth(squares.sum(axis=2), 2),
        xz=worth(squares_xz, 1),
        yz=worth(squares_yz, 0),
        xyz=worth(squares),
    )
