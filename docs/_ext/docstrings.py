"""Docstrings as reStructuredText.

Those of Tapeless are plain text to be read in a terminal: paragraphs, ``code`` in single or double backticks,
examples with ``>>>``, indented formulas and programs, a few lists. Everything else in them is meant literally.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

TOKEN = re.compile(r"``(?P<code>.+?)``|`(?P<name>[^`\s][^`]*)`|(?P<url>https?://[^\s<>`]*[^\s<>`.,;:)\]'\"])")

Link = Callable[[str], str]
"""What `name` in single backticks becomes: a reference where it is public, otherwise plain code."""


def render(text: str, link: Link = lambda name: f"``{name}``") -> str:
    """Return a docstring as reStructuredText."""
    blocks = re.split(r"\n\s*\n", text.strip("\n"))
    rendered: list[str] = []
    for i, block in enumerate(blocks):
        if block.lstrip().startswith(">>>"):
            rendered.append(_directive("pycon", _dedent(block)))
        elif block.startswith(" "):
            if rendered and blocks[i - 1].startswith(" "):  # a program with empty lines in it
                rendered[-1] += "\n\n" + _indent(block)
            else:
                rendered.append(_directive(_language(_dedent(block)), _dedent(block)))
        elif re.match(r"(-|\d\.) ", block):
            rendered.append(_list(block, link))
        elif re.match(r"\w+:\n +\S", block):
            rendered.append(_section(block, link))
        else:
            text = " ".join(line.strip() for line in block.splitlines())
            rendered.append(inline(re.sub(r"\s?::$", ":", text), link))
    return "\n\n".join(rendered)


def summary(text: str, link: Link = lambda name: f"``{name}``") -> str:
    """Return the first sentence of a docstring, for tables."""
    first = " ".join(re.split(r"\n\s*\n", text.strip())[0].split())
    end = re.search(r"(?<![.\s]\w)[.:](?= [A-Z`\"]|$)", first)
    return inline(first[: end.start()] if end else first.rstrip(".:"), link)


def inline(text: str, link: Link = lambda name: f"``{name}``") -> str:
    """Return one paragraph, its code and addresses marked up and all else escaped."""
    parts, last = [], 0
    for match in TOKEN.finditer(text):
        parts.append(_escape(text[last : match.start()]))
        before = text[match.start() - 1 : match.start()]
        parts.append("" if before in ("", " ", "(") else "\\ ")
        if match["url"]:
            parts.append(f"`{_escape(_shown(match['url']))} <{match['url']}>`__")
        else:
            parts.append(_code(match["code"]) if match["code"] else link(match["name"]))
        after = text[match.end() : match.end() + 1]
        parts.append("" if after in ("", " ", ".", ",", ";", ":", ")") else "\\ ")
        last = match.end()
    parts.append(_escape(text[last:]))
    result = "".join(parts)
    return f"\\{result}" if re.match(r"[-+=#:>.(\w]{1,4}[.)]? ", result) and not result[0].isalpha() else result


def _shown(url: str) -> str:
    """Return what a link shows: of PyTorch's pages the name that they are about, of others the address."""
    found = re.fullmatch(r"https://docs\.pytorch\.org/docs/stable/(?:generated/(.+)\.html|.+#([\w.]+))", url)
    return (found[1] or found[2]) if found else url


def _code(text: str) -> str:
    text = text.strip()
    return f"``{text}``" if not text.endswith("\\") and "`" not in text else _escape(text)


def _escape(text: str) -> str:
    return re.sub(r"([\\*_|`])", r"\\\1", text)


def _directive(language: str, text: str) -> str:
    return f".. code-block:: {language}\n\n{_indent(text)}"


def _language(text: str) -> str:
    """Return Python for what could be a program, and nothing for formulas."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return "text"
    calls = any(isinstance(node, (ast.Call, ast.ClassDef, ast.With, ast.For)) for node in ast.walk(tree))
    return "python" if calls and "'" not in text.split("=")[0] else "text"


def _dedent(text: str) -> str:
    lines = text.splitlines()
    least = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[least:] for line in lines)


def _indent(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())


def _list(block: str, link: Link) -> str:
    items = re.split(r"\n(?=(?:-|\d\.) )", block)
    return "\n".join("- " + inline(" ".join(re.sub(r"^(-|\d\.) ", "", item).split()), link) for item in items)


def _section(block: str, link: Link) -> str:
    """Return ``Raises:`` and the indented lines below it as a title and a list."""
    title, *lines = block.splitlines()
    least = min(len(line) - len(line.lstrip()) for line in lines)
    items: list[str] = []
    for line in lines:
        if len(line) - len(line.lstrip()) == least or not items:
            items.append(line.strip())
        else:
            items[-1] += " " + line.strip()
    return f"**{title[:-1]}**\n\n" + "\n".join(f"- {inline(item, link)}" for item in items)
