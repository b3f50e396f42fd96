"""fastpid estimate."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

from fastpid._base.quantities import ATOMS
from fastpid.cli._common import (
    EXIT_OK,
    UserError,
    add_json,
    add_solver,
    add_unit,
    complain,
    emit_json,
    print_table,
)
from fastpid.cli._decompose import describe
from fastpid.cli._outputs import add_outputs, check_outputs, save_plot
from fastpid.cli._read import COLUMN_RULES, add_file, add_roles, read_samples

if TYPE_CHECKING:
    from fastpid.estimation import Estimate
    from fastpid.joint import JointTable


def add_estimate(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "estimate",
        help="the same with the bias corrected, intervals and p-values",
        description=(
            "Estimate what two columns of a file tell about a third: atoms with their bias "
            "corrected,\nintervals and p-values (fastpid.estimate in Python).\n\n" + COLUMN_RULES
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_file(parser)
    add_roles(parser)
    add_unit(parser)
    parser.add_argument(
        "--bias",
        choices=(
            *("qe", "jackknife", "shuffle", "qe_shuffle", "miller_madow", "chao_shen", "none"),
        ),
        default="qe",
        help="how the bias is corrected (default: %(default)s)",
    )
    parser.add_argument(
        "--ci",
        choices=("normal", "pivot", "none"),
        default="normal",
        help="the kind of interval (default: %(default)s)",
    )
    parser.add_argument(
        "--confidence-level",
        type=float,
        default=0.95,
        metavar="LEVEL",
        help="what intervals cover (default: %(default)s)",
    )
    for name, count in (("bootstrap", 200), ("permutations", 1000)):
        parser.add_argument(
            f"--n-{name}",
            type=int,
            default=count,
            metavar="N",
            help="how many (default: %(default)s)",
        )
    parser.add_argument(
        "--null",
        choices=("conditional", "target"),
        default="conditional",
        help="what atoms are tested against (default: %(default)s)",
    )
    add_solver(parser, None)
    parser.add_argument("--rng", type=int, metavar="SEED", help="seed of all random choices")
    add_outputs(parser, table=False, plot="the atoms")
    add_json(parser)
    parser.set_defaults(run=_run_estimate)


def _run_estimate(args: argparse.Namespace) -> int:
    from fastpid._solve.options import check_options
    from fastpid.estimation._estimate import estimate_samples
    from fastpid.estimation._wanted import DEFAULT_TOL, check_wanted

    check_outputs(args)
    try:
        tol = DEFAULT_TOL if args.tol is None else args.tol
        options = check_options(args.method, tol, None, args.unit, args.threads, True, "ignore")
        wanted = check_wanted(
            *(args.bias, args.ci, args.confidence_level),
            *(args.n_bootstrap, args.n_permutations, args.null, args.tol),
        )
        samples, notes = read_samples(args)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = estimate_samples(samples, options, wanted, args.rng, None)
        table = samples.table()
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    if args.plot:
        save_plot(lambda: result.plot(), args.plot)
    for note in (*notes, *(str(warning.message) for warning in caught)):
        complain("warning", note)
    if args.json:
        emit_json(args, result.to_dict(), **describe(args, table))
    else:
        _print(args, table, result)
    return EXIT_OK


def _print(args: argparse.Namespace, table: JointTable, result: Estimate) -> None:
    x, y, z = table.names
    columns = ["about " + z, "plug-in"]
    columns += ["value"] if result.bias != "none" else []
    columns += [f"{result.confidence_level:.0%} interval"] if result.intervals else []
    columns += ["under null", "p"] if result.p_values else []
    words = {"unique_x": f"unique to {x}", "unique_y": f"unique to {y}", "mi_xy": "I(X,Y;Z)"}
    rows = []
    for name in (*ATOMS, "mi_xy"):
        row = [words.get(name, name), f"{getattr(result.decomposition, name):.4f}"]
        if result.bias != "none":
            row.append(f"{result.values[name]:.4f}")
        if result.intervals:
            low, high = result.intervals[name]
            row.append(f"{low:.4f} to {high:.4f}")
        if name in result.p_values:
            row += [f"{result.null_means[name]:.4f}", f"{result.p_values[name]:.3g}"]
        row += [""] * (len(columns) - len(row))
        rows.append(row)
    title = f"{args.file}: {table.n_samples} rows, in {result.unit}"
    how = f"bias: {result.bias}; interval: {result.ci}; null: {result.null}"
    print_table(title, columns, 1, rows, how)
