"""fastpid decompose."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

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
    print_table,
)
from fastpid.cli._read import COLUMN_RULES, add_file, add_roles, check_roles, read_samples

if TYPE_CHECKING:
    from fastpid._many import ManyDecomposition
    from fastpid.joint import JointTable
    from fastpid.result import Decomposition

EXIT_HELP = """\
exit status: 0 done; 1 the gap is wider than --tol (the bounds printed hold); 2 bad input.
"""


def add_decompose(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "decompose",
        help="decompose what two columns of a file, or more, tell about another one",
        description=(
            "Decompose what two columns of a file, the sources x and y, tell about a third, "
            "the target z;\nwith --sources a,b,c any number (fastpid.decompose_many).\n\n"
            + COLUMN_RULES
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

    check_roles(args)
    options: Any = {name: getattr(args, name) for name in ("method", "tol", "unit", "threads")}
    result: Any
    try:
        samples, notes = read_samples(args)
        table = samples.table()
        if args.sources is None:
            result = fastpid.decompose(table, **options, on_failure="ignore")
        else:
            subsets = args.subsets or "all"
            result = fastpid.decompose_many(table, subsets=subsets, **options, on_failure="ignore")
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    for note in notes:
        complain("warning", note)
    if args.json:
        answer = {**result.to_dict(), "converged": result.converged}
        if args.sources is None:
            answer["message"] = result.message
        emit_json(args, answer, **describe(args, table))
    elif args.sources is not None:
        _print_many(args.file, table, result)
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
            for axis, role in enumerate(table.roles)
        },
    }


def _print_many(path: str, table: JointTable, result: ManyDecomposition) -> None:
    *sources, z = table.names
    rows = []
    for subset, *values in _atoms(result):
        words = "synergy"
        if subset is not None:
            words = "unique to " if len(subset) == 1 else "shared by "
            words += ", ".join(sources[i] for i in subset)
        rows.append([words, *(f"{round(each, 6) + 0.0:.6f}" for each in values)])
    rows.append([f"I(all;{z})", f"{result.mi_joint:.6f}", "", ""])
    _, *described = repr(table).splitlines()
    title = "\n".join([f"{path}: {table.n_samples} rows, in {result.unit}", *described])
    columns = [f"about {z}", "value", "at least", "at most"]
    print_table(title, columns, 1, rows, f"widest gap {result.gap:.1e}")


def _atoms(result: ManyDecomposition) -> list[Any]:
    """Return sets of sources with their atoms and bounds on these, the synergy last."""
    every = range(result.n_sources)
    if len(result.subsets) == 2**result.n_sources - 1:
        return result._coverage_bars()
    low, high = result.bounds()
    half = 0.5 * (high - low)
    bars: list[Any] = []
    for i, value in enumerate(result.unique.tolist()):
        least, most = result.bounds([j for j in every if j != i])
        bars.append(((i,), value, low - most, high - least))
    return [*bars, (None, result.synergy, result.synergy - half, result.synergy + half)]


def _as_text(path: str, table: JointTable, result: Decomposition[float]) -> str:
    _, *described = repr(table).splitlines()
    x, y, z = table.names
    words = (
        f"About {z}, in {result.unit}: {result.redundancy:.4f} in {x} and {y} alike, "
        f"{result.unique_x:.4f} in {x} alone, {result.unique_y:.4f} in {y} alone, "
        f"{result.synergy:.4f} only in both together."
    )
    return "\n".join([f"{path}: {table.n_samples} rows", *described, "", repr(result), "", words])
