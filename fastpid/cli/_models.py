"""fastpid posteriors and fastpid models: arrays of an .npz or a Parquet file."""

from __future__ import annotations

import argparse
import warnings
from typing import Any

from fastpid.cli._arrays import read_arrays
from fastpid.cli._common import (
    EXIT_OK,
    UserError,
    add_json,
    add_unit,
    complain,
    emit,
    emit_json,
)
from fastpid.cli._outputs import add_outputs, check_outputs, save_plot

_OF_POSTERIORS = """\
The arrays of the file: posteriors_x and posteriors_y (samples, classes), rows that sum to one or,
with --logits, logits. With posteriors_xy, of a model of both, and z, integer labels, posteriors
are calibrated and everything is estimated (fastpid.models.from_posteriors); without them the
posteriors are decomposed as they are, without the synergy (fastpid.decompose_posteriors).
"""
_OF_FEATURES = """\
The arrays of the file: X and Y (samples, features), and z, a label for each; groups (samples,) if
samples depend on one another. numpy.savez("file.npz", X=..., Y=..., z=...) writes one. Models are
fitted and their posteriors decomposed (fastpid.models.estimate). With --sources a,b,c the sources
are the arrays of these names, any number (fastpid.models.estimate_many).
"""


def add_models(commands: Any) -> None:
    """Add both commands to the parser."""
    posteriors = _add(commands, "posteriors", "decompose posteriors of models", _OF_POSTERIORS)
    posteriors.add_argument("--logits", action="store_true", help="rows are logits")
    posteriors.set_defaults(run=_run_posteriors)
    models = _add(commands, "models", "fit models to features, and decompose", _OF_FEATURES)
    models.add_argument(
        "--model",
        choices=("auto", "linear", "network", "trees"),
        default="auto",
        help="what is fitted (default: %(default)s)",
    )
    models.add_argument(
        "--z-bins", type=int, metavar="N", help="cut a target of numbers into so many classes"
    )
    models.add_argument(
        "--sources",
        metavar="NAME,NAME,NAME",
        help="which arrays are the sources, any number of them, in the place of X and Y",
    )
    models.add_argument(
        "--subsets",
        choices=("all", "leave_one_out"),
        help="of --sources, the sets whose union information is found (default: leave_one_out)",
    )
    models.add_argument("--n-jobs", type=int, metavar="N", help="processes (default: one)")
    models.set_defaults(run=_run_models)


def _add(commands: Any, name: str, purpose: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.\n\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="arrays by name: .npz, or Parquet, where a matrix is a column of lists or columns "
        "called NAME_0, NAME_1 and so on",
    )
    add_unit(parser)
    parser.add_argument(
        "--calibration",
        choices=("temperature", "isotonic", "none"),
        default="temperature",
        help="how posteriors are calibrated by labels (default: %(default)s)",
    )
    parser.add_argument(
        "--cv", type=int, default=5, metavar="N", help="folds (default: %(default)s)"
    )
    for what, count in (("bootstrap", 100), ("permutations", 199)):
        parser.add_argument(
            f"--n-{what}", type=int, default=count, metavar="N", help="default: %(default)s"
        )
    parser.add_argument("--tol", type=float, default=2e-2, help="default: %(default)s")
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: all)")
    parser.add_argument("--rng", type=int, metavar="SEED", help="seed of all random choices")
    add_outputs(parser, table=False, plot="the atoms")
    add_json(parser)
    return parser


def _run_posteriors(args: argparse.Namespace) -> int:
    from fastpid import decompose_posteriors
    from fastpid.models import from_posteriors

    check_outputs(args)
    optional = ("posteriors_xy", "z", "groups")
    arrays = read_arrays(args.file, ("posteriors_x", "posteriors_y"), optional)
    sources = [arrays["posteriors_x"], arrays["posteriors_y"]]

    def run() -> Any:
        if "z" in arrays and "posteriors_xy" in arrays:
            return from_posteriors(
                *(*sources, arrays["posteriors_xy"], arrays["z"]),
                **{"logits": args.logits, "groups": arrays.get("groups"), **_shared(args)},
            )
        if args.logits:
            raise UserError("--logits takes posteriors_xy and z in the file, for the calibration")
        return decompose_posteriors(
            *sources,
            tol=args.tol,
            unit=args.unit,
            threads=args.threads,
            rng=0 if args.rng is None else args.rng,
        )

    return _answer(args, run)


def _run_models(args: argparse.Namespace) -> int:
    from fastpid.models import estimate, estimate_many

    check_outputs(args)
    names = ["X", "Y"] if args.sources is None else args.sources.split(",")
    if args.sources is None and args.subsets is not None:
        raise UserError("--subsets is for --sources; leave it out")
    if len(set(names)) < len(names):
        raise UserError(f"--sources names an array twice: {args.sources}")
    arrays = read_arrays(args.file, (*names, "z"), ("groups",))

    def run() -> Any:
        options: dict[str, Any] = {
            "model": args.model,
            "groups": arrays.get("groups"),
            "z_bins": args.z_bins,
            "n_jobs": args.n_jobs,
            **_shared(args),
        }
        if args.sources is None:
            return estimate(arrays["X"], arrays["Y"], arrays["z"], **options)
        sources = {name: arrays[name] for name in names}
        subsets: Any = args.subsets or "leave_one_out"
        return estimate_many(sources, arrays["z"], subsets=subsets, **options)

    return _answer(args, run)


def _shared(args: argparse.Namespace) -> dict[str, Any]:
    names = ("calibration", "cv", "n_bootstrap", "n_permutations", "tol", "unit", "threads", "rng")
    return {name: getattr(args, name) for name in names}


def _answer(args: argparse.Namespace, run: Any) -> int:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = run()
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(str(error)) from error
    if args.plot:
        save_plot(lambda: result.plot(), args.plot)
    for warning in caught:
        complain("warning", str(warning.message))
    if args.json:
        emit_json(args, result.to_dict(), file=args.file)
    else:
        emit(repr(result))
    return EXIT_OK
