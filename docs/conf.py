"""Sphinx configuration. The build reads nothing from the network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from sphinx.ext.napoleon import NumpyDocstring
from sphinx_autodoc_typehints import format_annotation

import scbasset_tl

if TYPE_CHECKING:
    from sphinx.config import Config

project = "scbasset_tl"
author = "scbasset_tl developers"
copyright = f"2026, {author}"
release = version = scbasset_tl.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
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
html_theme_options = {"show_toc_level": 2}

autosummary_generate = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_custom_sections = [("Attributes", "params_style")]
typehints_defaults = "braces"

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

myst_enable_extensions = ["dollarmath"]
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
# the pages show the same numbers on every machine, and threads that wait for a busy core do not stall the build
os.environ.setdefault("OMP_NUM_THREADS", "1")

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# without inventories from the network, names of other packages have nothing to point to
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"scipy\.sparse.*csr_matrix"),
    (
        r"py:.*",
        r"(anndata|collections|lightning_fabric|matplotlib|mudata|np|numpy|os|pandas|pathlib|pd|torch|typing)\..*",
    ),
    (r"py:class", r"(bool|dict|float|int|list|str|tuple|type|Path)"),
    (r"py:exc", r".*Error"),
]
nitpick_ignore = [
    ("py:func", "write_trunk"),  # named without its module in a summary, which api.md shows out of place
    ("py:class", "Report"),  # what get.report returns; not public by itself
    ("py:class", "scbasset_tl.get._report.Report"),
]
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
