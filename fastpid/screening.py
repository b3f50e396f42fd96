"""screen(): all pairs of many columns against one or several targets."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid import _core
from fastpid._columns import check_weights, unknown_name
from fastpid._options import SolveOptions, check_options
from fastpid._progress import progress_bar
from fastpid._table_of_columns import CodedTable, code_columns
from fastpid._validate import NATS_PER_UNIT, check_choice, check_count, check_positive_integer
from fastpid.result import ATOMS, named_values
from fastpid.solver import count_workers, solve

__all__ = ["VALUES", "Screen", "ScreenInterrupted", "pairs_of", "screen"]

VALUES = (*ATOMS, "mi_x", "mi_y", "mi_xy", "union_information", "gap")
#: One pair, as it is kept in memory and in a checkpoint.
RECORD = np.dtype(
    [("x", "<i4"), ("y", "<i4"), ("target", "<i4"), *((name, "<f8") for name in VALUES)]
)
RETURN_AS = ("screen", "generator")
#: What `by` may be beside a value: pairs with much that is only in one of them.
UNIQUE = "unique"

#: Cells of the tables of a block (8 MiB), unless batch_size says otherwise.
_CELLS_PER_BLOCK = 2**20
_MOST_PAIRS_PER_BLOCK = 2**15
_MAGIC = b"fastpid screen 1\n"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Screen:
    """What pairs of columns say about targets.

    Attributes
    ----------
    records : structured ndarray
        One record a pair, in the order of the screen or, with `top_k`, the best first: the columns
        `x` and `y` and the `target` as indices into the names, the four atoms, `mi_x`, `mi_y`,
        `mi_xy`, `union_information` and `gap`.
    names : tuple of str
        The names of the columns.
    targets : tuple of str
        The names of the targets.
    unit : str
        "bits" or "nats".
    by : str
        What pairs are ranked by.
    """

    records: NDArray[Any]
    names: tuple[str, ...]
    targets: tuple[str, ...]
    unit: str
    by: str

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.records)

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one value of every pair.

        Parameters
        ----------
        name : str
            An atom or an information, or "unique" for the larger of the two unique informations.

        Returns
        -------
        ndarray (n_pairs,)

        Raises
        ------
        ValueError
            For an unknown name.
        """
        check_choice("name", name, (*VALUES, UNIQUE))
        return np.asarray(_score(self.records, name), dtype=np.float64)

    def top(self, k: int, by: str | None = None) -> Screen:
        """Return the k pairs of the largest values, the largest first; ties in the order they came.

        Parameters
        ----------
        k : int
        by : str, optional
            What to rank by; by default what the screen was made for.
        """
        check_count("k", k, 1)
        by = self.by if by is None else check_choice("by", by, (*VALUES, UNIQUE))
        order = np.argsort(-_score(self.records, by), kind="stable")[:k]
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
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame() needs pandas: pip install fastpid[estimate]") from error
        names, targets = np.array(self.names, dtype=object), np.array(self.targets, dtype=object)
        columns: dict[str, Any] = {
            "x": names[self.records["x"]],
            "y": names[self.records["y"]],
            "target": targets[self.records["target"]],
        }
        columns.update({name: self.records[name] for name in VALUES})
        return pd.DataFrame(columns)

    def plot(self, name: str | None = None, ax: Any = None) -> Any:
        """Draw a heat map: :func:`fastpid.plot.heatmap`."""
        from fastpid import plot

        return plot.heatmap(self, name, ax=ax)

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
            score = float(_score(record, self.by))
            lines.append(f"  {score:.4f}  {pair}{about}  (I = {record['mi_xy']:.4f})")
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


def screen(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    pairs: Any = None,
    sources: Sequence[Any] | None = None,
    top_k: int | None = None,
    by: str = "synergy",
    bins: int | None = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    unit: str = "bits",
    method: str = "auto",
    tol: float = 1e-6,
    n_jobs: int = 1,
    threads: int | None = None,
    batch_size: int | str = "auto",
    checkpoint: str | os.PathLike[str] | None = None,
    return_as: str = "screen",
    progress: bool | None = None,
) -> Any:
    """Decompose what every pair of columns says about a target.

    Parameters
    ----------
    X : frame, mapping, or array_like (n_samples, n_columns)
        The columns. What becomes of a column is said in :func:`fastpid.joint.from_samples`.
    z : array_like (n_samples,) or (n_samples, n_targets), or name or list of names of columns of X
        The targets; columns of X that are targets are not sources.
    pairs : array_like of int (n_pairs, 2) or sequence of pairs of names, optional
        Which pairs; by default all of `sources`, in the order of the columns.
    sources : sequence of names or of int, optional
        Which columns are paired with one another; by default all.
    top_k : int, optional
        Keep only so many pairs, those with the largest `by`, over all targets.
    by : str
        What pairs are ranked by: an atom or an information, or "unique" for the larger of the two
        unique informations.
    bins : int, optional
        How many bins float columns are cut into, the targets' as well.
    strategy : {"quantile", "uniform", "kmeans", "bayesian_blocks"}
        How they are cut.
    names : sequence of str, optional
        Names of the columns of an array; by default "0", "1", and so on.
    weights : array_like (n_samples,), optional
        How much each sample counts.
    unit, method, tol
        As for :func:`fastpid.decompose`.
    n_jobs : int
        1 works in this process, on `threads` threads. Anything else hands blocks of pairs to
        :class:`joblib.Parallel`, with one thread each: so many processes, or with -1 all; inside
        ``joblib.parallel_config("dask")`` (or ray) the workers of that cluster.
    threads : int, optional
        Threads of each process, by default those available, or 1 for each of several jobs.
    batch_size : int or "auto"
        How many pairs are in a block: what is in memory, handed out and written at a time.
    checkpoint : path, optional
        Write every finished block to this file, and go on from it if it is there. Whether it
        belongs to the same data and options is checked.
    return_as : {"screen", "generator"}
        "generator" gives blocks as Screens as they are finished, in order, and keeps none.
    progress : bool, optional
        Show a progress bar; by default on a terminal, after a second.

    Returns
    -------
    Screen, or iterator of Screen

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` does; for columns of one symbol; for unknown names
        (with the nearest one suggested), indices out of range, a pair of a column with itself; if
        the checkpoint belongs to another screen.
    ImportError
        If `n_jobs` is not 1 and joblib is not installed (``pip install fastpid[estimate]``).
    ScreenInterrupted
        On Ctrl-C, with what was finished; the checkpoint, if there is one, holds it as well.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> X = np.random.default_rng(0).integers(0, 2, (500, 4))
    >>> found = fastpid.screen(X, X[:, 1] ^ X[:, 3], names=["a", "b", "c", "d"], top_k=1)
    >>> found.to_frame()[["x", "y"]].values.tolist()
    [['b', 'd']]
    """
    options = check_options(method, tol, None, unit, threads, True, "ignore")
    check_choice("by", by, (*VALUES, UNIQUE))
    check_choice("return_as", return_as, RETURN_AS)
    if top_k is not None:
        check_positive_integer("top_k", top_k)
    if return_as == "generator" and top_k is not None:
        raise ValueError('top_k needs all pairs: leave it out with return_as="generator"')
    coded = code_columns(X, z, bins=bins, strategy=strategy, names=names)
    coded.refuse_constant()
    checked_weights = check_weights(weights, coded.n_samples)
    plan = _plan(coded, pairs, sources)
    size = _block_size(batch_size, coded)
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    work = _Work(coded, checked_weights, plan, options)
    blocks = [(start, min(start + size, work.total)) for start in range(0, work.total, size)]
    empty = Screen(np.zeros(0, RECORD), coded.names, coded.targets, options.unit, by)
    with contextlib.ExitStack() as open_files:
        file = None
        if checkpoint is not None:
            file = open_files.enter_context(_Checkpoint(checkpoint, work.fingerprint()))
        finished = 0 if file is None else file.finished
        stream = _stream(work, finished, blocks, n_jobs, file, progress)
        generator = (dataclasses.replace(empty, records=records) for records in stream)
        if return_as == "generator":
            hold = open_files.pop_all()

            def blocks_of() -> Iterator[Screen]:
                with hold:
                    yield from generator

            return blocks_of()
        best = _Best(top_k, by)
        try:
            for block in generator:
                best.add(block.records)
        except KeyboardInterrupt:
            raise ScreenInterrupted(dataclasses.replace(empty, records=best.records())) from None
    return dataclasses.replace(empty, records=best.records())


def pairs_of(
    coded: CodedTable, pairs: NDArray[np.int32], threads: int | None = None
) -> NDArray[Any]:
    """Return the records of some pairs about the first target, in bits."""
    options = check_options("auto", 1e-6, None, "bits", threads, True, "ignore")
    plan = _Plan(pairs, np.zeros(0, dtype=np.int32))
    return _Work(coded, None, plan, options).block(0, len(pairs))


@dataclasses.dataclass(frozen=True, eq=False)
class _Plan:
    """Which pairs: those listed, or all of the columns listed."""

    pairs: NDArray[np.int32] | None
    columns: NDArray[np.int32]

    @property
    def count(self) -> int:
        if self.pairs is not None:
            return len(self.pairs)
        n = len(self.columns)
        return n * (n - 1) // 2

    def __getitem__(self, block: slice) -> NDArray[np.int32]:
        """Return the pairs of a range of their numbers, (count, 2)."""
        if self.pairs is not None:
            return self.pairs[block]
        # Pair (i, j), i < j, has the number i n - i (i + 1) / 2 + j - i - 1 in row-major order.
        n = len(self.columns)
        numbers = np.arange(block.start, block.stop)
        starts = np.arange(n) * n - np.arange(n) * np.arange(1, n + 1) // 2
        i = np.searchsorted(starts, numbers, side="right") - 1
        # The last row is empty and starts where the one before it ends.
        i = np.minimum(i, n - 2)
        j = numbers - starts[i] + i + 1
        return np.ascontiguousarray(self.columns[np.stack([i, j], axis=1)])


def _plan(coded: CodedTable, pairs: Any, sources: Sequence[Any] | None) -> _Plan:
    if pairs is not None and sources is not None:
        raise ValueError("pass pairs or sources, not both")
    if pairs is None:
        chosen = range(len(coded.names)) if sources is None else sources
        columns = np.array([_index(coded, "sources", key) for key in chosen], dtype=np.int32)
        if len(columns) < 2:
            raise ValueError(f"there are {len(columns)} sources; a pair needs two columns")
        if len(set(columns.tolist())) < len(columns):
            raise ValueError("sources names a column twice")
        return _Plan(None, columns)
    if isinstance(pairs, np.ndarray) and pairs.dtype.kind in "iu" and pairs.ndim == 2:
        listed = pairs
        outside = (listed < 0) | (listed >= len(coded.names))
        if outside.any():
            _index(coded, "pairs", int(listed[outside][0]))
    else:
        listed = np.array([[_index(coded, "pairs", key) for key in pair] for pair in pairs])
    if listed.ndim != 2 or listed.shape[1] != 2 or len(listed) == 0:
        raise ValueError(f"pairs must have the shape (n_pairs, 2); got {listed.shape}")
    same = listed[:, 0] == listed[:, 1]
    if same.any():
        name = coded.names[int(listed[same][0, 0])]
        raise ValueError(f"pairs has {name!r} paired with itself")
    return _Plan(np.ascontiguousarray(listed, dtype=np.int32), np.zeros(0, dtype=np.int32))


def _index(coded: CodedTable, argument: str, key: Any) -> int:
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        if not 0 <= key < len(coded.names):
            raise ValueError(
                f"{argument} has the index {key}; X has {len(coded.names)} columns that are sources"
            )
        return int(key)
    if key not in coded.names:
        raise ValueError(f"{argument} names {unknown_name(key, coded.names, 'X')}")
    return coded.names.index(key)


def _block_size(batch_size: int | str, coded: CodedTable) -> int:
    if batch_size != "auto":
        return check_positive_integer("batch_size", batch_size)
    cells = int(np.median(coded.extents)) ** 2 * int(max(coded.target_extents))
    return max(1, min(_MOST_PAIRS_PER_BLOCK, _CELLS_PER_BLOCK // cells))


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """Everything that a block needs; goes to other processes as it is."""

    coded: CodedTable
    weights: NDArray[np.float64] | None
    plan: _Plan
    options: SolveOptions

    @property
    def total(self) -> int:
        """The number of pairs, over all targets."""
        return self.plan.count * len(self.coded.targets)

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the records of pairs [start, stop); those of one target come together."""
        out = np.zeros(stop - start, RECORD)
        count = self.plan.count
        for target in range(start // count, (stop - 1) // count + 1):
            first, last = max(start, target * count), min(stop, (target + 1) * count)
            pairs = self.plan[first - target * count : last - target * count]
            records = out[first - start : last - start]
            records["x"], records["y"] = pairs.T
            records["target"] = target
            # The tables of a call to the kernel have one shape.
            extents = self.coded.extents[pairs]
            for shape in np.unique(extents, axis=0):
                rows = np.flatnonzero((extents == shape).all(axis=1))
                self._fill(records, rows, pairs[rows], shape, target)
        return out

    def _fill(
        self,
        records: NDArray[Any],
        rows: NDArray[np.intp],
        pairs: NDArray[np.int32],
        shape: NDArray[np.int64],
        target: int,
    ) -> None:
        nx, ny = map(int, shape)
        nz = int(self.coded.target_extents[target])
        # A block of wide columns is counted a part at a time, whatever batch_size says.
        step = max(1, 4 * _CELLS_PER_BLOCK // (nx * ny * nz))
        work = len(pairs) * max(self.coded.n_samples, nx * ny * nz)
        threads = count_workers(self.options.threads, work)
        for at in range(0, len(pairs), step):
            tables = _core.count_pairs(
                self.coded.codes,
                self.coded.target_codes[target],
                self.weights,
                pairs[at : at + step],
                nx,
                ny,
                nz,
                threads,
            )
            mi_x, mi_y, mi_xy, lower, upper = solve(tables, self.options).informations
            scale = 1.0 / NATS_PER_UNIT[self.options.unit]
            values = named_values(mi_x, mi_y, mi_xy, 0.5 * (lower + upper), lower, upper, scale)
            for name in VALUES:
                records[name][rows[at : at + step]] = values[name]

    def fingerprint(self) -> dict[str, Any]:
        """Say what the screen is of, so that a checkpoint is not continued with other data."""
        digest = hashlib.sha256()
        for array in (
            self.coded.codes,
            *self.coded.target_codes,
            self.weights,
            self.plan.pairs,
            self.plan.columns,
        ):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return {
            "data": digest.hexdigest(),
            "columns": len(self.coded.names),
            "targets": list(self.coded.targets),
            "pairs": self.total,
            "method": self.options.method,
            "tol": self.options.tol,
            "unit": self.options.unit,
        }


def _stream(
    work: _Work,
    finished: int,
    blocks: list[tuple[int, int]],
    n_jobs: int,
    file: _Checkpoint | None,
    progress: bool | None,
) -> Iterator[NDArray[Any]]:
    """Yield the records of all blocks in order: what the checkpoint has, then what is computed."""
    with progress_bar(progress, work.total, "screening", "pairs") as done:
        if file is not None:
            for records in file.read():
                done(len(records))
                yield records
        # A checkpoint may end inside of a block, if the batch size was another then.
        left = [(max(start, finished), stop) for start, stop in blocks if stop > finished]
        for records in _computed(work, left, n_jobs):
            if file is not None:
                file.append(records)
            done(len(records))
            yield records


def _computed(
    work: _Work, blocks: Iterable[tuple[int, int]], n_jobs: int
) -> Iterator[NDArray[Any]]:
    if n_jobs == 1:
        for start, stop in blocks:
            yield work.block(start, stop)
        return
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise ImportError("n_jobs needs joblib: pip install fastpid[estimate]") from error
    parallel = Parallel(n_jobs=n_jobs, return_as="generator", pre_dispatch="2*n_jobs")
    yield from parallel(delayed(_block_of)(work, start, stop) for start, stop in blocks)


def _block_of(work: _Work, start: int, stop: int) -> NDArray[Any]:
    return work.block(start, stop)


class _Best:
    """All records, or the k best of those seen."""

    def __init__(self, k: int | None, by: str) -> None:
        self._k = k
        self._by = by
        self._held: list[NDArray[Any]] = []

    def add(self, records: NDArray[Any]) -> None:
        self._held.append(records)
        if self._k is not None and sum(map(len, self._held)) > 4 * self._k + 4096:
            self._held = [self.records()]

    def records(self) -> NDArray[Any]:
        if not self._held:
            return np.zeros(0, RECORD)
        records = np.concatenate(self._held)
        if self._k is None:
            return records
        return records[np.argsort(-_score(records, self._by), kind="stable")[: self._k]]


class _Checkpoint:
    """A file of records behind a line of JSON that says what they are of."""

    def __init__(self, path: str | os.PathLike[str], fingerprint: dict[str, Any]) -> None:
        self._path = os.fspath(path)
        header = _MAGIC + json.dumps(fingerprint, sort_keys=True).encode() + b"\n"
        self._start = len(header)
        if not os.path.exists(self._path) or os.path.getsize(self._path) == 0:
            with open(self._path, "wb") as file:
                file.write(header)
        self._file = open(self._path, "r+b")  # noqa: SIM115 - closed by __exit__
        found = self._file.readline() + self._file.readline()
        if found != header:
            self._file.close()
            what = "another screen" if found.startswith(_MAGIC) else "no screen"
            raise ValueError(
                f"checkpoint {self._path!r} holds {what}: its data, columns, targets, pairs or "
                "options differ; remove it, or name another file"
            )
        # A write that was cut short leaves part of a record.
        size = os.path.getsize(self._path) - self._start
        self.finished = size // RECORD.itemsize
        self._file.truncate(self._start + self.finished * RECORD.itemsize)

    def __enter__(self) -> _Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self) -> Iterator[NDArray[Any]]:
        """Yield what was finished, some records at a time."""
        self._file.seek(self._start)
        left = self.finished
        while left:
            records = np.fromfile(self._file, RECORD, min(left, _MOST_PAIRS_PER_BLOCK))
            left -= len(records)
            yield records

    def append(self, records: NDArray[Any]) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(records.tobytes())
        self._file.flush()


def _score(records: Any, by: str) -> Any:
    if by == UNIQUE:
        return np.maximum(records["unique_x"], records["unique_y"])
    return records[by]
