"""From a CSV file to a table of counts, with every complaint naming lines."""

from __future__ import annotations

import argparse
import csv
import dataclasses
import difflib
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastpid._base.quantities import ROLES
from fastpid.cli._common import UserError

if TYPE_CHECKING:
    from fastpid.joint import JointTable

#: Cells that say "no value", compared without surrounding blanks and in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "-nan", "null"})

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")  # as int would print it, and inside 64 bits


def bins_argument(text: str) -> int | dict[str, int]:
    try:
        if "=" not in text:
            return _bin_count(text)
        pairs = [part.split("=") for part in text.split(",")]
        counts = {role.strip(): _bin_count(count) for role, count in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of bins nor a list such as x=4,z=3"
        ) from None
    if not set(counts) <= set(ROLES) or len(counts) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} must name x, y or z, each once")
    return counts


def _bin_count(text: str) -> int:
    count = int(text)
    if count < 2:
        raise argparse.ArgumentTypeError(f"{count} is fewer than the 2 bins needed")
    return count


def delimiter_argument(text: str) -> str:
    char = "\t" if text in ("tab", r"\t") else text
    if len(char) != 1 or char in '\r\n"':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character that can separate cells")
    return char


@dataclasses.dataclass(frozen=True)
class Column:
    role: str
    name: str
    cells: list[str]
    lines: list[int]  # where in the file each cell stands, from 1

    def __str__(self) -> str:
        return f"column {self.name!r} (--{self.role})"


def read_columns(path: str, names: dict[str, str], delimiter: str) -> list[Column]:
    records = _records(path, _decode(path, _read_bytes(path)), delimiter)
    header_line, header = next(records, (0, None))
    if header is None:
        raise UserError(f"{path} is empty: expected a header row and data")
    where = {role: _find(path, header, name, delimiter) for role, name in names.items()}
    columns = [Column(role, name, [], []) for role, name in names.items()]
    for line, row in records:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} cells, where the header (line {header_line}) "
                f"has {len(header)}; mend the row, or check --delimiter"
            )
        for column in columns:
            column.cells.append(row[where[column.role]])
            column.lines.append(line)
    if not columns[0].cells:
        raise UserError(f"{path} has a header and no rows: there is nothing to decompose")
    return columns


def _read_bytes(path: str) -> bytes:
    try:
        standard_input = path == "-"
        with open(0 if standard_input else path, "rb", closefd=not standard_input) as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"cannot read {path!r}: {reason}") from None


def _decode(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8: line {line} has the byte 0x{error.object[error.start]:02x}; "
            "convert it, for example with iconv -f latin1 -t utf-8"
        ) from None


def _records(path: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield every record that is not a blank line, with the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: not a valid CSV record: {error}") from None


def _find(path: str, header: list[str], name: str, delimiter: str) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise UserError(
            f"{path} has {header.count(name)} columns {name!r}; give each a name of its own"
        )
    text = f"{path} has no column {name!r}"
    folded = {column.strip().casefold(): column for column in reversed(header)}
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
    if close:
        text += f"; did you mean {folded[close[0]]!r}"
    text += f"; the columns are {', '.join(map(repr, header))}"
    if len(header) == 1:
        for other, word in ((";", "';'"), ("\t", "tab"), (",", "','"), ("|", "'|'")):
            if other != delimiter and other in header[0]:
                text += f"; is the delimiter another one? try --delimiter {word}"
                break
    raise UserError(text)


def refuse_missing(path: str, columns: list[Column]) -> None:
    lines: set[int] = set()
    found = []
    for column in columns:
        at = [
            line
            for cell, line in zip(column.cells, column.lines, strict=True)
            if cell.strip().lower() in MISSING
        ]
        if at:
            lines.update(at)
            shown = ", ".join(map(str, at[:5])) + (", ..." if len(at) > 5 else "")
            found.append(f"{column} has {len(at)} (line{'s' if len(at) > 1 else ''} {shown})")
    if found:
        raise UserError(
            f"{path}: values are missing in {len(lines)} of {len(columns[0].cells)} rows: "
            f"{'; '.join(found)}; remove these rows or fill them in, nothing is dropped silently"
        )


def refuse_constant(path: str, columns: list[Column]) -> None:
    for column in columns:
        first = column.cells[0]
        if all(cell == first for cell in column.cells):
            raise UserError(
                f"{path}: {column} has one distinct value, {first!r}, in {len(column.cells)} rows, "
                "so it carries no information; choose another column"
            )


# From cells to symbols ------------------------------------------------------------------------


def _number(cell: str) -> float | None:
    """Return the value of a cell, None if it is no number (1_000 and NaN are none)."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return None if "_" in cell or value != value else value


def _to_be_binned(path: str, column: Column, count: int) -> bool:
    """Whether ``--bins N`` cuts a column; the rules are those of the help text."""
    values = [_number(cell) for cell in column.cells]
    numbers = [value for value in values if value is not None]
    if column.role == "z" and all(value.is_integer() for value in numbers):
        return False
    if not numbers:
        return False
    if len(numbers) < len(values):
        _refuse_text(path, column, f"name only those to bin, as in --bins x={count}")
    return len(set(column.cells)) > count


def _refuse_text(path: str, column: Column, otherwise: str) -> None:
    bad = [i for i, cell in enumerate(column.cells) if _number(cell) is None]
    if bad:
        line, cell = column.lines[bad[0]], column.cells[bad[0]]
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise UserError(
            f"{path}, line {line}: {column} holds {cell!r}{others}, not a number, and cannot be "
            f"binned; correct it, or if the column is text, {otherwise}"
        )


def _numbers(path: str, column: Column) -> list[float]:
    _refuse_text(path, column, "do not bin it")
    numbers = [float(cell) for cell in column.cells]
    for number, cell, line in zip(numbers, column.cells, column.lines, strict=True):
        if number in (float("inf"), float("-inf")):
            raise UserError(
                f"{path}, line {line}: {column} holds {cell!r}, which is infinite in double "
                "precision; correct it or remove the row"
            )
    return numbers


def _categories(column: Column) -> list[int] | list[str]:
    # Only where nothing is lost: 007 and 7, or 1.0 and 1, stay apart, as text.
    if all(_INTEGER.fullmatch(cell) for cell in column.cells):
        return [int(cell) for cell in column.cells]
    return column.cells


def _sparse_categories(column: Column) -> list[str]:
    distinct, rows = len(set(column.cells)), len(column.cells)
    if 2 * distinct <= rows:
        return []
    return [
        f"{column} has {distinct} categories in {rows} rows, fewer than two rows each: the "
        "result says little beyond these rows; --bins cuts numeric columns"
    ]


def _make_table(args: argparse.Namespace, columns: list[Column]) -> tuple[JointTable, list[str]]:
    """Return the table, and what to warn about once nothing is left that can fail."""
    from fastpid.joint import from_samples

    samples: dict[str, Any] = {}
    bins: dict[str, int] = {}
    notes: list[str] = []
    for column in columns:
        if isinstance(args.bins, dict):
            binned = column.role in args.bins
        else:
            binned = args.bins is not None and _to_be_binned(args.file, column, args.bins)
        if binned:
            samples[column.role] = _numbers(args.file, column)
            bins[column.role] = args.bins[column.role] if isinstance(args.bins, dict) else args.bins
        else:
            samples[column.role] = list(_categories(column))
            notes += _sparse_categories(column)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = from_samples(
            **samples,
            bins=bins or None,
            strategy=args.strategy,
            names=[column.name for column in columns],
        )
    return table, notes + [str(warning.message) for warning in caught]


def add_columns(parser: argparse.ArgumentParser, file: str) -> None:
    """Add the arguments that say which columns of which file, and how they are cut."""
    parser.add_argument("file", metavar=file, help='the data; "-" reads standard input')
    for role, meaning in zip(ROLES, ("first source", "second source", "target"), strict=True):
        parser.add_argument(
            f"--{role}", metavar="COL", required=True, help=f"the column that is the {meaning}"
        )
    parser.add_argument(
        "--bins",
        type=bins_argument,
        metavar="N",
        help="cut numeric columns into N bins, or some columns by name: x=4,z=3",
    )
    parser.add_argument(
        "--strategy",
        choices=("quantile", "uniform"),
        default="quantile",
        help="bins of equal counts or of equal widths (default: %(default)s)",
    )
    parser.add_argument(
        "--delimiter",
        type=delimiter_argument,
        default=",",
        metavar="CHAR",
        help='what separates the cells; "tab" for a tab (default: a comma)',
    )


def read_table(args: argparse.Namespace) -> tuple[JointTable, list[str]]:
    """Return the table that add_columns() asked for, and what to warn about once all went well.

    Raises
    ------
    UserError
        For a file or cells that cannot be used.
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` does.
    """
    names = {role: getattr(args, role) for role in ROLES}
    columns = read_columns(args.file, names, args.delimiter)
    refuse_missing(args.file, columns)
    refuse_constant(args.file, columns)
    return _make_table(args, columns)
