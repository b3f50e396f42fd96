"""Arrays by name, from an .npz file or a Parquet one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from fastpid._base.extras import import_extra
from fastpid.cli._common import UserError


def read_arrays(
    path: str, needed: Sequence[str], optional: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return the arrays of a file.

    In a Parquet file a matrix is a column of lists, all as long, or columns of numbers called
    name_0, name_1 and so on.
    """
    try:
        with open(path, "rb") as raw:
            is_parquet = raw.read(4) == b"PAR1"
    except OSError as error:
        raise UserError(f"cannot read {path!r}: {error.strerror or error}") from error
    arrays = _of_parquet(path, (*needed, *optional)) if is_parquet else _of_npz(path)
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise UserError(
            f"{path!r} has no array {missing[0]!r} (but {', '.join(arrays) or 'none'}); it needs "
            f"{', '.join(needed)}"
        )
    return arrays


def _of_npz(path: str) -> dict[str, Any]:
    import numpy as np

    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            if not hasattr(file, "files"):
                raise UserError(f"{path!r} holds one array; write several with numpy.savez")
            return {name: file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path!r} is neither Parquet nor an .npz file of plain arrays: {error}"
        ) from error


def _of_parquet(path: str, names: Sequence[str]) -> dict[str, Any]:
    parquet = import_extra("pyarrow.parquet", f"reading {path}")
    try:
        file = parquet.ParquetFile(path)
        columns = file.schema_arrow.names
        wanted = {name: _columns_of(name, columns) for name in names}
        table = file.read([column for each in wanted.values() for column in each])
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise UserError(f"cannot read {path!r}: {error}") from error
    found = {n: _matrix(path, table, each) for n, each in wanted.items() if each}
    return found or dict.fromkeys(columns)


def _columns_of(name: str, columns: Sequence[str]) -> list[str]:
    if name in columns:
        return [name]
    numbered = [c for c in columns if re.fullmatch(re.escape(name) + r"_\d+", c)]
    return sorted(numbered, key=lambda column: int(column.rpartition("_")[2]))


def _matrix(path: str, table: Any, columns: Sequence[str]) -> Any:
    import numpy as np

    parts = []
    for column in columns:
        values = table.column(column)
        if values.null_count:
            raise UserError(f"{path!r} has {values.null_count} missing values in column {column!r}")
        array = values.to_numpy()
        if array.dtype == object and len(array) and isinstance(array[0], np.ndarray):
            lengths = {len(row) for row in array}
            if len(lengths) > 1:
                raise UserError(
                    f"the lists of column {column!r} of {path!r} have from {min(lengths)} to "
                    f"{max(lengths)} numbers; all rows must have as many"
                )
            array = np.stack(array)
        parts.append(array)
    return parts[0] if len(parts) == 1 else np.column_stack(parts)
