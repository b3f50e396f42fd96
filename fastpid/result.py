"""What a decomposition is: the atoms, their certificate, and how the solve ended."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from fastpid._base.extras import import_extra
from fastpid._base.checks import METHODS, NATS_PER_UNIT

__all__ = ["ConvergenceError", "ConvergenceWarning", "Decomposition", "Solution", "Status"]

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
INFORMATIONS = ("mi_x", "mi_y", "mi_xy", "union_information", "lower", "upper", "gap")
VALUES = (*ATOMS, *INFORMATIONS)


class Status(enum.IntEnum):
    """How a solve ended. ``Status.X.message`` says what it means and what to do."""

    CONVERGED = 0
    BRACKET = 1
    MAX_ITERATIONS = 2
    STALLED = 3
    INVALID = 4

    @property
    def message(self) -> str:
        """A sentence for a person."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.CONVERGED: "converged: the certified gap is within tol",
    Status.BRACKET: "closed-form bracket, as asked, wider than tol: "
    'use method="auto" to close it, or take the bounds as they are',
    Status.MAX_ITERATIONS: "stopped at the iteration limit; the bounds hold, the gap is wider than "
    "tol: raise max_iter, or accept a larger tol",
    Status.STALLED: "no further progress in double precision; the bounds hold, the gap is wider "
    "than tol: accept the gap reported, or try another method",
    Status.INVALID: "not a probability table; its results are NaN",
}


class ConvergenceWarning(UserWarning):
    """Some tables were not solved to the tolerance asked for; their bounds still hold."""


class ConvergenceError(RuntimeError):
    """Raised under ``on_failure="raise"``.

    Attributes
    ----------
    result : Decomposition
        Everything that was computed, the tables that did converge included.
    """

    def __init__(self, message: str, result: Decomposition) -> None:
        super().__init__(message)
        self.result = result


class Solution(Protocol):
    """The primal and dual solution behind a :class:`Decomposition`, unpacked on demand."""

    def coupling(self) -> Any:
        """Return q (..., nx, ny, nz), its pairwise marginals those of p."""
        ...

    @property
    def potentials(self) -> tuple[Any, Any]:
        """The dual feasible (lam, mu), shapes (..., nx, nz) and (..., ny, nz), in nats."""
        ...


def named_values(
    mi_x: Any, mi_y: Any, mi_xy: Any, union_information: Any, lower: Any, upper: Any, scale: float
) -> dict[str, Any]:
    """Return the atoms and informations by name, in the order of VALUES, times `scale`.

    For anything that adds and multiplies. Differences come before `scale`: that the bounds respect
    the inequalities between informations then keeps every atom from a rounding error below zero.
    """
    return {
        "redundancy": (mi_x + mi_y - union_information) * scale,
        "unique_x": (union_information - mi_y) * scale,
        "unique_y": (union_information - mi_x) * scale,
        "synergy": (mi_xy - union_information) * scale,
        "mi_x": mi_x * scale,
        "mi_y": mi_y * scale,
        "mi_xy": mi_xy * scale,
        "union_information": union_information * scale,
        "lower": lower * scale,
        "upper": upper * scale,
        "gap": (upper - lower) * scale,
    }


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Decomposition:
    """The BROJA partial information decomposition of one table, or of a batch of tables.

    For sources X and Y and the target Z (Bertschinger, Rauh, Olbrich, Jost and Ay, Entropy 16,
    2014), with Delta_P the distributions that share p's (x, z) and (y, z) marginals::

        union_information = min over q in Delta_P of I_q(X, Y; Z)
        synergy    = I(X, Y; Z) - union_information
        unique_x   = union_information - I(Y; Z)
        unique_y   = union_information - I(X; Z)
        redundancy = I(X; Z) + I(Y; Z) - union_information

    so that redundancy + unique_x = mi_x, redundancy + unique_y = mi_y, and the four sum to mi_xy.

    Every field is a float for one table, an array of the batch shape for a batch, in `unit`. Of a
    tensor they are tensors, the informations differentiable; :meth:`numpy` takes them back.

    Attributes
    ----------
    redundancy, unique_x, unique_y, synergy : float or ndarray
        The four atoms. Each is within ``gap / 2`` of its true value.
    mi_x, mi_y, mi_xy : float or ndarray
        I(X; Z), I(Y; Z) and I(X, Y; Z).
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
    status : Status or ndarray of int8
        How the solve ended; ``Status(code).message`` says what to do.
    method : str or ndarray of str
        The method that gave the answer; for tensors its place in ("auto", "proxy", "gradient",
        "newton", "exact").
    unit : str
        "bits" or "nats".
    details : mapping
        What a particular solver adds (the reference solver names the solver that ran).
    """

    redundancy: Any
    unique_x: Any
    unique_y: Any
    synergy: Any
    mi_x: Any
    mi_y: Any
    mi_xy: Any
    union_information: Any
    lower: Any
    upper: Any
    gap: Any
    iterations: Any
    status: Any
    method: Any
    unit: str
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    _solution: Solution | None = None

    @classmethod
    def from_union(
        cls,
        *,
        mi_x: Any,
        mi_y: Any,
        mi_xy: Any,
        union_information: Any,
        lower: Any,
        upper: Any,
        iterations: Any,
        status: Any,
        method: Any,
        unit: str,
        details: Mapping[str, Any] | None = None,
        solution: Solution | None = None,
    ) -> Decomposition:
        """Compute the atoms from informations given in nats and convert all of them to `unit`."""
        scale = 1.0 / NATS_PER_UNIT[unit]
        return cls(
            **named_values(mi_x, mi_y, mi_xy, union_information, lower, upper, scale),
            iterations=iterations,
            status=status,
            method=method,
            unit=unit,
            details={} if details is None else details,
            _solution=solution,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch shape; () for one table."""
        return tuple(getattr(self.union_information, "shape", ()))

    @property
    def converged(self) -> Any:
        """Whether the gap is within the tolerance asked for: a bool, or an array of bools."""
        return self.status == Status.CONVERGED

    @property
    def message(self) -> str:
        """How the solve ended, in words; for a batch, one line per status that occurs."""
        d = self.numpy()
        if d.shape == ():
            return Status(d.status).message
        codes, counts = np.unique(d.status, return_counts=True)
        return "\n".join(
            f"{count} of {np.size(d.status)}: {Status(code).message}"
            for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
        )

    def coupling(self) -> Any:
        """Return the distribution q in Delta_P that attains the upper bound.

        Returns
        -------
        ndarray or Tensor, the shape of p
            q (..., nx, ny, nz) with ``q.sum(-2) == p.sum(-2)`` and ``q.sum(-3) == p.sum(-3)`` to
            rounding, and I_q(X, Y; Z) <= `upper` wherever `upper` is not the tighter of the
            information inequalities.
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

    def numpy(self) -> Decomposition:
        """Return this with the values of tensors as floats or numpy arrays; itself if it has none.

        The result carries no gradient; :meth:`coupling` and :attr:`potentials` stay tensors.
        """
        if not hasattr(self.union_information, "detach"):
            return self
        arrays = {
            name: getattr(self, name).detach().cpu().numpy()
            for name in (*VALUES, "iterations", "status", "method")
        }
        arrays["method"] = np.array(METHODS)[arrays["method"]]
        fields: dict[str, Any] = arrays
        if self.shape == ():
            fields = {name: value.item() for name, value in arrays.items()}
            fields["status"] = Status(fields["status"])
        return dataclasses.replace(self, **fields)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain Python numbers, strings and (nested) lists."""

        def plain(value: Any) -> Any:
            return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value

        d = self.numpy()
        fields = {name: plain(getattr(d, name)) for name in VALUES}
        fields["iterations"] = plain(d.iterations)
        if d.shape == ():
            fields["status"] = Status(d.status).name.lower()
        else:
            names = np.array([status.name.lower() for status in Status])
            fields["status"] = names[np.asarray(d.status)].tolist()
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
            name: np.ravel(getattr(d, name)) for name in (*VALUES, "iterations")
        }
        names = np.array([status.name.lower() for status in Status])
        columns["status"] = names[np.ravel(np.asarray(d.status))]
        columns["method"] = np.ravel(np.asarray(d.method))
        if len(d.shape) > 1:
            index: Any = pd.MultiIndex.from_product([range(n) for n in d.shape])
        else:
            index = range(int(np.prod(d.shape)))
        return pd.DataFrame(columns, index=index)

    def __repr__(self) -> str:
        return _batch_text(self.numpy()) if self.shape else _table_text(self.numpy())


def _number(value: float) -> str:
    return f"{value:.6f}"


def _table_text(d: Decomposition) -> str:
    total = float(d.mi_xy)

    def row(label: str, value: float) -> str:
        share = f"{value / total:8.1%}" if total > 0 else f"{'-':>8}"
        return f"  {label:<22}{_number(value):>12} {share}"

    lines = [f"Decomposition ({d.unit})" + f"{'share':>{44 - 16 - len(d.unit) - 1}}"]
    lines += [row(name, float(getattr(d, name))) for name in ATOMS]
    lines.append(row("I(X,Y;Z)", total))
    lines.append(
        f"  union information in [{float(d.lower):.9g}, {float(d.upper):.9g}], "
        f"gap {float(d.gap):.1e}"
    )
    steps = f", {int(d.iterations)} iterations" if d.iterations else ""
    lines.append(f"  {Status(d.status).name.lower()} ({d.method}{steps})")
    if not d.converged:
        lines.append(f"  {d.message}")
    return "\n".join(lines)


def _batch_text(d: Decomposition) -> str:
    values = {name: np.asarray(getattr(d, name)) for name in ATOMS}
    size = np.size(d.status)
    lines = [
        f"Decomposition of a batch of shape {d.shape} ({d.unit})",
        f"  {'':<14}{'min':>12}{'median':>12}{'max':>12}",
    ]
    for name, value in values.items():
        finite = value[np.isfinite(value)]
        if finite.size:
            triple = (finite.min(), float(np.median(finite)), finite.max())
            lines.append(f"  {name:<14}" + "".join(f"{_number(v):>12}" for v in triple))
    gaps = np.asarray(d.gap)
    worst = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else float("nan")
    lines.append(f"  largest gap {worst:.1e}; {int(np.sum(d.converged))} of {size} converged")
    if not np.all(d.converged):
        lines += [f"  {line}" for line in d.message.splitlines()]
    return "\n".join(lines)
