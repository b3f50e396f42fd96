"""screen(): all pairs of many columns against one or several targets."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.screening._checkpoint import Checkpoint
from fastpid.joint._many_columns import code_columns
from fastpid.joint._columns import check_weights
from fastpid._base.extras import import_extra
from fastpid._solve.options import check_options
from fastpid.screening._pairs import RECORD, UNIQUE, VALUES, PairWork, block_size, plan_pairs, score
from fastpid._base.progress import progress_bar
from fastpid._base.warn import stacklevel_outside
from fastpid._base.checks import (
    METHODS,
    NATS_PER_UNIT,
    check_choice,
    check_count,
    check_positive_integer,
)
from fastpid.result import ConvergenceWarning

__all__ = ["VALUES", "Screen", "ScreenInterrupted", "screen"]

RETURN_AS = ("screen", "generator")


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
        return np.asarray(score(self.records, name), dtype=np.float64)

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
        pd = import_extra("pandas", "to_frame()")
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
            value = float(score(record, self.by))
            lines.append(f"  {value:.4f}  {pair}{about}  (I = {record['mi_xy']:.4f})")
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
        How many bins float columns with more distinct values are cut into, targets as well.
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

    Warns
    -----
    ConvergenceWarning
        If some pair was not solved to `tol`; its bounds hold, and its `gap` says how far apart
        they are. (``method="proxy"`` asks for no more than the closed-form bracket.)

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
    plan = plan_pairs(coded, pairs, sources)
    size = block_size(batch_size, coded)
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    work = PairWork(coded, checked_weights, plan, options)
    blocks = [(start, min(start + size, work.total)) for start in range(0, work.total, size)]
    empty = Screen(np.zeros(0, RECORD), coded.names, coded.targets, options.unit, by)
    with contextlib.ExitStack() as open_files:
        file = None
        if checkpoint is not None:
            file = open_files.enter_context(Checkpoint(checkpoint, work.fingerprint()))
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


def _stream(
    work: PairWork,
    finished: int,
    blocks: list[tuple[int, int]],
    n_jobs: int,
    file: Checkpoint | None,
    progress: bool | None,
) -> Iterator[NDArray[Any]]:
    """Yield the records of all blocks in order: what the checkpoint has, then what is computed."""
    widest = 0.0
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
            widest = max(widest, float(records["gap"].max()))
            yield records
    tol = work.options.tol / NATS_PER_UNIT[work.options.unit]
    if widest > tol and work.options.method != METHODS.index("proxy"):
        warnings.warn(
            f"some pairs were not solved to tol: the largest gap is {widest:.2e} "
            f"{work.options.unit}; the bounds hold, and every record has its gap",
            ConvergenceWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )


def _computed(
    work: PairWork, blocks: Iterable[tuple[int, int]], n_jobs: int
) -> Iterator[NDArray[Any]]:
    if n_jobs == 1:
        for start, stop in blocks:
            yield work.block(start, stop)
        return
    joblib = import_extra("joblib", "n_jobs")
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator", pre_dispatch="2*n_jobs")
    yield from parallel(joblib.delayed(work.block)(start, stop) for start, stop in blocks)


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
        return records[np.argsort(-score(records, self._by), kind="stable")[: self._k]]
