"""Runs a script in two processes that form one gloo group."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path


def run_in_two(script: str, folder: Path, *args: str) -> list[int]:
    """Exit codes of the two; the script sees its `rank`, the `folder` for results and `args`."""
    workers = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(folder), script, *args])
        for rank in range(2)
    ]
    try:
        return [worker.wait(120) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()  # one that hangs; those that have ended are left alone
            worker.wait()


def _run(rank: int, folder: str, script: str, args: list[str]) -> int:
    import torch.distributed as dist

    store = dist.FileStore(f"{folder}/store", 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    try:
        exec(compile(script, "<script>", "exec"), {"rank": rank, "folder": folder, "args": args})
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    code = _run(int(sys.argv[1]), *sys.argv[2:4], sys.argv[4:])
    # Not through the interpreter's finalisation. torch's gloo threads survive even
    # destroy_process_group(), and one that lets go of a tensor while Python is being torn down
    # is unwound out of a noexcept function: the process aborts (pytorch/pytorch#190489).
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
