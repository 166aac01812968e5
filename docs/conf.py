"""How the documentation is built: `sphinx-build -W -b html docs docs/_build/html`.

Nothing here or in the pages it makes asks the network for anything: formulas become
MathML, which browsers draw themselves, and the theme brings its own fonts.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

import foldwise
from foldwise.studies.settings import BIOMARKERS, PEROVSKITES

project = "Foldwise"
author = "The Foldwise developers"
copyright = "2026, The Foldwise developers"
version = release = foldwise.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
exclude_patterns = ["_build"]
default_role = "autolink"  # single backticks in docstrings name Python objects

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's Parameters already say them
autosummary_generate = False
numpydoc_show_class_members = False
numpydoc_validation_checks: set[str] = set()

html_theme = "pydata_sphinx_theme"
html_title = "Foldwise"
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["foldwise.css"]
templates_path = ["_templates"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "navbar_center": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"**": ["contents"]}
pygments_style = "sphinx"

_ARGUMENTS = {
    "tables": "`X.csv y.csv`",
    "table": "`TRAIN.csv`",
    "id_column": "`--id`",
    "encodings": "`--encoding`",
    "C": "`--C`",
}


class SettingsTable(SphinxDirective):
    """Write the settings of a study as a table, from the code that declares them."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        settings = {"biomarkers": BIOMARKERS, "perovskites": PEROVSKITES}[self.arguments[0]]
        lines = ["| in Python and config.toml | on the command line | default | meaning |"]
        lines.append("|---|---|---|---|")
        for key, setting in settings.items():
            argument = _ARGUMENTS.get(key, f"`--{key.replace('_', '-')}`")
            meaning = setting.help.replace("|", "\\|")
            default = setting.shown or _shown(setting.default)
            lines.append(f"| `{key}` | {argument} | {default} | {meaning} |")
        return self.parse_text_to_nodes("\n".join(lines))


def _shown(default: object) -> str:
    if default in (None, (), False):
        return ""
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _inline_math(translator: Any, node: nodes.math) -> None:
    translator.body.append(latex2mathml.tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block_math(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(latex2mathml.tex2mathml(node.astext(), as_block=True))
    raise nodes.SkipNode


def _without_last_blank_line(app: Sphinx, document: nodes.document) -> None:
    """Drop the blank line that ends a doctest in Markdown."""
    for block in document.findall(nodes.literal_block):
        text = block.astext().rstrip("\n")
        block.rawsource, block[:] = text, [nodes.Text(text)]


def _check_public_names(app: Sphinx) -> None:
    """Warn (an error under -W) of public names that the API page leaves out."""
    page = (Path(app.srcdir) / "api.md").read_text(encoding="utf-8")
    absent = [name for name in foldwise.__all__ if name[0] != "_" and f" {name}\n" not in page]
    if absent:
        logging.getLogger(__name__).warning("api.md does not name %s", ", ".join(absent))


def setup(app: Sphinx) -> None:
    app.add_directive("settings", SettingsTable)
    app.add_html_math_renderer("mathml", (_inline_math, None), (_block_math, None))
    app.connect("doctree-read", _without_last_blank_line)
    app.connect("builder-inited", _check_public_names)
