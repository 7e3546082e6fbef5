"""Settings of the documentation's site: `sphinx-build -W -b html docs SITE`."""

from __future__ import annotations

import re
from typing import Any

project = "Liquidarium"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False
autosummary_generate = True
templates_path = ["_templates"]
html_theme = "alabaster"
html_theme_options = {
    "page_width": "1100px",
    "sidebar_width": "230px",
    "fixed_sidebar": True,
    "font_family": "sans-serif",
    "head_font_family": "sans-serif",
}
html_sidebars = {
    "*": ["about.html", "searchfield.html", "navigation.html"],
    "api/*": ["about.html", "searchfield.html", "relations.html"],
}
html_show_copyright = False
html_show_sphinx = False
html_title = "Liquidarium"
exclude_patterns = ["README.md"]
suppress_warnings = [
    "ref.python",  # a field and a class of one name, such as `shape`
    "autosummary.import_cycle",  # whole names of modules, without which lists do not link
]


def _without_links_out(app: Any, name: str, source: list[str]) -> None:
    """Keep the text of links to files beside the site, which it does not have."""
    source[0] = re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", source[0])


def setup(app: Any) -> None:
    """Register what is done to pages before they are read."""
    app.connect("source-read", _without_links_out)
    app.connect("include-read", lambda app, path, name, source: _without_links_out(app, name, source))
