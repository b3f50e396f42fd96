"""What a decomposition is: its certificate, the atoms that follow, and how the solve ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from fastpid._base.compare import Comparable
from fastpid._base.drawing import Drawing
from fastpid._base.extras import import_extra
from fastpid._base.quantities import (
    ATOMS,
    METHODS,
    NATS_PER_UNIT,
    QUANTITIES,
    REFERENCE_METHODS,
    VALUES,
    Codes,
    Terms,
    Unit,
)
from fastpid._base.status import STATUSES, ConvergenceError, ConvergenceWarning, Status, Words

__all__ = [
    "ATOMS",
    "STATUSES",
    "ConvergenceError",
    "ConvergenceWarning",
    "Decomposition",
    "Solution",
    "Status",
    "Words",
]

_STATUS_WORDS = np.array([status.value for status in STATUSES])
_METHOD_WORDS = np.array((*METHODS, *REFERENCE_METHODS))


class Solution(Protocol):
    """The primal and dual solution behind a :class:`Decomposition`, unpacked on demand."""

    def coupling(self) -> Any:
        """Return q (..., nx, ny, nz), its pairwise marginals those of p."""
        ...

    @property
    def potentials(self) -> tuple[Any, Any]:
        """The dual feasible (lam, mu), shapes (..., nx, nz) and (..., ny, nz), in nats."""
        ...

    def __getitem__(self, key: Any) -> Solution:
        """Return the solutions of part of the batch."""
        ...


class TensorLike(Protocol):
    """What is taken for a tensor here, which never imports torch."""

    def detach(self) -> Any:
        """Return the tensor without its gradient."""
        ...


V_co = TypeVar("V_co", bound="float | NDArray[np.float64] | TensorLike", covariant=True)
T = TypeVar("T", bound=TensorLike)
S_co = TypeVar("S_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
W_co = TypeVar("W_co", covariant=True)


class _PerTable(Generic[S_co, A_co, W_co]):
    """A property whose type is one for a table, one for a batch, one for tensors."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: Any) -> _PerTable[S_co, A_co, W_co]: ...
    @overload
    def __get__(self, instance: Decomposition[float], owner: Any) -> S_co: ...
    @overload
    def __get__(self, instance: Decomposition[NDArray[np.float64]], owner: Any) -> A_co: ...
    @overload
    def __get__(self, instance: Decomposition[Any], owner: Any) -> W_co: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else self._compute(instance)

    if not TYPE_CHECKING:  # a data descriptor, read-only like a property

        def __set__(self, instance: Any, value: Any) -> NoReturn:
            raise dataclasses.FrozenInstanceError("a Decomposition cannot be changed")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Decomposition(Comparable, Generic[V_co]):
    """The BROJA partial information decomposition of one table, or of a batch of tables.

    For sources X and Y and the target Z (Bertschinger, Rauh, Olbrich, Jost and Ay, Entropy 16,
    2014), with Delta_P the distributions that share p's (x, z) and (y, z) marginals::

        union_information = min over q in Delta_P of I_q(X, Y; Z)
        synergy    = I(X, Y; Z) - union_information
        unique_x   = union_information - I(Y; Z)
        unique_y   = union_information - I(X; Z)
        redundancy = I(X; Z) + I(Y; Z) - union_information

    so that redundancy + unique_x = mi_x, redundancy + unique_y = mi_y, and the four sum to mi_xy.

    Every value is a float for one table and an array of the batch shape for a batch, in `unit`. For
    a tensor input they are tensors of its dtype, and carry gradients; :meth:`numpy` converts them.
    A batch can be indexed, sliced and iterated over, and has a length; results pickle, and compare
    equal if they hold the same numbers. Made by :func:`fastpid.decompose` and its siblings.

    Attributes
    ----------
    redundancy, unique_x, unique_y, synergy : float or ndarray
        The four atoms. Each is within ``gap / 2`` of its true value.
    mi_x, mi_y, mi_xy : float or ndarray
        I(X; Z), I(Y; Z) and I(X, Y; Z); the last is NaN, as is the synergy, where only the pairwise
        marginals are known (:func:`fastpid.decompose_marginals`).
    union_information : float or ndarray
        The middle of the certified bracket.
    lower, upper : float or ndarray
        Certified bounds on the union information: `lower` from a dual feasible point, `upper` from
        a distribution in Delta_P, both intersected with
        ``max(mi_x, mi_y) <= union_information <= min(mi_x + mi_y, mi_xy)``.
    gap : float or ndarray
        ``upper - lower``, the certificate.
    iterations : int or ndarray of int
        Steps of the iterative method; 0 for a closed form.
    status : Status, ndarray of str, or Words
        How the solve ended; ``Status(word).message`` says what to do.
    method : str, ndarray of str, or Words
        The method that gave the answer.
    converged : bool or ndarray of bool
        Whether the gap is within the requested tolerance.
    unit : str
        "bits" or "nats".
    details : mapping
        What a particular solver adds (the reference solver names the solver that ran).
    """

    _terms: Terms  # in nats
    _codes: Codes
    unit: Unit
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    _solution: Solution | None = dataclasses.field(default=None, compare=False)
    _dtype: Any = None  # of the values, if they are tensors

    def _value(self, name: str) -> Any:
        value = getattr(self._terms, name) * (1.0 / NATS_PER_UNIT[self.unit])
        return value if self._dtype is None else value.to(self._dtype)

    @property
    def redundancy(self) -> V_co:
        """What either source says about the target."""
        value: V_co = self._value("redundancy")
        return value

    @property
    def unique_x(self) -> V_co:
        """What X alone says about the target."""
        value: V_co = self._value("unique_x")
        return value

    @property
    def unique_y(self) -> V_co:
        """What Y alone says about the target."""
        value: V_co = self._value("unique_y")
        return value

    @property
    def synergy(self) -> V_co:
        """What only X and Y together say about the target."""
        value: V_co = self._value("synergy")
        return value

    @property
    def mi_x(self) -> V_co:
        """I(X; Z)."""
        value: V_co = self._value("mi_x")
        return value

    @property
    def mi_y(self) -> V_co:
        """I(Y; Z)."""
        value: V_co = self._value("mi_y")
        return value

    @property
    def mi_xy(self) -> V_co:
        """I(X, Y; Z)."""
        value: V_co = self._value("mi_xy")
        return value

    @property
    def union_information(self) -> V_co:
        """The middle of the certified bracket."""
        value: V_co = self._value("union_information")
        return value

    @property
    def lower(self) -> V_co:
        """The certified lower bound on the union information."""
        value: V_co = self._value("lower")
        return value

    @property
    def upper(self) -> V_co:
        """The certified upper bound on the union information."""
        value: V_co = self._value("upper")
        return value

    @property
    def gap(self) -> V_co:
        """``upper - lower``, the certificate."""
        value: V_co = self._value("gap")
        return value

    def _of_codes(self, name: str, scalar: Callable[[int], Any], words: Any) -> Any:
        codes = getattr(self._codes, name)
        if self._dtype is not None:
            return Words(codes, tuple(words.tolist()))
        return words[codes] if self.shape else scalar(codes)

    @_PerTable[Status, "NDArray[np.str_]", Words]
    def status(self) -> Any:
        """How the solve ended."""
        return self._of_codes("status", STATUSES.__getitem__, _STATUS_WORDS)

    @_PerTable[str, "NDArray[np.str_]", Words]
    def method(self) -> Any:
        """Return the method that gave the answer."""
        return self._of_codes("method", (*METHODS, *REFERENCE_METHODS).__getitem__, _METHOD_WORDS)

    @_PerTable[int, "NDArray[np.int32]", Any]
    def iterations(self) -> Any:
        """Return the steps of the iterative method; 0 for a closed form."""
        return self._codes.iterations

    @_PerTable[bool, "NDArray[np.bool_]", Any]
    def converged(self) -> Any:
        """Whether the gap is within the requested tolerance."""
        return self._codes.status == 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return tuple(getattr(self._terms.mi_x, "shape", ()))

    @property
    def message(self) -> str:
        """How the solve ended, in words; for a batch, one line per status that occurs."""
        d = self.numpy()
        if d.shape == ():
            return Status(d.status).message
        words, counts = np.unique(d.status, return_counts=True)
        return "\n".join(
            f"{count} of {np.size(d.status)}: {Status(word).message}"
            for word, count in zip(words.tolist(), counts.tolist(), strict=True)
        )

    def coupling(self) -> Any:
        """Return the distribution q in Delta_P that attains the upper bound.

        Returns
        -------
        ndarray or Tensor, the shape of p
            q (..., nx, ny, nz) with ``q.sum(-2) == p.sum(-2)`` and ``q.sum(-3) == p.sum(-3)`` to
            rounding, and I_q(X, Y; Z) <= `upper` + max(1e-12, tol / 10). Only where an information
            inequality closed the bracket, which no coupling needs to attain, may it be larger: by
            what the inequality took off the gap of the solve itself.
        """
        return self._require_solution().coupling()

    @property
    def potentials(self) -> tuple[Any, Any]:
        """The dual solution (lam, mu), shapes (..., nx, nz) and (..., ny, nz), in nats.

        For every x and y, ``logsumexp(lam[x] + mu[y]) <= 0``, and
        ``H(Z) + sum(p_xz * lam) + sum(p_yz * mu)`` is the dual lower bound. The derivative of
        -H(Z | X, Y), minimised over Delta_P, by p[x, y, z] is ``lam[x, z] + mu[y, z]``.
        Where p_xz (or p_yz) is zero the true potential may be minus infinity: a finite, feasible
        value stands there, -50 below the largest potential of its target symbol. A symbol that has
        no mass at all gets the row of one that says nothing, log p(z) but for the gauge, shifted to
        be feasible.
        """
        return self._require_solution().potentials

    def _require_solution(self) -> Solution:
        if self._solution is None:
            raise ValueError("this Decomposition was made without the solution behind it")
        return self._solution

    def numpy(self) -> Decomposition[Any]:
        """Return this with the values of tensors as floats or numpy arrays; itself if it has none.

        The result carries no gradient; :meth:`coupling` and :attr:`potentials` stay tensors.
        """
        if self._dtype is None:
            return self

        def convert(tensor: Any) -> Any:
            array = tensor.detach().cpu().numpy()
            return array if array.ndim else array.item()

        return dataclasses.replace(
            self, _terms=self._terms.each(convert), _codes=self._codes.each(convert), _dtype=None
        )

    def __bool__(self) -> bool:
        """Return True: a result is one, even of a single table, which has no length."""
        return True

    def __len__(self) -> int:
        """Return the length of the first axis of the batch."""
        if not self.shape:
            raise TypeError("the Decomposition of one table has no length")
        return self.shape[0]

    def __getitem__(self, key: Any) -> Decomposition[Any]:
        """Return part of a batch, indexed as an array of the batch shape would be."""
        if not self.shape:
            raise TypeError("the Decomposition of one table cannot be indexed")

        def part(values: Any) -> Any:
            chosen = values[key]
            # Numbers of one table are Python's, as they are if it is solved by itself.
            return chosen.item() if self._dtype is None and np.ndim(chosen) == 0 else chosen

        return dataclasses.replace(
            self,
            _terms=self._terms.each(part),
            _codes=self._codes.each(part),
            _solution=None if self._solution is None else self._solution[key],
        )

    def __iter__(self) -> Iterator[Decomposition[Any]]:
        """Return the results along the first axis of the batch."""
        if not self.shape:
            raise TypeError("the Decomposition of one table cannot be iterated over")
        return (self[i] for i in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain Python numbers, strings and (nested) lists."""

        def plain(value: Any) -> Any:
            return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value

        d = self.numpy()
        fields = {name: plain(getattr(d, name)) for name in VALUES}
        fields["iterations"] = plain(d.iterations)
        fields["status"] = d.status.value if isinstance(d.status, Status) else plain(d.status)
        fields["method"] = plain(d.method)
        fields["unit"] = self.unit
        fields.update(self.details)
        return fields

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row per table, indexed by the batch axes.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        d = self.numpy()
        columns: dict[str, Any] = {
            name: np.ravel(getattr(d, name)) for name in (*VALUES, "iterations", "status", "method")
        }
        columns["status"] = columns["status"].astype(str)
        columns["unit"] = self.unit
        names = [f"batch_{axis}" for axis in range(len(d.shape))]
        if len(d.shape) > 1:
            index: Any = pd.MultiIndex.from_product([range(n) for n in d.shape], names=names)
        else:
            index = pd.RangeIndex(int(np.prod(d.shape)), name=names[0] if names else None)
        return pd.DataFrame(columns, index=index)

    def _drawings(self) -> list[Drawing]:
        if len(self.shape) > 1:
            raise ValueError(f"a batch must have one axis to be drawn; its shape is {self.shape}")
        d = self.numpy()
        return [
            Drawing(
                one.unit,
                {name: getattr(one, name) for name in QUANTITIES},
                {},
                (one.lower, one.upper),
            )
            for one in (d if d.shape else [d])
        ]

    def plot(self, *, kind: str = "stacked", ax: Any = None) -> Any:
        """Draw the atoms: :func:`fastpid.plot.atoms`."""
        from fastpid.plot import atoms

        return atoms(self, kind=kind, ax=ax)

    def __repr__(self) -> str:
        return _batch_text(self.numpy()) if self.shape else _table_text(self.numpy())

    def _repr_html_(self) -> str:
        """Return the table of atoms for a notebook."""
        import html  # notebooks alone

        d = self.numpy()
        if self.shape:
            return f"<pre>{html.escape(_batch_text(d))}</pre>"
        total = float(d.mi_xy)
        labels = [(name, float(getattr(d, name))) for name in ATOMS] + [("I(X,Y;Z)", total)]
        rows = "".join(
            f"<tr><th>{label}</th><td>{value:.6f}</td><td>{_share(value, d)}</td></tr>"
            for label, value in labels
        )
        notes = "<br>".join(html.escape(line.strip()) for line in _notes(d))
        return (
            f"<table><thead><tr><th></th><th>{d.unit}</th><th>share</th></tr></thead>"
            f"<tbody>{rows}</tbody></table><small>{notes}</small>"
        )


def _share(value: float, d: Decomposition[float]) -> str:
    # Shares of what is no more than rounding or the gap would be noise.
    return f"{value / d.mi_xy:.1%}" if d.mi_xy > max(1e-12, d.gap) else "-"


def _notes(d: Decomposition[float]) -> list[str]:
    steps = f", {d.iterations} iterations" if d.iterations else ""
    notes = [
        f"  union information in [{d.lower:.9g}, {d.upper:.9g}], gap {d.gap:.1e}",
        f"  {d.status} ({d.method}{steps})",
    ]
    if d.status != Status.INVALID and d.mi_xy != d.mi_xy:
        notes.append("  I(X,Y;Z), and with it the synergy, is not known: pass mi_xy")
    return notes if d.converged else [*notes, f"  {d.message}"]


def _table_text(d: Decomposition[float]) -> str:
    total = d.mi_xy

    def row(label: str, value: float) -> str:
        return f"  {label:<22}{value:>12.6f} {_share(value, d):>8}"

    lines = [f"Decomposition ({d.unit})" + f"{'share':>{44 - 16 - len(d.unit) - 1}}"]
    lines += [row(name, getattr(d, name)) for name in ATOMS]
    lines.append(row("I(X,Y;Z)", total))
    return "\n".join([*lines, *_notes(d)])


def _batch_text(d: Decomposition[NDArray[np.float64]]) -> str:
    size = int(np.prod(d.shape))
    lines = [
        f"Decomposition of a batch of shape {d.shape} ({d.unit})",
        f"  {'':<14}{'min':>12}{'median':>12}{'max':>12}",
    ]
    for name in ATOMS:
        value = getattr(d, name)
        finite = value[np.isfinite(value)]
        if finite.size:
            triple = (finite.min(), float(np.median(finite)), finite.max())
            lines.append(f"  {name:<14}" + "".join(f"{v:>12.6f}" for v in triple))
    worst = float(np.nanmax(d.gap)) if np.isfinite(d.gap).any() else float("nan")
    lines.append(f"  largest gap {worst:.1e}; {int(np.sum(d.converged))} of {size} converged")
    if not np.all(d.converged):
        lines += [f"  {line}" for line in d.message.splitlines()]
    return "\n".join(lines)
