"""A worker of the data loader that is killed while `fit` runs: the error says so, and nothing is lost."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless import nn, optim, training
from tapeless.utils.data import DataLoader, Dataset, get_worker_info

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")


class Points(Dataset[Any]):
    """Points of a line; reading the last one kills the worker while the file `trap` exists."""

    def __init__(self, trap: str) -> None:
        self.trap = trap

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> Any:
        if index == 31 and get_worker_info() is not None and os.path.exists(self.trap):
            os.kill(os.getpid(), signal.SIGKILL)
        return tl.tensor([index / 32.0]), tl.tensor([index / 16.0])


def train(model: Any, optimizer: Any, trap: str, epochs: int, **options: Any) -> Any:
    loader = DataLoader(Points(trap), batch_size=8, num_workers=2)
    return training.fit(model, loader, loss=nn.MSELoss(), optimizer=optimizer, epochs=epochs, progress=False, **options)


def make() -> Any:
    tl.manual_seed(0)
    model = nn.Linear(1, 1)
    return model, optim.Adam(model.parameters(), lr=0.1)


def test_training_goes_on_from_the_checkpoint(tmp_path: Any) -> None:
    trap, path = tmp_path / "trap", tmp_path / "run.npz"
    whole, optimizer = make()
    train(whole, optimizer, str(trap), 2, checkpoint=tmp_path / "whole.npz")

    model, optimizer = make()
    train(model, optimizer, str(trap), 1, checkpoint=path)
    kept = path.read_bytes()
    trap.touch()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"):
        train(model, optimizer, str(trap), 2, checkpoint=path, resume=True)
    assert path.read_bytes() == kept
    assert np.isfinite(model.weight.detach().numpy()).all()

    trap.unlink()
    model, optimizer = make()
    assert train(model, optimizer, str(trap), 2, checkpoint=path, resume=True).epochs == 2
    for p, q in zip(model.parameters(), whole.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
