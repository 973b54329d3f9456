"""How Sphinx builds the site; ``build.py`` beside it says from what."""

import fapiao

project = "fapiao"
author = "The fapiao authors"
copyright = "The fapiao authors, Apache License 2.0"
version = release = fapiao.__version__
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
myst_links_external_new_tab = False
html_theme = "furo"
html_title = f"fapiao {release}"
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
html_show_sourcelink = False
html_copy_source = False
language = "en"
suppress_warnings: list[str] = []
