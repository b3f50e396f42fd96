"""Records of sources and a target, ranked: what the screens of pairs and of triples have alike."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count, check_open_interval
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.multiple_tests import METHODS, adjust
from fastpid._base.notebook import Shown
from fastpid._base.warn import stacklevel_outside
from fastpid.screening._records import UNIQUE, is_sufficient, recorded, score, tested, value_of

if TYPE_CHECKING:
    from typing_extensions import Self

#: Targets that the text of a screen names.
_MOST_NAMED = 8


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RankedRecords(Comparable, Shown):
    """What sets of columns say about targets; the attributes are those of :class:`Screen`."""

    records: NDArray[Any]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    unit: str
    by: str
    n_dropped: int = 0
    test: str = "none"
    n_screened: int = 0
    family: Mapping[str, NDArray[np.float64]] | None = None

    #: The fields of the sources, what a record is of, and what its sources say together.
    SOURCES: ClassVar[tuple[str, ...]]
    WHAT: ClassVar[str]
    JOINT: ClassVar[str]

    @property
    def _recorded(self) -> tuple[str, ...]:
        return recorded(self.records.dtype)

    @property
    def _tested(self) -> tuple[str, ...]:
        return tested(self.records.dtype)

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.records)

    @property
    def is_sufficient(self) -> NDArray[np.bool_]:
        """Whether the samples are enough for each: what ranks high elsewhere may be chance."""
        return np.asarray(is_sufficient(self.records), dtype=np.bool_)

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one value of every record.

        Parameters
        ----------
        name : str
            One of the fields of a record, or "unique" for the largest unique information.

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        ValueError
            For an unknown name.
        """
        check_choice("name", name, (*self._recorded, UNIQUE))
        return np.asarray(value_of(self.records, name), dtype=np.float64)

    def adjusted(self, atom: str, method: str = "bh") -> NDArray[np.float64]:
        """Return the p-values of an atom, adjusted for all that were screened.

        Parameters
        ----------
        atom : str
            An atom of the records: of pairs "redundancy", "unique_x", "unique_y" or "synergy".
        method : {"bh", "by", "holm", "bonferroni"}
            "bh" [1]_ and "by" [2]_ bound the expected share of false discoveries, the first if
            tests are independent or depend positively on one another, the second however they do;
            "holm" and "bonferroni" the probability of any.

        Returns
        -------
        ndarray (n,)
            NaN for tests that were not made, which do not count. Under
            ``return_as="generator"``, where the other records are not known, "bonferroni" counts
            all of them, and the others are refused.

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
        check_choice("atom", atom, self._tested)
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
                f"method={method!r} needs the p-values of all {self.WHAT}, and a block of a "
                'screen, or one cut off, does not have them; leave out return_as="generator", or '
                'take "bonferroni"'
            )
        # Equal p-values are adjusted alike, so that they can be looked up.
        family = self.family[atom]
        found = np.full(len(p_values), np.nan)
        tested = ~np.isnan(p_values)
        found[tested] = adjust(family, method)[np.searchsorted(family, p_values[tested])]
        return found

    def significant(self, level: float, by: str | None = None, method: str = "bh") -> Self:
        """Return the records whose adjusted p-value is at most `level`, in the order they are in.

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
            If records that are not among those kept (`top_k`) are significant, too.
        """
        check_open_interval("level", level, 0.0, 1.0)
        if by is None and self.by.removeprefix("p_") not in self._tested:
            raise ValueError(
                f"by must be one of {', '.join(self._tested)}: the screen is by {self.by!r}"
            )
        atom = self.by.removeprefix("p_") if by is None else by
        fine = self.adjusted(atom, method) <= level
        if self.family is not None and len(self) < self.n_screened:
            there = int(np.count_nonzero(adjust(self.family[atom], method) <= level))
            kept = int(np.count_nonzero(fine))
            if kept < there:
                warnings.warn(
                    f"{kept} of {there} significant {self.WHAT} are among those kept; raise top_k",
                    UserWarning,
                    stacklevel=stacklevel_outside("fastpid"),
                )
        return dataclasses.replace(self, records=self.records[fine])

    def top(self, k: int, by: str | None = None) -> Self:
        """Return the k records of the largest values, the largest first; of p-values the smallest.

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

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a record, with the names of columns and targets.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        names, targets = np.array(self.names, dtype=object), np.array(self.targets, dtype=object)
        columns: dict[str, Any] = {source: names[self.records[source]] for source in self.SOURCES}
        columns["target"] = targets[self.records["target"]]
        columns.update({name: self.records[name] for name in self._recorded})
        return pd.DataFrame(columns)

    def __bool__(self) -> bool:
        """Return True: a result is one, even of no records."""
        return True

    def __repr__(self) -> str:
        """Return the best records."""
        best = self.top(5) if len(self) else self
        many = len(self.targets) > _MOST_NAMED
        about = f"{len(self.targets)} targets" if many else ", ".join(self.targets)
        lines = [
            f"{type(self).__name__} of {len(self)} {self.WHAT} of {len(self.names)} columns about "
            f"{about} ({self.unit}); by {self.by}:"
        ]
        for record in best.records:
            sources = ", ".join(self.names[record[source]] for source in self.SOURCES)
            about = f" about {self.targets[record['target']]}" if len(self.targets) > 1 else ""
            value = float(value_of(record, self.by))
            tested = f"p_{self.by}" in self._recorded and not np.isnan(record[f"p_{self.by}"])
            p = f", p = {float(record[f'p_{self.by}']):.2g}" if tested else ""
            few = "" if is_sufficient(record) else "  too few samples"
            lines.append(f"  {value:.4f}  {sources}{about}  (I = {record[self.JOINT]:.4f}{p}){few}")
        return "\n".join(lines)


class ScreenInterrupted(KeyboardInterrupt):
    """Ctrl-C during a screen; what was finished is kept.

    Attributes
    ----------
    result : Screen or TripleScreen
        What was finished.
    """

    def __init__(self, result: RankedRecords) -> None:
        super().__init__(f"interrupted after {len(result)} {result.WHAT}, which are in .result")
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the result as well."""
        return type(self), (self.result,)
