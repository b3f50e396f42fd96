"""compare(): the atoms by several measures of redundancy, side by side."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.quantities import ATOMS, Method, OnFailure, Unit
from fastpid._solve.options import recall_options
from fastpid._solve.solve import solve_tables
from fastpid._solve.tables import check_tables
from fastpid.information import specific_information
from fastpid.result import Decomposition, Status

#: In the order of their redundancies, the smallest first.
MEASURES = ("broja", "i_min", "mmi")


class Atoms(NamedTuple):
    """The atoms by one measure: floats for one table, arrays of the batch shape for a batch."""

    redundancy: Any
    unique_x: Any
    unique_y: Any
    synergy: Any


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Comparison(Comparable, Shown):
    """The atoms of one table, or of a batch, by several measures of redundancy.

    Whatever the measure, redundancy and unique_x add up to I(X; Z), redundancy and unique_y to
    I(Y; Z), and the four to I(X, Y; Z). The redundancies are ordered: that of BROJA is the least
    that non-negative atoms allow, given the marginals (x, z) and (y, z), and the minimum mutual
    information the largest; I_min lies between them.

    A batch can be indexed, sliced and iterated over, and has a length. Made by
    :func:`fastpid.compare`.

    Attributes
    ----------
    broja : Decomposition
        By BROJA, with its certificate; also holds the mutual informations.
    i_min : Atoms
        By Williams and Beer's I_min.
    mmi : Atoms
        By the minimum mutual information.
    """

    broja: Decomposition[Any]
    i_min: Atoms
    mmi: Atoms

    @property
    def unit(self) -> Unit:
        """The unit of all values: "bits" or "nats"."""
        return self.broja.unit

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return self.broja.shape

    def atoms(self, measure: str) -> Atoms:
        """Return the atoms by one measure.

        Parameters
        ----------
        measure : {"broja", "i_min", "mmi"}

        Raises
        ------
        ValueError
            For an unknown measure.
        """
        if measure not in MEASURES:
            raise ValueError(f"measure must be one of {', '.join(MEASURES)}; got {measure!r}")
        of = getattr(self, measure)
        return Atoms(*(getattr(of, name) for name in ATOMS))

    def to_dict(self) -> dict[str, Any]:
        """Return the atoms by measure, and the unit, as plain Python numbers and (nested) lists."""
        out: dict[str, Any] = {"unit": self.unit, "broja": self.broja.to_dict()}
        for measure in MEASURES[1:]:
            named = self.atoms(measure)._asdict()
            out[measure] = {name: np.asarray(value).tolist() for name, value in named.items()}
        return out

    def to_frame(self) -> Any:
        """Return a pandas DataFrame of the atoms, one row for every table and measure.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        levels = [range(n) for n in self.shape]
        names = [f"batch_{axis}" for axis in range(len(levels))]
        index = pd.MultiIndex.from_product([*levels, MEASURES], names=[*names, "measure"])
        columns: dict[str, Any] = {}
        for name in ATOMS:
            values = [getattr(self.atoms(measure), name) for measure in MEASURES]
            columns[name] = np.stack(values, axis=-1).ravel()
        return pd.DataFrame({**columns, "unit": self.unit}, index=index)

    def __bool__(self) -> bool:
        """Return True: a result is one, even of a single table, which has no length."""
        return True

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the Comparison of one table has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Comparison:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the Comparison of one table cannot be indexed")

        def part(atoms: Atoms) -> Atoms:
            chosen = [values[key] for values in atoms]
            return Atoms(*(v.item() if np.ndim(v) == 0 else v for v in chosen))

        return Comparison(self.broja[key], part(self.i_min), part(self.mmi))

    def __iter__(self) -> Iterator[Comparison]:
        """Return the results along the first axis of the batch."""
        if not self.shape:
            raise TypeError("the Comparison of one table cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        """Return a row for every measure; of a batch, the medians."""
        what = f"medians of a batch of shape {self.shape}, {self.unit}" if self.shape else self.unit
        lines = [f"Comparison ({what})", f"  {'':<8}" + "".join(f"{n:>12}" for n in ATOMS)]
        for measure in MEASURES:
            values = [_median(value) for value in self.atoms(measure)]
            lines.append(f"  {measure:<8}" + "".join(f"{value:>12.6f}" for value in values))
        gap = float(np.max(_valid(self.broja.gap), initial=0.0))
        return "\n".join([*lines, f"  largest gap of broja {gap:.1e}"])


def compare(
    p: ArrayLike,
    *,
    method: Method = "auto",
    tol: float = 1e-9,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    normalize: bool = False,
    on_failure: OnFailure = "warn",
) -> Comparison:
    """Decompose what two sources say about a target by several measures of redundancy.

    * BROJA: the union information [1]_, as :func:`fastpid.decompose` has it.
    * I_min, of Williams and Beer [2]_: ``sum over z of p(z) min(I(X; Z = z), I(Y; Z = z))``, the
      smaller specific information of every outcome
      (:func:`fastpid.information.specific_information`).
    * MMI, the minimum mutual information [3]_: ``min(I(X; Z), I(Y; Z))``.

    Parameters
    ----------
    p : array_like, shape (..., nx, ny, nz)
        Joint probabilities; the last axis is the target. Leading axes are a batch.
    method, tol, max_iter, threads, on_failure
        As for :func:`fastpid.decompose`, for BROJA; the others are closed forms.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    normalize : bool
        Divide every table by its sum first.

    Returns
    -------
    Comparison
        NaN, by every measure, for tables of a batch that hold no probabilities.

    Raises
    ------
    ValueError
        As :func:`fastpid.decompose` does.
    TypeError
        As :func:`fastpid.decompose` does; for a torch tensor.
    ConvergenceError
        Under ``on_failure="raise"``, with the Decomposition.

    Warns
    -----
    ConvergenceWarning
        As :func:`fastpid.decompose` does.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.
    .. [2] P. L. Williams, R. D. Beer, "Nonnegative decomposition of multivariate information",
       arXiv:1004.2515, 2010.
    .. [3] A. B. Barrett, "Exploration of synergistic and redundant information sharing in static
       and dynamical Gaussian systems", Physical Review E 91, 2015.

    Examples
    --------
    >>> import fastpid
    >>> both = fastpid.compare(fastpid.gates.copy())  # two independent bits, and a copy of them
    >>> both.i_min.redundancy, both.mmi.redundancy, round(both.broja.redundancy, 9)
    (1.0, 1.0, 0.0)
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(p, torch.Tensor):
        raise TypeError(
            "compare() takes arrays, and p is a torch tensor; pass p.detach().cpu().numpy() "
            "(fastpid.decompose takes tensors)"
        )
    options = recall_options(method, tol, max_iter, unit, threads, normalize, on_failure)
    tables = check_tables(p)
    solved = solve_tables(tables, options)
    broja = solved.result()
    solved.report("fastpid")
    valid = np.asarray(broja.status) != Status.INVALID.value
    # An invalid table has no closed forms; any other one in its place has.
    p_xyz = np.where(valid[..., None, None, None], tables, 1.0)
    mass = p_xyz.sum(axis=(-3, -2, -1))
    p_xyz = p_xyz / mass[..., None, None, None]

    def atoms(*values: Any) -> Atoms:
        masked = (np.where(valid, value, np.nan) for value in values)
        return Atoms(*(value if value.ndim else value.item() for value in masked))

    mi_x, mi_y = broja.mi_x, broja.mi_y
    less = np.minimum(mi_x, mi_y)
    return Comparison(
        broja,
        # Of a table that misses one by rounding, the kernel's sums are over the masses as they are.
        atoms(*_i_min(p_xyz, 1.0 if normalize else mass, broja)),
        atoms(less, mi_x - less, mi_y - less, broja.mi_xy - np.maximum(mi_x, mi_y)),
    )


def _i_min(p: NDArray[np.float64], mass: Any, broja: Decomposition[Any]) -> tuple[Any, ...]:
    p_z = p.sum(axis=(-3, -2))
    by_x = specific_information(p.sum(axis=-2), broja.unit)
    by_y = specific_information(p.sum(axis=-3), broja.unit)
    redundancy = mass * np.sum(p_z * np.minimum(by_x, by_y), axis=-1)
    unique_x = mass * np.sum(p_z * np.maximum(by_x - by_y, 0.0), axis=-1)
    unique_y = mass * np.sum(p_z * np.maximum(by_y - by_x, 0.0), axis=-1)
    # Not negative but for rounding, as Williams and Beer prove.
    synergy = np.maximum(broja.mi_xy - redundancy - unique_x - unique_y, 0.0)
    return redundancy, unique_x, unique_y, synergy


def _valid(values: Any) -> NDArray[np.float64]:
    array = np.ravel(values)
    return array[np.isfinite(array)]


def _median(values: Any) -> float:
    finite = _valid(values)
    return float(np.median(finite)) if finite.size else float("nan")
