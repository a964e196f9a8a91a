"""A process that is killed while it saves leaves the old file or the new one, whole; training goes on from it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import tapeless as tl
from tapeless import training

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
ROOT = Path(__file__).parents[2]

SAVER = """
import sys
import tapeless as tl
path, number = sys.argv[1], int(sys.argv[2])
while True:
    number += 1
    tl.save({"number": number, "weights": [tl.full((1 + number % 7, 20_000), float(number)) for _ in range(5)]}, path)
    print(number, flush=True)
"""

TRAINER = """
import sys
import tapeless as tl
from tapeless import nn, training

def train(checkpoint, epochs, resume):
    tl.manual_seed(0)
    x, y = tl.datasets.moons(400)
    model = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Dropout(0.2), nn.BatchNorm1d(64), nn.Linear(64, 2))
    optimizer = tl.optim.AdamW(model.parameters(), lr=0.02)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    history = training.fit(
        model, (x, y), loss=nn.CrossEntropyLoss(), optimizer=optimizer, scheduler=scheduler, epochs=epochs,
        batch_size=32, validation=(x[:50], y[:50]), metrics="accuracy", checkpoint=checkpoint, resume=resume,
        progress=False, callbacks=lambda epoch, row: print(epoch, flush=True),
    )
    return model, history

if __name__ == "__main__":
    model, history = train(sys.argv[1], int(sys.argv[2]), True)
    tl.save({"model": model.state_dict(), "loss": history["loss"], "lr": history["lr"]}, sys.argv[3])
"""


def start(program: Path, *arguments: Any) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(program), *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> str:
    """Kill without warning; return what the process had printed."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0]


def written(path: Path) -> int:
    """The number of the state in the file, after checking that all of it is of one save."""
    state = tl.load(path)
    number = state["number"]
    for weight in state["weights"]:
        assert weight.shape == (1 + number % 7, 20_000) and bool((weight == number).all())
    return int(number)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.safetensors", "x.pt", "x.npz"])
def test_a_file_is_always_whole(name: str, tmp_path: Path) -> None:
    (tmp_path / "saver.py").write_text(SAVER)
    path, chance = tmp_path / name, random.Random(name)
    tl.save({"number": 0, "weights": []}, path)
    last = caught_writing = 0
    for _ in range(12):
        process = start(tmp_path / "saver.py", path, last)
        assert process.stdout is not None
        process.stdout.readline()  # the first is written: from now on it writes all the time
        for _ in range(5):  # reading beside the writer finds whole files, too
            written(path)
            time.sleep(chance.uniform(0, 0.02))
        done = int((kill(process).split() or [last + 1])[-1])
        number = written(path)
        assert number in (done, done + 1), "the last that was reported, or the one after"
        caught_writing += len(list(tmp_path.glob(f".{name}.*.tmp")))
        for rest in tmp_path.glob(f".{name}.*.tmp"):
            rest.unlink()
        last = number
    assert last >= 12 and caught_writing, "some were killed in the middle of a write, else this shows nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run.npz", "run.safetensors", "run.pt"])
def test_training_goes_on_after_kills_to_the_same_bits(name: str, tmp_path: Path) -> None:
    (tmp_path / "trainer.py").write_text(TRAINER)
    epochs, chance = 30, random.Random(name)
    whole = start(tmp_path / "trainer.py", tmp_path / f"whole-{name}", epochs, tmp_path / "whole.pt")
    whole.communicate()
    kills = 0
    for _ in range(100):
        process = start(tmp_path / "trainer.py", tmp_path / name, epochs, tmp_path / "parts.pt")
        assert process.stdout is not None
        for _ in range(chance.randint(1, 6)):
            if not process.stdout.readline():
                break
        time.sleep(chance.uniform(0, 0.02))
        if process.poll() is not None:
            break
        kill(process)
        kills += 1
        if (tmp_path / name).exists():
            assert 1 <= training.load_checkpoint(tmp_path / name)["epoch"] <= epochs
    assert process.wait() == 0 and kills >= 3, "else this shows nothing"
    process.stdout.close()
    one, other = tl.load(tmp_path / "whole.pt"), tl.load(tmp_path / "parts.pt")
    assert one["loss"] == other["loss"] and one["lr"] == other["lr"] and len(one["loss"]) == epochs
    for key, value in one["model"].items():
        assert value.numpy().tobytes() == other["model"][key].numpy().tobytes(), key
