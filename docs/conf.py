"""Sphinx configuration. The build reads nothing from the network."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.ext.napoleon import NumpyDocstring
from sphinx_autodoc_typehints import format_annotation

import scbasset_tl

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
import elsewhere

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.writers.html5 import HTML5Translator

project = "scbasset_tl"
author = "scbasset_tl developers"
copyright = f"2026, {author}"
release = version = scbasset_tl.__version__

extensions = [
    "api_pages",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build", "dev", "**.ipynb_checkpoints"]
templates_path = ["_templates"]
default_role = "literal"

html_theme = "sphinx_book_theme"
html_title = "scbasset_tl"
html_logo = "images/logo.svg"
html_favicon = "images/logo.svg"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_extra_path = ["llms.txt"]
html_theme_options = {
    "show_toc_level": 2,
    "logo": {"text": "scbasset_tl"},
    # the theme's sidebar has the search box; the bar above it, of the theme beneath, would show another
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
}
html_math_renderer = "mathml"

autosummary_generate = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
typehints_defaults = "braces"

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3  # links to sections, as page.md#name-of-the-section
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
# the pages show the same numbers on every machine, and threads that wait for a busy core do not stall the build
os.environ.setdefault("OMP_NUM_THREADS", "1")

intersphinx_mapping = elsewhere.mapping(Path(tempfile.gettempdir()) / "scbasset_tl-inventories")

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# names of other packages that elsewhere.py does not know stay without a link; a name of ours that is not there is an error
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"scipy\.sparse.*csr_matrix"),
    (
        r"py:.*",
        r"(anndata|collections|lightning_fabric|matplotlib|mudata|muon|np|numpy|os|pandas|pathlib|pd|scanpy|torch|typing)\..*",
    ),
    (r"py:class", r"(bool|bytes|dict|float|int|list|object|set|str|tuple|type|Path)"),
    (r"py:exc", r".*Error"),
]
nitpick_ignore = [
    ("py:func", "write_trunk"),  # named without its module in a summary, which api.md shows out of place
    ("py:class", "Report"),  # what get.report returns; not public by itself
    ("py:class", "scbasset_tl.get._report.Report"),
]
# sphinx-autodoc-typehints calls what Sphinx 10 will drop, once for each docstring
warnings.filterwarnings("ignore", message=".*_RstSnippetParser.set_application")
# the formatter below is a function, which the cache of the configuration does not hold
suppress_warnings = ["config.cache"]


def typehints_formatter(annotation: object, config: Config) -> str | None:
    """A type variable stands for what it may be: a verb returns the container it was given."""
    if isinstance(annotation, TypeVar):
        from anndata import AnnData
        from mudata import MuData

        return format_annotation(AnnData | MuData, config)
    return None


def _parse_returns_section(self: NumpyDocstring, section: str) -> list[str]:
    """The section as it stands: prose, and a definition list of the slots written."""
    lines = self._dedent(self._consume_to_next_section())  # sphinx-autodoc-typehints puts a colon first
    return [*self._format_block(":returns: ", lines[lines[:1] == [":"] :]), ""]


NumpyDocstring._parse_returns_section = _parse_returns_section


def _inline_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _block_math(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math") + tex2mathml(node.astext(), as_block=True) + "</div>\n")
    raise SkipNode


def setup(app: Sphinx) -> None:
    """Mathematics as MathML, which browsers draw by themselves: no script is fetched from elsewhere."""
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
