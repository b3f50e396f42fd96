"""What all commands share: exit statuses, complaints, output, common arguments."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fastpid._base.extras import import_extra
from fastpid._base.quantities import METHODS, NATS_PER_UNIT

EXIT_OK, EXIT_UNCONVERGED, EXIT_USER_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 0, 1, 2, 130, 141


class UserError(Exception):
    """Something the user can put right; its text is one line."""


def add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unit",
        choices=tuple(NATS_PER_UNIT),
        default="bits",
        help="unit of every number printed (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def add_solver(parser: argparse.ArgumentParser, tol: float) -> None:
    """Add how tables are solved."""
    parser.add_argument(
        "--method", choices=METHODS, default="auto", help="how to solve (default: %(default)s)"
    )
    parser.add_argument(
        "--tol",
        type=float,
        default=tol,
        help="the largest gap accepted, in --unit (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: all)")


def emit(text: str) -> None:
    # A name that the terminal's encoding lacks is escaped, not a crash.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def emit_json(value: dict[str, Any]) -> None:
    emit(json.dumps(value, indent=2, allow_nan=False))


def complain(severity: str, text: str) -> None:
    line = " ".join(text.split())
    print(f"fastpid: {severity}: {line}", file=sys.stderr)


def discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def check_output(args: argparse.Namespace) -> None:
    """Raise a UserError if what print_table() or save_plot() need is not there, before any work."""
    try:
        if not args.json:
            import_extra("rich", "printing a table")
        if args.plot:
            import_extra("matplotlib", "--plot", "plot")
    except ImportError as error:
        raise UserError(str(error)) from error


def print_table(
    title: str, columns: Sequence[str], words: int, rows: Sequence[Sequence[str]], caption: str
) -> None:
    """Print a table: so many columns of words to the left, numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(title), caption=Text(caption), title_justify="left", box=box.SIMPLE_HEAD
    )
    for place, name in enumerate(columns):
        table.add_column(Text(name), justify="left" if place < words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # What is piped is not folded to the width of a terminal that is not there.
    width = None if sys.stdout.isatty() else 120
    Console(file=sys.stdout, width=width).print(table)


def save_plot(draw: Callable[[], Any], path: str) -> None:
    """Draw without a display, and write the figure to a file."""
    import matplotlib

    matplotlib.use("Agg")
    try:
        draw().figure.savefig(path, dpi=200, bbox_inches="tight")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write {path!r}: {error}") from None
