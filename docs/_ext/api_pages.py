"""One page of the API for each namespace, from the one list in api.md, with the gallery's picture of each plot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
PLOTS = "generated/api_pl"


def sections() -> tuple[str, dict[str, str]]:
    """The introduction of api.md, and the text of each of its sections by the page that it goes to."""
    introduction, *parts = re.split(r"^## ", (DOCS / "api.md").read_text(), flags=re.MULTILINE)
    pages = {}
    for part in parts:
        title = part.partition("\n")[0]
        name = found[1] if (found := re.search(r"`(\w+)`", title)) else title.split()[0].lower()
        text = part.replace(".. currentmodule:: scbasset_tl\n", "").replace(":toctree: generated", ":toctree: .")
        pages[f"api_{name}"] = "# " + text.replace(
            ".. autosummary::", ".. currentmodule:: scbasset_tl\n.. autosummary::"
        )
    return introduction, pages


def write_pages() -> None:
    folder = DOCS / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in sections()[1].items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _lists_to_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "api":
        introduction, pages = sections()
        source[0] = "\n".join(
            [introduction, "```{toctree}", ":maxdepth: 2", "", *(f"generated/{name}" for name in pages), "```", ""]
        )


def _pictures(app: Sphinx) -> dict[str, nodes.image]:
    """First picture of the gallery's section on each plot, by the plot's name."""
    found = {}
    for section in app.env.get_doctree("gallery").findall(nodes.section):
        for name in re.findall(r"\bpl\.(\w+)", section.next_node(nodes.title).astext()):
            if (image := section.next_node(nodes.image)) is not None:
                found[name] = image
    return found


def _add_pictures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    own = re.fullmatch(r"generated/scbasset_tl\.pl\.(\w+)", docname)
    if not own and docname != PLOTS or app.config.nb_execution_mode == "off":
        return
    pictures = _pictures(app)
    names = [own[1]] if own else sorted(pictures)
    goal = doctree.next_node(nodes.section)
    for name in names:
        if name not in pictures:
            logging.getLogger(__name__).warning("gallery.md has no picture of pl.%s", name, location="gallery")
            continue
        image = pictures[name].deepcopy()
        image["alt"] = f"what pl.{name} draws"
        anchor = nodes.reference(
            "", "", nodes.literal("", f"pl.{name}"), refuri=f"scbasset_tl.pl.{name}.html", internal=True
        )
        goal.append(nodes.paragraph("", "", anchor) if not own else nodes.rubric("", "Picture"))
        goal.append(nodes.paragraph("", "", image))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps; the pages are there before Sphinx looks for sources."""
    write_pages()
    app.connect("source-read", _lists_to_pages)
    app.connect("doctree-resolved", _add_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
