"""fastpid estimate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastpid.cli._common import (
    ATOMS,
    EXIT_OK,
    ROLES,
    UserError,
    add_json,
    add_unit,
    check_output,
    complain,
    emit_json,
    print_table,
    save_plot,
)
from fastpid.cli._decompose import COLUMN_RULES, describe_columns
from fastpid.cli._read import add_columns, read_table

if TYPE_CHECKING:
    from fastpid.joint import JointTable
    from fastpid.estimation import Estimate

__all__ = ["add_estimate"]


def add_estimate(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "estimate",
        help="the same with the bias corrected, intervals and p-values",
        description=(
            "Estimate what two columns of a CSV or Parquet file tell about a third: atoms with "
            "their bias\ncorrected, intervals and p-values (fastpid.estimate in Python). Parquet "
            "columns are taken as\nfastpid.joint.from_file takes them.\n\n" + COLUMN_RULES
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_columns(parser, "FILE")
    add_unit(parser)
    parser.add_argument(
        "--bias",
        choices=("qe", "jackknife", "shuffle", "miller-madow", "none"),
        default="qe",
        help="how the bias is corrected (default: %(default)s)",
    )
    parser.add_argument(
        "--ci",
        choices=("shifted", "basic", "percentile", "posterior", "none"),
        default="shifted",
        help="the kind of interval (default: %(default)s)",
    )
    parser.add_argument(
        "--level", type=float, default=0.95, help="what intervals cover (default: %(default)s)"
    )
    for name in ("bootstrap", "permutations"):
        parser.add_argument(
            f"--{name}", type=int, default=1000, metavar="N", help="how many (default: %(default)s)"
        )
    parser.add_argument(
        "--null",
        choices=("conditional", "target"),
        default="conditional",
        help="what atoms are tested against (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, help="of every random choice")
    parser.add_argument("--plot", metavar="OUT", help="draw the atoms into a .png, .svg or .pdf")
    add_json(parser)
    parser.set_defaults(run=_run_estimate)


def _run_estimate(args: argparse.Namespace) -> int:
    from fastpid.estimation import estimate_table

    check_output(args)
    try:
        table, notes = _read(args)
        found = estimate_table(
            table,
            bias=args.bias,
            ci=args.ci,
            level=args.level,
            bootstrap=args.bootstrap,
            permutations=args.permutations,
            null=args.null,
            unit=args.unit,
            seed=args.seed,
        )
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    if args.plot:
        save_plot(lambda: found.plot(), args.plot)
    for note in notes:
        complain("warning", note)
    if args.json:
        emit_json({"file": args.file, "columns": describe_columns(table), **found.to_dict()})
    else:
        _print(args, table, found)
    return EXIT_OK


def _read(args: argparse.Namespace) -> tuple[JointTable, list[str]]:
    if Path(args.file).suffix.lower() != ".parquet":
        return read_table(args)
    from fastpid.joint import from_file

    bins = args.bins
    try:
        columns = [getattr(args, role) for role in ROLES]
        return from_file(args.file, *columns, bins=bins, strategy=args.strategy), []
    except OSError as error:
        raise UserError(f"cannot read {args.file!r}: {error.strerror or error}") from None


def _print(args: argparse.Namespace, table: JointTable, found: Estimate) -> None:
    x, y, z = table.names
    columns = ["about " + z, "plug-in"]
    columns += ["corrected"] if found.bias != "none" else []
    columns += [f"{found.level:.0%} interval"] if found.intervals else []
    columns += ["under null", "p"] if found.p_values else []
    words = {"unique_x": f"unique to {x}", "unique_y": f"unique to {y}", "mi_xy": "I(X,Y;Z)"}
    rows = []
    for name in (*ATOMS, "mi_xy"):
        row = [words.get(name, name), f"{getattr(found.decomposition, name):.4f}"]
        if found.bias != "none":
            row.append(f"{found.corrected[name]:.4f}")
        if found.intervals:
            low, high = found.intervals[name]
            row.append(f"{low:.4f} to {high:.4f}")
        if name in found.p_values:
            row += [f"{found.null_means[name]:.4f}", f"{found.p_values[name]:.3g}"]
        rows.append(row)
    title = f"{args.file}: {table.n_samples} rows, in {found.unit}"
    how = f"bias: {found.bias}; interval: {found.ci}; null: {found.null}"
    print_table(title, columns, 1, rows, how)
