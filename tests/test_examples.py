"""Each script in examples/ runs and ends with the number that it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# script -> what the last line says, and between which numbers
EXPECTED = {
    "linear_regression": ("loss", 2.79, 2.81),
    "digits_mlp": ("test accuracy", 0.93, 1.0),
    "lenet_digits": ("test accuracy", 0.93, 1.0),
    "vae_digits": ("loss", 24.0, 26.0),
    "char_gpt": ("loss", 2.0, 2.7),
    "custom_function": ("loss", 0.0, 0.1),
}


def run(script: Path, folder: Path, *arguments: str) -> str:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(script), *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_listed() -> None:
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert scripts == set(EXPECTED), "give each example its number here"
    page = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert not [name for name in scripts if f"({name}.py)" not in page], "examples/README.md lists all examples"


@pytest.mark.parametrize("name", EXPECTED)
def test_example_ends_with_its_number(name: str, tmp_path: Path) -> None:
    output = run(ROOT / "examples" / f"{name}.py", tmp_path, "--quick")
    what, low, high = EXPECTED[name]
    found = re.fullmatch(rf"{what}: ([\d.]+)", output.strip().splitlines()[-1])
    assert found is not None, output
    assert low <= float(found[1]) <= high, output


@pytest.mark.parametrize("name", EXPECTED)
def test_example_says_what_it_takes(name: str, tmp_path: Path) -> None:
    output = run(ROOT / "examples" / f"{name}.py", tmp_path, "--help")
    assert output.startswith(f"usage: {name}.py") and "--quick" in output


def test_options_of_the_examples(tmp_path: Path) -> None:
    lines = run(ROOT / "examples" / "lenet_digits.py", tmp_path, "--epochs", "2", "--batch-size", "128").splitlines()
    assert [line[:8] for line in lines[:-1]] == ["epoch  1", "epoch  2"]
    lines = run(ROOT / "examples" / "vae_digits.py", tmp_path, "--epochs", "1", "--samples", "2").splitlines()
    drawn = lines[lines.index("images made of random codes:") + 1 :][:8]
    assert max(map(len, drawn)) in range(17, 35), "two images of 16 characters, and two spaces between"


def test_gradcheck_in_the_example_tells_right_from_wrong(tmp_path: Path) -> None:
    lines = run(ROOT / "examples" / "custom_function.py", tmp_path, "--quick").splitlines()
    assert lines[:3] == ["gradcheck: True", "gradgradcheck: True", "gradcheck of the wrong rule: False"]
