"""What a network is."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid.screening._context import confidence_of

#: What a network has of every pair of columns.
MATRICES = ("confidence", "scores", "errors", "mutual_information")
_EDGE = np.dtype([("x", "<i4"), ("y", "<i4"), *((name, "<f8") for name in MATRICES)])


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Network(Comparable, Shown):
    """How closely many columns are linked, pair by pair: made by :func:`network`.

    Matrices are symmetric, and NaN on the diagonal.

    Attributes
    ----------
    scores : ndarray (n_columns, n_columns)
        The proportional unique contribution u of every pair, between 0 and 2 (n_columns - 2).
    confidence : ndarray (n_columns, n_columns)
        How much the score stands out among the scores of both its columns: the sum of its places
        in their cumulative distributions, between 0 and 2.
    errors : ndarray (n_columns, n_columns)
        By how much a score may be off because unique information is known to `tol` alone: half the
        certified gaps, summed up as the scores are. 0 by I_min.
    mutual_information : ndarray (n_columns, n_columns)
        I(X; Z) of every pair, in `unit`.
    names : tuple of str
        The names of the columns.
    measure : str
        What unique information is: "broja" or "i_min".
    context : str
        Which cumulative distributions the confidence is of: "gamma" or "empirical".
    unit : str
        "bits" or "nats".
    gap : float
        The widest bracket of any union information, in `unit`.
    n_samples : int
        The number of samples.
    n_dropped : int
        How many samples were left out under ``missing="drop"``.
    """

    scores: NDArray[np.float64]
    errors: NDArray[np.float64]
    mutual_information: NDArray[np.float64]
    names: tuple[str, ...]
    measure: str
    context: str
    unit: str
    gap: float
    n_samples: int
    n_dropped: int = 0

    #: What a heat map draws, unless told otherwise.
    by = "confidence"

    @functools.cached_property
    def confidence(self) -> NDArray[np.float64]:
        """How much every score stands out among the scores of both its columns."""
        return confidence_of(self.scores, self.context)

    def matrix(self, name: str = "confidence") -> NDArray[np.float64]:
        """Return a value of every pair, (n_columns, n_columns).

        Parameters
        ----------
        name : {"confidence", "scores", "errors", "mutual_information"}

        Raises
        ------
        ValueError
            For an unknown name.
        """
        matrix: NDArray[np.float64] = getattr(self, check_choice("name", name, MATRICES))
        return matrix

    def edges(self, k: int | None = None) -> NDArray[Any]:
        """Return the pairs of columns, those of the largest confidence first.

        Parameters
        ----------
        k : int, optional
            How many; by default all.

        Returns
        -------
        structured ndarray
            The columns `x` and `y` as indices into the names, and one field for every matrix. Of
            equal confidence, the larger score comes first.

        Raises
        ------
        ValueError
            If k is below 1.
        """
        if k is not None:
            check_count("k", k, 1)
        x, y = np.triu_indices(len(self.names), 1)
        out = np.zeros(len(x), _EDGE)
        out["x"], out["y"] = x, y
        for name in MATRICES:
            out[name] = self.matrix(name)[x, y]
        return out[np.lexsort((-out["scores"], -out["confidence"]))][:k]

    def top(self, k: int) -> list[tuple[str, str, float]]:
        """Return the names of the k pairs of the largest confidence, and that.

        Parameters
        ----------
        k : int

        Raises
        ------
        ValueError
            If k is below 1.
        """
        return [
            (self.names[edge["x"]], self.names[edge["y"]], float(edge["confidence"]))
            for edge in self.edges(k)
        ]

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a pair of columns, the largest confidence first.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        edges, names = self.edges(), np.array(self.names, dtype=object)
        columns = {"x": names[edges["x"]], "y": names[edges["y"]]}
        columns.update({name: edges[name] for name in MATRICES})
        return pd.DataFrame(columns)

    def plot(self, name: str | None = None, *, ax: Any = None) -> Any:
        """Draw a heat map of one value: :func:`fastpid.plot.heatmap`.

        Parameters
        ----------
        name : {"confidence", "scores", "errors", "mutual_information"}, optional
        ax : matplotlib.axes.Axes, optional
        """
        from fastpid.plot import heatmap

        return heatmap(self, name, ax=ax)

    def __repr__(self) -> str:
        """Return the first edges."""
        lines = [
            f"Network of {len(self.names)} columns, {self.n_samples} samples (unique information "
            f"by {self.measure}, {self.context} context); confidence, score:"
        ]
        for edge in self.edges(5):
            pair = f"{self.names[edge['x']]}, {self.names[edge['y']]}"
            lines.append(f"  {edge['confidence']:.4f}  {edge['scores']:.2f}  {pair}")
        return "\n".join(lines)
