"""How Sphinx builds these pages: `make docs`.

The pages are Markdown that also reads well where the repository is browsed; what Sphinx needs beyond that is in
`_ext`: links out of `docs/`, and the reference, which is written from the docstrings.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

from tapeless import __version__  # noqa: E402

project = "Tapeless"
author = "The Tapeless authors"
version = release = __version__
html_title = f"Tapeless {version}"

extensions = ["myst_parser", "repository_links", "reference"]
exclude_patterns = ["_build", "_ext", "reference/modules.txt"]

# Headings get the anchors that they have where Markdown is browsed: architecture.md#the-optimizers-arenas.
myst_heading_anchors = 4
# A page may begin below its first level where it is included in another (the changelog).
suppress_warnings = ["myst.header"]

smartquotes = False  # L' is a length, not the end of a quotation
highlight_language = "none"  # a fence without a language is meant as plain text
add_module_names = False  # the title of the page says which module it is
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
nitpicky = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {
    # Tapeless is read in Chinese, too, and Chinese glyphs are to come from a font made for them on every system.
    "light_css_variables": {
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'PingFang SC', "
        "'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', Arial, sans-serif",
        "font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', "
        "'Liberation Mono', 'Noto Sans Mono CJK SC', monospace",
    },
}
