"""Every public name says what it is, shows it by an example, and has a source."""

from __future__ import annotations

import ast
import doctest
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import public_names  # noqa: E402
from public_names import Name  # noqa: E402

ALL = [entry for entries in public_names.names().values() for entry in entries]
METHODS = [entry for entry in public_names.tensor_members() if id(entry.object) not in {id(e.object) for e in ALL}]
ANOTHER_NAME = (public_names.INPLACE, "Deprecated name of ")
OURS = ("tapeless.training", "tapeless.datasets", "tapeless.attribution", "tapeless.backends.numba")


def test_names_are_found() -> None:
    found = {name for entry in ALL for name in (entry.full, *(f"{entry.module}.{n}" for n in entry.others))}
    found |= {f"{module}.{name}" for module, names in public_names.shared().items() for name in names}
    assert len(ALL) > 1200
    assert {"tapeless.abs", "tapeless.arccos", "tapeless.conv2d", "tapeless.nn.Linear", "tapeless.optim.Adam"} <= found
    assert {"tapeless.linalg.det", "tapeless.nn.functional.relu", "tapeless.utils.data.DataLoader"} <= found


def test_every_name_has_a_docstring() -> None:
    members = [
        member for entry in ALL if isinstance(entry.object, type) for member in public_names.members(entry.object)
    ]
    assert not [entry.full for entry in (*ALL, *METHODS, *members) if not entry.doc]


def test_every_name_has_an_example() -> None:
    """In-place forms and further names stand in the entry of the name that they belong to."""
    functions = [entry for entry in (*ALL, *METHODS) if callable(entry.object)]
    missing = [e.full for e in functions if ">>>" not in e.doc and not e.doc.startswith(ANOTHER_NAME)]
    assert not missing, "these need an example (>>>) in the docstring"


def written(module: str) -> set[str]:
    """The docstrings that stand in a module's source, whose examples `test_docs.py` runs."""
    tree = ast.parse(Path(sys.modules[module].__file__).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)}


def made() -> list[Name]:
    """The names whose docstrings are put together by the program."""
    homes = {entry.home for entry in (*ALL, *METHODS)}
    known = {home: written(home) for home in homes if home.startswith("tapeless")}
    return [e for e in (*ALL, *METHODS) if ">>>" in e.doc and e.home in known and e.doc not in known[e.home]]


NEED_SCIPY = ("tapeless._ops.bessel", "tapeless._ops.gamma")


@pytest.mark.parametrize("entry", made(), ids=lambda entry: entry.full)
def test_examples_of_docstrings_that_are_made(entry: Name) -> None:
    if entry.home in NEED_SCIPY:
        pytest.importorskip("scipy")
    example = doctest.DocTestParser().get_doctest(entry.doc, {}, entry.full, None, 0)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert not doctest.DocTestRunner(optionflags=flags).run(example).failed, entry.doc


def test_every_name_has_a_source() -> None:
    """PyTorch's page, whose address the reference adds where the docstring names nothing else; or it is our own."""
    missing = [
        entry.full
        for entry in (*ALL, *METHODS)
        if "http" not in entry.doc
        and not public_names.pytorch_page(entry)
        and entry.module not in OURS
        and entry.full not in public_names.OWN
        and entry.full not in public_names.without_page()
    ]
    assert not missing


def test_names_that_lead_to_pytorchs_pages_are_there() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.utils.tensorboard")
    wrong = [entry.full for entry in (*ALL, *METHODS) if public_names.pytorch_page(entry) and not _in(torch, entry)]
    assert not wrong


def _in(torch: object, entry: Name) -> bool:
    if entry.full in public_names.PAGES:
        return True
    found = torch
    for part in entry.full.split(".")[1:]:
        found = getattr(found, part, None)
    return found is not None


def test_signatures_are_complete() -> None:
    unknown = [entry.full for entry in ALL if public_names.signature(entry) == "(...)"]
    assert not unknown
