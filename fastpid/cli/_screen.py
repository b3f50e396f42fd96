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
    from fastpid.screening._ranked import RankedRecords

#: Options of both screens that have the names of arguments.
_OPTIONS = ("by", "tol", "unit", "threads", "n_jobs", "checkpoint", "rng")


#: What says that values are plug-in values, and where to go from there.
_CAPTION = "plug-in values; {} corrects them"


def add_screen(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "screen",
        help="decompose all pairs of columns, or triples, against a target",
        description="Decompose what all pairs of columns of a file tell about one of its columns "
        "(fastpid.screen in Python),\nwith --triples all triples, as three sources "
        "(fastpid.screening.screen_triples).\nValues carry the bias of their tables: pass the "
        "best to fastpid estimate.\n\n" + COLUMN_RULES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_file(parser)
    parser.add_argument(
        "--z", metavar="COL", required=True, action="append", help="the target; repeatable"
    )
    parser.add_argument(
        "--triples",
        action="store_true",
        help="triples of columns in the place of pairs; their tests are G-tests, --test g",
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
    from fastpid.screening import screen, screen_triples

    def run(options: dict[str, Any]) -> RankedRecords:
        file = open_file(args)
        names = sources_of(args, file, args.z)
        wanted = list(dict.fromkeys([*names, *args.z]))
        read = file.read([(name, name) for name in wanted])
        if args.triples and args.out is None and args.fdr is None:
            options["top_k"] = args.top_k  # there are many, and no others are asked for
        door: Any = screen_triples if args.triples else screen
        found: RankedRecords = door(
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
    run: Callable[[dict[str, Any]], RankedRecords],
    caption: str = _CAPTION.format("fastpid gaussian --estimate"),
) -> int:
    """Screen with the options that add_ranking() asked for, and say what was found."""
    check_outputs(args)
    triples = getattr(args, "triples", False)
    drawn = closed if triples else "permutation"
    test: Any = args.test or ("none" if args.fdr is None else drawn)
    try:
        if triples:
            _check_triples(args, test)
        _check_question(args, test, closed, triples)
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
    roles = (*result.SOURCES, "target")
    if args.json:
        rows = [
            {**dict(zip(roles, names, strict=True)), **values}
            for names, values in _rows(best, args.adjust)
        ]
        found = {} if args.fdr is None else {"fdr": args.fdr, "n_significant": len(shown)}
        tested = {} if test == "none" else {"test": test, "adjust": args.adjust, **found}
        emit_json(
            args,
            {
                "unit": result.unit,
                "by": args.by,
                f"n_{result.WHAT}": _count(result),
                **tested,
                "top": rows,
            },
            file=args.file,
            n_dropped=result.n_dropped,
        )
    else:
        p = [name for name in (f"p_{args.by}", f"adjusted_p_{args.by}") if name in _tests(result)]
        unique = [name for name in result._tested if name.startswith("unique")]
        numbers = ["synergy", "redundancy", *unique, result.JOINT]
        columns = [*roles, *numbers, *p]
        table = [
            [
                *names,
                *(f"{values[name]:.4f}" for name in numbers),
                *(_p(values[name]) for name in p),
            ]
            for names, values in _rows(best, args.adjust)
        ]
        title = f"{args.file}: {_count(result)} {result.WHAT}, in {result.unit}, by {args.by}"
        if args.fdr is not None:
            title += f"; {len(shown)} significant at {args.fdr:g} ({args.adjust})"
        print_table(title, columns, len(roles), table, caption)
    return EXIT_OK


def sources_of(args: argparse.Namespace, file: DataFile, target: Sequence[str]) -> list[str]:
    """Return the columns that are paired, in the order of the file unless they are named."""
    excluded = set(split_names(args.exclude, file))
    for name in (*excluded, *target):
        file.check_name(name)
    names = file.names if args.sources is None else split_names(args.sources, file)
    return [name for name in names if name not in excluded and name not in target]


def _count(result: RankedRecords) -> int:
    """Return how many were screened, whether they are kept or not."""
    return result.n_screened or len(result)


def _heatmap(result: RankedRecords) -> Any:
    from fastpid.plot import heatmap

    return heatmap(result, target=result.targets[0])


def _check_triples(args: argparse.Namespace, test: str) -> None:
    """Refuse what there is of pairs alone."""
    if test == "permutation" or args.n_permutations is not None:
        raise ValueError(
            "--triples have no permutations: take --test g, and pass the best triples to fastpid "
            "estimate --sources"
        )
    if args.plot is not None:
        raise ValueError("--plot draws a heat map of pairs; leave it out with --triples")


def _check_question(args: argparse.Namespace, test: str, closed: str, triples: bool) -> None:
    """Refuse what would be found to make no sense after the screen alone; fill in defaults."""
    from fastpid._base.checks import check_open_interval
    from fastpid._base.quantities import ATOMS
    from fastpid.screening._source_triples import ATOMS as ATOMS_OF_TRIPLES

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
    atoms = ATOMS_OF_TRIPLES if triples else ATOMS
    if args.by not in atoms:
        raise ValueError(f"--fdr needs an atom in --by, one of {', '.join(atoms)}; got {args.by!r}")


def _tests(result: RankedRecords) -> list[str]:
    """Return the names of what is said of tests."""
    if result.test == "none":
        return []
    atoms = result._tested
    return [*(f"p_{atom}" for atom in atoms), *(f"adjusted_p_{atom}" for atom in atoms)]


def _adjusted(result: RankedRecords, method: str) -> dict[str, Any]:
    names = [name for name in _tests(result) if name.startswith("adjusted_p_")]
    return {name: result.adjusted(name.removeprefix("adjusted_p_"), method) for name in names}


def _frame(result: RankedRecords, method: str) -> Any:
    return result.to_frame().assign(**_adjusted(result, method))


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _rows(
    result: RankedRecords, method: str
) -> list[tuple[tuple[str, ...], dict[str, float | None]]]:
    """Return names, the target last, and values; a test that was not made is None."""
    adjusted = _adjusted(result, method)
    tests = {f"p_{atom}" for atom in result._tested}
    names = [name for name in result._recorded if name not in tests or adjusted]
    columns = {**{name: result.records[name] for name in names}, **adjusted}
    return [
        (
            (
                *(result.names[record[source]] for source in result.SOURCES),
                result.targets[record["target"]],
            ),
            {
                name: None if math.isnan(values[i]) else float(values[i])
                for name, values in columns.items()
            },
        )
        for i, record in enumerate(result.records)
    ]
