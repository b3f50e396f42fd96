"""A file of what a screen has finished."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid.screening._pairs import MOST_PAIRS_PER_BLOCK
from fastpid.screening._records import RECORD

_MAGIC = b"fastpid screen 1\n"


class Checkpoint:
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

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self) -> Iterator[NDArray[Any]]:
        """Yield what was finished, some records at a time."""
        self._file.seek(self._start)
        left = self.finished
        while left:
            records = np.fromfile(self._file, RECORD, min(left, MOST_PAIRS_PER_BLOCK))
            left -= len(records)
            yield records

    def append(self, records: NDArray[Any]) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(records.tobytes())
        self._file.flush()
