r"""LaTeX between dollars becomes MathML while the site is built: no browser fetches anything.

A hook of MkDocs. pymdownx.arithmatex marks what stands between dollars; what it marks is converted
here. What latex2mathml does not know is an error of the build.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

_MARKED = re.compile(
    r'<(span|div) class="arithmatex">\s*(?:\\\(|\\\[)(.*?)(?:\\\)|\\\])\s*</\1>', re.DOTALL
)
_NAME = re.compile(r"(<mi>(?:log|det|exp)</mi>)(?!<mo[^>]*>&#x00028;)")


def on_page_content(content: str, **kwargs: Any) -> str:
    """Convert the mathematics of a page."""

    def mathml(match: re.Match[str]) -> str:
        display = "block" if match[1] == "div" else "inline"
        converted: str = convert(html.unescape(match[2]).strip(), display=display)
        # A function's name stands apart from what it is applied to.
        converted = _NAME.sub(r"\1<mspace width='0.17em'/>", converted)
        if re.search(r"\\|&amp;|&(?!#)", re.sub(r"<[^>]*>", "", converted)):
            raise ValueError(f"latex2mathml left a command of {match[2]!r}: {converted}")
        return f'<div class="math">{converted}</div>' if display == "block" else converted

    return _MARKED.sub(mathml, content)
