"""A file of what a screen has finished."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
import zlib
from collections.abc import Iterator
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fastpid._base.warn import stacklevel_outside
from fastpid.screening._records import keys_of

_MAGIC = b"fastpid screen 3\n"
#: How much of a file is read at a time.
_BYTES_AT_A_TIME = 2**23


class Work(Protocol):
    """What a checkpoint is of: records of one type in an order that is known beforehand."""

    @property
    def total(self) -> int:
        """The number of records."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a record."""
        ...

    def keys(self, start: int, stop: int) -> NDArray[Any]:
        """Return records [start, stop) that say which they are, and no more."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Say what the records are of."""
        ...


class Checkpoint:
    """A file of records behind a line of JSON that says what they are of.

    One process at a time may have it open. Whatever does not stand as it was written - damaged
    records, others than those of the plan - is dropped with a warning, and computed again.

    Parameters
    ----------
    path : str or path
    work : TableWork, ShareWork or another
        The screen or network that it belongs to.
    what : str
        What a record is of, in the plural.

    Raises
    ------
    ValueError
        If it belongs to another screen, or another process has it open.
    OSError
        That names the file.
    """

    def __init__(self, path: str | os.PathLike[str], work: Work, what: str = "pairs") -> None:
        self._path = os.fspath(path)
        self._work = work
        self._what = what
        # A checksum tells a damaged record.
        self._stored_type = np.dtype([("record", work.dtype), ("checksum", "<u4")])
        self._keys = keys_of(work.dtype)
        header = _MAGIC + json.dumps(work.fingerprint(), sort_keys=True).encode() + b"\n"
        self._start = len(header)
        with self._errors():
            self._file = open(self._path, "a+b")  # noqa: SIM115 - closed by __exit__
        try:
            with self._errors():
                _lock(self._file, self._path)
                self._file.seek(0)
                found = self._file.read(len(header))
                if found != header and header.startswith(found):
                    # A new file, or one whose header was cut short.
                    self._file.truncate(0)
                    self._file.write(header)
                    self._file.flush()
                elif found != header:
                    what = "another" if found.startswith(_MAGIC) else "no"
                    raise ValueError(
                        f"checkpoint {self._path!r} holds {what} screen or network: its data, "
                        "columns, targets, sources or options differ; remove it, or name another "
                        "file"
                    )
                self.finished = self._check()
        except BaseException as failure:
            self.__exit__(type(failure))
            raise

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        # What a full disk did not take would fail once more, without a name.
        with contextlib.suppress(OSError) if failure else self._errors():
            self._file.close()

    def read(self) -> Iterator[NDArray[Any]]:
        """Yield what was finished, some records at a time."""
        for stored in self._stored(self.finished):
            yield np.ascontiguousarray(stored["record"])

    def append(self, records: NDArray[Any]) -> None:
        """Write more records to the end."""
        stored = np.zeros(len(records), self._stored_type)
        stored["record"] = records
        stored["checksum"] = _checksums(stored["record"])
        with self._errors():
            self._file.seek(0, os.SEEK_END)
            self._file.write(stored.tobytes())
            self._file.flush()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Name the file in errors of reading and writing it."""
        try:
            yield
        except OSError as error:
            text = f"checkpoint: {error.strerror or error}"
            raise OSError(error.errno, text, self._path) from error

    def _stored(self, count: int) -> Iterator[NDArray[Any]]:
        at = 0
        each = self._stored_type.itemsize
        while at < count:
            size = min(count - at, max(1, _BYTES_AT_A_TIME // each))
            self._file.seek(self._start + at * each)
            # Not np.fromfile, which leaves the position of a buffered file behind.
            yield np.frombuffer(self._file.read(size * each), self._stored_type)
            at += size

    def _check(self) -> int:
        """Return how many records stand as they were written, and drop the rest."""
        size = os.path.getsize(self._path) - self._start
        # A write that was cut short leaves part of a record, which nobody has to be told of.
        there = size // self._stored_type.itemsize
        good = 0
        for stored in self._stored(min(there, self._work.total)):
            wanted = self._work.keys(good, good + len(stored))
            fine = stored["checksum"] == _checksums(stored["record"])
            for name in self._keys:
                fine &= stored["record"][name] == wanted[name]
            good += len(stored) if fine.all() else int(np.argmin(fine))
            if not fine.all():
                break
        self._file.truncate(self._start + good * self._stored_type.itemsize)
        if good < there:
            warnings.warn(
                f"checkpoint {self._path!r} is damaged after {good} of {there} {self._what}; these "
                "are kept, and the others are computed again",
                UserWarning,
                stacklevel=stacklevel_outside("fastpid"),
            )
        return good


def _checksums(records: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the CRC-32 of every record."""
    data = np.ascontiguousarray(records).tobytes()
    size = records.dtype.itemsize
    sums = [zlib.crc32(data[at : at + size]) for at in range(0, len(data), size)]
    return np.array(sums, dtype=np.uint32)


def _lock(file: IO[bytes], path: str) -> None:
    """Lock a file until it is closed, or its process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise ValueError(
            f"checkpoint {path!r} is in use by another screen or network; wait for it, or name "
            "another file"
        ) from None
