"""What time courses have in common, whatever the estimates at each time are made from."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastpid._base.atoms import HasAtoms
from fastpid._base.checks import check_choice, check_open_interval
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.multiple_tests import METHODS, adjust
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS, QUANTITIES

Array = NDArray[np.float64]
Course = TypeVar("Course", bound="AtomCourse")

#: How p-values of all times are corrected for how many they are.
CORRECTIONS = ("max", "cluster", *METHODS)


class Span(NamedTuple):
    """A run of times at which an atom is significant.

    Attributes
    ----------
    start, stop : number
        The first of its times and the last.
    p_value : float
        The smallest corrected p-value in it.
    where : dict
        The channel and the lag, where there are such axes.
    """

    start: Any
    stop: Any
    p_value: float
    where: dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AtomCourse(HasAtoms[Array], Comparable, Shown, ABC):
    """Atoms at every time, with intervals and tests: what :class:`fastpid.TimeCourse` says."""

    dims: tuple[str, ...]
    coords: Mapping[str, NDArray[Any]]
    names: tuple[str, str, str]
    n_trials: int
    n_dropped: int
    plug_in: Mapping[str, Array]
    gap: Array
    bias: str
    corrected: Mapping[str, Array]
    values: Mapping[str, Array]
    ci: str
    confidence_level: float
    intervals: Mapping[str, tuple[Array, Array]]
    bands: Mapping[str, tuple[Array, Array]]
    null: str
    null_of: Mapping[str, str]
    null_means: Mapping[str, Array]
    p_values: Mapping[str, Array]
    p_max: Mapping[str, Array]
    p_cluster: Mapping[str, Array]
    cluster_level: float
    seed: Mapping[str, Any]
    units: str
    n_units: int
    largest_gap: float
    unit: str

    @property
    def times(self) -> NDArray[Any]:
        """The times, (n_times,)."""
        return self.coords["time"]

    @property
    @abstractmethod
    def is_sufficient(self) -> NDArray[np.bool_]:
        """At which times the trials are enough."""

    @abstractmethod
    def _sizes(self) -> str:
        """Say what there is at each time: symbols, or columns."""

    @abstractmethod
    def _selected(self, at: tuple[Any, ...], channel: int | None) -> dict[str, Any]:
        """Return the attributes of its own at some places, of one channel if that is given."""

    def adjusted(self, atom: str, method: str = "max") -> Array:
        """Return p-values of an atom, corrected for all times, lags and channels.

        Parameters
        ----------
        atom : {"redundancy", "unique_x", "unique_y", "synergy"}
        method : {"max", "cluster", "bh", "by", "holm", "bonferroni"}
            "max" bounds the probability of any false discovery [1]_; so does "cluster", of whole
            runs of times [2]_; the others adjust the p-values of each time, of which the smallest
            is one in the number of permutations: :meth:`fastpid.Screen.adjusted` describes them.

        Returns
        -------
        ndarray

        Raises
        ------
        ValueError
            For an unknown method, or an atom that was not tested.

        References
        ----------
        .. [1] P. H. Westfall, S. S. Young, "Resampling-based multiple testing", 1993.
        .. [2] E. Maris, R. Oostenveld, "Nonparametric statistical testing of EEG- and MEG-data",
           Journal of Neuroscience Methods 164, 2007.
        """
        check_choice("atom", atom, ATOMS)
        check_choice("method", method, CORRECTIONS)
        if atom not in self.p_values:
            tested = ", ".join(self.p_values) or "none"
            raise ValueError(
                f"{atom} was not tested (but {tested}); name it in atoms=, with n_permutations > 0"
            )
        if method == "max":
            return self.p_max[atom]
        if method == "cluster":
            return self.p_cluster[atom]
        return adjust(self.p_values[atom], method)

    def spans(self, atom: str, *, level: float = 0.05, method: str = "max") -> list[Span]:
        """Return the runs of times at which an atom is significant.

        Parameters
        ----------
        atom, method
            As for :meth:`adjusted`.
        level : float
            Between 0 and 1.

        Returns
        -------
        list of Span
            In the order of channels, lags and times.

        Raises
        ------
        ValueError
            As :meth:`adjusted` does.
        """
        check_open_interval("level", level, 0.0, 1.0)
        p = self.adjusted(atom, method)
        found = []
        for place in np.ndindex(p.shape[:-1]):
            row = p[place]
            edges = np.diff(np.concatenate([[False], row <= level, [False]]).astype(int))
            where = {
                dim: self.coords[dim][i].item()
                for dim, i in zip(self.dims[:-1], place, strict=True)
            }
            for first, end in zip(
                np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True
            ):
                start, stop = self.times[[first, end - 1]].tolist()
                found.append(Span(start, stop, float(row[first:end].min()), where))
        return found

    def sel(self: Course, **where: Any) -> Course:
        """Return the course of one channel or lag. P-values stay corrected for all.

        Parameters
        ----------
        **where
            A value of ``coords`` for some of the other dimensions: ``channel="Cz"``, ``lag=2``.

        Returns
        -------
        TimeCourse
            Or whatever it is a part of.

        Raises
        ------
        ValueError
            For a dimension that there is not, or a value that does not stand along it.
        """
        index: list[Any] = [slice(None)] * len(self.dims)
        for dim, value in where.items():
            if dim not in self.dims[:-1]:
                has = ", ".join(self.dims[:-1]) or "none but time"
                raise ValueError(f"{dim}={value!r} selects along no dimension; there is {has}")
            at = np.flatnonzero(self.coords[dim] == value)
            if at.size != 1:
                known = ", ".join(map(str, self.coords[dim][:8].tolist()))
                raise ValueError(f"{dim}={value!r} is not among {known}")
            index[self.dims.index(dim)] = int(at[0])
        at_index = tuple(index)
        channel = index[self.dims.index("channel")] if "channel" in where else None

        def taken(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(each[at_index] for each in value)
            return value[at_index]

        arrays: dict[str, Any] = {
            f.name: {name: taken(v) for name, v in getattr(self, f.name).items()}
            for f in dataclasses.fields(self)
            if f.name in _BY_NAME
        }
        return dataclasses.replace(
            self,
            dims=tuple(dim for dim in self.dims if dim not in where),
            coords={dim: along for dim, along in self.coords.items() if dim not in where},
            gap=self.gap[at_index],
            **arrays,
            **self._selected(at_index, channel),
        )

    def to_frame(self) -> Any:
        """Return a pandas DataFrame: a row for every channel, lag and time, which are its index.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        along = [self.coords[dim] for dim in self.dims]
        index = pd.MultiIndex.from_product(along, names=self.dims)
        if len(along) == 1:
            index = pd.Index(along[0], name=self.dims[0])
        columns = {name: values.ravel() for name, values in self._columns().items()}
        return pd.DataFrame(columns, index=index)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with the columns of :meth:`to_frame` as variables.

        Raises
        ------
        ImportError
            If xarray is not installed (``pip install xarray``).
        """
        xr = import_extra("xarray", "to_xarray()")
        return xr.Dataset(
            {name: (self.dims, values) for name, values in self._columns().items()},
            coords={dim: np.asarray(along) for dim, along in self.coords.items()},
            attrs={"unit": self.unit, "bias": self.bias, "n_trials": self.n_trials},
        )

    def _columns(self) -> dict[str, Array]:
        columns: dict[str, Array] = {}
        for name in QUANTITIES:
            columns[name] = self.values[name]
            columns[f"{name}_plug_in"] = self.plug_in[name]
            for what, of in (("", self.intervals), ("_band", self.bands)):
                if name in of:
                    columns[f"{name}_low{what}"], columns[f"{name}_high{what}"] = of[name]
            if name in self.p_values:
                columns[f"{name}_p"] = self.p_values[name]
                columns[f"{name}_p_max"] = self.p_max[name]
                columns[f"{name}_p_cluster"] = self.p_cluster[name]
        return columns

    def plot(self, *, atoms: Any = ATOMS, method: str = "max", ax: Any = None) -> Any:
        """Draw the course with its bands and significant spans: :func:`fastpid.plot.course`."""
        from fastpid.plot import course

        return course(self, atoms=atoms, method=method, ax=ax)

    def __repr__(self) -> str:
        """Return a table: by atom its peak, and where it is significant."""
        sizes = " x ".join(f"{len(self.coords[dim])} {dim}s" for dim in self.dims)
        lines = [
            f"{type(self).__name__} of {self.n_trials} trials, {sizes}, {self._sizes()} "
            f"({self.unit})",
            f"  {'':<12}{'mean':>9}{'largest':>9}{'at':>18}  significant (max)",
        ]
        for atom in ATOMS:
            values = self.values[atom]
            peak = np.unravel_index(int(np.argmax(values)), values.shape)
            at = ", ".join(
                _short(self.coords[dim][i].item()) for dim, i in zip(self.dims, peak, strict=True)
            )
            line = f"  {atom:<12}{values.mean():>9.4f}{values.max():>9.4f}{at:>18}"
            if atom in self.p_values:
                count = int(np.count_nonzero(self.p_max[atom] <= 0.05))
                smallest = float(self.p_max[atom].min())
                line += f"  {count} of {values.size}, smallest p {smallest:.3g}"
            lines.append(line)
        words = [f"bias: {self.bias}", f"resampled: {self.n_units} {self.units}"]
        lines.append(f"  {'; '.join(words)}; largest gap {self.largest_gap:.0e}")
        few = int(np.count_nonzero(~self.is_sufficient))
        if few:
            lines.append(f"  too few trials at {few} of {self.gap.size} places")
        return "\n".join(lines)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


#: The attributes that hold arrays by name.
_BY_NAME = frozenset(
    (
        *("plug_in", "corrected", "values", "intervals", "bands"),
        *("null_means", "p_values", "p_max", "p_cluster"),
    )
)
