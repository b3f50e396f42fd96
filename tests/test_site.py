"""The reference has every public name, and what documents link to is there."""

from __future__ import annotations

import importlib
import inspect
import re
import unicodedata
from pathlib import Path

import pytest
from public_names import exports, pages

import fastpid

ROOT = Path(__file__).resolve().parent.parent
PAGES = pages()
NAMES = [name for page in PAGES for name in page.names]
MODULES = {page.module for page in PAGES if page.is_public}
#: Documents that are read in the repository, beside the pages of the site, which MkDocs checks.
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "bench").rglob("*.md")),
]
#: Pages that are made while the site is built.
MADE = re.compile(r"^(reference/.*\.md|tutorial\.(md|ipynb)|img/tutorial-\d+\.svg)$")


def test_every_public_name_has_a_place_in_the_reference() -> None:
    exported = exports()
    assert set(exported) == set(fastpid.__all__)
    for name in fastpid.__all__:
        written = f"fastpid.{name}"
        assert (written in MODULES) if exported[name] == "fastpid" else (written in NAMES), name
    assert len(NAMES) == len(set(NAMES))
    assert len({page.path for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_name_of_a_module_has_a_place(module: str) -> None:
    for needed in ("torch", "lightning", "transformers"):
        if needed in module.split("."):
            pytest.importorskip(needed)
    found = importlib.import_module(module)
    assert found.__doc__
    for name in found.__all__:
        member = getattr(found, name)
        places = {f"fastpid.{name}", f"{module}.{name}"}
        assert inspect.ismodule(member) or places & set(NAMES), f"{module}.{name}"


def _member(path: str) -> object:
    parent, _, name = path.rpartition(".")
    return getattr(importlib.import_module(parent), name)


@pytest.mark.parametrize("path", NAMES)
def test_every_public_name_is_documented(path: str) -> None:
    """With every parameter of a function."""
    for needed in ("torch", "lightning", "transformers"):
        if needed in path.split("."):
            pytest.importorskip(needed)
    member = _member(path)
    if not callable(member):
        return  # a constant, with a line beside it
    text = inspect.getdoc(member) or ""
    assert len(text) > 20, path
    if inspect.isfunction(member):
        words = set(re.findall(r"\w+", text.partition("Returns\n---")[0]))
        parameters = inspect.signature(member).parameters
        missing = {
            name
            for name, parameter in parameters.items()
            if parameter.kind is not parameter.VAR_POSITIONAL
        } - words
        assert not missing, f"{path} does not say what {sorted(missing)} are"


def _anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as MkDocs and GitHub make them."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", text, re.MULTILINE):
        plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading)
        plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"`[^`]*`", "", text)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:|doi:", link):
            continue
        file, _, anchor = link.partition("#")
        if MADE.match(file) and document.parent == ROOT / "docs":
            continue
        target = document.parent / file if file else document
        assert target.exists(), f"{link}: no such file"
        if anchor and target.suffix == ".md":
            assert anchor in _anchors(target), f"{link}: no such heading"


def test_roles_become_links() -> None:
    pytest.importorskip("griffe")
    docstrings = importlib.import_module("docstrings")
    text = (
        ":func:`decompose` of [1]_, :class:`~fastpid.Other`::\n\n    x\n\nReferences\n----------\n"
    )
    text += ".. [1] N. B.,\n   2014.\n"
    made = docstrings.to_markdown(text, {"fastpid.decompose"})
    assert made.startswith("[`decompose()`][fastpid.decompose] of [1], `fastpid.Other`:\n\n")
    assert "**References**" in made
    assert "\n1. N. B.," in made


def test_mathematics_becomes_mathml() -> None:
    pytest.importorskip("latex2mathml")
    mathematics = importlib.import_module("mathematics")
    page = '<span class="arithmatex">\\(\\log u\\)</span> <div class="arithmatex">\\[x_1\\]</div>'
    made = mathematics.on_page_content(page)
    assert made.count("<math") == 2
    assert 'display="block"' in made
    with pytest.raises(ValueError, match="left a command"):
        mathematics.on_page_content('<span class="arithmatex">\\(\\nosuchcommand\\)</span>')


def test_the_tutorial_is_cells_and_a_notebook() -> None:
    pytest.importorskip("mkdocs")
    tutorial = importlib.import_module("tutorial_page")
    cells = tutorial.read(tutorial.SOURCE.read_text(encoding="utf-8"))
    assert sum(not cell.is_text for cell in cells) > 5
    assert cells[0].source.startswith("# Ten minutes")
    assert '"nbformat": 4' in tutorial.notebook(cells)
    short = [tutorial.Cell(False, "print(1 + 1)"), tutorial.Cell(True, "said")]
    assert "```text\n2\n```" in tutorial.run(short)[0]
