"""A screen in the making: blocks, a checkpoint, the best records, what is said of them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_positive_integer
from fastpid._base.progress import progress_bar
from fastpid._solve.options import SolveOptions
from fastpid.screening._blocks import BlockWork, computed
from fastpid.screening._checkpoint import Checkpoint, Work
from fastpid.screening._ranked import RankedRecords, ScreenInterrupted
from fastpid.screening._records import UNIQUE, recorded, score, tested
from fastpid.screening._unsolved import report_unsolved

RETURN_AS = ("screen", "generator")
_ScreenType = TypeVar("_ScreenType", bound=RankedRecords)


class ScreenWork(BlockWork, Work, Protocol):
    """What a screen works on: pairs or triples by number, and how they are solved."""

    @property
    def what(self) -> str:
        """What a record is of, in the plural."""
        ...

    @property
    def options(self) -> SolveOptions:
        """How tables are solved."""
        ...

    def warn_of_few(self, few: int, count: int) -> None:
        """Warn that samples are too few for so many of the records that are returned."""
        ...


def check_question(
    by: Any, return_as: Any, top_k: Any, dtype: np.dtype[Any], what: str = "pairs"
) -> None:
    """Check what is asked of all records, which have a type.

    Raises
    ------
    ValueError, TypeError
    """
    check_choice("by", by, (*recorded(dtype), UNIQUE))
    check_choice("return_as", return_as, RETURN_AS)
    if top_k is not None:
        check_positive_integer("top_k", top_k)
    if return_as == "generator" and top_k is not None:
        raise ValueError(f'top_k needs all {what}: leave it out with return_as="generator"')


@dataclasses.dataclass(frozen=True)
class Run:
    """How a screen is carried out: the options of :func:`fastpid.screen` of these names."""

    block_size: int
    n_jobs: int
    top_k: int | None
    checkpoint: str | os.PathLike[str] | None
    on_failure: str
    progress: bool | None

    def __call__(self, work: ScreenWork, empty: _ScreenType) -> _ScreenType:
        """Screen all of `work` into a copy of `empty`.

        Raises
        ------
        ConvergenceError
            Under ``on_failure="raise"``, if some table was not solved to `tol`.
        ScreenInterrupted
            On Ctrl-C, with what was finished.
        """
        best = _Best(empty.records.dtype, self.top_k, empty.by)
        family = _Family(empty.test != "none", tested(empty.records.dtype))
        widest = 0.0
        with self._open(work) as file:
            try:
                for records in self._stream(work, file):
                    best.add(records)
                    family.add(records)
                    widest = max(widest, float(records["gap"].max()))
            except KeyboardInterrupt:
                done = dataclasses.replace(empty, records=best.records())
                raise ScreenInterrupted(done) from None
        result = dataclasses.replace(empty, records=best.records(), family=family.p_values())
        few = int(np.count_nonzero(~result.is_sufficient))
        self._report(few, len(result), widest, work, result)
        return result

    def generate(self, work: ScreenWork, empty: _ScreenType) -> Iterator[_ScreenType]:
        """Return the blocks as they are finished; a checkpoint is opened, or refused, at once."""
        open_files = contextlib.ExitStack()
        file = open_files.enter_context(self._open(work))
        parts = (dataclasses.replace(empty, records=each) for each in self._stream(work, file))
        return self._generate(parts, open_files, work)

    def _generate(
        self, parts: Iterable[_ScreenType], open_files: contextlib.ExitStack, work: ScreenWork
    ) -> Iterator[_ScreenType]:
        widest, last, few, count = 0.0, None, 0, 0
        with open_files:
            for last in parts:
                widest = max(widest, float(last.records["gap"].max()))
                few += int(np.count_nonzero(~last.is_sufficient))
                count += len(last)
                yield last
        self._report(few, count, widest, work, last)

    def _report(
        self, few: int, count: int, widest: float, work: ScreenWork, result: RankedRecords | None
    ) -> None:
        if few:
            work.warn_of_few(few, count)
        remains = "the bounds hold, and every record has its gap"
        report_unsolved(work.what, widest, remains, work.options, self.on_failure, result)

    def _open(self, work: ScreenWork) -> contextlib.AbstractContextManager[Checkpoint | None]:
        if self.checkpoint is None:
            return contextlib.nullcontext()
        return Checkpoint(self.checkpoint, work, work.what)

    def _stream(self, work: ScreenWork, file: Checkpoint | None) -> Iterator[NDArray[Any]]:
        """Yield the records of all blocks in order: what the checkpoint has, then the others."""
        total, size = work.total, self.block_size
        blocks = [(start, min(start + size, total)) for start in range(0, total, size)]
        finished = 0 if file is None else file.finished
        with progress_bar(self.progress, total, "screening", work.what) as advance:
            if file is not None:
                for records in file.read():
                    advance(len(records))
                    yield records
            # A checkpoint may end inside of a block, if the batch size was another then.
            left = [(max(start, finished), stop) for start, stop in blocks if stop > finished]
            for records in computed(work, left, self.n_jobs):
                if file is not None:
                    file.append(records)
                advance(len(records))
                yield records


class _Family:
    """The p-values of all records, whichever are kept."""

    def __init__(self, wanted: bool, atoms: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._atoms = atoms
        self._held: list[NDArray[np.float64]] = []

    def add(self, records: NDArray[Any]) -> None:
        if self._wanted:
            self._held.append(np.stack([records[f"p_{atom}"] for atom in self._atoms]))

    def p_values(self) -> dict[str, NDArray[np.float64]] | None:
        """Return those of every atom that were tested, the smallest first."""
        if not self._wanted:
            return None
        found = np.concatenate(self._held, axis=1)
        return {
            atom: np.sort(row[~np.isnan(row)]) for atom, row in zip(self._atoms, found, strict=True)
        }


class _Best:
    """All records, or the k best of those seen."""

    def __init__(self, dtype: np.dtype[Any], k: int | None, by: str) -> None:
        self._dtype = dtype
        self._k = k
        self._by = by
        self._held: list[NDArray[Any]] = []

    def add(self, records: NDArray[Any]) -> None:
        self._held.append(records)
        if self._k is not None and sum(map(len, self._held)) > 4 * self._k + 4096:
            self._held = [self.records()]

    def records(self) -> NDArray[Any]:
        if not self._held:
            return np.zeros(0, self._dtype)
        records = np.concatenate(self._held)
        if self._k is None:
            return records
        return records[np.argsort(-score(records, self._by), kind="stable")[: self._k]]
