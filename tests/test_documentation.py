"""The pages of docs/: links lead somewhere, the index lists every page, and docstrings become what they mean.

`make docs` builds them, with every warning an error; what is here needs no Sphinx. Addresses outside of the repository
are not visited: they have to be well-formed and on a host that is known.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import docstrings  # noqa: E402
import repository_links  # noqa: E402

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
HOSTS = set(
    """
    arxiv.org cdn.openai.com docs.python.org docs.pytorch.org doi.org en.wikipedia.org git-lfs github.com
    jfly.uni-koeln.de jmlr.org kellerjordan.github.io mc-stan.org no-color.org numba.pydata.org numpy.org
    openreview.net peps.python.org pkware.cachefly.net protobuf.dev pytorch.org semver.org
    www.cs.toronto.edu www.jmlr.org www.tensorflow.org
    """.split()
)


def links(page: Path) -> list[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return LINK.findall(CODE.sub("`code`", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [LINK.sub(lambda found: found[0][1 : found[0].index("]")], title) for title in HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            address = urlsplit(link)
            if address.scheme != "https" or address.hostname not in HOSTS:
                wrong.append(f"{link}: not https, or a host that is not in HOSTS")
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists():
            wrong.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(there):
            wrong.append(f"{link}: no heading has this anchor")
    assert not wrong, "\n".join(wrong)


def test_addresses_in_docstrings_are_on_known_hosts() -> None:
    wrong = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for address in re.findall(r"https?://[^\s<>`\"')\]}]+", path.read_text(encoding="utf-8")):
            parts = urlsplit(address)
            if parts.hostname == "www.w3.org":  # the name of a format, which is http by definition
                continue
            if parts.scheme != "https" or parts.hostname not in HOSTS:
                wrong[address] = path.relative_to(ROOT)
    assert not wrong


def test_links_are_found_and_judged(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` c\n[x](#a-b-c) [y](no.md) ![z](https://a.b/c)\n`[v](code.md)`\n```\n[w](code.md)\n```\n")
    assert links(page) == ["#a-b-c", "no.md", "https://a.b/c"]
    assert anchors(page) == {"a-b-c"}


def listed(page: Path) -> Iterator[str]:
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.strip() and not line.startswith(":"):
                yield line.partition("<")[2].strip("> ") or line.strip()


def test_the_index_lists_every_page() -> None:
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")} - {"index"}
    assert set(listed(DOCS / "index.md")) == pages


def test_links_out_of_docs_become_paths(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "changelog.md").touch()
    text = "[the engine](../src/engine.py), [`src/a.py`](../src/a.py), [ops](ops.md), [new](../CHANGELOG.md#x)\n"
    text += "```\n[kept](../src/engine.py)\n```\n"
    assert repository_links.rewrite(text, docs / "page.md", docs) == (
        "the engine (`src/engine.py`), `src/a.py`, [ops](ops.md), [new](changelog.md#x)\n"
        "```\n[kept](../src/engine.py)\n```\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two *stars*, a_b_ and |x|.", r"Two \*stars\*, a\_b\_ and \|x\|."),
        ("`norm_type`-norm of ``x * y``", "``norm_type``\\ -norm of ``x * y``"),
        ("See https://docs.pytorch.org/docs/stable/generated/torch.abs.html", r"See `torch.abs <https://docs"),
        ("Formula:\n\n    x' = a * x", "Formula:\n\n.. code-block:: text\n\n   x' = a * x"),
        ("Call it::\n\n    f(x)", "Call it:\n\n.. code-block:: python\n\n   f(x)"),
        (">>> 1 + 1\n2", ".. code-block:: pycon\n\n   >>> 1 + 1\n   2"),
        ("Raises:\n    TypeError: if so.\n        And more.", "**Raises**\n\n- TypeError: if so. And more."),
        ("- one\n  more\n- two", "- one more\n- two"),
    ],
)
def test_docstrings_become_restructured_text(text: str, expected: str) -> None:
    assert docstrings.render(text).startswith(expected)


def test_a_summary_is_the_first_sentence() -> None:
    assert docstrings.summary("Sum of all elements, or over `dim`; e.g. rows. More.") == (
        "Sum of all elements, or over ``dim``; e.g. rows"
    )
