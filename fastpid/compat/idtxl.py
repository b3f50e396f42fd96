"""The class of IDTxl [1]_, ``BivariatePID``.

Processes are told apart by their **index**, sources lie a **lag** before the target, and answers
are in **bits**. IDTxl itself is not needed, nor is Java.

.. [1] P. Wollstadt, J. T. Lizier, R. Vicente, C. Finn, M. Martinez-Zarzuela, P. Mediano,
   L. Novelli, M. Wibral, "IDTxl: the information dynamics toolkit xl", Journal of Open Source
   Software 4, 2019, doi:10.21105/joss.01081.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import refuse_mask
from fastpid.compat._solve import solve_table
from fastpid.joint._samples import from_samples

__all__ = ["BivariatePID", "PIDResults"]

#: A source is a process, or several that are one joint source.
Source = int | Sequence[int]


class PIDResults:
    """What was found of every target that was analysed.

    Attributes
    ----------
    targets_analysed : list of int
    """

    def __init__(self, results: Mapping[int, dict[str, Any]]) -> None:
        self._results = dict(results)

    @property
    def targets_analysed(self) -> list[int]:
        """The targets, in the order of their analysis."""
        return list(self._results)

    def get_single_target(self, target: int) -> dict[str, Any]:
        """Return what was found of a target.

        Returns
        -------
        dict
            In bits, under the keys of IDTxl: "unq_s1", "unq_s2" (unique information), "shd_s1_s2"
            (shared: the redundancy), "syn_s1_s2" (synergy); "joint_mi_s1s2_t"; "source_1",
            "source_2" (lists of ``(process, lag)``), "selected_vars_sources", "current_value"
            (the target and the largest lag). Beyond these "decomposition", with the certificate,
            and "n_realisations", the samples that were counted.

        Raises
        ------
        KeyError
            For a target that was not analysed.
        """
        if target not in self._results:
            raise KeyError(
                f"target {target!r} was not analysed; these were: {self.targets_analysed}"
            )
        return self._results[target]

    def __repr__(self) -> str:
        keys = ("unq_s1", "unq_s2", "shd_s1_s2", "syn_s1_s2")
        lines = [f"PIDResults (bits) of {len(self._results)} targets"]
        for target, found in self._results.items():
            values = ", ".join(f"{key} {found[key]:.4f}" for key in keys)
            lines.append(f"  target {target}: {values}")
        return "\n".join(lines)


class BivariatePID:
    """Decompose what two source processes say about a target process, as IDTxl's class does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastpid.compat.idtxl import BivariatePID
    >>> x, y = np.random.default_rng(0).integers(0, 2, (2, 1000))
    >>> z = np.roll(x, 1) ^ np.roll(y, 2)  # x a sample ago, y two samples ago
    >>> found = BivariatePID().analyse_single_target(
    ...     settings={"pid_estimator": "TartuPID", "lags_pid": [1, 2]},
    ...     data=np.stack([x, y, z]),
    ...     target=2,
    ...     sources=[0, 1],
    ... )
    >>> found.get_single_target(2)["syn_s1_s2"] > 0.99
    True
    """

    def analyse_single_target(
        self, settings: Mapping[str, Any], data: Any, target: int, sources: Sequence[Source]
    ) -> PIDResults:
        """Decompose one target.

        Parameters
        ----------
        settings : mapping
            "lags_pid", the lag in samples of either source, ``[1, 1]`` by default as in IDTxl (0 is
            the same time); of a joint source, a list of lags may stand for a lag. "verbose", False
            by default. All other settings ("pid_estimator", "alph_s1", "max_iters" and so on)
            concern estimators that are not needed here, and have no effect.
        data : Data of IDTxl, or array_like of int
            Processes, samples and, if there are any, replications, in this order.
        target : int
            The index of the target process.
        sources : sequence of two
            Indices of the source processes; or, which IDTxl does not know, lists of indices, whose
            processes are one joint source.

        Returns
        -------
        PIDResults

        Raises
        ------
        ValueError
            If there are not two sources and two lags; for a process that there is not, a target
            among the sources, a lag that is negative or as long as the data.
        TypeError
            For data that are no integers: discretise them first.
        """
        array = _processes(data)
        lags = settings.get("lags_pid", (1, 1))
        if len(sources) != 2 or len(lags) != 2:
            raise ValueError(
                f"sources and settings['lags_pid'] must be two each; got {len(sources)} and "
                f"{len(lags)}"
            )
        target = _process("target", target, len(array))
        parts = [
            _source(source, lag, target, array.shape)
            for source, lag in zip(sources, lags, strict=True)
        ]
        latest = max(lag for part in parts for _, lag in part)
        samples = array.shape[1] - latest

        def realisations(process: int, lag: int) -> NDArray[Any]:
            return array[process, latest - lag : latest - lag + samples].ravel()

        x, y = (_joined([realisations(process, lag) for process, lag in part]) for part in parts)
        z = realisations(target, 0)
        table = from_samples(x, y, z)
        d = solve_table(table.p)
        found = {
            "unq_s1": d.unique_x,
            "unq_s2": d.unique_y,
            "shd_s1_s2": d.redundancy,
            "syn_s1_s2": d.synergy,
            "joint_mi_s1s2_t": d.mi_xy,
            "source_1": parts[0],
            "source_2": parts[1],
            "selected_vars_sources": [*parts[0], *parts[1]],
            "current_value": (target, latest),
            "n_realisations": len(z),
            "decomposition": d,
        }
        results = PIDResults({target: found})
        if settings.get("verbose", False):
            print(results)
        return results

    def analyse_network(
        self,
        settings: Mapping[str, Any],
        data: Any,
        targets: Sequence[int],
        sources: Sequence[Sequence[Source]],
    ) -> PIDResults:
        """Decompose several targets.

        Parameters
        ----------
        settings : mapping
            As for :meth:`analyse_single_target`; "lags_pid" is a pair for every target.
        data
            As for :meth:`analyse_single_target`.
        targets : sequence of int
        sources : sequence of pairs
            Two sources for every target.

        Returns
        -------
        PIDResults

        Raises
        ------
        ValueError
            For lists of different lengths, a target that is named twice, and as for
            :meth:`analyse_single_target`.
        TypeError
            For data that are no integers.
        """
        lags = settings.get("lags_pid", [(1, 1)] * len(targets))
        if not len(targets) == len(sources) == len(lags):
            raise ValueError(
                "targets, sources and settings['lags_pid'] must have the same length; got "
                f"{len(targets)}, {len(sources)} and {len(lags)}"
            )
        if len(set(targets)) != len(targets):
            raise ValueError(f"targets must differ from one another; got {list(targets)}")
        results: dict[int, dict[str, Any]] = {}
        for target, pair, pair_lags in zip(targets, sources, lags, strict=True):
            one = {**settings, "lags_pid": pair_lags}
            found = self.analyse_single_target(one, data, target, pair)
            results[target] = found.get_single_target(target)
        return PIDResults(results)


def _processes(data: Any) -> NDArray[Any]:
    """Return integers (processes, samples, replications)."""
    values = data if isinstance(data, np.ndarray) else getattr(data, "data", data)
    refuse_mask("data", values)
    array = np.asarray(values)
    if array.ndim not in (2, 3):
        raise ValueError(
            "data must have two or three axes, processes, samples and replications; got shape "
            f"{array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"data must be integers; got {array.dtype}; discretise them first (Data of IDTxl "
            "standardises unless it is told normalise=False)"
        )
    return array if array.ndim == 3 else array[:, :, None]


def _process(name: str, index: Any, count: int) -> int:
    try:
        value = operator.index(index)
    except TypeError:
        raise ValueError(f"{name} must be the index of a process; got {index!r}") from None
    if not 0 <= value < count:
        raise ValueError(f"{name} is {value}: there is no such process; data has {count}")
    return value


def _source(source: Any, lag: Any, target: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the processes of a source, each with its lag."""
    members = list(source) if isinstance(source, (Sequence, np.ndarray)) else [source]
    lags = list(lag) if isinstance(lag, (Sequence, np.ndarray)) else [lag] * len(members)
    if not members or len(lags) != len(members):
        raise ValueError(
            f"a joint source needs one lag, or one for each of its processes; got {source!r} and "
            f"the lags {lag!r}"
        )
    out = []
    for member, delay in zip(members, lags, strict=True):
        process, back = _process("a source", member, shape[0]), operator.index(delay)
        if process == target:
            raise ValueError(f"the target ({target}) must not be among the sources ({source!r})")
        if not 0 <= back < shape[1]:
            raise ValueError(
                f"lags must be from 0 to {shape[1] - 1}, less than the samples; got {back}"
            )
        out.append((process, back))
    return out


def _joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the number of every different row."""
    if len(columns) == 1:
        return columns[0]
    numbers: NDArray[Any] = np.unique(np.stack(columns), axis=1, return_inverse=True)[1]
    return numbers.ravel()
