"""The scripts in examples/: each says what it reaches, and those that take a second are run here.

All of them, shortened and with their pictures, run in `make examples`, which .ci/run calls.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("[!_]*.py"))
QUICK = ["linear_regression", "digits_mlp", "digits_cnn", "custom_function"]


def load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_all", EXAMPLES / "_run_all.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_all"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


runner = load_runner()


def run(name: str, folder: Path, *arguments: str) -> list[str]:
    """Run a script away from the checkout; return the lines that it printed."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py"), *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()


def test_every_example_is_listed() -> None:
    assert sorted(runner.ORDER) == NAMES, "examples/_run_all.py runs what ORDER names"
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert not [name for name in NAMES if f"({name}.py)" not in page], "examples/README.md lists all examples"


@pytest.mark.parametrize("name", NAMES)
def test_example_says_what_it_reaches(name: str, tmp_path: Path) -> None:
    full, quick = runner.goal_of(name, quick=False), runner.goal_of(name, quick=True)
    assert full.reached(full.bound) and quick.reached(full.bound), "a full run gets at least as far as a short one"
    assert not full.reached(float("nan"))
    text = "\n".join(run(name, tmp_path, "--help"))
    assert text.startswith(f"usage: {name}.py") and "--quick" in text and "--seed" in text


@pytest.mark.parametrize("name", QUICK)
def test_example_ends_with_its_number(name: str, tmp_path: Path) -> None:
    goal = runner.goal_of(name, quick=True)
    found = re.fullmatch(rf"{goal.what}: (\S+)", run(name, tmp_path, "--quick")[-1])
    assert found is not None and goal.reached(float(found[1]))


def test_options_of_the_examples(tmp_path: Path) -> None:
    lines = run("digits_cnn", tmp_path, "--quick", "--epochs", "2", "--batch-size", "128")
    assert [line[:8] for line in lines if line.startswith("epoch")] == ["epoch  1", "epoch  2"], "options go before"


def test_gradcheck_in_the_example_tells_right_from_wrong(tmp_path: Path) -> None:
    lines = run("custom_function", tmp_path, "--quick")
    assert lines[:3] == ["gradcheck: True", "gradgradcheck: True", "gradcheck of the wrong rule: False"]


# --- the runner --------------------------------------------------------------------------------------------


def script(goal: str, *lines: str) -> str:
    return "\n".join([f'"""Title.\n\n{goal}\n"""', *lines])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    monkeypatch.setattr(runner, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(runner, "ORDER", ["a", "b"])
    return tmp_path


RIGHT = "Goal: loss <= 0.5 in a full run, <= 0.9 with --quick."


@pytest.mark.parametrize(
    ("lines", "missed"),
    [
        (["print('loss: 0.4')"], 0),
        (["print('loss: 0.6')"], 1),
        (["print('loss: nan')"], 1),
        (["print('accuracy: 0.4')"], 1),
        (["print('loss: 0.4')", "raise SystemExit(3)"], 1),
        ([], 1),
    ],
)
def test_the_runner_tells_reached_from_missed(folder: Path, lines: list[str], missed: int, capsys: Any) -> None:
    (folder / "a.py").write_text(script(RIGHT, *lines))
    assert runner.run_all(["a"], quick=False, record=False) == missed
    assert ("MISSED" in capsys.readouterr().out) == bool(missed)


def test_quick_runs_have_a_bound_of_their_own(folder: Path) -> None:
    (folder / "a.py").write_text(script(RIGHT, "import sys; print('loss:', 0.8 if '--quick' in sys.argv else 0.6)"))
    assert runner.run_all(["a"], quick=True, record=False) == 0
    assert runner.run_all(["a"], quick=False, record=False) == 1


def test_a_script_without_a_goal_is_refused(folder: Path) -> None:
    (folder / "a.py").write_text(script("Goal: a good loss."))
    with pytest.raises(ValueError, match=r"a.py: the docstring needs a line 'Goal: WHAT >= X in a full run"):
        runner.goal_of("a", quick=True)


def test_what_is_recorded_is_what_the_page_shows(folder: Path) -> None:
    for name, loss in (("b", 0.25), ("a", 0.125)):
        (folder / f"{name}.py").write_text(script(RIGHT, f"print('loss: {loss}')"))
    (folder / "output").mkdir()
    (folder / "output" / "b.png").write_bytes(b"picture")
    assert runner.run_all(["b", "a"], quick=False, record=True) == 0
    results = json.loads((folder / "docs" / "examples.json").read_text())
    assert list(results) == ["a", "b"] and results["a"]["value"] == 0.125
    text = (folder / "docs" / "gallery.md").read_text()
    assert text == runner.page(results)
    assert "| [b](#b) | loss | 0.25 | at most 0.5 |" in text
    assert "![b](images/b.png)" in text and "![a]" not in text
    assert (folder / "docs" / "images" / "b.png").read_bytes() == b"picture"
    (folder / "output" / "a.svg").write_bytes(b"drawing")
    assert runner.run_all(["a"], quick=False, record=True) == 0
    assert "![a](images/a.svg)" in (folder / "docs" / "gallery.md").read_text()


def test_the_gallery_is_that_of_the_recorded_results() -> None:
    results = json.loads((ROOT / "docs" / "examples.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8") == runner.page(results)
    assert sorted(results) == NAMES, "python examples/_run_all.py --record NAME"
    for name, result in results.items():
        goal = runner.goal_of(name, quick=False)
        assert (result["what"], result["relation"], result["bound"]) == (goal.what, goal.relation, goal.bound), name
        assert goal.reached(result["value"]), f"{name} missed its goal"
        pictures = [ROOT / "docs" / "images" / f"{name}.{ending}" for ending in ("png", "svg")]
        assert any(picture.exists() for picture in pictures), f"{name} has no picture"
