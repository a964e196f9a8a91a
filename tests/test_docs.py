"""Every example that a reader may copy runs: the docstrings of src/, README.md and docs/.

In a Markdown file the ```python blocks run from top to bottom as one program; a block with `>>>` is checked
against the output it shows. A block that must not run is marked ```python no-run.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tapeless"
MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if "._numba" in name:
        pytest.importorskip("numba")
    if name.endswith(("_ops.bessel", "_ops.lu")):  # the latter for ldl_factor
        pytest.importorskip("scipy")
    failed = doctest.testmod(importlib.import_module(name), optionflags=FLAGS).failed
    assert not failed, f"{failed} examples in {name} show something else than they print (see above)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path, tmp_path: Path) -> None:
    # A process of its own: an example may add an op, which must not stay in the table that other tests read.
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-W", "error", __file__, str(page)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def run_page(page: Path) -> int:
    """Run the ```python blocks of a Markdown file as one program; return how many examples failed."""
    text, names, failed = page.read_text(encoding="utf-8"), {"__name__": "__main__"}, 0
    for block in BLOCK.finditer(text):
        code, line = block[1], text.count("\n", 0, block.start(1))
        if ">>>" in code:
            example = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
            failed += doctest.DocTestRunner(optionflags=FLAGS).run(example, clear_globs=False).failed
            names.update(example.globs)
        else:
            exec(compile("\n" * line + code, str(page), "exec"), names)
    return failed


def test_run_page_tells_right_from_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 2\n```\n\n```python\n>>> x + 1\n3\n```\n```python no-run\n1 / 0\n```\n")
    assert run_page(page) == 0
    page.write_text("```python\n>>> 1 + 1\n3\n```\n")
    assert run_page(page) == 1
    page.write_text("a line\n```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_page(page)
    assert caught.traceback[-1].lineno + 1 == 3, "errors name the line of the page"


if __name__ == "__main__":
    sys.exit(bool(run_page(Path(sys.argv[1]))))
