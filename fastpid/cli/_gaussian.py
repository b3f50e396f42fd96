"""fastpid gaussian and fastpid gaussian-screen: columns of numbers."""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

from fastpid._base.quantities import ROLES
from fastpid.cli._common import (
    EXIT_OK,
    EXIT_UNCONVERGED,
    UserError,
    add_json,
    add_unit,
    complain,
    emit,
    emit_json,
)
from fastpid.cli._outputs import add_outputs, check_outputs, save_plot
from fastpid.cli._read import NUMBER_RULES, add_numeric_file, open_file, read_numbers, split_names
from fastpid.cli._screen import add_ranking, run_screen, sources_of

if TYPE_CHECKING:
    from fastpid.screening import Screen


def add_gaussian(commands: Any) -> None:
    """Add both commands to the parser."""
    parser = _add(
        commands,
        "gaussian",
        "decompose columns of numbers, by their covariance",
        "Decompose what two variables of numbers tell about a third, by their covariance "
        "(fastpid.gaussian\\nin Python); with --estimate correct the bias, and give intervals and "
        "p-values.",
    )
    for role, meaning in zip(ROLES, ("first source", "second source", "target"), strict=True):
        parser.add_argument(
            f"--{role}",
            metavar="COL,COL",
            required=True,
            action="append",
            help=f"the columns of the {meaning}; repeatable",
        )
    _add_solver(parser)
    parser.add_argument(
        "--estimate", action="store_true", help="correct the bias; intervals and p-values"
    )
    parser.add_argument(
        "--bias",
        choices=("exact", "qe", "none"),
        help="how the bias is corrected (default: exact)",
    )
    parser.add_argument(
        "--ci", choices=("normal", "pivot", "none"), help="the kind of interval (default: normal)"
    )
    parser.add_argument(
        "--confidence-level",
        type=float,
        metavar="LEVEL",
        help="what intervals cover (default: 0.95)",
    )
    for name in ("bootstrap", "permutations"):
        parser.add_argument(f"--n-{name}", type=int, metavar="N", help="how many (default: 200)")
    parser.add_argument("--rng", type=int, metavar="SEED", help="seed of all random choices")
    add_unit(parser)
    add_outputs(parser, table=False, plot="the atoms")
    add_json(parser)
    parser.set_defaults(run=_run_gaussian)

    screen = _add(
        commands,
        "gaussian-screen",
        "decompose all pairs of columns of numbers against a target",
        "Decompose what all pairs of columns of numbers tell about some others together "
        "(fastpid.gaussian.screen\\nin Python). Values carry the bias of their covariances: pass "
        "the best pairs to fastpid gaussian --estimate.",
    )
    screen.add_argument(
        "--z",
        metavar="COL,COL",
        required=True,
        action="append",
        help="the columns of the target, all together; repeatable",
    )
    screen.add_argument(
        "--channel",
        metavar="NAME=COL,COL",
        action="append",
        help="pair these columns together, under a name; repeatable (default: every column)",
    )
    add_ranking(screen, "f", "F-tests", "samples")
    _add_solver(screen)
    screen.set_defaults(run=_run_gaussian_screen)


def _add(commands: Any, name: str, purpose: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{about}\n\n{NUMBER_RULES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_numeric_file(parser)
    return parser


def _add_solver(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--copula", action="store_true", help="take ranks of each column in place of values"
    )
    parser.add_argument(
        "--tol",
        type=float,
        default=1e-9,
        help="the largest gap accepted, in --unit (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: all)")


#: Options of estimates alone.
_OF_ESTIMATES = ("bias", "ci", "confidence_level", "n_bootstrap", "n_permutations", "rng")


def _run_gaussian(args: argparse.Namespace) -> int:
    check_outputs(args)
    given = {name: getattr(args, name) for name in _OF_ESTIMATES}
    given = {name: value for name, value in given.items() if value is not None}
    if given and not args.estimate:
        option = next(iter(given)).replace("_", "-")
        raise UserError(f"--{option} needs --estimate, which is not there; add it")
    try:
        file = open_file(args)
        columns = {role: split_names(getattr(args, role), file) for role in ROLES}
        wanted = [name for names in columns.values() for name in names]
        values, n_dropped = read_numbers(args, file, wanted)
        variables = [{name: values[name] for name in names} for names in columns.values()]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answer_of = _estimate if args.estimate else _plug_in
            result = answer_of(args, variables, given)
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    for warning in caught:
        complain("warning", str(warning.message))
    if n_dropped:
        complain("warning", f"{n_dropped} rows miss a value and were dropped")
    if args.plot:
        save_plot(lambda: result.plot(), args.plot)
    decomposition = result.decomposition if args.estimate else result
    converged = bool(decomposition.converged)
    if args.json:
        answer = result.to_dict()
        if not args.estimate:
            answer = {**answer, "converged": converged, "message": result.message}
        n_samples = len(values[wanted[0]])
        about = {"n_samples": n_samples, "n_dropped": n_dropped, "columns": columns}
        emit_json(args, answer, file=args.file, **about, copula=args.copula)
    else:
        emit(repr(result))
    return EXIT_OK if converged else EXIT_UNCONVERGED


def _plug_in(
    args: argparse.Namespace, variables: list[dict[str, Any]], given: dict[str, Any]
) -> Any:
    import numpy as np

    from fastpid.gaussian import decompose
    from fastpid.gaussian._columns import read_columns

    columns = read_columns(*variables)
    if args.copula:
        columns = columns.normal_scores()
    return decompose(
        np.cov(columns.values, rowvar=False, bias=True),
        columns.sizes,
        tol=args.tol,
        unit=args.unit,
        threads=args.threads,
        on_failure="ignore",
        **given,
    )


def _estimate(
    args: argparse.Namespace, variables: list[dict[str, Any]], given: dict[str, Any]
) -> Any:
    from fastpid.gaussian import estimate

    return estimate(
        *variables,
        copula=args.copula,
        tol=args.tol,
        unit=args.unit,
        threads=args.threads,
        **given,
    )


def _run_gaussian_screen(args: argparse.Namespace) -> int:
    from fastpid.gaussian import screen

    def run(options: dict[str, Any]) -> Screen:
        file = open_file(args)
        target = split_names(args.z, file)
        channels = None
        if args.channel is not None:
            if args.sources is not None or args.exclude:
                raise UserError("--channel names what is paired: leave out --sources and --exclude")
            channels = dict(_channel(text, file) for text in args.channel)
            names = [name for columns in channels.values() for name in columns]
        else:
            names = sources_of(args, file, target)
        values, n_dropped = read_numbers(args, file, [*names, *target])
        found: Screen = screen(values, target, channels=channels, copula=args.copula, **options)
        return dataclasses.replace(found, n_dropped=n_dropped)

    return run_screen(args, "f", run)


def _channel(text: str, file: Any) -> tuple[str, list[str]]:
    name, _, columns = text.partition("=")
    if not name or not columns:
        raise UserError(f"--channel must read NAME=COL,COL; got {text!r}")
    return name, split_names([columns], file)
