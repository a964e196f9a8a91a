"""The reference: a page for each public module, written from the docstrings before Sphinx reads its sources.

Sphinx's autodoc does not serve here: names load at their first use (PEP 562), most functions are made from a
declaration and know their signature only through the generated stubs, and docstrings are plain text. Pages go to
`docs/reference/`, which git ignores, and are rewritten only where they change, so that a second build is quick.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import public_names
from chapters import CHAPTERS, MORE, TITLES
from docstrings import inline, render, summary
from public_names import Name, members, pytorch_page, signature, tensor_members
from sphinx.util import logging

GROUPS = {
    "Tensors": ["tapeless", "tapeless.Tensor", "tapeless.linalg", "tapeless.fft", "tapeless.special"]
    + ["tapeless.signal.windows", "tapeless.masked", "tapeless.random"],
    "Gradients": ["tapeless.autograd", "tapeless.autograd.functional", "tapeless.autograd.graph"],
    "Networks": [name for name in public_names.MODULES if name.split(".")[1:2] == ["nn"]],
    "Training": [name for name in public_names.MODULES if name.split(".")[1:2] == ["optim"]]
    + ["tapeless.training", "tapeless.datasets", "tapeless.attribution"]
    + [name for name in public_names.MODULES if name.split(".")[1:2] == ["utils"]],
    "Probability": [name for name in public_names.MODULES if name.split(".")[1:2] == ["distributions"]],
    "Files and tests": ["tapeless.serialization", "tapeless.testing"],
}
LAST = "For programs written for PyTorch"  # answers of a PyTorch without accelerators, and the like


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    known = public_names.names()
    written: dict[str, str] = {}
    for module, entries in known.items():
        if module in CHAPTERS:
            written |= _divided(module, entries)
        elif entries:
            written[f"{module}.rst"] = _page(module, entries)
    written["tapeless.Tensor.rst"] = _tensor_page()
    written["modules.txt"] = _modules(known)
    return written


# --- pages -----------------------------------------------------------------------------------------------


def _page(module: str, entries: list[Name]) -> str:
    """Return the page of a module: what it is, a table of its names, and each of them."""
    lines = [_title(module, "="), f".. py:module:: {module}\n", render(_module_doc(module), _linker(module))]
    lines += [_table(module, entries), *(_entry(entry) for entry in _sorted(entries)), *_shared(module)]
    return "\n\n".join(lines) + "\n"


def _divided(module: str, entries: list[Name]) -> dict[str, str]:
    """Return the pages of a large module: one that lists all its names, and one for each chapter."""
    chapters = _chapters(module, entries)
    front = [_title(module, "="), f".. py:module:: {module}\n", render(_module_doc(module), _linker(module))]
    written, paths = {}, []
    for title, sections in chapters.items():
        path = f"{module}.{title.lower().replace(',', '').replace(' ', '-')}"
        paths.append(path)
        front.append(f"{_title(f':doc:`{title} <{path}>`', '-')}")
        page = [_title(title, "="), f".. py:currentmodule:: {module}\n"]
        for home, found in sections.items():
            front += [f".. rubric:: {_section_title(home)}", _table(module, found)]
            page += [_title(_section_title(home), "-"), *_shared_words(home)]
            page += [_entry(entry) for entry in _sorted(found)]
        written[f"{path}.rst"] = "\n\n".join(page) + "\n"
    if module == "tapeless":
        front.append(_constants())
    front += _shared(module)
    front.append(_toctree(paths, hidden=True))
    return {f"{module}.rst": "\n\n".join(front) + "\n", **written}


def _chapters(module: str, entries: list[Name]) -> dict[str, dict[str, list[Name]]]:
    homes = {}
    for title, files in CHAPTERS[module].items():
        for file in files.split():
            homes[file if file == module else f"{module}.{file}"] = title
    found: dict[str, dict[str, list[Name]]] = {title: {} for title in CHAPTERS[module]} | {MORE: {}}
    order = list(homes)
    for entry in sorted(entries, key=lambda entry: order.index(entry.home) if entry.home in homes else len(order)):
        found[homes.get(entry.home, MORE)].setdefault(entry.home, []).append(entry)
    return {title: sections for title, sections in found.items() if sections}


def _tensor_page() -> str:
    """Return the page of `Tensor`: its attributes, its own methods, and those that are operations."""
    module, tensor = "tapeless.Tensor", importlib.import_module("tapeless").Tensor
    functions = {id(entry.object): entry for found in public_names.names().values() for entry in found}
    attributes, own, operations = [], [], []
    for entry in _sorted(tensor_members()):
        if not callable(entry.object):
            attributes.append(entry)
        else:
            (operations if id(entry.object) in functions else own).append(entry)
    lines = [_title(module, "="), ".. py:currentmodule:: tapeless\n"]
    head = f".. py:class:: {_signed(Name('tapeless', 'Tensor', tensor))}\n\n"
    lines.append(head + _indent(render(inspect.cleandoc(tensor.__doc__ or ""), _linker("tapeless"))))
    for title, entries in (("Attributes", attributes), ("Methods", own), ("Operations as methods", operations)):
        lines.append(_title(title, "-"))
        if entries is operations:
            lines.append("The function of the same name tells what each one does; the tensor is its first argument.")
        lines += [_table(module, entries)]
    for title, entries in (("About attributes", attributes), ("About methods", own)):
        lines += [_title(title, "-"), *(_entry(entry) for entry in entries)]
    lines.append(_title("Signatures of operations", "-"))
    lines += [_entry(entry, body=f"See {_reference(functions[id(entry.object)])}.") for entry in operations]
    return "\n\n".join(lines) + "\n"


def _modules(known: dict[str, list[Name]]) -> str:
    """Return the tables of all modules, which `reference/index.md` includes."""
    count = sum(len(found) for found in known.values())
    lines = [
        f"There are {count:,} functions and classes, and {len(tensor_members())} attributes and methods of a tensor."
    ]
    grouped = {name for group in GROUPS.values() for name in group}
    rest = [name for name in known if name not in grouped]
    for title, modules in {**GROUPS, LAST: rest}.items():
        modules = [name for name in modules if known.get(name) or name == "tapeless.Tensor"]
        lines.append(_title(title, "-"))
        if title == LAST:
            lines.append("They answer as they do in a PyTorch without accelerators, or do what NumPy can do.")
        rows = [(f":doc:`{name} <{name}>`", _module_summary(name)) for name in modules]
        lines += [_list_table(rows), _toctree(modules, hidden=True)]
    return "\n\n".join(lines) + "\n"


def _shared(module: str) -> list[str]:
    """Return short entries of the names whose own entry is in another module."""
    lines = []
    for name, entry in sorted(public_names.shared()[module].items()):
        head = name if _kind(entry) in ("py:class", "py:exception") else name + signature(entry)
        lines.append(f".. {_kind(entry)}:: {head}\n\n   The same as {_reference(entry)}.")
    return [_title("Shared with other modules", "-"), *lines] if lines else []


def _constants() -> str:
    """Return what `tapeless` has besides functions and classes."""
    tapeless = importlib.import_module("tapeless")
    dtypes = sorted(importlib.import_module("tapeless._dtypes").PUBLIC)
    names = [*dtypes, "bfloat16", "pi", "e", "inf", "nan", "newaxis", "strided", "contiguous_format", "preserve_format"]
    lines = [_title("Dtypes and constants", "-"), "Dtypes are NumPy's, under PyTorch's names."]
    return "\n\n".join([*lines, *(f".. py:data:: {name}\n   :value: {getattr(tapeless, name)!r}" for name in names)])


# --- entries ---------------------------------------------------------------------------------------------


def _entry(entry: Name, body: str = "") -> str:
    """Return one name: all its signatures, its docstring, its source, and for a class what it has."""
    signatures = [_signed(entry, name) for name in (entry.name, *entry.others, *entry.twins)]
    head = f".. {_kind(entry)}:: " + "\n   ".join(signatures) + "\n"
    if entry.module == "tapeless.Tensor":
        head = head.replace(":: ", ":: Tensor.", 1).replace("\n   ", "\n   Tensor.")
    if inspect.isclass(entry.object) and entry.full == "tapeless.Tensor":
        return "The class :py:class:`tapeless.Tensor <tapeless.Tensor>` has :doc:`a page of its own <tapeless.Tensor>`."
    link = _linker(entry.module)
    parts = [body or render(entry.doc, link)]
    page = pytorch_page(entry)
    if not body and page and "http" not in entry.doc:
        parts.append(inline(f"Source: {page}"))
    if inspect.isclass(entry.object):
        parts += _bases(entry.object)
        parts += [_member(member, link) for member in members(entry.object)]
    return head + "\n" + _indent("\n\n".join(part for part in parts if part))


def _member(member: Name, link: Callable[[str], str]) -> str:
    static = "   :staticmethod:\n" if isinstance(member.object, staticmethod) else ""
    static = "   :classmethod:\n" if isinstance(member.object, classmethod) else static
    if _kind(member) == "py:property":
        head = f".. py:property:: {member.name}\n"
    else:
        takes = signature(member)
        takes = takes if isinstance(member.object, (staticmethod,)) else _without_self(takes)
        head = f".. py:method:: {member.name}{takes}\n{static}"
    return head + "\n" + _indent(render(member.doc, link))


def _without_self(takes: str) -> str:
    for name in ("(self, ", "(cls, "):
        takes = takes.replace(name, "(", 1) if takes.startswith(name) else takes
    return takes.replace("(self)", "()", 1).replace("(cls)", "()", 1)


def _kind(entry: Name) -> str:
    value = entry.object
    if inspect.isclass(value):
        return "py:exception" if issubclass(value, BaseException) else "py:class"
    if isinstance(value, (property, staticmethod, classmethod)) or not callable(value):
        return "py:property" if not isinstance(value, (staticmethod, classmethod)) else "py:method"
    return "py:method" if entry.module == "tapeless.Tensor" else "py:function"


def _signed(entry: Name, name: str = "") -> str:
    name = name or entry.name
    return name if _kind(entry) == "py:property" else name + signature(entry, name)


def _bases(cls: type) -> Iterator[str]:
    public = {id(entry.object): entry for found in public_names.names().values() for entry in found}
    bases = [public[id(base)] for base in cls.__mro__[1:] if id(base) in public][:1]
    if bases:
        yield f"Base: {_reference(bases[0])}"


def _reference(entry: Name) -> str:
    role = {"py:class": "class", "py:exception": "exc"}.get(_kind(entry), "func")
    return f":py:{role}:`{entry.full} <{entry.full}>`"


def _linker(module: str) -> Callable[[str], str]:
    """Return what makes a link of a `name` in backticks, where it is public in the module or at the top."""
    here: dict[str, Name] = {}
    for place in ("tapeless", module):
        for entry in public_names.names().get(place, []):
            for name in (entry.name, *entry.others, *entry.twins):
                here[name] = here[f"{place}.{name}"] = here[f"{place}.{name}".removeprefix("tapeless.")] = entry
    here |= {entry.full: entry for found in public_names.names().values() for entry in found}
    parameters = {"input", "other", "dim", "out", "size", "index", "weight", "bias", "values", "sum", "e"}

    def link(name: str) -> str:
        entry = here.get(name)
        if entry is None or name in parameters:
            return f"``{name.strip()}``"
        role = {"py:class": "class", "py:exception": "exc"}.get(_kind(entry), "func")
        return f":py:{role}:`{name} <{entry.full}>`"

    return link


# --- pieces of reStructuredText --------------------------------------------------------------------------


def _sorted(entries: Iterable[Name]) -> list[Name]:
    return sorted(entries, key=lambda entry: (entry.name.lower(), entry.name))


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * max(len(text), 4)}"


def _table(module: str, entries: list[Name]) -> str:
    rows = []
    for entry in _sorted(entries):
        role = {"py:class": "class", "py:exception": "exc", "py:property": "attr", "py:method": "meth"}
        word = role.get(_kind(entry), "func")
        shown = ", ".join(
            f":py:{word}:`{name} <{entry.module}.{name}>`" for name in (entry.name, *entry.others, *entry.twins)
        )
        rows.append((shown, summary(entry.doc, _linker(module))))
    return _list_table(rows)


def _list_table(rows: list[tuple[str, str]]) -> str:
    lines = [".. list-table::", "   :class: names", "   :widths: 30 70", ""]
    for left, right in rows:
        lines += [f"   * - {left}", f"     - {right}"]
    return "\n".join(lines)


def _toctree(names: list[str], hidden: bool) -> str:
    return "\n".join([".. toctree::", *(["   :hidden:"] if hidden else []), "", *(f"   {name}" for name in names)])


def _indent(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())


def _module_doc(module: str) -> str:
    return inspect.cleandoc(importlib.import_module(module).__doc__ or "")


def _module_summary(module: str) -> str:
    if module == "tapeless.Tensor":
        return inline("The tensor: its attributes and methods")
    if module == "tapeless":
        return inline("Functions of tensors, and everything that is about the whole program")
    return summary(re.split("; see http", _module_doc(module).split("\n")[0])[0])


def _shared_words(home: str) -> list[str]:
    """Return what the docstring of a file of layers says of all of them, below its first line."""
    if not home.startswith("tapeless.nn.") or home == "tapeless.nn._module":
        return []
    _, _, rest = _module_doc(home).partition("\n\n")
    return [render(rest, _linker("tapeless.nn"))] if rest else []


def _section_title(home: str) -> str:
    if home in TITLES:
        return TITLES[home]
    first = (importlib.import_module(home).__doc__ or "").split("\n")[0]
    return first.split(":")[0].split(".")[0].replace("`", "")


# --- Sphinx ----------------------------------------------------------------------------------------------


def write_pages(app: Any) -> None:
    """Write the pages that changed, and remove those of names that are gone."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    written = pages()
    for path in (*folder.glob("*.rst"), *folder.glob("*.txt")):
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def check_entries(app: Any, env: Any) -> None:
    """Warn of public names that have no entry to link to."""
    entries = {name for name, *_ in env.get_domain("py").get_objects()}
    for module, found in public_names.names().items():
        wanted = [name for entry in found for name in (entry.name, *entry.others, *entry.twins)]
        for name in (*wanted, *public_names.shared()[module]):
            if f"{module}.{name}" not in entries:
                logging.getLogger(__name__).warning("%s.%s has no entry in the reference", module, name)
    for entry in tensor_members():
        for name in (entry.name, *entry.others, *entry.twins):
            if f"tapeless.Tensor.{name}" not in entries:
                logging.getLogger(__name__).warning("tapeless.Tensor.%s has no entry in the reference", name)


def setup(app: Any) -> dict[str, Any]:
    """Write the reference whenever Sphinx starts, and see at the end that it is complete."""
    app.connect("builder-inited", write_pages)
    app.connect("env-check-consistency", check_entries)
    return {"parallel_read_safe": True}
