"""Imports point downwards: the table of layers, and the check that holds src/tapeless to it.

A module imports its own package and lower layers, at module top. Two single files of one layer may import
each other, two packages of one layer may not, and nothing may import in a circle. Imports under
`TYPE_CHECKING` do not run and do not count. Inside functions only a PEP 562 `__getattr__` imports the
package, to load heavy parts late (it still has to point downwards). docs/architecture.md says why.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tapeless"

LAYERS = {
    0: "_errors _lazy _dtypes _device _pytree _version _missing _as_torch torch_version version "
    "accelerator distributed hub mps mtia xpu multiprocessing types _settings _compile compiler",
    1: "_kernels amp",
    2: "_core backends cuda cpu",
    3: "_ops",
    4: "_tensor _creation _random _random_tensors _dropout _lowrank _samples _windows _printing random "
    "_tensor_types _storage _C",
    5: "autograd linalg fft special signal masked",
    6: "nn utils distributions attribution",
    7: "optim serialization jit testing",
    8: "datasets training",
    9: "__init__",
    10: "__main__ _cli _run _run_worker",
}
LAYER_OF = {unit: number for number, units in LAYERS.items() for unit in units.split()}


class Import(NamedTuple):
    """One import of a module of the package (dotted, without its own name) by another."""

    importer: str
    imported: str
    line: int
    function: str  # the innermost function that it stands in, "" at module top


def read_package(root: Path) -> dict[str, Path]:
    """Every module's file by dotted name, the package's own left out: "nn._linear", "nn", "__init__"."""
    modules = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        modules[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return modules


def imports_in(node: ast.AST, function: str = "") -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Every import statement under `node` that runs, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, function
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from imports_in(ast.Module([other], []), function)
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports_in(child, child.name if is_function else function)


def targets(node: ast.Import | ast.ImportFrom, path: Path, root: Path) -> Iterator[str]:
    """The full dotted names, `tapeless` first, that one import statement asks for."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    package = (root.name, *path.relative_to(root).parent.parts)
    start = list(package[: len(package) - node.level + 1]) if node.level else []
    base = ".".join(start + ([node.module] if node.module else []))
    yield from (f"{base}.{alias.name}" for alias in node.names)


def package_imports(root: Path) -> list[Import]:
    """All imports among the modules of the package at `root`."""
    modules, found = read_package(root), []
    for importer, path in modules.items():
        for node, function in imports_in(ast.parse(path.read_text(encoding="utf-8"))):
            for target in targets(node, path, root):
                if target.split(".")[0] != root.name:
                    continue
                # `from .x import y`: y is a module or a name in the module x
                imported = target.partition(".")[2]
                while imported and imported not in modules and imported not in LAYER_OF:
                    imported = imported.rpartition(".")[0]
                if imported != importer:
                    found.append(Import(importer, imported or "__init__", node.lineno, function))
    return found


def forbidden(edge: Import, packages: set[str]) -> str:
    """What is wrong with an import, "" if nothing is."""
    here, there = edge.importer.split(".")[0], edge.imported.split(".")[0]
    for unit in (here, there):
        if unit not in LAYER_OF:
            return f"{unit} has no layer: give it one in the table in tests/test_layers.py"
    if edge.function not in ("", "__getattr__"):
        return f"an import of the package inside {edge.function}(): move it to the top of the module"
    if here == there or LAYER_OF[there] < LAYER_OF[here]:
        return ""
    if LAYER_OF[there] == LAYER_OF[here]:
        beside = not {here, there} & packages
        return "" if beside else f"both are in layer {LAYER_OF[here]}: packages of one layer stay apart"
    return f"layer {LAYER_OF[here]} imports layer {LAYER_OF[there]}: imports point downwards"


def problems(root: Path) -> list[str]:
    """Every breach of the rules in the package at `root`, one line each."""
    packages = {path.name for path in root.iterdir() if path.is_dir()}
    lines, lawful = [], {}
    for edge in package_imports(root):
        if reason := forbidden(edge, packages):
            lines.append(f"{edge.importer}:{edge.line} -> {edge.imported}: {reason}")
        elif not edge.function:
            lawful.setdefault(edge.importer, set()).add(edge.imported)
    try:
        TopologicalSorter(lawful).prepare()
    except CycleError as error:
        lines.append("imports in a circle: " + " <- ".join(error.args[1]))
    return lines


def test_imports_point_downwards() -> None:
    found = problems(SOURCE)
    assert not found, "\n".join(["forbidden imports:", *found])


def test_the_page_on_the_architecture_has_the_same_layers() -> None:
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    for number, units in LAYERS.items():
        listed = next(line for line in page.splitlines() if line.startswith(f"| {number} |")).split("|")[2]
        assert sorted(name.strip("`/;") for name in listed.split()) == sorted(units.split())


def test_every_module_has_a_layer() -> None:
    missing = {name.split(".")[0] for name in read_package(SOURCE)} - set(LAYER_OF)
    assert not missing, f"give {sorted(missing)} a layer in the table at the top of this file"


GOOD = {
    "__init__.py": "from ._tensor import Tensor as Tensor\n"
    "def __getattr__(name):\n    from . import nn\n    return nn\n",
    "__main__.py": "import tapeless\nfrom tapeless.nn import Linear",
    "_errors.py": "import numpy as np",
    "_dtypes.py": "from ._errors import Bad\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from ._tensor import Tensor\nelse:\n    from . import _errors\n",
    "_tensor.py": "from . import _dtypes",
    "_creation.py": "from ._tensor import Tensor",
    "nn/__init__.py": "from ._linear import Linear as Linear",
    "nn/_linear.py": "from .. import _creation\nfrom . import functional as F",
    "nn/functional.py": "from .._tensor import Tensor\ndef f():\n    import tqdm",
    "optim/__init__.py": "",
    "utils/__init__.py": "",
    "utils/data/__init__.py": "from ._loader import Loader",
    "utils/data/_loader.py": "from ..._tensor import Tensor",
}

BAD = {
    "upwards": ("_errors.py", "from ._tensor import T", "_errors:1 -> _tensor: layer 0 imports layer 4"),
    "absolute": ("_errors.py", "import tapeless.nn.functional", "_errors:1 -> nn.functional: layer 0"),
    "in a block": ("_errors.py", "try:\n  from . import nn\nexcept E: pass", "_errors:2 -> nn: layer 0"),
    "the face": ("nn/functional.py", "from tapeless import tensor", "-> __init__: layer 6 imports layer 9"),
    "the face, relatively": ("utils/data/_loader.py", "from ... import tensor", "-> __init__: layer 6"),
    "sideways": ("nn/functional.py", "from ..utils import data", "-> utils.data: both are in layer 6"),
    "in a function": ("nn/_linear.py", "def f():\n  from . import functional", "inside f(): move it"),
    "in a method": ("__main__.py", "class A:\n def f(self):\n  import tapeless", "inside f(): move it"),
    "lazily upwards": ("nn/__init__.py", "def __getattr__(n):\n  from .. import training", "6 imports layer"),
    "circle of files": ("_tensor.py", "from ._creation import zeros", "circle: "),
    "circle in a package": ("nn/functional.py", "from ._linear import Linear", "circle: "),
    "circle through a package's face": ("nn/functional.py", "from . import Linear", "circle: "),
    "no layer": ("surprise.py", "from . import _errors", "surprise has no layer"),
}


def make_package(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "tapeless" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "tapeless"


def test_the_check_passes_a_sound_package(tmp_path: Path) -> None:
    assert problems(make_package(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("name", "text", "line"), BAD.values(), ids=BAD)
def test_the_check_finds_a_bad_import(tmp_path: Path, name: str, text: str, line: str) -> None:
    files = GOOD | {name: text, "training/__init__.py": ""}
    found = problems(make_package(tmp_path, files))
    assert len(found) == 1 and line in found[0], found
