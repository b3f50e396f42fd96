"""What all commands share: exit statuses, complaints, output, common arguments."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from fastpid._base.quantities import METHODS, NATS_PER_UNIT

EXIT_OK, EXIT_UNCONVERGED, EXIT_USER_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 0, 1, 2, 130, 141


#: How a remedy that is written for Python reads at the command line.
_OPTIONS = (
    (re.compile(r'bins=\{"([^"]+)": (\d+)\}'), r"--bins \1=\2"),
    (re.compile(r"\bbins=(\d+)"), r"--bins \1"),
    (re.compile(r"\bpass bins=,"), "pass --bins,"),
    (re.compile(r'\bdecimal=","'), "--decimal ,"),
    (re.compile(r'\b(missing|strategy|bias|method|unit|ci|null)="(\w+)"'), r"--\1 \2"),
    (
        re.compile(r'keep the best by top_k, .*"generator", or restrict sources'),
        "leave out --out and --fdr, or name fewer --sources",
    ),
    (re.compile(r"leave out test, .*, or restrict sources"), "name fewer --sources"),
    (re.compile(r"is the delimiter another one\? try "), "is it another one? try --delimiter "),
)


class UserError(Exception):
    """Something the user can put right; its text is one line, in the command line's words."""

    def __init__(self, text: str) -> None:
        for pattern, option in _OPTIONS:
            text = pattern.sub(option, text)
        super().__init__(text)


def add_unit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unit",
        choices=tuple(NATS_PER_UNIT),
        default="bits",
        help="unit of every number printed (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def add_solver(parser: argparse.ArgumentParser, tol: float | None) -> None:
    """Add how tables are solved."""
    parser.add_argument(
        "--method", choices=METHODS, default="auto", help="how to solve (default: %(default)s)"
    )
    parser.add_argument(
        "--tol",
        type=float,
        default=tol,
        help="the largest gap accepted, in --unit (default: "
        + ("1e-9 for the samples, looser for resamples)" if tol is None else "%(default)s)"),
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads (default: all)")


def emit(text: str) -> None:
    # A name that the terminal's encoding lacks is escaped, not a crash.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


#: The version of the layout of --json, which docs/command-line.md describes.
JSON_FORMAT = 1


def emit_json(args: argparse.Namespace, result: Any, **about: Any) -> None:
    """Print the one object that every command prints under --json."""
    import fastpid

    answer = {"format": JSON_FORMAT, "fastpid": fastpid.__version__, "command": args.command}
    emit(json.dumps(_known({**answer, **about, "result": result}), indent=2, allow_nan=False))


def _known(value: Any) -> Any:
    """Return what JSON can hold: null where a number is not known."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_known(each) for each in value]
    return None if value != value else value


def complain(severity: str, text: str) -> None:
    line = " ".join(text.split())
    print(f"fastpid: {severity}: {line}", file=sys.stderr)


def discard_output() -> None:
    """Point standard output nowhere, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def printable(text: str) -> str:
    """Return a name on one line, whatever characters it holds."""
    return text if text.isprintable() else repr(text)[1:-1]


def print_table(
    title: str, columns: Sequence[str], words: int, rows: Sequence[Sequence[str]], caption: str
) -> None:
    """Print a table: so many columns of words to the left, numbers to the right."""
    cells = [[printable(cell) for cell in row] for row in rows]
    table = [columns, *cells]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(parts).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    emit("\n".join([title, "", line(columns), rule, *map(line, cells), "", caption]))
