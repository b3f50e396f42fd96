"""The one reader of files: CSV by the standard library, Parquet and Feather by pyarrow.

What a file is, its first bytes say. CSV may be compressed by gzip, and be UTF-8 or UTF-16 with a
byte-order mark. Only the columns that are wanted are read and judged.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import os
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra
from fastpid._base.progress import progress_bar
from fastpid.joint._cells import NA_VALUES, Cells, NotNumbersError
from fastpid.joint._columns import Column, Rows, read_column
from fastpid.joint._frames import unknown_name

_GZIP, _PARQUET, _FEATHER = b"\x1f\x8b", b"PAR1", b"ARROW1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHERS = {b"PK\x03\x04": "a zip archive or an Excel workbook", b"\xd0\xcf\x11\xe0": "an old Excel"}
_ARROW_SUFFIXES = (".parquet", ".pq", ".feather", ".arrow")
#: How many rows of a CSV are taken in at a time.
_ROWS_AT_A_TIME = 2**16

_BREAK = re.compile(r"\r\n|\r|\n")


class DataFile:
    """A file of columns by name.

    Parameters
    ----------
    path : str or path
        "-" reads standard input, which is kept in memory.
    delimiter : str
        What separates the cells of a CSV file.
    decimal : str
        The decimal mark of numbers in a CSV file.
    na_values : sequence of str, optional
        Which cells of a CSV file say that a value is missing; by default those of pandas.
    chunk_rows : int
        How many rows of a Parquet or Feather file are read at a time.
    progress : bool, optional

    Raises
    ------
    ValueError
        If the file is none of these, is not what it seems, or has no header.
    OSError
        If it cannot be read.
    ImportError
        If pyarrow is needed and not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        delimiter: str = ",",
        decimal: str = ".",
        na_values: Sequence[str] | None = None,
        chunk_rows: int = 2**16,
        progress: bool | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self._data = sys.stdin.buffer.read() if self.path == "-" else None
        if "\0" in self.path:
            raise ValueError(f"cannot read {self.path!r}: no file has a name with a null byte")
        if self._data is None and os.path.isdir(self.path):
            raise ValueError(f"{self.path} is a folder; name one file in it")
        self._delimiter = delimiter
        self._decimal = decimal
        words = NA_VALUES if na_values is None else ("", *na_values)
        self._na_values = frozenset(word.strip() for word in words)
        self._chunk_rows = chunk_rows
        self._progress = progress
        with self._open() as file:
            start = file.read(8)
        for magic, what in _OTHERS.items():
            if start.startswith(magic):
                raise ValueError(f"{self.path} is {what}; export it as CSV or Parquet")
        self._kind = "csv"
        if start.startswith(_PARQUET):
            self._kind = "parquet"
        elif start.startswith(_FEATHER):
            self._kind = "feather"
        suffix = Path(self.path).suffix.lower()
        if self._kind == "csv" and suffix in _ARROW_SUFFIXES:
            raise ValueError(
                f"{self.path} cannot be read: its name says {suffix}, its bytes do not"
            )
        self.names = self._read_names()

    def read(self, wanted: Sequence[tuple[str, str]]) -> list[Column]:
        """Return columns, each wanted as a role and a name.

        Raises
        ------
        ValueError
            For a name that is not there, or there twice; for a file that is damaged; without rows.
        """
        names = list(dict.fromkeys(name for _, name in wanted))
        for name in names:
            self.check_name(name)
        by_name = self._read_csv(names) if self._kind == "csv" else self._read_arrow(names)
        if wanted and len(next(iter(by_name.values()))) == 0:
            raise ValueError(f"{self.path} has a header and no rows: there is nothing to decompose")
        return [by_name[name](role, name) for role, name in wanted]

    def check_name(self, name: str) -> None:
        """Refuse a name that no column has, or several.

        Raises
        ------
        ValueError
        """
        if name not in self.names:
            text = f"asked for {unknown_name(name, self.names, self.path)}"
            if len(self.names) == 1:
                for other, word in ((";", '";"'), ("\t", "tab"), (",", '","'), ("|", '"|"')):
                    if other != self._delimiter and other in self.names[0]:
                        text += f"; is the delimiter another one? try {word}"
                        break
            raise ValueError(text)
        if self.names.count(name) > 1:
            raise ValueError(
                f"{self.path} has {self.names.count(name)} columns {name!r}; give each a name of "
                "its own"
            )

    # Bytes and text

    @contextlib.contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with contextlib.ExitStack() as stack:
            if self._data is not None:
                yield io.BytesIO(self._data)
            else:
                yield stack.enter_context(open(self.path, "rb"))

    @contextlib.contextmanager
    def _open_plain(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Give the file, which knows how far it was read, and what it holds once unpacked."""
        with self._open() as raw:
            is_packed = raw.read(2) == _GZIP
            raw.seek(0)
            yield raw, cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw

    @contextlib.contextmanager
    def _open_text(self) -> Iterator[tuple[IO[bytes], io.TextIOBase]]:
        with self._open_plain() as (raw, plain):
            encoding = "utf-16" if plain.read(2) in _UTF16 else "utf-8-sig"
            plain.seek(0)
            yield raw, io.TextIOWrapper(plain, encoding=encoding, newline="")

    def _bad_text(self) -> str:
        with self._open_plain() as (_, plain):
            for number, line in enumerate(plain, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    byte = error.object[error.start]
                    return (
                        f"{self.path} is not UTF-8 (nor UTF-16 with a byte-order mark): line "
                        f"{number} has the byte 0x{byte:02x}; if it is text, convert it, for "
                        "example with iconv -f latin1 -t utf-8"
                    )
        return f"{self.path} is not UTF-8"

    def _batches(
        self, rows: int = _ROWS_AT_A_TIME
    ) -> Generator[tuple[list[list[str]], NDArray[np.int64], int], None, None]:
        """Yield records, some at a time, the lines where they start, and how far the file was read.

        Blank lines are no records.
        """
        with self._open_text() as (raw, text):
            reader = csv.reader(text, delimiter=self._delimiter, strict=True)
            line = 1
            while True:
                try:
                    records = list(itertools.islice(reader, rows))
                except UnicodeDecodeError:
                    raise ValueError(self._bad_text()) from None
                except csv.Error as error:
                    raise ValueError(self._bad_record(error)) from None
                except (gzip.BadGzipFile, EOFError) as error:
                    raise ValueError(f"{self.path} is a damaged gzip file: {error}") from None
                if not records:
                    return
                starts = np.arange(line, line + len(records))
                if reader.line_num != line + len(records) - 1:  # cells with line breaks
                    heights = [1 + sum(map(_count_breaks, record)) for record in records]
                    starts = line + np.cumsum([0, *heights[:-1]])
                line = reader.line_num + 1
                if [] in records:
                    kept = [place for place, record in enumerate(records) if record]
                    records, starts = [records[place] for place in kept], starts[kept]
                if records:
                    yield records, starts, raw.tell()

    def _bad_record(self, error: csv.Error) -> str:
        """Find the line of a record that is not valid, which a batch has read beyond."""
        with self._open_text() as (_, text):
            reader = csv.reader(text, delimiter=self._delimiter, strict=True)
            line = 1
            with contextlib.suppress(csv.Error):
                for _ in reader:
                    line = reader.line_num + 1
        return f"{self.path}, line {line}: not a valid CSV record: {error}"

    def _read_names(self) -> list[str]:
        if self._kind != "csv":
            with self._arrow_file() as file:
                schema = file.schema if self._kind == "feather" else file.schema_arrow
                return list(map(str, schema.names))
        with contextlib.closing(self._batches(1)) as batches:
            first = next(batches, None)
        if first is None:
            raise ValueError(f"{self.path} is empty: expected a header row and data")
        return first[0][0]

    def _read_csv(self, names: Sequence[str]) -> dict[str, _Finished]:
        as_text: set[str] = set()
        while True:
            try:
                return self._read_csv_once(names, as_text)
            except _ReadAgainError as again:  # numbers for a million cells, and then text
                as_text.add(again.name)

    def _read_csv_once(self, names: Sequence[str], as_text: set[str]) -> dict[str, _Finished]:
        places = [self.names.index(name) for name in names]
        cells = [Cells(self._na_values, self._decimal, name in as_text) for name in names]
        lines: list[NDArray[np.int64]] = []
        size = len(self._data) if self._data is not None else os.path.getsize(self.path)
        header_line, read = 0, 0
        with progress_bar(self._progress, size, f"reading {Path(self.path).name}", "B") as advance:
            for records, starts, at in self._batches():
                if not header_line:
                    header_line = int(starts[0])
                    records, starts = records[1:], starts[1:]
                self._check_widths(records, starts, header_line)
                for name, place, column in zip(names, places, cells, strict=True):
                    try:
                        column.add([record[place] for record in records])
                    except NotNumbersError:
                        raise _ReadAgainError(name) from None
                lines.append(starts)
                advance(at - read)
                read = at
        rows = Rows("line", np.concatenate(lines))
        return {name: _Finished(cells[i], rows) for i, name in enumerate(names)}

    def _check_widths(
        self, records: list[list[str]], starts: NDArray[np.int64], header_line: int
    ) -> None:
        width = len(self.names)
        if set(map(len, records)) <= {width}:
            return
        place = next(i for i, record in enumerate(records) if len(record) != width)
        raise ValueError(
            f"{self.path}, line {starts[place]}: {len(records[place])} cells, where the header "
            f"(line {header_line}) has {width}; mend the row, or check the delimiter"
        )

    # Parquet and Feather

    @contextlib.contextmanager
    def _arrow_file(self) -> Iterator[Any]:
        arrow = import_extra("pyarrow", f"reading {Path(self.path).name}")
        source: Any = self.path if self._data is None else arrow.BufferReader(self._data)
        try:
            if self._kind == "parquet":
                with import_extra("pyarrow.parquet", "Parquet").ParquetFile(source) as file:
                    yield file
            else:
                with import_extra("pyarrow.ipc", "Feather").open_file(source) as file:
                    yield file
        except arrow.ArrowInvalid as error:
            raise ValueError(f"{self.path} cannot be read: {error}") from error

    def _read_arrow(self, names: Sequence[str]) -> dict[str, Any]:
        arrow = import_extra("pyarrow", f"reading {Path(self.path).name}")
        with self._arrow_file() as file:
            if self._kind == "parquet":
                batches = list(self._arrow_batches(file, names))
                schema = file.schema_arrow
            else:
                schema = file.schema
                batches = [
                    file.get_batch(i).select(list(names)) for i in range(file.num_record_batches)
                ]
            schema = arrow.schema([schema.field(name) for name in names])
            table = arrow.Table.from_batches(batches, schema)
        return {name: _Arrow(table.column(name)) for name in names}

    def _arrow_batches(self, file: Any, names: Sequence[str]) -> Iterator[Any]:
        total = file.metadata.num_rows
        what = f"reading {Path(self.path).name}"
        with progress_bar(self._progress, total, what, "rows") as advance:
            for batch in file.iter_batches(self._chunk_rows, columns=list(names)):
                yield batch
                advance(batch.num_rows)


def _count_breaks(cell: str) -> int:
    return len(_BREAK.findall(cell))


class _ReadAgainError(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Finished:
    """A column of a CSV file, read."""

    def __init__(self, cells: Cells, rows: Rows) -> None:
        self._cells = cells
        self._rows = rows

    def __len__(self) -> int:
        return 0 if self._rows.numbers is None else len(self._rows.numbers)

    def __call__(self, role: str, name: str) -> Column:
        return self._cells.column(role, name, self._rows)


class _Arrow:
    """A column of a Parquet or Feather file, read."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __call__(self, role: str, name: str) -> Column:
        return read_column(role, name, self._values)
