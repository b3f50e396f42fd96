"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def write_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` once the body has succeeded.

    It stands in the same folder and ends alike. If the body fails, on a full disk say, the old file
    is left as it was.

    Raises
    ------
    OSError
        That names `path`.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            suffix=target.suffix, prefix=f".{target.stem}-", dir=target.parent
        )
        os.close(handle)
    except OSError as error:
        raise _about(target, error) from error
    beside = Path(name)
    try:
        try:
            yield beside
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, beside)
            else:
                beside.chmod(0o666 & ~_umask())
            os.replace(beside, target)
        except OSError as error:
            raise _about(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def _about(path: Path, error: OSError) -> OSError:
    return type(error)(error.errno, error.strerror or str(error), str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
