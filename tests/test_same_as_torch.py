"""Same seed, same numbers as PyTorch: a network, its batches and the losses of its training.

Without PyTorch the losses are compared with a list that it computed once: ``python -m tests.test_same_as_torch``
prints it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import tapeless as tl

STEPS = 200
SAMPLES, FEATURES, CLASSES, BATCH = 96, 6, 3, 16
KEPT = (0, 1, 9, 49, 99, 149, 199)

SETUPS: dict[str, dict[str, Any]] = {
    "Adam": {"optimizer": "Adam", "options": {"lr": 0.01}, "dropout": 0.0},
    "Adam with dropout": {"optimizer": "Adam", "options": {"lr": 0.01}, "dropout": 0.3},
    "AdamW": {"optimizer": "AdamW", "options": {"lr": 0.01, "amsgrad": True}, "dropout": 0.0},
    "SGD": {"optimizer": "SGD", "options": {"lr": 0.1}, "dropout": 0.0},
    "momentum": {
        "optimizer": "SGD",
        "options": {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3},
        "dropout": 0.0,
    },
}

FROZEN: dict[str, list[float]] = {
    "Adam": [1.179483, 1.048583, 1.026358, 0.90161, 0.657258, 0.626742, 0.316698],
    "Adam with dropout": [1.189385, 1.061322, 1.092221, 1.222671, 0.876702, 0.68793, 0.711258],
    "AdamW": [1.179483, 1.048593, 1.0265, 0.905604, 0.673767, 0.642915, 0.313134],
    "SGD": [1.179483, 1.050643, 1.092925, 1.074307, 0.977282, 0.946241, 0.921043],
    "momentum": [1.179483, 1.050547, 1.005328, 1.006746, 0.658579, 0.745789, 0.300067],
}


class Training(NamedTuple):
    """What one run leaves behind."""

    initial: list[Any]
    batches: list[Any]
    masks: list[Any]
    losses: list[float]
    final: list[Any]


def train(lib: Any, optimizer: str, options: dict[str, Any], dropout: float) -> Training:
    """Make data, a network and a loader from one seed, and train: the same lines for both libraries."""
    lib.manual_seed(0)
    x = lib.rand(SAMPLES, FEATURES) * 4 - 2  # randn may be off in the last bit, where libraries' logarithms are
    y = lib.randint(0, CLASSES, (SAMPLES,))
    model = lib.nn.Sequential(
        lib.nn.Linear(FEATURES, 16),
        lib.nn.ReLU(),
        lib.nn.Dropout(dropout),
        lib.nn.Linear(16, 16),
        lib.nn.ReLU(),
        lib.nn.Linear(16, CLASSES),
    )
    initial = [p.detach().numpy().copy() for p in model.parameters()]
    loader = lib.utils.data.DataLoader(lib.utils.data.TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    criterion, update = lib.nn.CrossEntropyLoss(), getattr(lib.optim, optimizer)(model.parameters(), **options)
    batches: list[Any] = []
    masks: list[Any] = []
    losses: list[float] = []
    model[2].register_forward_hook(lambda module, inputs, out: masks.append((out == 0).detach().numpy().copy()))
    while len(losses) < STEPS:
        for features, labels in loader:
            update.zero_grad()
            loss = criterion(model(features), labels)
            loss.backward()
            update.step()
            losses.append(loss.item())
            batches.append((features.numpy().copy(), labels.numpy().copy()))
            if len(losses) == STEPS:
                break
    return Training(initial, batches, masks, losses, [p.detach().numpy() for p in model.parameters()])


@pytest.fixture
def torch() -> Iterator[Any]:
    """PyTorch on one thread: on a busy machine its threads wait for each other longer than they compute."""
    module = pytest.importorskip("torch")
    threads = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(threads)


@pytest.mark.parametrize("name", SETUPS)
def test_training_is_pytorchs(name: str, torch: Any) -> None:
    theirs = train(torch, **SETUPS[name])
    ours = train(tl, **SETUPS[name])
    for mine, other in zip(ours.initial, theirs.initial, strict=True):
        np.testing.assert_array_equal(mine, other)
    for (x, y), (other_x, other_y) in zip(ours.batches, theirs.batches, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)
    # A unit may be off because ReLU gave 0, so only the first mask is the same for sure.
    np.testing.assert_array_equal(ours.masks[0], theirs.masks[0])
    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=1e-4)
    assert ours.losses[-1] < ours.losses[0]


def test_dropout_masks_are_pytorchs(torch: Any) -> None:
    masks = []
    for lib in (tl, torch):
        lib.manual_seed(3)
        ones = lib.ones(7, 11)
        masks.append([lib.nn.functional.dropout(ones, p).numpy() for p in (0.1, 0.5, 0.9) * 10])
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("name", SETUPS)
def test_training_is_what_pytorch_gave_once(name: str) -> None:
    ours = train(tl, **SETUPS[name])
    np.testing.assert_allclose([ours.losses[t] for t in KEPT], FROZEN[name], rtol=1e-4)


if __name__ == "__main__":
    import torch

    for name, setup in SETUPS.items():
        losses = train(torch, **setup).losses
        print(f'    "{name}": {[round(losses[t], 6) for t in KEPT]},')
