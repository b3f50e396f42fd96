"""The pages of the reference, made while the site is built: a hook of MkDocs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).resolve().parent))
from public_names import Page, pages


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", re.sub(r" ?\[\d+\]_", "", paragraph))


def title(page: Page) -> str:
    """Return what a page is called."""
    return page.module if page.is_public else ", ".join(_functions(page))


def markdown(page: Page, below: list[Page]) -> str:
    """Return the source of a page: every name by its docstring, and the pages below it."""
    lines = [f"# {title(page)}", ""]
    if page.is_public:
        options = ["    options:", "      members: false", "      show_root_heading: false"]
        lines += [f"::: {page.module}", *options, "      show_root_toc_entry: false", ""]
    for name in page.names:
        lines += [f"::: {name}", ""]
    for other in below:
        where = other.path.removeprefix("reference/")
        lines.append(f"* [{title(other)}]({where}): {_first_sentence(other.docstring)}")
    return "\n".join(lines)


def _functions(page: Page) -> list[str]:
    """Return what is called, before what calls return."""
    found = [name for name in page.names if name.rpartition(".")[2][0].islower()]
    return found or list(page.names)


def overview(found: list[Page]) -> str:
    """Return the first page: every name, by page."""
    lines = [
        "# Reference",
        "",
        "Every public name, from the docstrings of this version. What is written `fastpid.name` "
        "is imported with `import fastpid`; extras are imported when they are first used.",
        "",
    ]
    for page in found:
        names = ", ".join(f"[`{name.rsplit('.', 1)[1]}`][{name}]" for name in page.names)
        where = page.path.removeprefix("reference/")
        said = _first_sentence(page.docstring) if page.is_public else ""
        lines += [f"**[{title(page)}]({where})**", f":   {said}", "", f"    {names}", ""]
    return "\n".join([*lines, ""])


def on_files(files: Any, config: Any, **kwargs: Any) -> Any:
    """Add the pages to the site."""
    found = pages()
    made = {"reference/index.md": overview(found)}
    for page in found:
        below = [other for other in found if other.module.startswith(f"{page.module}.")]
        made[page.path] = markdown(page, below)
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_config(config: Any, **kwargs: Any) -> Any:
    """Put the pages into the navigation, in the place of the word "reference"."""
    entries = [{title(page): page.path} for page in pages()]
    for place, entry in enumerate(config.nav or []):
        if "Reference" in entry:
            config.nav[place] = {"Reference": ["reference/index.md", *entries]}
    return config
