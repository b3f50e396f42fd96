"""Files that commands write: none is overwritten unasked, and none is left half written."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastpid._base.atomic import write_beside
from fastpid._base.extras import import_extra
from fastpid.cli._common import UserError

_FIGURES = (".png", ".svg", ".pdf", ".jpg")
_TABLES = (".parquet", ".csv")


def add_outputs(parser: argparse.ArgumentParser, *, table: bool, plot: str) -> None:
    """Add --plot, --force and, with `table`, --out."""
    if table:
        parser.add_argument(
            "--out", metavar="OUT", help="write all pairs to a .parquet or .csv file"
        )
    parser.add_argument("--plot", metavar="OUT", help=f"draw {plot} into a .png, .svg or .pdf")
    parser.add_argument("--force", action="store_true", help="overwrite files of these names")


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse, before any work, outputs that cannot be written or would destroy something.

    Raises
    ------
    UserError
    """
    checkpoint = getattr(args, "checkpoint", None)
    kept = [("the input", args.file), ("the checkpoint", checkpoint)]
    wanted = [("--out", getattr(args, "out", None), _TABLES), ("--plot", args.plot, _FIGURES)]
    for option, path, suffixes in wanted:
        if path is None:
            continue
        if Path(path).suffix.lower() not in suffixes:
            raise UserError(f"{option} must end in {' or '.join(suffixes)}; got {path!r}")
        for what, other in kept:
            if other is not None and _same(path, other):
                raise UserError(f"{option} {path!r} is {what}; name another file")
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise UserError(f"cannot write {path!r}: there is no folder {folder!r}")
        if os.path.exists(path) and not args.force:
            raise UserError(f"{option} {path!r} exists; name another file, or pass --force")
        kept.append((f"the file of {option}", path))
    if checkpoint is not None and _same(checkpoint, args.file):
        raise UserError(f"--checkpoint {checkpoint!r} is the input; name another file")
    try:
        if args.plot:
            import_extra("matplotlib", "--plot", "plot")
        if getattr(args, "out", None):
            import_extra("pandas", "--out")
            if Path(args.out).suffix.lower() == ".parquet":
                import_extra("pyarrow", "a .parquet file")
    except ImportError as error:
        raise UserError(str(error)) from error


def _same(one: str, other: str) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other)
    return os.path.abspath(one) == os.path.abspath(other)


def save_plot(draw: Callable[[], Any], path: str) -> None:
    """Draw without a display, and write the figure to a file."""
    import matplotlib

    matplotlib.use("Agg")
    figure = draw().figure
    _write(path, lambda beside: figure.savefig(beside, dpi=200, bbox_inches="tight"))


def save_table(frame: Any, path: str) -> None:
    """Write a frame to a .csv or .parquet file."""
    if Path(path).suffix.lower() == ".parquet":
        _write(path, lambda beside: frame.to_parquet(beside, index=False))
    else:
        _write(path, lambda beside: frame.to_csv(beside, index=False))


def _write(path: str, write: Callable[[Path], Any]) -> None:
    try:
        with write_beside(path) as beside:
            write(beside)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot write {path!r}: {reason}") from None
