"""The types that users see: a script in their manner passes the checkers, and a wrong one does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("user_script.py")
WRONG = "import tapeless as tl\n\nx: int = tl.ones(2).exp()\ny = tl.ones(2).no_such_method()\n"


def check(tool: str, path: Path) -> tuple[int, str]:
    """Run a type checker on a file; skip where it is not installed."""
    env = os.environ | {"MYPYPATH": str(ROOT / "src"), "PYTHONPATH": str(ROOT / "src")}
    if tool == "mypy":
        pytest.importorskip("mypy")
        command = [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", os.devnull]
        command += ["--follow-imports=silent", str(path)]
    else:
        found = shutil.which("pyright", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
        if found is None or subprocess.run([found, "--version"], capture_output=True, timeout=300).returncode:
            pytest.skip("pyright is not installed, or finds no Node.js")
        command = [found, "--pythonpath", sys.executable, str(path)]
    done = subprocess.run(command, env=env, cwd=path.parent, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_a_users_script_passes(tool: str) -> None:
    code, report = check(tool, SCRIPT)
    assert code == 0, report


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["mypy", "pyright"])
def test_a_wrong_script_does_not(tool: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(WRONG, encoding="utf-8")
    code, report = check(tool, path)
    assert code != 0
    assert "no_such_method" in report and '"int"' in report


def test_the_script_runs() -> None:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[2, 4, 2, 1]") == 1
