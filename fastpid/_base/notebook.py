"""How results look in notebooks."""

from __future__ import annotations


class Shown:
    """What notebooks show as its text."""

    def _repr_html_(self) -> str:
        """Return the text for a notebook."""
        import html  # notebooks alone

        return f"<pre>{html.escape(repr(self))}</pre>"
