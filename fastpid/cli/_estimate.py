"""fastpid estimate."""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

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
from fastpid.cli._read import COLUMN_RULES, add_file, add_roles, check_roles, read_samples

if TYPE_CHECKING:
    from fastpid.estimation._estimates import Estimates
    from fastpid.joint import JointTable


def add_estimate(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "estimate",
        help="the same with the bias corrected, intervals and p-values",
        description=(
            "Estimate what two columns of a file, or more, tell about another one: atoms with "
            "their bias\ncorrected, intervals and p-values (fastpid.estimate in Python, of "
            "--sources fastpid.estimate_many).\n\n" + COLUMN_RULES
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
    from fastpid.estimation._estimate_many import check_wanted_of_many, estimate_samples_of_many
    from fastpid.estimation._wanted import DEFAULT_TOL, check_wanted

    check_roles(args)
    check_outputs(args)
    try:
        tol = DEFAULT_TOL if args.tol is None else args.tol
        options = check_options(args.method, tol, None, args.unit, args.threads, True, "ignore")
        wanted = (check_wanted if args.sources is None else check_wanted_of_many)(
            *(args.bias, args.ci, args.confidence_level),
            *(args.n_bootstrap, args.n_permutations, args.null, args.tol),
        )
        samples, notes = read_samples(args)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result: Estimates
            if args.sources is None:
                result = estimate_samples(samples, options, wanted, args.rng, None)
            else:
                result = estimate_samples_of_many(
                    samples, options, wanted, args.rng, None, args.subsets or "all"
                )
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


def _print(args: argparse.Namespace, table: JointTable, result: Estimates) -> None:
    *sources, z = table.names
    columns = ["about " + z, "plug-in"]
    columns += ["value"] if result.bias != "none" else []
    columns += [f"{result.confidence_level:.0%} interval"] if result.intervals else []
    columns += ["under null", "p"] if result.p_values else []
    words = {"unique_x": f"unique to {sources[0]}", "unique_y": f"unique to {sources[1]}"}
    rows = []
    for name, label in result._rows():
        row = [words.get(name, label), f"{round(result._plug_in(name), 4) + 0.0:.4f}"]
        if result.bias != "none":
            row.append(f"{round(result.values[name], 4) + 0.0:.4f}")
        if result.intervals:
            low, high = result.intervals[name]
            row.append(f"{low:.4f} to {high:.4f}")
        if name in result.p_values:
            mean = round(result.null_means[name], 4) + 0.0
            row += [f"{mean:.4f}", f"{result.p_values[name]:.3g}"]
        row += [""] * (len(columns) - len(row))
        rows.append(row)
    title = f"{args.file}: {table.n_samples} rows, in {result.unit}"
    how = f"bias: {result.bias}; interval: {result.ci}; null: {result.null}"
    print_table(title, columns, 1, rows, how)
