"""The public names of fastpid and where they stand, read from its sources: nothing is imported.

Every name of ``fastpid.__all__``, and of the ``__all__`` of every module whose path has no
underscore in front, is on a page of the reference. New names appear by themselves.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[2] / "fastpid"

#: Programs, not libraries.
_NO_LIBRARIES = {"cli", "__main__"}


class Page(NamedTuple):
    """A page of the reference: a module, and the names that it documents."""

    module: str  # dotted, from "fastpid"
    docstring: str
    #: As one writes them: "fastpid.estimate", not "fastpid.estimation.estimate".
    names: tuple[str, ...]

    @property
    def is_public(self) -> bool:
        """Whether the module has a name of its own that one may write."""
        return not any(part.startswith("_") for part in self.module.split("."))

    @property
    def path(self) -> str:
        """Where the page stands in the site's sources."""
        stem = self.module.removeprefix("fastpid.").replace("_", "-").strip("-")
        return f"reference/{stem}.md"


def exports() -> dict[str, str]:
    """Return what fastpid itself offers: names, and the modules that they are imported from."""
    found = {}
    for node in ast.walk(_tree(PACKAGE / "__init__.py")):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastpid"):
            for alias in node.names:
                if not alias.name.startswith("_"):
                    found[alias.asname or alias.name] = node.module or ""
    return found


def pages() -> list[Page]:
    """Return the pages of the reference, in the order of their modules."""
    exported = exports()
    named: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = [*path.relative_to(PACKAGE).with_suffix("").parts]
        module = ".".join(["fastpid", *(part for part in parts if part != "__init__")])
        listed = _listed(_tree(path))
        private = any(part.startswith("_") for part in module.split("."))
        if not listed or private or _NO_LIBRARIES & set(parts) or module == "fastpid":
            continue
        named[module] = [
            f"fastpid.{name}" if exported.get(name) == module else f"{module}.{name}"
            for name in listed
            if not _is_module(module, name)
        ]
    for name, module in exported.items():
        if module == "fastpid":
            continue  # a module, whose page is its own
        written = f"fastpid.{name}"
        if written not in named.setdefault(module, []):
            named[module].append(written)
    return [
        Page(module, ast.get_docstring(_tree(_file(module))) or "", tuple(names))
        for module, names in sorted(named.items(), key=lambda item: item[0].replace("_", ""))
    ]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _file(module: str) -> Path:
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _is_module(module: str, name: str) -> bool:
    base = PACKAGE.joinpath(*module.split(".")[1:], name)
    return base.is_dir() or base.with_suffix(".py").is_file()


def _listed(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            try:
                return list(ast.literal_eval(node.value))
            except ValueError:
                return []  # computed, as that of fastpid itself
    return []
