"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def write_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` once the body has succeeded.

    It stands in the same folder and ends alike. If the body fails, on a full disk say, the old file
    is left as it was. A link goes on pointing to its file, and an old file keeps its permissions.

    Raises
    ------
    OSError
        That names `path`.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{uuid.uuid4().hex}{target.suffix}")
    try:
        try:
            # What takes the place of an old file may have to be as private.
            mode = 0o600 if target.exists() else 0o666
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
            yield beside
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, beside)
            os.replace(beside, target)
        except OSError as error:
            text = error.strerror or str(error)
            raise OSError(error.errno, text, os.fspath(path)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
