"""The class of dit, ``PID_BROJA(distribution)`` [1]_.

The target is the **last** variable unless another is named, and answers are in **bits**. dit itself
is not needed: a distribution brings along what is asked of it.

.. [1] R. G. James, C. J. Ellison, J. P. Crutchfield, "dit: a Python package for discrete
   information theory", Journal of Open Source Software 3, 2018, doi:10.21105/joss.00738.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fastpid.compat._solve import solve_table
from fastpid.joint import from_dit
from fastpid.result import Decomposition

__all__ = ["PID_BROJA"]

Node = tuple[tuple[Any, ...], ...]

#: How far values of two decompositions that are equal may lie apart: as in dit.
_CLOSE = 1e-5


class PID_BROJA:  # noqa: N801
    """The BROJA decomposition of a dit distribution, on the lattice of its two sources.

    Parameters
    ----------
    dist : dit.Distribution
        In linear or logarithmic probabilities.
    sources : sequence of two, optional
        Names or indices of variables; a sequence of several is one joint source. By default every
        variable that is not in the target, which have to be two.
    target : optional
        A name or index, or a sequence of them. By default the last variable.
    maxiter, method, rng : optional
        For the sake of old calls: there is one solver here, which is not random.

    Attributes
    ----------
    decomposition : Decomposition
        Everything else that is known: the certificate, the mutual informations, the coupling.

    Raises
    ------
    ValueError
        If there are not two sources (:func:`fastpid.decompose_many` takes more), or a variable is
        unknown.

    Notes
    -----
    A node of the lattice is written as in dit: ``((0,), (1,))`` is the redundancy, ``((0,),)`` and
    ``((1,),)`` the unique informations, ``((0, 1),)`` the synergy, with the names of variables in
    the places of 0 and 1 if they were given.

    Examples
    --------
    >>> import dit
    >>> from fastpid.compat.dit import PID_BROJA
    >>> pid = PID_BROJA(dit.Distribution(["000", "010", "100", "111"], [0.25] * 4))
    >>> round(pid[((0,), (1,))], 4), round(pid.get_pi(((0, 1),)), 4)
    (0.3113, 0.5)
    """

    _name = "I_broja"

    def __init__(
        self,
        dist: Any,
        sources: Sequence[Any] | None = None,
        target: Any = None,
        *,
        maxiter: int = 1000,
        method: str = "auto",
        rng: Any = None,
    ) -> None:
        of_target = _group(dist.rvs[-1] if target is None else target)
        if sources is None:
            sources = [rv for rv in dist.rvs if rv[0] not in of_target]
        groups = [_group(source) for source in sources]
        if len(groups) != 2:
            raise ValueError(
                f"sources must be two; got {len(groups)}: name two, or decompose more by "
                "fastpid.decompose_many()"
            )
        names = dist.get_rv_names()
        first, second, last = (
            [
                names[member] if names is not None and isinstance(member, int) else member
                for member in group
            ]
            for group in (*groups, of_target)
        )
        self._dist = dist
        d = solve_table(from_dit(dist, sources=(first, second), target=last).p)
        self.decomposition: Decomposition[float] = d
        top = (tuple(sorted({*groups[0], *groups[1]})),)
        both = tuple(sorted(groups, key=lambda group: (len(group), group)))
        self._reds: dict[Node, float] = {
            top: d.mi_xy,
            (groups[0],): d.mi_x,
            (groups[1],): d.mi_y,
            both: d.redundancy,
        }
        self._pis: dict[Node, float] = {
            top: d.synergy,
            (groups[0],): d.unique_x,
            (groups[1],): d.unique_y,
            both: d.redundancy,
        }

    def get_pi(self, node: Node) -> float:
        """Return the partial information of a node, in bits.

        Raises
        ------
        KeyError
            If there is no such node.
        """
        return self._at(self._pis, node)

    def get_red(self, node: Node) -> float:
        """Return what all sources of a node share, in bits, with what is shared below it.

        Raises
        ------
        KeyError
            If there is no such node.
        """
        return self._at(self._reds, node)

    def __getitem__(self, node: Node) -> float:
        """Return the partial information of a node."""
        return self.get_pi(node)

    def __iter__(self) -> Iterator[Node]:
        """Go through the nodes of the lattice, from the top."""
        return iter(self._pis)

    def _at(self, values: dict[Node, float], node: Node) -> float:
        if node not in values:
            raise KeyError(f"there is no node {node!r}; they are {list(values)}")
        return values[node]

    @property
    def name(self) -> str:
        """The name of the measure."""
        return self._name

    @property
    def consistent(self) -> bool:
        """Whether the atoms add up, which they do."""
        return True

    @property
    def nonnegative(self) -> bool:
        """Whether no atom is negative, which none is."""
        return True

    @property
    def complete(self) -> bool:
        """Whether every node has a value, which it has."""
        return True

    def __eq__(self, other: object) -> bool:
        """Whether another has the same atoms, within 1e-5; one of dit as well."""
        try:
            return all(
                bool(np.isclose(value, other[node], atol=_CLOSE, rtol=_CLOSE))  # type: ignore[index]
                for node, value in self._pis.items()
            )
        except (TypeError, LookupError):
            return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def to_string(self, digits: int = 4) -> str:
        """Return the lattice as a table: redundancies and partial informations."""
        labels = {
            node: "".join("{" + ":".join(map(str, part)) + "}" for part in node) for node in self
        }
        width = max(len(self._name), *map(len, labels.values()))
        column = digits + 3
        lines = [f"{self._name:<{width}}  {'I_r':>{column}}  {'pi':>{column}}"]
        for node, label in labels.items():
            values = (self._reds[node], self._pis[node])
            cells = (f"{round(value, digits) + 0.0:>{column}.{digits}f}" for value in values)
            lines.append("  ".join([f"{label:<{width}}", *cells]))
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_string()

    def __repr__(self) -> str:
        return self.to_string()


def _group(member: Any) -> tuple[Any, ...]:
    return tuple(member) if isinstance(member, (list, tuple, str)) else (member,)
