"""Programs in the manner of published PyTorch code, unchanged under PyTorch and under ``tapeless run``.

Each is of our own, starts from a seed, says in its header how closely the final losses agree, and prints
``final loss:`` last. What PyTorch's ended with is in `final_losses.json`, so that programs are held to it where
PyTorch is not installed, too; ``python tests/programs/test_programs.py`` records it anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
RECORD = HERE / "final_losses.json"
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith(("test_", "_")))
TOLERANCE = re.compile(r"^# final loss agrees within (\S+)( relative)?$", re.MULTILINE)


def tolerance(name: str) -> dict[str, float]:
    """What the program's header says, as arguments of `pytest.approx`."""
    number, relative = TOLERANCE.search((HERE / f"{name}.py").read_text()).groups()
    return {"rel": float(number), "abs": 0.0} if relative else {"abs": float(number), "rel": 0.0}


def final_loss(name: str, command: list[str], folder: Path) -> float:
    """Run a program in a folder of its own; return the number that it prints last."""
    # One thread: sums of several threads end in other digits, which long runs of chaotic losses would show.
    env = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command, str(HERE / f"{name}.py")],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return float(re.search(r"^final loss: (\S+)\n\Z", done.stdout, re.MULTILINE)[1])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_final_loss_is_the_one_recorded_of_pytorch(name: str, tmp_path: Path) -> None:
    recorded = json.loads(RECORD.read_text())
    assert final_loss(name, ["-m", "tapeless", "run"], tmp_path) == pytest.approx(recorded[name], **tolerance(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_final_loss_is_that_of_pytorch(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    ours, theirs = (final_loss(name, command, tmp_path) for command in (["-m", "tapeless", "run"], []))
    assert ours == pytest.approx(theirs, **tolerance(name))


def test_there_are_enough_programs_and_all_are_recorded() -> None:
    assert len(PROGRAMS) >= 25
    assert sorted(json.loads(RECORD.read_text())) == PROGRAMS


if __name__ == "__main__":
    losses = {name: final_loss(name, [], Path.cwd()) for name in PROGRAMS}
    RECORD.write_text(json.dumps(losses, indent=2) + "\n")
