"""What a screen is."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count, check_open_interval
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.multiple_tests import METHODS, adjust
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS
from fastpid._base.warn import stacklevel_outside
from fastpid.screening._records import UNIQUE, is_sufficient, recorded, score, value_of

#: Targets that the text of a screen names.
_MOST_NAMED = 8


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Screen(Comparable, Shown):
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

    records: NDArray[Any]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    unit: str
    by: str
    n_dropped: int = 0
    test: str = "none"
    n_screened: int = 0
    family: Mapping[str, NDArray[np.float64]] | None = None

    @property
    def _recorded(self) -> tuple[str, ...]:
        return recorded(self.records.dtype)

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
        check_choice("name", name, (*self._recorded, UNIQUE))
        return np.asarray(value_of(self.records, name), dtype=np.float64)

    def adjusted(self, atom: str, method: str = "bh") -> NDArray[np.float64]:
        """Return the p-values of an atom, adjusted for all the pairs that were screened.

        Parameters
        ----------
        atom : {"redundancy", "unique_x", "unique_y", "synergy"}
        method : {"bh", "by", "holm", "bonferroni"}
            "bh" [1]_ and "by" [2]_ bound the expected share of false discoveries, the first if
            tests are independent or depend positively on one another, the second however they do;
            "holm" and "bonferroni" the probability of any.

        Returns
        -------
        ndarray (n_pairs,)
            NaN for tests that were not made, which do not count. Under
            ``return_as="generator"``, where the other pairs are not known, "bonferroni" counts all
            pairs, and the others are refused.

        Raises
        ------
        ValueError
            Without tests; for an unknown atom or method.

        References
        ----------
        .. [1] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", Journal of the
           Royal Statistical Society B 57, 1995.
        .. [2] Y. Benjamini, D. Yekutieli, "The control of the false discovery rate in multiple
           testing under dependency", Annals of Statistics 29, 2001.
        """
        check_choice("atom", atom, ATOMS)
        check_choice("method", method, METHODS)
        if self.test == "none":
            raise ValueError(
                'the screen has no p-values; make it with test="permutation", or one in closed form'
            )
        p_values = self.values(f"p_{atom}")
        if self.family is None:
            if method == "bonferroni":
                return np.minimum(p_values * self.n_screened, 1.0)
            raise ValueError(
                f"method={method!r} needs the p-values of all pairs, and a block of a screen, or "
                'one cut off, does not have them; leave out return_as="generator", or take '
                '"bonferroni"'
            )
        # Equal p-values are adjusted alike, so that they can be looked up.
        family = self.family[atom]
        found = np.full(len(p_values), np.nan)
        tested = ~np.isnan(p_values)
        found[tested] = adjust(family, method)[np.searchsorted(family, p_values[tested])]
        return found

    def significant(self, level: float, by: str | None = None, method: str = "bh") -> Screen:
        """Return the pairs whose adjusted p-value is at most `level`, in the order they are in.

        Parameters
        ----------
        level : float
            The share of false discoveries that is accepted, or the probability of any, between 0
            and 1.
        by : str, optional
            Which atom; by default what the screen is ranked by, if that is one.
        method : {"bh", "by", "holm", "bonferroni"}
            As for :meth:`adjusted`.

        Raises
        ------
        ValueError
            As :meth:`adjusted`; for a level outside of (0, 1); if the screen is ranked by something
            else than an atom and `by` is left out.

        Warns
        -----
        UserWarning
            If pairs that are not among those kept (`top_k`) are significant, too.
        """
        check_open_interval("level", level, 0.0, 1.0)
        if by is None and self.by.removeprefix("p_") not in ATOMS:
            raise ValueError(f"by must be one of {', '.join(ATOMS)}: the screen is by {self.by!r}")
        atom = self.by.removeprefix("p_") if by is None else by
        fine = self.adjusted(atom, method) <= level
        if self.family is not None and len(self) < self.n_screened:
            there = int(np.count_nonzero(adjust(self.family[atom], method) <= level))
            kept = int(np.count_nonzero(fine))
            if kept < there:
                warnings.warn(
                    f"{kept} of {there} significant pairs are among those kept; raise top_k",
                    UserWarning,
                    stacklevel=stacklevel_outside("fastpid"),
                )
        return dataclasses.replace(self, records=self.records[fine])

    def top(self, k: int, by: str | None = None) -> Screen:
        """Return the k pairs of the largest values, the largest first; of p-values the smallest.

        Ties come in the order they came.

        Parameters
        ----------
        k : int
        by : str, optional
            What to rank by; by default what the screen was made for.
        """
        check_count("k", k, 1)
        by = self.by if by is None else check_choice("by", by, (*self._recorded, UNIQUE))
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
        pairs = [("mi_x", "mi_y")]
        pairs += [(f"{of}unique_x", f"{of}unique_y") for of in ("", "corrected_", "p_")]
        mirrored = {**dict(pairs), **{y: x for x, y in pairs}}
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
        columns.update({name: self.records[name] for name in self._recorded})
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

    def __bool__(self) -> bool:
        """Return True: a result is one, even of no pairs."""
        return True

    def __repr__(self) -> str:
        """Return the best pairs."""
        best = self.top(5) if len(self) else self
        many = len(self.targets) > _MOST_NAMED
        about = f"{len(self.targets)} targets" if many else ", ".join(self.targets)
        lines = [
            f"Screen of {len(self)} pairs of {len(self.names)} columns about {about} "
            f"({self.unit}); by {self.by}:"
        ]
        for record in best.records:
            pair = f"{self.names[record['x']]}, {self.names[record['y']]}"
            about = f" about {self.targets[record['target']]}" if len(self.targets) > 1 else ""
            value = float(value_of(record, self.by))
            tested = f"p_{self.by}" in self._recorded and not np.isnan(record[f"p_{self.by}"])
            p = f", p = {float(record[f'p_{self.by}']):.2g}" if tested else ""
            few = "" if is_sufficient(record) else "  too few samples"
            lines.append(f"  {value:.4f}  {pair}{about}  (I = {record['mi_xy']:.4f}{p}){few}")
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
