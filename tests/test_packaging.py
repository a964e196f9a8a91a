"""What we promise about installing and importing: NumPy and tqdm, nothing else, and quickly."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tapeless"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

AT_IMPORT = {"numpy", "tapeless"}
IN_FUNCTIONS = {"tqdm", "matplotlib"}
IMPORT_BUDGET_MS = 40


def distributions(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+(\[[\w,]+\])?", requirement)[0] for requirement in requirements}


def test_runtime_dependencies_are_numpy_and_tqdm() -> None:
    assert distributions(PROJECT["dependencies"]) == {"numpy", "tqdm"}
    assert PROJECT["requires-python"] == ">=3.11"


def test_extras_are_what_the_readme_promises() -> None:
    extras = {name: distributions(needs) for name, needs in PROJECT["optional-dependencies"].items()}
    assert extras == {
        "plot": {"matplotlib"},
        "numba": {"numba"},
        "test": {"pytest", "hypothesis"},
        "scipy": {"scipy"},
        "parity": {"tapeless[test,scipy]", "torch", "expecttest", "safetensors", "tensorboard"},
        "bench": {*"tapeless[numba] torch jax scikit-learn autograd mygrad pyborch threadpoolctl matplotlib".split()},
        "examples": {"matplotlib", "gymnasium"},
        "docs": {"sphinx", "myst-parser", "furo"},
        "dev": {"tapeless[test]", "build", "mypy", "pyright[nodejs]", "ruff"},
    }


def test_tools_that_judge_us_are_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    judges = [need for needs in extras.values() for need in needs if re.match("torch|mypy|ruff", need)]
    assert len(judges) == 4 and all("==" in need for need in judges), judges


def outside_imports(node: ast.AST, in_function: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Top-level name, line and place of every import of something that is neither ours nor Python's own."""
    for child in ast.iter_child_nodes(node):
        names = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom) and not child.level:
            names = [child.module or ""]
        for name in names:
            if (top := name.split(".")[0]) not in sys.stdlib_module_names:
                yield top, child.lineno, in_function
        yield from outside_imports(child, in_function or isinstance(child, ast.FunctionDef))


def test_source_imports_only_what_is_installed_with_it() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted(SOURCE.rglob("*.py"))
        for name, line, late in outside_imports(ast.parse(path.read_text(encoding="utf-8")))
        if name not in AT_IMPORT | (IN_FUNCTIONS if late else set()) | ({"numba"} & {path.parent.name.strip("_")})
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch.nn", [("torch", 1, False)]),
        ("from scipy import special", [("scipy", 1, False)]),
        ("try:\n    import matplotlib\nexcept E: pass", [("matplotlib", 2, False)]),
        ("class A:\n  def f(self):\n    import tqdm", [("tqdm", 3, True)]),
        ("import os, sys\nfrom . import torch\nfrom collections.abc import Iterator", []),
    ],
)
def test_the_import_check_sees_them(code: str, expected: list[tuple[str, int, bool]]) -> None:
    assert list(outside_imports(ast.parse(code))) == expected


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter on the checkout, with bytecode caches as a user has them."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"] = str(SOURCE.parent)
    return subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=True, timeout=120
    )


def test_import_loads_nothing_heavy() -> None:
    loaded = python("-c", "import sys, tapeless; print(*sys.modules)").stdout.split()
    assert "numpy" in loaded
    with_numpy = python("-c", "import sys, numpy; print(*sys.modules)").stdout.split()
    heavy = {"tqdm", "matplotlib", "torch", "scipy", "multiprocessing", "unittest", "asyncio"}
    brought = sorted((set(loaded) - set(with_numpy)) & heavy)
    assert not brought, f"import tapeless loads {brought}: import them in the function that needs them"


def import_cost_ms() -> tuple[float, str]:
    """What `import tapeless` takes when NumPy is there already, and the modules that take most of it."""
    report = python("-X", "importtime", "-c", "import numpy; import tapeless").stderr
    # lines like "import time:   self us |  cumulative us |   module"; a module comes after what it imports
    rows = re.findall(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", report, re.MULTILINE)
    after_numpy = rows[[name for _, _, name in rows].index("numpy") + 1 :]
    total = next(int(cumulative) for _, cumulative, name in after_numpy if name == "tapeless")
    slowest = sorted(((int(own), name) for own, _, name in after_numpy), reverse=True)[:8]
    return total / 1000, "\n".join(f"{own / 1000:7.1f} ms  {name}" for own, name in slowest)


def test_import_time() -> None:
    python("-c", "import tapeless")  # the first import after a change also compiles
    # The fastest of up to seven runs: other load on the machine can only make an import look slower.
    for _ in range(7):
        cost, slowest = import_cost_ms()
        if cost <= IMPORT_BUDGET_MS:
            return
    pytest.fail(f"import tapeless adds {cost:.0f} ms to NumPy's, {IMPORT_BUDGET_MS} allowed:\n{slowest}")


def test_one_version_number() -> None:
    version = python("-c", "import tapeless; print(tapeless.__version__)").stdout.strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "version" in PROJECT["dynamic"], "the number stands in src/tapeless/_version.py alone"
    assert f'__version__ = "{version}"' in (SOURCE / "_version.py").read_text(encoding="utf-8")
