"""``tapeless run``: as Python would run the script, with Tapeless in PyTorch's place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[1] / "src"


def run(*arguments: Any, cwd: Path, plain: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script under Tapeless, or under Python alone."""
    command = [sys.executable] if plain else [sys.executable, "-m", "tapeless", "run"]
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    command += [str(argument) for argument in arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def script(folder: Path, text: str, name: str = "script.py") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_arguments_folder_and_names_are_those_of_python(tmp_path: Path) -> None:
    asks = (
        '"""About this."""\nimport sys, os, helper\n'
        "print(sys.argv, sys.path[0], __name__, __file__, __doc__, __package__, __cached__ if 0 else None)\n"
        "print(sys.modules['__main__'].__dict__ is globals(), helper.X, __builtins__.__name__)\n"
    )
    path = script(tmp_path / "code", asks)
    script(tmp_path / "code", "X = 3\n", "helper.py")
    ours = run("code/script.py", "--lr", "0.1", "-x", "--help", cwd=tmp_path)
    theirs = run("code/script.py", "--lr", "0.1", "-x", "--help", cwd=tmp_path, plain=True)
    assert ours.stdout == theirs.stdout and ours.returncode == 0, ours.stderr
    assert run(path, cwd=tmp_path).stdout == run(path, cwd=tmp_path, plain=True).stdout


def test_torch_is_tapeless(tmp_path: Path) -> None:
    text = (
        "import torch, torch.nn as nn, torch.nn.functional as F\nfrom torch.utils.data import DataLoader\n"
        "print(torch.__version__, nn.Linear.__module__, torch.tensor([1.0]))\n"
    )
    done = run(script(tmp_path, text), cwd=tmp_path)
    assert done.stdout == "2.13.0+tapeless tapeless.nn._linear tensor([1.])\n", done.stderr


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("raise SystemExit", 0),
        ("raise SystemExit('no luck')", 1),
        ("import atexit; atexit.register(print, 'bye'); print('hello')", 0),
        ("def f():\n    return 1 / 0\n\nf()\n", 1),
        ("x = (1,\n", 1),
        ("raise ValueError('a') from KeyError('b')", 1),
        ("import sys; sys.excepthook = lambda kind, error, frames: print('mine', error)\nraise ValueError(7)", 1),
    ],
)
def test_statuses_outputs_and_tracebacks_are_those_of_python(text: str, status: int, tmp_path: Path) -> None:
    path = script(tmp_path, text).name
    ours, theirs = run(path, cwd=tmp_path), run(path, cwd=tmp_path, plain=True)
    assert ours.returncode == theirs.returncode == status
    assert (ours.stdout, ours.stderr) == (theirs.stdout, theirs.stderr)


def test_errors_about_missing_names_end_at_the_line_of_the_script(tmp_path: Path) -> None:
    cases = {
        "import torch\n\ntorch.vmap(print)\n": 3,
        "import torch\nfrom torch.nn import SyncBatchNorm\n": 2,
        "import torch.onnx\n": 1,
        "from torch.nn.functional import sofmax\n": 1,
    }
    for text, line in cases.items():
        path = script(tmp_path, text)
        done = run(path, cwd=tmp_path)
        lines = done.stderr.splitlines()
        code = text.splitlines()[line - 1]
        assert lines[:3] == ["Traceback (most recent call last):", f'  File "{path}", line {line}, in <module>',
                             f"    {code}"]  # fmt: skip
        assert [x for x in lines if x.startswith("  File")] == lines[1:2], done.stderr
        assert lines[-1] == f"asked for in {path}, line {line}"


def test_a_module_runs_with_m(tmp_path: Path) -> None:
    script(tmp_path / "package", "", "__init__.py")
    script(tmp_path / "package", "VALUE = 5\n", "part.py")
    text = "import sys, torch\nfrom .part import VALUE\nprint(VALUE, sys.argv[1:], __name__, torch.__version__)\n"
    script(tmp_path / "package", text, "tool.py")
    script(tmp_path / "package", "from . import tool\n", "__main__.py")
    done = run("-m", "package.tool", "a", "-b", cwd=tmp_path)
    assert done.stdout == "5 ['a', '-b'] __main__ 2.13.0+tapeless\n", done.stderr
    assert run("-m", "package", cwd=tmp_path).stdout == "5 [] package.tool 2.13.0+tapeless\n"


def test_a_folder_runs_its_main(tmp_path: Path) -> None:
    script(tmp_path / "app", "import torch, sys; print('app', sys.path[0])\n", "__main__.py")
    assert run("app", cwd=tmp_path).stdout == f"app {tmp_path / 'app'}\n"


def test_what_cannot_run_is_told_in_one_line(tmp_path: Path) -> None:
    cases = {
        (): "tapeless: run: which script? tapeless run SCRIPT.py [ARGUMENTS], or tapeless run -m MODULE\n",
        ("-m",): "tapeless: run: which script? tapeless run SCRIPT.py [ARGUMENTS], or tapeless run -m MODULE\n",
        ("none.py",): "tapeless: can't open file 'none.py': [Errno 2] No such file or directory\n",
        ("-m", "no_such_module"): "tapeless: No module named 'no_such_module'\n",
        ("-m", "no_such.module"): "tapeless: No module named 'no_such'\n",
        ("-v", "x.py"): "tapeless: run: there is no option '-v'; the script comes first, its own options behind it\n",
    }
    for arguments, line in cases.items():
        done = run(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", line), arguments
    assert "usage: tapeless run SCRIPT.py" in run("--help", cwd=tmp_path).stdout


WORKERS = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor(float(index)) ** 2


if __name__ == "__main__":
    loader = DataLoader(Squares(), batch_size=4, num_workers=1, multiprocessing_context=sys.argv[1])
    print([batch.tolist() for batch in loader])
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_that_the_script_starts_have_tapeless_too(method: str, tmp_path: Path) -> None:
    done = run(script(tmp_path, WORKERS), method, cwd=tmp_path)
    assert done.stdout == "[[0.0, 1.0, 4.0, 9.0], [16.0, 25.0, 36.0, 49.0]]\n", done.stderr


def test_interrupts_give_status_130(tmp_path: Path) -> None:
    done = run(script(tmp_path, "raise KeyboardInterrupt\n"), cwd=tmp_path)
    assert done.returncode == 130 and done.stderr.endswith("KeyboardInterrupt\n")
