"""The command line: ``fastpid decompose``, ``estimate``, ``screen``, ``gaussian`` and others."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from fastpid.cli._about import run_gates, run_info
from fastpid.cli._common import (
    EXIT_BROKEN_PIPE,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USER_ERROR,
    UserError,
    add_json,
    add_unit,
    complain,
    discard_output,
    emit,
)
from fastpid.cli._decompose import EXIT_HELP, add_decompose
from fastpid.cli._estimate import add_estimate
from fastpid.cli._gaussian import add_gaussian
from fastpid.cli._models import add_models
from fastpid.cli._screen import add_screen

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name, by default those of the process.

    Returns
    -------
    int
        The exit status: 0 done, 1 not converged, 2 bad input (one line on standard error says what
        and where), 130 interrupted, 141 the reader of the output went away.
    """
    try:
        status = _run(argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except UserError as error:
        complain("error", str(error))
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:  # input errors are user errors already
        discard_output()
        complain("error", f"cannot write the output: {error.strerror or error}")
        return EXIT_USER_ERROR


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(argv)
    except SystemExit:  # --help and --version, printed
        return EXIT_OK
    status: int = args.run(args)
    return status


def _parser() -> _Parser:
    parser = _Parser(
        prog="fastpid",
        description="Certified partial information decomposition (BROJA).",
        epilog=EXIT_HELP,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    add_decompose(commands)
    add_estimate(commands)
    add_screen(commands)
    add_gaussian(commands)
    add_models(commands)

    gates = commands.add_parser(
        "gates",
        help="solve the canonical gates, beside the known values",
        description="Solve the canonical gates, beside the known values.",
        allow_abbrev=False,
    )
    add_unit(gates)
    add_json(gates)
    gates.set_defaults(run=run_gates)

    info = commands.add_parser(
        "info",
        help="say what this installation is",
        description="Say what this installation is: versions, compiler, instruction set, CUDA.",
        allow_abbrev=False,
    )
    add_json(info)
    info.set_defaults(run=run_info)
    return parser


class _Version(argparse.Action):
    """Look the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, *_: Any) -> None:
        import fastpid

        emit(f"fastpid {fastpid.__version__}")
        raise SystemExit(EXIT_OK)
