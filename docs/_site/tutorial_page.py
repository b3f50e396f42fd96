"""The tutorial runs while the site is built, and its page shows what it printed and drew.

A hook of MkDocs. docs/tutorial.py is a script in the percent format, which Jupyter and VS Code open
as a notebook; the notebook itself is offered beside the page.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.structure.files import File

SOURCE = Path(__file__).resolve().parents[1] / "tutorial.py"
ROOT = SOURCE.parents[1]
#: What the tutorial promises, and the longest that it may take, in seconds.
LIMIT = 60.0


class Cell(NamedTuple):
    """A cell of a notebook."""

    is_text: bool
    source: str


def read(text: str) -> list[Cell]:
    """Split a script at its ``# %%``."""
    cells = []
    for part in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        head, _, body = part.partition("\n")
        if "[markdown]" in head:
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        cells.append(Cell("[markdown]" in head, body.strip()))
    return cells


def run(cells: list[Cell]) -> tuple[str, dict[str, bytes]]:
    """Run the cells in one namespace; return the page and the figures that belong to it."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "fastpid"
    lines: list[str] = []
    figures: dict[str, bytes] = {}
    names: dict[str, Any] = {}
    with contextlib.chdir(ROOT) if hasattr(contextlib, "chdir") else contextlib.nullcontext():
        for number, cell in enumerate(cells):
            if cell.is_text:
                lines += [cell.source, ""]
                continue
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(cell.source, f"{SOURCE.name}, cell {number}", "exec"), names)
            lines += ["```python", cell.source, "```", ""]
            if said.getvalue().strip():
                lines += ["```text", said.getvalue().rstrip(), "```", ""]
            for figure in map(plt.figure, plt.get_fignums()):
                drawn = io.BytesIO()
                figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
                path = f"img/tutorial-{len(figures) + 1}.svg"
                figures[path] = drawn.getvalue()
                lines += [f"![What the lines above draw]({path})", ""]
            plt.close("all")
    return "\n".join(lines), figures


def notebook(cells: list[Cell]) -> str:
    """Return the cells as a Jupyter notebook, not run."""
    made = []
    for number, cell in enumerate(cells):
        kind = {"cell_type": "markdown"} if cell.is_text else {"cell_type": "code"}
        extra = {} if cell.is_text else {"execution_count": None, "outputs": []}
        source = cell.source.splitlines(keepends=True)
        made.append({**kind, "id": f"cell-{number}", "metadata": {}, "source": source, **extra})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False)


def on_files(files: Any, config: Any, **kwargs: Any) -> Any:
    """Run the tutorial, and add its page, its figures and its notebook to the site."""
    cells = read(SOURCE.read_text(encoding="utf-8"))
    started = time.perf_counter()
    page, figures = run(cells)
    took = time.perf_counter() - started
    if took > LIMIT:
        raise RuntimeError(f"the tutorial took {took:.0f} s, more than the {LIMIT:.0f} s it may")
    print(f"INFO    -  The tutorial ran in {took:.1f} s")
    made = {"tutorial.md": page, "tutorial.ipynb": notebook(cells), **figures}
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files
