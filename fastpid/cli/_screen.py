"""fastpid screen."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastpid.cli._common import (
    EXIT_OK,
    UserError,
    add_json,
    add_solver,
    add_unit,
    check_output,
    emit_json,
    print_table,
    save_plot,
)
from fastpid.cli._read import delimiter_argument

if TYPE_CHECKING:
    from fastpid.screening import Screen

_SHOWN = ("synergy", "redundancy", "unique_x", "unique_y", "mi_xy")


def add_screen(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "screen",
        help="decompose all pairs of columns against a target",
        description="Decompose what all pairs of columns of a CSV or Parquet file tell about one "
        "of its columns (fastpid.screen in Python). Values carry the bias of their tables: pass "
        "the best pairs to fastpid estimate.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the data, .csv or .parquet")
    parser.add_argument(
        "--z", metavar="COL", required=True, action="append", help="the target; repeatable"
    )
    parser.add_argument(
        "--sources", metavar="COL,COL", help="which columns are paired (default: all the others)"
    )
    parser.add_argument("--bins", type=int, metavar="N", help="cut float columns into N bins")
    parser.add_argument(
        "--strategy",
        choices=("quantile", "uniform"),
        default="quantile",
        help="bins of equal counts or of equal widths (default: %(default)s)",
    )
    parser.add_argument(
        "--by", default="synergy", help="what pairs are ranked by (default: %(default)s)"
    )
    parser.add_argument(
        "--top-k", type=int, default=20, metavar="K", help="how many to show (default: %(default)s)"
    )
    parser.add_argument("--out", metavar="OUT", help="write all pairs to a .parquet or .csv file")
    parser.add_argument("--plot", metavar="OUT", help="draw a heat map into a .png, .svg or .pdf")
    add_solver(parser, 1e-6)
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default: one, threaded)")
    parser.add_argument("--checkpoint", metavar="FILE", help="keep what is finished, and go on")
    parser.add_argument(
        "--delimiter",
        type=delimiter_argument,
        default=",",
        metavar="CHAR",
        help="what separates the cells",
    )
    add_unit(parser)
    add_json(parser)
    parser.set_defaults(run=_run_screen)


def _run_screen(args: argparse.Namespace) -> int:
    from fastpid.joint._files import read_frame
    from fastpid.screening import screen

    check_output(args)
    if args.out and Path(args.out).suffix.lower() not in (".parquet", ".csv"):
        raise UserError(f"--out must end in .parquet or .csv; got {args.out!r}")
    sources = args.sources.split(",") if args.sources else None
    try:
        frame = read_frame(Path(args.file), args.delimiter)
        if sources is not None and set(sources) <= set(frame.column_names):
            # What is wrong with other columns does not matter; screen() complains of unknown ones.
            frame = frame.select(
                [name for name in frame.column_names if name in {*sources, *args.z}]
            )
        result = screen(
            frame,
            args.z,
            sources=sources,
            bins=args.bins,
            strategy=args.strategy,
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
    except OSError as error:
        raise UserError(f"cannot read {args.file!r}: {error.strerror or error}") from None
    if args.out:
        _write(result, args.out)
    if args.plot:
        save_plot(lambda: _heatmap(result), args.plot)
    if args.json:
        rows = [
            {"x": x, "y": y, "target": target, **values} for x, y, target, values in _rows(best)
        ]
        emit_json({"file": args.file, "unit": result.unit, "pairs": len(result), "top": rows})
    else:
        columns = ["x", "y", "target", *_SHOWN]
        table = [
            [x, y, target, *(f"{values[name]:.4f}" for name in _SHOWN)]
            for x, y, target, values in _rows(best)
        ]
        title = f"{args.file}: {len(result)} pairs, in {result.unit}, by {args.by}"
        print_table(title, columns, 3, table, "plug-in values; fastpid estimate corrects them")
    return EXIT_OK


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


def _write(result: Screen, path: str) -> None:
    try:
        frame = result.to_frame()
        if Path(path).suffix.lower() == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False)
    except ImportError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"cannot write {path!r}: {error.strerror or error}") from None
