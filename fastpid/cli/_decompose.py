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
from fastpid.cli._read import COLUMN_RULES, add_file, add_roles, read_samples

if TYPE_CHECKING:
    from fastpid.joint import JointTable
    from fastpid.result import Decomposition

EXIT_HELP = """\
exit status: 0 done; 1 the gap is wider than --tol (the bounds printed hold); 2 bad input.
"""


def add_decompose(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "decompose",
        help="decompose what two columns of a file tell about a third",
        description=(
            "Decompose what two columns of a file, the sources x and y, tell about a third, "
            "the target z.\n\n" + COLUMN_RULES
        ),
        epilog=EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_file(parser)
    add_roles(parser)
    add_unit(parser)
    add_solver(parser, 1e-9)
    add_json(parser)
    parser.set_defaults(run=_run_decompose)


def _run_decompose(args: argparse.Namespace) -> int:
    import fastpid

    try:
        samples, notes = read_samples(args)
        table = samples.table()
        result = fastpid.decompose(
            table,
            method=args.method,
            tol=args.tol,
            unit=args.unit,
            threads=args.threads,
            on_failure="ignore",
        )
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    for note in notes:
        complain("warning", note)
    if args.json:
        emit_json(
            args,
            {**result.to_dict(), "converged": result.converged, "message": result.message},
            **describe(args, table),
        )
    else:
        emit(_as_text(args.file, table, result))
    # A closed-form bracket is what --method proxy asks for.
    return EXIT_OK if result.converged or args.method == "proxy" else EXIT_UNCONVERGED


def describe(args: argparse.Namespace, table: JointTable) -> dict[str, Any]:
    """Return what was read, for JSON."""
    return {
        "file": args.file,
        "n_samples": table.n_samples,
        "n_dropped": table.n_dropped,
        "shape": table.shape,
        "columns": {
            role: {
                "name": table.names[axis],
                "kind": "bins" if table.is_binned(axis) else "categories",
                "labels": table.labels[axis],
                "counts": table.counts_along(axis).tolist(),
            }
            for axis, role in enumerate(ROLES)
        },
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
