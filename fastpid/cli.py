"""The command line: ``fastpid decompose``, ``fastpid gates``, ``fastpid info``."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import difflib
import io
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from fastpid._validate import METHODS, NATS_PER_UNIT

if TYPE_CHECKING:
    from fastpid.joint import JointTable
    from fastpid.result import Decomposition

__all__ = ["main"]

ROLES = ("x", "y", "z")
ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")

#: Cells that say "no value", compared without surrounding blanks and in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "-nan", "null"})

EXIT_OK, EXIT_UNCONVERGED, EXIT_USER_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 0, 1, 2, 130, 141

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")  # as int would print it, and inside 64 bits

_DECOMPOSE_HELP = """\
Decompose what two columns of a CSV file, the sources x and y, tell about a third, the target z.

The file is UTF-8 with a header row; blank lines are no rows. Without --bins every column is taken
as categories, as it stands. Categories are sorted: by value if all of them are integers, else as
text.

With --bins N
  * a source whose cells are all numbers is cut into N bins, unless it has no more than N distinct
    values; it then stays categories, and so does a source without a single number;
  * the target is cut into N bins only if all its cells are numbers, some of them not whole, and it
    has more than N distinct values;
  * numbers mixed with other text are an error, except in a target whose numbers are all whole.
With --bins x=4,z=3 exactly the columns named are cut; the others stay categories.

A bin holds its left edge and not its right one; the last bin holds both. Where ties leave fewer
quantile bins than asked for, a warning says how many.

Refused, with the line numbers: missing values (empty, NA, N/A, NaN, null), ragged rows, columns of
one distinct value.
"""

_EXIT_HELP = """\
exit status: 0 done; 1 the gap is wider than --tol (the bounds printed hold); 2 bad input.
"""


class _UserError(Exception):
    """Something the user can put right; its text is one line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UserError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name, by default those of the process.

    Returns
    -------
    int
        The exit status: 0 done, 1 not converged, 2 bad input (one line on standard error says what
        and where), 130 interrupted, 141 the reader of the output went away.
    """
    try:
        status = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except _UserError as error:
        _complain("error", str(error))
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:  # input errors are user errors already
        _discard_output()
        _complain("error", f"cannot write the output: {error.strerror or error}")
        return EXIT_USER_ERROR


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(argv)
    except SystemExit:  # --help and --version, printed
        return EXIT_OK
    status: int = args.run(args)
    return status


def _parser() -> _Parser:
    parser = _Parser(
        prog="fastpid",
        description="Certified partial information decomposition (BROJA).",
        epilog=_EXIT_HELP,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    decompose = commands.add_parser(
        "decompose",
        help="decompose what two columns of a CSV file tell about a third",
        description=_DECOMPOSE_HELP,
        epilog=_EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    decompose.add_argument("file", metavar="FILE.csv", help='the data; "-" reads standard input')
    for role, meaning in zip(ROLES, ("first source", "second source", "target"), strict=True):
        decompose.add_argument(
            f"--{role}", metavar="COL", required=True, help=f"the column that is the {meaning}"
        )
    decompose.add_argument(
        "--bins",
        type=_bins,
        metavar="N",
        help="cut numeric columns into N bins, or some columns by name: x=4,z=3",
    )
    decompose.add_argument(
        "--strategy",
        choices=("quantile", "uniform"),
        default="quantile",
        help="bins of equal counts or of equal widths (default: %(default)s)",
    )
    _add_unit(decompose)
    decompose.add_argument(
        "--method", choices=METHODS, default="auto", help="how to solve (default: %(default)s)"
    )
    decompose.add_argument(
        "--tol", type=float, default=1e-9, help="the largest gap accepted (default: %(default)s)"
    )
    decompose.add_argument(
        "--delimiter",
        type=_delimiter,
        default=",",
        metavar="CHAR",
        help='what separates the cells; "tab" for a tab (default: a comma)',
    )
    _add_json(decompose)
    decompose.set_defaults(run=_run_decompose)

    gates = commands.add_parser(
        "gates",
        help="solve the canonical gates, beside the known values",
        description="Solve the canonical gates, beside the known values.",
        allow_abbrev=False,
    )
    _add_unit(gates)
    _add_json(gates)
    gates.set_defaults(run=_run_gates)

    info = commands.add_parser(
        "info",
        help="say what this installation is",
        description="Say what this installation is: versions, compiler, instruction set, CUDA.",
        allow_abbrev=False,
    )
    _add_json(info)
    info.set_defaults(run=_run_info)
    return parser


def _add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unit",
        choices=tuple(NATS_PER_UNIT),
        default="bits",
        help="of every number printed (default: %(default)s)",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, *_: Any) -> None:
        import fastpid

        _emit(f"fastpid {fastpid.__version__}")
        raise SystemExit(EXIT_OK)


def _bins(text: str) -> int | dict[str, int]:
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


def _delimiter(text: str) -> str:
    char = "\t" if text in ("tab", r"\t") else text
    if len(char) != 1 or char in '\r\n"':
        raise argparse.ArgumentTypeError(f"{text!r} is not one character that can separate cells")
    return char


# Output ---------------------------------------------------------------------------------------


def _emit(text: str) -> None:
    # A name that the terminal's encoding lacks is escaped, not a crash.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def _emit_json(value: dict[str, Any]) -> None:
    _emit(json.dumps(value, indent=2, allow_nan=False))


def _complain(severity: str, text: str) -> None:
    line = " ".join(text.split())
    print(f"fastpid: {severity}: {line}", file=sys.stderr)


def _discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


# Reading --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Column:
    role: str
    name: str
    cells: list[str]
    lines: list[int]  # where in the file each cell stands, from 1

    def __str__(self) -> str:
        return f"column {self.name!r} (--{self.role})"


def _read_columns(path: str, names: dict[str, str], delimiter: str) -> list[_Column]:
    records = _records(path, _decode(path, _read_bytes(path)), delimiter)
    header_line, header = next(records, (0, None))
    if header is None:
        raise _UserError(f"{path} is empty: expected a header row and data")
    where = {role: _find(path, header, name, delimiter) for role, name in names.items()}
    columns = [_Column(role, name, [], []) for role, name in names.items()]
    for line, row in records:
        if len(row) != len(header):
            raise _UserError(
                f"{path}, line {line}: {len(row)} cells, where the header (line {header_line}) "
                f"has {len(header)}; mend the row, or check --delimiter"
            )
        for column in columns:
            column.cells.append(row[where[column.role]])
            column.lines.append(line)
    if not columns[0].cells:
        raise _UserError(f"{path} has a header and no rows: there is nothing to decompose")
    return columns


def _read_bytes(path: str) -> bytes:
    try:
        standard_input = path == "-"
        with open(0 if standard_input else path, "rb", closefd=not standard_input) as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise _UserError(f"cannot read {path!r}: {reason}") from None


def _decode(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _UserError(
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
        raise _UserError(f"{path}, line {line}: not a valid CSV record: {error}") from None


def _find(path: str, header: list[str], name: str, delimiter: str) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise _UserError(
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
    raise _UserError(text)


def _refuse_missing(path: str, columns: list[_Column]) -> None:
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
        raise _UserError(
            f"{path}: values are missing in {len(lines)} of {len(columns[0].cells)} rows: "
            f"{'; '.join(found)}; remove these rows or fill them in, nothing is dropped silently"
        )


def _refuse_constant(path: str, columns: list[_Column]) -> None:
    for column in columns:
        first = column.cells[0]
        if all(cell == first for cell in column.cells):
            raise _UserError(
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


def _to_be_binned(path: str, column: _Column, count: int) -> bool:
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


def _refuse_text(path: str, column: _Column, otherwise: str) -> None:
    bad = [i for i, cell in enumerate(column.cells) if _number(cell) is None]
    if bad:
        line, cell = column.lines[bad[0]], column.cells[bad[0]]
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise _UserError(
            f"{path}, line {line}: {column} holds {cell!r}{others}, not a number, and cannot be "
            f"binned; correct it, or if the column is text, {otherwise}"
        )


def _numbers(path: str, column: _Column) -> list[float]:
    _refuse_text(path, column, "do not bin it")
    numbers = [float(cell) for cell in column.cells]
    for number, cell, line in zip(numbers, column.cells, column.lines, strict=True):
        if number in (float("inf"), float("-inf")):
            raise _UserError(
                f"{path}, line {line}: {column} holds {cell!r}, which is infinite in double "
                "precision; correct it or remove the row"
            )
    return numbers


def _categories(column: _Column) -> list[int] | list[str]:
    # Only where nothing is lost: 007 and 7, or 1.0 and 1, stay apart, as text.
    if all(_INTEGER.fullmatch(cell) for cell in column.cells):
        return [int(cell) for cell in column.cells]
    return column.cells


def _sparse_categories(column: _Column) -> list[str]:
    distinct, rows = len(set(column.cells)), len(column.cells)
    if 2 * distinct <= rows:
        return []
    return [
        f"{column} has {distinct} categories in {rows} rows, fewer than two rows each: the "
        "result says little beyond these rows; --bins cuts numeric columns"
    ]


def _make_table(args: argparse.Namespace, columns: list[_Column]) -> tuple[JointTable, list[str]]:
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


# Commands -------------------------------------------------------------------------------------


def _run_decompose(args: argparse.Namespace) -> int:
    import fastpid

    names = {role: getattr(args, role) for role in ROLES}
    columns = _read_columns(args.file, names, args.delimiter)
    _refuse_missing(args.file, columns)
    _refuse_constant(args.file, columns)
    try:
        table, notes = _make_table(args, columns)
        result = fastpid.decompose(
            table, method=args.method, tol=args.tol, unit=args.unit, on_failure="ignore"
        )
    except (TypeError, ValueError) as error:
        raise _UserError(str(error)) from error
    for note in notes:
        _complain("warning", note)
    if args.json:
        _emit_json(_as_json(args.file, table, result))
    else:
        _emit(_as_text(args.file, table, result))
    # A closed-form bracket is what --method proxy asks for.
    return EXIT_OK if result.converged or args.method == "proxy" else EXIT_UNCONVERGED


def _as_json(path: str, table: JointTable, result: Decomposition) -> dict[str, Any]:
    columns = {
        role: {
            "name": table.names[axis],
            "kind": "bins" if table.is_binned(axis) else "categories",
            "labels": table.labels[axis],
            "counts": table.marginal(axis).tolist(),
        }
        for axis, role in enumerate(ROLES)
    }
    return {
        "file": path,
        "n_samples": table.n_samples,
        "shape": table.shape,
        "columns": columns,
        **result.to_dict(),
        "converged": result.converged,
        "message": result.message,
    }


def _as_text(path: str, table: JointTable, result: Decomposition) -> str:
    _, *described = repr(table).splitlines()
    x, y, z = table.names
    words = (
        f"About {z}, in {result.unit}: {result.redundancy:.4f} in {x} and {y} alike, "
        f"{result.unique_x:.4f} in {x} alone, {result.unique_y:.4f} in {y} alone, "
        f"{result.synergy:.4f} only in both together."
    )
    return "\n".join([f"{path}: {table.n_samples} rows", *described, "", repr(result), "", words])


def _run_gates(args: argparse.Namespace) -> int:
    import math

    from fastpid import decompose
    from fastpid.gates import GATES

    per_bit = math.log(2.0) / NATS_PER_UNIT[args.unit]
    rows = []
    for gate in GATES.values():
        result = decompose(gate.table(), unit=args.unit, on_failure="ignore")
        known = {atom: getattr(gate, atom) * per_bit for atom in ATOMS}
        rows.append((gate, result, known))
    converged = all(result.converged for _, result, _ in rows)
    if args.json:
        _emit_json(
            {
                "unit": args.unit,
                "gates": [
                    {
                        "name": gate.name,
                        "description": gate.description,
                        "solved": result.to_dict(),
                        "known": known,
                    }
                    for gate, result, known in rows
                ],
            }
        )
    else:
        width = max(len(gate.name) for gate, _, _ in rows)
        lines = [
            f"{args.unit:<{width}}" + "".join(f"{atom:^18}" for atom in ATOMS),
            f"{'gate':<{width}}" + "   solved    known" * len(ATOMS) + "    error      gap",
        ]
        for gate, result, known in rows:
            solved = {atom: float(getattr(result, atom)) for atom in ATOMS}
            error = max(abs(solved[atom] - known[atom]) for atom in ATOMS)
            # Adding 0.0 turns a rounded -0.0 into 0.0.
            cells = "".join(
                f"{round(value, 5) + 0.0:9.5f}"
                for atom in ATOMS
                for value in (solved[atom], known[atom])
            )
            lines.append(f"{gate.name:<{width}}{cells}{error:9.0e}{float(result.gap):9.0e}")
        _emit("\n".join(lines))
    return EXIT_OK if converged else EXIT_UNCONVERGED


def _run_info(args: argparse.Namespace) -> int:
    import platform

    import numpy as np

    import fastpid
    from fastpid import _core

    facts: dict[str, Any] = {
        "fastpid": fastpid.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        **_core.build_info(),
    }
    if args.json:
        _emit_json(facts)
    else:
        width = max(map(len, facts))
        words = {True: "built", False: "not built"}
        _emit(
            "\n".join(
                f"{key.replace('_', ' '):<{width}}  "
                f"{words[value] if isinstance(value, bool) else value}"
                for key, value in facts.items()
            )
        )
    return EXIT_OK
