"""Docstrings in numpydoc, as Markdown: rewritten before griffe parses them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).resolve().parent))
from public_names import pages

_ROLE = re.compile(r":(?:func|class|meth|mod|data|attr):`~?([\w.]+)`")
_SOURCE = re.compile(r"^\.\. \[(\d+)\] ", re.MULTILINE)
#: Headings that griffe leaves as text, where Markdown would make chapters of them.
_HEADING = re.compile(r"^(References|Notes)\n-{4,}\n", re.MULTILINE)


def to_markdown(text: str, known: set[str]) -> str:
    """Turn roles into links, and numbered sources into a list."""

    def link(match: re.Match[str]) -> str:
        written = match[1]
        call = "()" if match[0].startswith((":func", ":meth")) else ""
        for path in (written, f"fastpid.{written}"):
            if path in known:
                return f"[`{written}{call}`][{path}]"
        return f"`{written}{call}`"

    text = _ROLE.sub(link, text)
    text = re.sub(r"\[(\d+)\]_", r"[\1]", text)
    text = _HEADING.sub(lambda match: f"**{match[1]}**\n\n", text)
    text = _SOURCE.sub(r"\n\1. ", text)
    return text.replace("::\n\n", ":\n\n")


class Docstrings(griffe.Extension):
    """Rewrite every docstring as it is found."""

    def __init__(self) -> None:
        super().__init__()
        self._known = {name for page in pages() for name in page.names}

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of a module, a class, a function or an attribute."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value, self._known)
