"""What a screen of pairs is."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.screening._ranked import RankedRecords


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Screen(RankedRecords):
    """What pairs of columns say about targets.

    Attributes
    ----------
    records : structured ndarray
        One record a pair, in the order of the screen or, with `top_k`, the best first: the columns
        `x` and `y` and the `target` as indices into the names, the four atoms, `mi_x`, `mi_y`,
        `mi_xy`, `union_information` and `gap`; how much of the pair's distribution the samples have
        seen, `coverage`, and `samples_per_occupied_cell` (:class:`fastpid.joint.Sampling`); the
        atoms less their bias by the numbers of occupied cells (Miller and Madow), `corrected_` and
        the atom's name, which may be negative, and in which the union information keeps its
        relative place between its bounds; and p-values, `p_` and the atom's name, NaN for tests
        that were not made. A screen of Gaussian channels (:func:`fastpid.gaussian.screen`) has
        `samples_per_column` in place of `coverage` and `samples_per_occupied_cell`, and atoms that
        are corrected by what is known of covariances.
    names : tuple of str
        The names of the columns.
    targets : tuple of str
        The names of the targets.
    unit : str
        "bits" or "nats".
    by : str
        What pairs are ranked by.
    n_dropped : int
        How many samples were left out under ``missing="drop"``.
    test : str
        How p-values came about.
    n_screened : int
        How many pairs were screened, over all targets, whether they are kept or not.
    family : dict of str to ndarray, optional
        By atom the p-values of all pairs that were tested, sorted; None without tests, and for
        blocks of a screen that are given as they are finished.
    """

    SOURCES = ("x", "y")
    WHAT = "pairs"
    JOINT = "mi_xy"

    def matrix(self, name: str, target: str | None = None) -> NDArray[np.float64]:
        """Return one value as a matrix of columns by columns, NaN where there is no pair.

        Parameters
        ----------
        name : str
            As for :meth:`values`. The matrix is symmetric, except for the values of one source:
            `unique_x` and `mi_x` at [i, j] are those of i beside j.
        target : str, optional
            Which target, if there are several.

        Raises
        ------
        ValueError
            For an unknown name or target, or none where there are several.
        """
        if target is None:
            if len(self.targets) > 1:
                raise ValueError(f"there are several targets: name one of {self.targets}")
            target = self.targets[0]
        if target not in self.targets:
            raise ValueError(f"there is no target {target!r}; they are {self.targets}")
        pairs = [("mi_x", "mi_y")]
        pairs += [(f"{of}unique_x", f"{of}unique_y") for of in ("", "corrected_", "p_")]
        mirrored = {**dict(pairs), **{y: x for x, y in pairs}}
        out = np.full((len(self.names), len(self.names)), np.nan)
        records = self.records[self.records["target"] == self.targets.index(target)]
        other = mirrored.get(name, name)
        out[records["y"], records["x"]] = dataclasses.replace(self, records=records).values(other)
        out[records["x"], records["y"]] = dataclasses.replace(self, records=records).values(name)
        return out

    def plot(self, name: str | None = None, *, target: str | None = None, ax: Any = None) -> Any:
        """Draw a heat map of one value: :func:`fastpid.plot.heatmap`.

        Parameters
        ----------
        name : str, optional
            Which value; by default what the screen is ranked by.
        target : str, optional
            Which target, if there are several.
        ax : matplotlib.axes.Axes, optional
        """
        from fastpid.plot import heatmap

        return heatmap(self, name, target=target, ax=ax)
