"""fastpid decompose."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fastpid._base.quantities import ROLES
from fastpid.cli._common import (
    EXIT_OK,
    EXIT_UNCONVERGED,
    UserError,
    add_json,
    add_solver,
    add_unit,
    complain,
    emit,
    emit_json,
)
from fastpid.cli._read import add_columns, read_table

if TYPE_CHECKING:
    from fastpid.joint import JointTable
    from fastpid.result import Decomposition

COLUMN_RULES = """\
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

EXIT_HELP = """\
exit status: 0 done; 1 the gap is wider than --tol (the bounds printed hold); 2 bad input.
"""


def add_decompose(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "decompose",
        help="decompose what two columns of a CSV file tell about a third",
        description=(
            "Decompose what two columns of a CSV file, the sources x and y, tell about a third, "
            "the target z.\n\n" + COLUMN_RULES
        ),
        epilog=EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_columns(parser, "FILE.csv")
    add_unit(parser)
    add_solver(parser, 1e-9)
    add_json(parser)
    parser.set_defaults(run=_run_decompose)


def _run_decompose(args: argparse.Namespace) -> int:
    import fastpid

    try:
        table, notes = read_table(args)
        result = fastpid.decompose(
            table,
            method=args.method,
            tol=args.tol,
            unit=args.unit,
            threads=args.threads,
            on_failure="ignore",
        )
    except (TypeError, ValueError) as error:
        raise UserError(str(error)) from error
    for note in notes:
        complain("warning", note)
    if args.json:
        emit_json(_as_json(args.file, table, result))
    else:
        emit(_as_text(args.file, table, result))
    # A closed-form bracket is what --method proxy asks for.
    return EXIT_OK if result.converged or args.method == "proxy" else EXIT_UNCONVERGED


def describe_columns(table: JointTable) -> dict[str, Any]:
    """Return what the symbols of every column are, for JSON."""
    return {
        role: {
            "name": table.names[axis],
            "kind": "bins" if table.is_binned(axis) else "categories",
            "labels": table.labels[axis],
            "counts": table.counts_along(axis).tolist(),
        }
        for axis, role in enumerate(ROLES)
    }


def _as_json(path: str, table: JointTable, result: Decomposition[float]) -> dict[str, Any]:
    return {
        "file": path,
        "n_samples": table.n_samples,
        "shape": table.shape,
        "columns": describe_columns(table),
        **result.to_dict(),
        "converged": result.converged,
        "message": result.message,
    }


def _as_text(path: str, table: JointTable, result: Decomposition[float]) -> str:
    _, *described = repr(table).splitlines()
    x, y, z = table.names
    words = (
        f"About {z}, in {result.unit}: {result.redundancy:.4f} in {x} and {y} alike, "
        f"{result.unique_x:.4f} in {x} alone, {result.unique_y:.4f} in {y} alone, "
        f"{result.synergy:.4f} only in both together."
    )
    return "\n".join([f"{path}: {table.n_samples} rows", *described, "", repr(result), "", words])
