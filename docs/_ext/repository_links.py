"""Links that lead out of `docs/`.

The pages link to source files and to folders of the repository with relative paths, which work where the repository
is browsed. On the built pages there is nothing behind them, and no address is known that would hold for every copy of
the repository, so such a link becomes the file's path. Files that are pages here under another name lead to those.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

PAGES = {"CHANGELOG.md": "changelog.md", "examples/README.md": "gallery.md", "README.md": "index.md"}
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]\[]*)\]\((?P<target>[^()\s]+)\)")
FENCE = re.compile(r"^\s*(```|~~~)")


def rewrite(text: str, page: Path, docs: Path) -> str:
    """Return the text of a page with its links out of `docs` rewritten, those in program text excepted."""
    lines, fenced = [], False
    for line in text.splitlines():
        fenced ^= bool(FENCE.match(line))
        lines.append(line if fenced else LINK.sub(lambda found: _link(found, page, docs), line))
    return "\n".join(lines) + "\n"


def _link(found: re.Match[str], page: Path, docs: Path) -> str:
    target, _, anchor = found["target"].partition("#")
    if found["image"] or not target or re.match(r"\w+:", target):
        return found[0]
    path = Path(os.path.normpath(page.parent / target))
    inside = path.is_relative_to(docs)
    if inside and path.suffix in (".md", ".rst"):
        return found[0]
    root = docs.parent
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else target
    if name in PAGES and (docs / PAGES[name]).exists():
        there = Path(os.path.relpath(docs / PAGES[name], page.parent)).as_posix()
        return f"[{found['text']}]({there}{'#' + anchor if anchor else ''})"
    text = found["text"].strip("`")
    return f"`{name}`" if text == name or text in name else f"{found['text']} (`{name}`)"


def setup(app: Any) -> dict[str, Any]:
    """Rewrite the links of every Markdown page when it is read."""

    def read(app: Any, docname: str, source: list[str]) -> None:
        page = Path(app.env.doc2path(docname))
        if page.suffix == ".md":
            source[0] = rewrite(source[0], page, Path(app.srcdir))

    app.connect("source-read", read)
    return {"parallel_read_safe": True}
