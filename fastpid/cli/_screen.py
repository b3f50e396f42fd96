"""fastpid screen."""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable, Sequence
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
from fastpid.cli._read import COLUMN_RULES, add_file, open_file, split_names

if TYPE_CHECKING:
    from fastpid.joint._files import DataFile
    from fastpid.screening import Screen

#: Options of both screens that have the names of arguments.
_OPTIONS = ("by", "tol", "unit", "threads", "n_jobs", "checkpoint", "rng")
_SHOWN = ("synergy", "redundancy", "unique_x", "unique_y", "mi_xy")


#: What says that values are plug-in values, and where to go from there.
_CAPTION = "plug-in values; {} corrects them"


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
    add_ranking(parser, "g", "G-tests", "tables")
    add_solver(parser, 1e-6)
    parser.set_defaults(run=_run_screen)


def add_ranking(parser: argparse.ArgumentParser, closed: str, tests: str, drawn: str) -> None:
    """Add which pairs are screened and shown, how they are tested, and where results go.

    `closed` is the test in closed form, `tests` what it is called, `drawn` what is shuffled.
    """
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
    parser.add_argument(
        "--test",
        choices=["none", closed, "permutation"],
        help=f"where p-values come from (default: none, or permutation with --fdr): {tests}, or "
        "permutations of the pairs that these do not dismiss",
    )
    parser.add_argument(
        "--n-permutations",
        type=int,
        metavar="N",
        help=f"shuffled {drawn} under each null hypothesis of such a pair (default: 500)",
    )
    parser.add_argument(
        "--fdr",
        type=float,
        metavar="SHARE",
        help="show the pairs alone whose atom --by is significant among all pairs, with this share "
        "of false discoveries",
    )
    parser.add_argument(
        "--adjust",
        choices=["bh", "by", "holm", "bonferroni"],
        help="how p-values are adjusted for the number of pairs (default: bh, Benjamini and "
        "Hochberg)",
    )
    parser.add_argument("--rng", type=int, default=0, help="seed of the tests (default: 0)")
    add_outputs(parser, table=True, plot="a heat map")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default: one, threaded)")
    parser.add_argument("--checkpoint", metavar="FILE", help="keep what is finished, and go on")
    add_unit(parser)
    add_json(parser)


def _run_screen(args: argparse.Namespace) -> int:
    from fastpid.screening import screen

    def run(options: dict[str, Any]) -> Screen:
        file = open_file(args)
        names = sources_of(args, file, args.z)
        wanted = list(dict.fromkeys([*names, *args.z]))
        read = file.read([(name, name) for name in wanted])
        found: Screen = screen(
            {column.name: column for column in read},
            args.z,
            sources=names,
            bins=args.bins,
            strategy=args.strategy,
            missing=args.missing,
            method=args.method,
            **options,
        )
        return found

    return run_screen(args, "g", run, _CAPTION.format("fastpid estimate"))


def run_screen(
    args: argparse.Namespace,
    closed: str,
    run: Callable[[dict[str, Any]], Screen],
    caption: str = _CAPTION.format("fastpid gaussian --estimate"),
) -> int:
    """Screen with the options that add_ranking() asked for, and say what was found."""
    check_outputs(args)
    test: Any = args.test or ("none" if args.fdr is None else "permutation")
    try:
        _check_question(args, test, closed)
        options = {name: getattr(args, name) for name in _OPTIONS}
        if args.n_permutations is not None:
            options["n_permutations"] = args.n_permutations
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = run({**options, "test": test})
        shown = result if args.fdr is None else result.significant(args.fdr, None, args.adjust)
        best = shown.top(args.top_k)
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
        save_table(_frame(result, args.adjust), args.out)
    if args.plot:
        save_plot(lambda: _heatmap(result), args.plot)
    if args.json:
        rows = [
            {"x": x, "y": y, "target": target, **values}
            for x, y, target, values in _rows(best, args.adjust)
        ]
        found = {} if args.fdr is None else {"fdr": args.fdr, "n_significant": len(shown)}
        tested = {} if test == "none" else {"test": test, "adjust": args.adjust, **found}
        emit_json(
            args,
            {"unit": result.unit, "by": args.by, "n_pairs": len(result), **tested, "top": rows},
            file=args.file,
            n_dropped=result.n_dropped,
        )
    else:
        p = [name for name in (f"p_{args.by}", f"adjusted_p_{args.by}") if name in _tests(result)]
        columns = ["x", "y", "target", *_SHOWN, *p]
        table = [
            [
                x,
                y,
                target,
                *(f"{values[name]:.4f}" for name in _SHOWN),
                *(_p(values[name]) for name in p),
            ]
            for x, y, target, values in _rows(best, args.adjust)
        ]
        title = f"{args.file}: {len(result)} pairs, in {result.unit}, by {args.by}"
        if args.fdr is not None:
            title += f"; {len(shown)} significant at {args.fdr:g} ({args.adjust})"
        print_table(title, columns, 3, table, caption)
    return EXIT_OK


def sources_of(args: argparse.Namespace, file: DataFile, target: Sequence[str]) -> list[str]:
    """Return the columns that are paired, in the order of the file unless they are named."""
    excluded = set(split_names(args.exclude, file))
    for name in (*excluded, *target):
        file.check_name(name)
    names = file.names if args.sources is None else split_names(args.sources, file)
    return [name for name in names if name not in excluded and name not in target]


def _heatmap(result: Screen) -> Any:
    from fastpid.plot import heatmap

    return heatmap(result, target=result.targets[0])


def _check_question(args: argparse.Namespace, test: str, closed: str) -> None:
    """Refuse what would be found to make no sense after the screen alone; fill in defaults."""
    from fastpid._base.checks import check_open_interval
    from fastpid._base.quantities import ATOMS

    if args.n_permutations is not None and test == "none" and args.fdr is None:
        raise ValueError("--n-permutations needs tests: add --test permutation, or --fdr")
    if args.n_permutations is not None and test == closed:
        raise ValueError(f"--n-permutations needs --test permutation; {closed} permutes nothing")
    if args.adjust is not None and test == "none" and args.fdr is None:
        raise ValueError(
            f"--adjust needs tests: add --test permutation or --test {closed}, or --fdr"
        )
    args.adjust = args.adjust or "bh"
    if args.fdr is None:
        return
    check_open_interval("--fdr", args.fdr, 0.0, 1.0)
    if test == "none":
        raise ValueError("--fdr needs p-values: leave out --test none")
    if args.by not in ATOMS:
        raise ValueError(f"--fdr needs an atom in --by, one of {', '.join(ATOMS)}; got {args.by!r}")


def _tests(result: Screen) -> list[str]:
    """Return the names of what is said of tests."""
    from fastpid._base.quantities import ATOMS

    if result.test == "none":
        return []
    return [*(f"p_{atom}" for atom in ATOMS), *(f"adjusted_p_{atom}" for atom in ATOMS)]


def _adjusted(result: Screen, method: str) -> dict[str, Any]:
    names = [name for name in _tests(result) if name.startswith("adjusted_p_")]
    return {name: result.adjusted(name.removeprefix("adjusted_p_"), method) for name in names}


def _frame(result: Screen, method: str) -> Any:
    return result.to_frame().assign(**_adjusted(result, method))


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _rows(result: Screen, method: str) -> list[tuple[str, str, str, dict[str, float | None]]]:
    """Return names and values; a test that was not made is None."""
    from fastpid.screening._records import P_VALUES, recorded

    adjusted = _adjusted(result, method)
    names = [name for name in recorded(result.records.dtype) if name not in P_VALUES or adjusted]
    columns = {**{name: result.records[name] for name in names}, **adjusted}
    return [
        (
            result.names[record["x"]],
            result.names[record["y"]],
            result.targets[record["target"]],
            {
                name: None if math.isnan(values[i]) else float(values[i])
                for name, values in columns.items()
            },
        )
        for i, record in enumerate(result.records)
    ]
