"""A checkpoint that does not fit is refused by name, and neither the model nor the file changes."""

from __future__ import annotations

import numpy as np
import pytest

import tapeless as tl
from tapeless import datasets, nn, optim, training
from tapeless.utils.data import DataLoader, TensorDataset

X, Y = datasets.moons(n=40)


def make(middle=8, optimizer=optim.Adam):
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, middle), nn.Linear(middle, 2))
    return model, optimizer(model.parameters(), lr=0.01)


def run(model, optimizer, path, data=(X, Y), **options):
    return training.fit(
        model,
        data,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        epochs=2,
        checkpoint=path,
        progress=False,
        **options,
    )


@pytest.fixture
def path(tmp_path):
    tl.manual_seed(0)
    run(*make(), tmp_path / "run.npz")
    return tmp_path / "run.npz"


def own_generator():
    return DataLoader(TensorDataset(X, Y), 8, shuffle=True, generator=tl.Generator())


@pytest.mark.parametrize(
    ("build", "options", "error", "message"),
    [
        ({"middle": 5}, {}, RuntimeError, r"size mismatch for 2.weight"),
        ({"optimizer": optim.SGD}, {}, ValueError, "made with optimizer Adam, now it is SGD"),
        ({}, {"monitor": "-loss"}, ValueError, "made with monitor='loss', now it is '-loss'"),
        ({}, {"data": own_generator}, ValueError, "have 1 generators of their own, in the checkpoint they had 0"),
    ],
)
def test_what_differs_is_named_and_nothing_is_lost(path, build, options, error, message):
    options = {name: value() if callable(value) else value for name, value in options.items()}
    model, optimizer = make(**build)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    file, random_state = path.read_bytes(), tl.get_rng_state()
    with pytest.raises(error, match=message):
        run(model, optimizer, path, resume=True, **options)
    assert all(np.array_equal(before[name], value.numpy()) for name, value in model.state_dict().items())
    assert path.read_bytes() == file and not optimizer.state_dict()["state"]
    assert bool((tl.get_rng_state() == random_state).all())


def test_a_checkpoint_with_parts_missing(path):
    state = training.load_checkpoint(path)
    del state["history"], state["best"]
    training.save_checkpoint(state, path)
    with pytest.raises(ValueError, match=r"no checkpoint of fit \(without history, best\)"):
        run(*make(), path, resume=True)


def scheduled(optimizer, size=1):
    return optim.lr_scheduler.StepLR(optimizer, size)


def test_a_scheduler_that_was_not_there(path):
    model, optimizer = make()
    with pytest.raises(ValueError, match="made with scheduler None, now it is StepLR"):
        run(model, optimizer, path, resume=True, scheduler=scheduled(optimizer))


def test_optimizer_and_scheduler_are_put_back_when_loading_fails_late(tmp_path):
    path = tmp_path / "run.npz"
    model, optimizer = make()
    run(model, optimizer, path, scheduler=scheduled(optimizer))
    state = training.load_checkpoint(path)
    state["history"] = {"nonsense": 1}
    training.save_checkpoint(state, path)
    model, optimizer = make()
    scheduler = scheduled(optimizer, 5)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    with pytest.raises(Exception):  # noqa: B017  whatever a broken file leads to
        run(model, optimizer, path, resume=True, scheduler=scheduler)
    assert not optimizer.state_dict()["state"] and optimizer.param_groups[0]["lr"] == 0.01
    assert scheduler.last_epoch == 0 and scheduler.step_size == 5
    assert all(np.array_equal(before[name], value.numpy()) for name, value in model.state_dict().items())
