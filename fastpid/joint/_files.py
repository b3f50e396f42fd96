"""CSV and Parquet files, whole or in pieces, by pyarrow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastpid._base.extras import import_extra
from fastpid.joint._frames import unknown_name


def read_frame(path: Path, delimiter: str) -> Any:
    """Return a file as a pyarrow table.

    Raises
    ------
    ValueError
        If it is not what its name says.
    OSError
        If it cannot be read.
    ImportError
        If pyarrow is not installed.
    """
    with _arrow_errors(path):
        if _is_parquet(path):
            return _arrow("parquet").read_table(path)
        return _arrow("csv").read_csv(path, **_csv_options(delimiter))


def read_pieces(
    path: Path, names: Sequence[str], delimiter: str, chunk_rows: int
) -> Iterator[list[Any]]:
    """Yield the columns named, some rows at a time.

    Raises
    ------
    ValueError
        As :func:`read_frame`, and for a column that is not there or there twice.
    OSError, ImportError
        As :func:`read_frame`.
    """
    distinct = list(dict.fromkeys(names))
    with _arrow_errors(path):
        if _is_parquet(path):
            with _arrow("parquet").ParquetFile(path) as file:
                _check_columns(path, distinct, file.schema_arrow.names)
                for batch in file.iter_batches(chunk_rows, columns=distinct):
                    if batch.num_rows:
                        yield [batch.column(name) for name in names]
        else:
            with _arrow("csv").open_csv(path, **_csv_options(delimiter)) as reader:
                _check_columns(path, distinct, reader.schema.names)
                for batch in reader:
                    if batch.num_rows:
                        yield [batch.column(name) for name in names]


def _arrow(part: str) -> Any:
    return import_extra(f"pyarrow.{part}", "reading CSV and Parquet files")


def _csv_options(delimiter: str) -> dict[str, Any]:
    csv = _arrow("csv")
    return {
        "parse_options": csv.ParseOptions(delimiter=delimiter),
        "convert_options": csv.ConvertOptions(strings_can_be_null=True),
    }


def _is_parquet(path: Path) -> bool:
    kinds = {suffix.lower() for suffix in path.suffixes}
    if ".parquet" in kinds:
        return True
    if kinds & {".csv", ".tsv", ".txt"}:
        return False
    raise ValueError(f"{path} is neither a .csv nor a .parquet file")


@contextlib.contextmanager
def _arrow_errors(path: Path) -> Iterator[None]:
    arrow = import_extra("pyarrow", "reading CSV and Parquet files")
    try:
        yield
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _check_columns(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    for name in wanted:
        if name not in found:
            raise ValueError(f"asked for {unknown_name(name, found, str(path))}")
        if found.count(name) > 1:
            raise ValueError(f"{path} has {found.count(name)} columns {name!r}; rename them")
