"""What one training step of a small MLP may cost, counted in calls: unlike times, counts know no busy machine.

A small model spends its time in calling functions, NumPy's and our own, so each one more is time lost for everybody.
The ceilings are the counts of today. Lowering them is welcome. Whoever needs to raise one says in the commit what the
new calls are for: the message of the failing test shows all of them.

NumPy's share is counted alike by every version of Python. Our own functions are, too, but for comprehensions, which
are calls before Python 3.12 and none since: they are left out.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn

SOURCE = str(Path(tl.__file__).parent)


def make_step(*sizes: int, batch: int) -> Callable[[], Any]:
    """Return one training step, as a user writes it, that has run often enough to be warm."""
    tl.manual_seed(0)
    layers: list[Any] = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    criterion, optimizer = nn.CrossEntropyLoss(), tl.optim.Adam(model.parameters())
    x, y = tl.randn(batch, sizes[0]), tl.randint(0, sizes[-1], (batch,))

    def step() -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):
        step()
    return step


class Counted:
    """A function of NumPy that counts its calls; the `reduce` of a ufunc counts, too."""

    def __init__(self, function: Any, name: str, calls: Counter[str]) -> None:
        self.function, self.name, self.calls = function, name, calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls[self.name] += 1
        return self.function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return Counted(getattr(self.function, name), f"{self.name}.{name}", self.calls)


class CountingNumPy:
    """Stands in for the module numpy."""

    def __init__(self, calls: Counter[str]) -> None:
        self.calls = calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        plain = isinstance(value, type) or not callable(value)
        return value if plain else Counted(value, f"np.{name}", self.calls)


def count_calls(step: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[str], Counter[str]]:
    """Run `step` and return, by name, the calls of our own functions, and those of NumPy's: functions and methods.

    Operators between arrays (``a * b``) are seen by nobody, so they are not among them.
    """
    own: Counter[str] = Counter()
    numpys: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if not code.co_filename.startswith((SOURCE, "<string>")):  # the latter: what plans are made of
            return
        if event == "call" and code.co_name not in ("<listcomp>", "<setcomp>", "<dictcomp>"):
            own[f"{Path(code.co_filename).stem}: {code.co_qualname}"] += 1
        elif event == "c_call" and isinstance(getattr(argument, "__self__", None), (np.ndarray, np.generic)):
            numpys[argument.__qualname__] += 1

    with monkeypatch.context() as patched:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "tapeless" and vars(module).get("np") is np:
                patched.setattr(module, "np", CountingNumPy(numpys))
        previous = sys.getprofile()
        sys.setprofile(profile)
        try:
            step()
        finally:
            sys.setprofile(previous)
    return own, numpys


def table(calls: Counter[str]) -> str:
    return "\n".join([f"{n:4d}  {name}" for name, n in sorted(calls.items(), key=lambda item: (-item[1], item[0]))])


# Layer sizes, batch, the most calls of our own functions, and of NumPy's.
@pytest.mark.parametrize(
    ("sizes", "batch", "most_own", "most_numpys"),
    [((2, 16, 16, 2), 100, 69, 38), ((64, 64, 10), 32, 58, 31)],
    ids=["mlp-toy", "mlp-small"],
)
def test_calls_of_a_training_step(sizes: tuple[int, ...], batch: int, most_own: int, most_numpys: int) -> None:
    # In a process of its own: once a program has had complex numbers or hooks, say, a step has a few calls more.
    env = os.environ | {"PYTHONPATH": str(Path(SOURCE).parent), "TAPELESS_NUMBA": "0"}  # compiled loops hide calls
    command = [sys.executable, __file__, str(batch), *map(str, sizes)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    own, numpys = map(Counter, json.loads(done.stdout))
    message = (
        f"{own.total()} calls of our own functions, at most {most_own} wanted; {numpys.total()} of NumPy's, at most "
        f"{most_numpys} wanted. The calls of this step:\n{table(own)}\n\n{table(numpys)}"
    )
    assert own.total() <= most_own, message
    assert numpys.total() <= most_numpys, message
    assert numpys["np.dot"] and own["function: Function.record"]  # the counting itself works


if __name__ == "__main__":
    step = make_step(*map(int, sys.argv[2:]), batch=int(sys.argv[1]))
    with pytest.MonkeyPatch.context() as patched:
        print(json.dumps(count_calls(step, patched)))
