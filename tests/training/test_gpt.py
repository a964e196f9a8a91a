"""The GPT of examples/gpt.py: it learns, it writes, and its losses are those of the same file run in PyTorch."""

from __future__ import annotations

import argparse
import inspect
import math
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "gpt.py"


def load(library: str) -> Any:
    """Return the example as a module that runs in this library: `tapeless`, or `torch`."""
    source = EXAMPLE.read_text(encoding="utf-8")
    source = source.replace("import tapeless as tl", f"import {library} as tl").replace(
        "from tapeless", f"from {library}"
    )
    module = types.ModuleType("gpt")
    module.__dict__["__name__"] = "gpt"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLE.parent))  # examples/_common.py
        exec(compile(source, str(EXAMPLE), "exec"), module.__dict__)
    return module


def start(example: Any, seed: int = 0) -> tuple[Any, list[str], Any]:
    """Return a new model, the characters and the text."""
    example.tl.manual_seed(seed)
    characters, data = example.encode(inspect.getsource(argparse))
    return example.GPT(len(characters)), characters, data


def write(example: Any, model: Any, characters: list[str], length: int) -> str:
    ids = example.sample(model, example.tl.zeros((1, 1), dtype=example.tl.int64), length)
    return "".join(characters[i] for i in ids[0, 1:].tolist())


def test_it_learns_and_writes() -> None:
    example = load("tapeless")
    model, characters, data = start(example)
    losses = example.train(model, data, 60)
    assert abs(losses[0] - math.log(len(characters))) < 0.1  # all characters equally likely
    assert np.mean(losses[-10:]) < 2.8  # seeds 0 to 5: 2.44 to 2.63
    example.tl.manual_seed(1)
    text = write(example, model, characters, 100)  # longer than what it sees
    assert len(text) == 100 and text.count(" ") > 5
    example.tl.manual_seed(1)
    assert write(example, model, characters, 100) == text


def test_it_sees_no_further_than_the_present() -> None:
    example = load("tapeless")
    model, _, data = start(example)
    first, second = data[:64].clone(), data[:64].clone()
    second[40:] = 0
    with example.tl.no_grad():
        one, other = model(first[None]), model(second[None])
    np.testing.assert_allclose(one[0, :40].numpy(), other[0, :40].numpy(), rtol=1e-4, atol=1e-6)
    assert not np.allclose(one[0, 40:].numpy(), other[0, 40:].numpy(), rtol=1e-2)


@pytest.mark.slow
def test_what_it_writes_looks_like_what_it_read() -> None:
    example = load("tapeless")
    model, characters, data = start(example)
    source = inspect.getsource(argparse)

    def familiar() -> float:
        """The share of four successive characters that occur in what it read."""
        text = write(example, model, characters, 500)
        return float(np.mean([text[i : i + 4] in source for i in range(len(text) - 3)]))

    assert familiar() < 0.05
    assert np.mean(example.train(model, data, 300)[-50:]) < 2.1  # seeds 0 to 2: 1.79 to 1.93
    assert familiar() > 0.35  # 0.52 to 0.68


def test_the_losses_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = []
        for library in ("tapeless", "torch"):
            example = load(library)
            model, characters, data = start(example)
            initial = {key: value.detach().numpy().copy() for key, value in model.state_dict().items()}
            runs.append((initial, example.train(model, data, 20), write(example, model, characters, 30)))
    finally:
        torch.set_num_threads(threads)
    (ours, losses, text), (theirs, expected, expected_text) = runs
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        np.testing.assert_allclose(ours[key], value, rtol=2e-6, atol=1e-8, err_msg=key)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert losses[-1] < 0.8 * losses[0]
    assert text == expected_text
