"""fastpid screen."""

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
from fastpid.cli._outputs import add_outputs, check_outputs, save_plot, save_table
from fastpid.cli._read import COLUMN_RULES, add_file, open_file

if TYPE_CHECKING:
    from fastpid.joint._files import DataFile
    from fastpid.screening import Screen

_SHOWN = ("synergy", "redundancy", "unique_x", "unique_y", "mi_xy")


def add_screen(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "screen",
        help="decompose all pairs of columns against a target",
        description="Decompose what all pairs of columns of a file tell about one of its columns "
        "(fastpid.screen in Python).\nValues carry the bias of their tables: pass the best pairs "
        "to fastpid estimate.\n\n" + COLUMN_RULES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_file(parser)
    parser.add_argument(
        "--z", metavar="COL", required=True, action="append", help="the target; repeatable"
    )
    parser.add_argument(
        "--sources",
        metavar="COL,COL",
        action="append",
        help="which columns are paired (default: all the others); repeatable, once a column whose "
        "name holds a comma",
    )
    parser.add_argument(
        "--exclude",
        metavar="COL,COL",
        action="append",
        default=[],
        help="which columns are left out; repeatable",
    )
    parser.add_argument(
        "--by", default="synergy", help="what pairs are ranked by (default: %(default)s)"
    )
    parser.add_argument(
        "--top-k", type=int, default=20, metavar="K", help="how many to show (default: %(default)s)"
    )
    add_outputs(parser, table=True, plot="a heat map")
    add_solver(parser, 1e-6)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default: one, threaded)")
    parser.add_argument("--checkpoint", metavar="FILE", help="keep what is finished, and go on")
    add_unit(parser)
    add_json(parser)
    parser.set_defaults(run=_run_screen)


def _run_screen(args: argparse.Namespace) -> int:
    from fastpid.screening import screen

    check_outputs(args)
    try:
        file = open_file(args)
        names = _sources(args, file)
        wanted = list(dict.fromkeys([*names, *args.z]))
        read = file.read([(name, name) for name in wanted])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = screen(
                {column.name: column for column in read},
                args.z,
                sources=names,
                bins=args.bins,
                strategy=args.strategy,
                missing=args.missing,
                by=args.by,
                method=args.method,
                tol=args.tol,
                unit=args.unit,
                threads=args.threads,
                n_jobs=args.n_jobs,
                checkpoint=args.checkpoint,
            )
        best = result.top(args.top_k)
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    except OSError as error:  # of the file, or of the checkpoint
        name = error.filename or args.file
        raise UserError(f"cannot use {name!r}: {error.strerror or error}") from None
    for warning in caught:
        complain("warning", str(warning.message))
    if result.n_dropped:
        complain("warning", f"{result.n_dropped} rows miss a value and were dropped")
    if args.out:
        save_table(result.to_frame(), args.out)
    if args.plot:
        save_plot(lambda: _heatmap(result), args.plot)
    if args.json:
        rows = [
            {"x": x, "y": y, "target": target, **values} for x, y, target, values in _rows(best)
        ]
        emit_json(
            args,
            {"unit": result.unit, "by": args.by, "n_pairs": len(result), "top": rows},
            file=args.file,
            n_dropped=result.n_dropped,
        )
    else:
        columns = ["x", "y", "target", *_SHOWN]
        table = [
            [x, y, target, *(f"{values[name]:.4f}" for name in _SHOWN)]
            for x, y, target, values in _rows(best)
        ]
        title = f"{args.file}: {len(result)} pairs, in {result.unit}, by {args.by}"
        print_table(title, columns, 3, table, "plug-in values; fastpid estimate corrects them")
    return EXIT_OK


def _sources(args: argparse.Namespace, file: DataFile) -> list[str]:
    """Return the columns that are paired, in the order of the file unless they are named."""
    given = args.sources if args.sources is not None else []
    named = [name for text in given for name in _split(text, file)]
    excluded = {name for text in args.exclude for name in _split(text, file)}
    for name in (*excluded, *args.z):
        file.check_name(name)
    names = named if args.sources is not None else file.names
    return [name for name in names if name not in excluded and name not in args.z]


def _split(text: str, file: DataFile) -> list[str]:
    """Return the names in a list; a name that holds commas is one name."""
    return [text] if text in file.names else text.split(",")


def _heatmap(result: Screen) -> Any:
    from fastpid.plot import heatmap

    return heatmap(result, target=result.targets[0])


def _rows(result: Screen) -> list[tuple[str, str, str, dict[str, float]]]:
    from fastpid.screening._records import RECORDED

    return [
        (
            result.names[record["x"]],
            result.names[record["y"]],
            result.targets[record["target"]],
            {name: float(record[name]) for name in RECORDED},
        )
        for record in result.records
    ]
