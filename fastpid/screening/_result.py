"""What a screen is."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count
from fastpid._base.compare import same
from fastpid._base.extras import import_extra
from fastpid.screening._records import RECORDED, UNIQUE, is_sufficient, score


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Screen:
    """What pairs of columns say about targets.

    Attributes
    ----------
    records : structured ndarray
        One record a pair, in the order of the screen or, with `top_k`, the best first: the columns
        `x` and `y` and the `target` as indices into the names, the four atoms, `mi_x`, `mi_y`,
        `mi_xy`, `union_information` and `gap`; how much of the pair's distribution the samples have
        seen, `coverage`, and `samples_per_occupied_cell` (:class:`fastpid.joint.Sampling`).
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
    """

    records: NDArray[Any]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    unit: str
    by: str
    n_dropped: int = 0

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.records)

    @property
    def is_sufficient(self) -> NDArray[np.bool_]:
        """Whether the samples are enough for each pair: what ranks high elsewhere may be chance."""
        return np.asarray(is_sufficient(self.records), dtype=np.bool_)

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one value of every pair.

        Parameters
        ----------
        name : str
            One of the fields of a record, or "unique" for the larger unique information.

        Returns
        -------
        ndarray (n_pairs,)

        Raises
        ------
        ValueError
            For an unknown name.
        """
        check_choice("name", name, (*RECORDED, UNIQUE))
        return np.asarray(score(self.records, name), dtype=np.float64)

    def top(self, k: int, by: str | None = None) -> Screen:
        """Return the k pairs of the largest values, the largest first; ties in the order they came.

        Parameters
        ----------
        k : int
        by : str, optional
            What to rank by; by default what the screen was made for.
        """
        check_count("k", k, 1)
        by = self.by if by is None else check_choice("by", by, (*RECORDED, UNIQUE))
        order = np.argsort(-score(self.records, by), kind="stable")[:k]
        return dataclasses.replace(self, records=self.records[order], by=by)

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
        mirrored = {"unique_x": "unique_y", "mi_x": "mi_y", "unique_y": "unique_x", "mi_y": "mi_x"}
        out = np.full((len(self.names), len(self.names)), np.nan)
        records = self.records[self.records["target"] == self.targets.index(target)]
        other = mirrored.get(name, name)
        out[records["y"], records["x"]] = dataclasses.replace(self, records=records).values(other)
        out[records["x"], records["y"]] = dataclasses.replace(self, records=records).values(name)
        return out

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a pair, with the names of columns and targets.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        names, targets = np.array(self.names, dtype=object), np.array(self.targets, dtype=object)
        columns: dict[str, Any] = {
            "x": names[self.records["x"]],
            "y": names[self.records["y"]],
            "target": targets[self.records["target"]],
        }
        columns.update({name: self.records[name] for name in RECORDED})
        return pd.DataFrame(columns)

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

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether another screen holds the same numbers."""
        return same(self, other) if isinstance(other, Screen) else NotImplemented

    def __bool__(self) -> bool:
        """Return True: a result is one, even of no pairs."""
        return True

    def _repr_html_(self) -> str:
        """Return the best pairs for a notebook."""
        return f"<pre>{html.escape(repr(self))}</pre>"

    def __repr__(self) -> str:
        """Return the best pairs."""
        best = self.top(5) if len(self) else self
        lines = [
            f"Screen of {len(self)} pairs of {len(self.names)} columns about "
            f"{', '.join(self.targets)} ({self.unit}); by {self.by}:"
        ]
        for record in best.records:
            pair = f"{self.names[record['x']]}, {self.names[record['y']]}"
            about = f" about {self.targets[record['target']]}" if len(self.targets) > 1 else ""
            value = float(score(record, self.by))
            few = "" if is_sufficient(record) else "  too few samples"
            lines.append(f"  {value:.4f}  {pair}{about}  (I = {record['mi_xy']:.4f}){few}")
        return "\n".join(lines)


class ScreenInterrupted(KeyboardInterrupt):
    """Ctrl-C during a screen; what was finished is kept.

    Attributes
    ----------
    result : Screen
        The pairs that were finished.
    """

    def __init__(self, result: Screen) -> None:
        super().__init__(f"interrupted after {len(result)} pairs, which are in .result")
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the result as well."""
        return type(self), (self.result,)
