"""Averages of models beside PyTorch's, where it is installed, and against means computed by hand."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.optim import swa_utils

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]
needs_torch = pytest.mark.skipif(torch is None, reason="needs PyTorch")

LIBS = [tl] if torch is None else [tl, torch]
AVERAGES: dict[str, Any] = {
    "default": lambda s: {},
    "swa": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "swa-multi": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    "ema-multi": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    "ema-default": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn()},
    "own": lambda s: {"avg_fn": lambda average, current, n: average * 0.5 + current * 0.5 / (n + 1)},
}


def model_of(lib: Any) -> Any:
    """Make a small model with buffers, integers among them, in float64."""
    lib.manual_seed(0)
    return lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2)).double()


def trained(lib: Any, steps: int = 6, use_buffers: bool = False, **average: Any) -> tuple[Any, Any]:
    """Return a model and the average of it over some steps of training."""
    model = model_of(lib)
    averaged = lib.optim.swa_utils.AveragedModel(model, use_buffers=use_buffers, **average)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data = np.random.default_rng(0).normal(size=(steps, 5, 3))
    for batch in data:
        optimizer.zero_grad()
        (model(lib.tensor(batch)) ** 2).sum().backward()
        optimizer.step()
        averaged.update_parameters(model)
    return model, averaged


@needs_torch
@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_pytorchs(name: str, use_buffers: bool) -> None:
    if name == "swa-multi" and use_buffers:
        pytest.skip("PyTorch refuses means of integers there, num_batches_tracked of BatchNorm for one")
    rtol = 1e-6 if name == "swa-multi" else 1e-9  # PyTorch's weight 1 / (n + 1) is in float32 there
    states = []
    for lib in LIBS:
        _, averaged = trained(lib, use_buffers=use_buffers, **AVERAGES[name](lib.optim.swa_utils))
        states.append(averaged.state_dict())
    assert list(states[0]) == list(states[1])
    for key, mine in states[0].items():
        theirs = states[1][key].numpy()
        assert mine.numpy().dtype == theirs.dtype, key
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=rtol, atol=1e-12, err_msg=key)


@needs_torch
def test_update_bn_is_pytorchs() -> None:
    data = np.random.default_rng(1).normal(size=(4, 6, 3)) * 3 + 1
    for wrapped in (lambda x: x, lambda x: [x, 1], lambda x: (x, x)):
        results = []
        for lib in LIBS:
            model = trained(lib)[0].eval()
            model[1].momentum = 0.3
            lib.optim.swa_utils.update_bn([wrapped(lib.tensor(batch)) for batch in data], model)
            assert model[1].momentum == 0.3 and not model.training and not model[1].training
            layer = model[1]
            results.append([layer.running_mean.numpy(), layer.running_var.numpy(), layer.num_batches_tracked.numpy()])
        for mine, theirs in zip(*results, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)


SWALR: dict[str, dict[str, Any]] = {
    "cos": {"swa_lr": 0.05},
    "linear": {"swa_lr": [0.05, 0.2], "anneal_strategy": "linear", "anneal_epochs": 20},
    "at-once": {"swa_lr": 0.05, "anneal_epochs": 0},
    "one": {"swa_lr": 0.05, "anneal_epochs": 1},
}


@needs_torch
@pytest.mark.parametrize("options", SWALR.values(), ids=SWALR)
def test_swalr_is_pytorchs(options: dict[str, Any]) -> None:
    results, states = [], []
    for lib in LIBS:
        groups = [{"params": [lib.nn.Parameter(lib.zeros(1))], "lr": rate} for rate in (0.5, 0.01)]
        optimizer = lib.optim.SGD(groups)
        schedulers = [
            lib.optim.lr_scheduler.ExponentialLR(optimizer, 0.99),
            lib.optim.swa_utils.SWALR(optimizer, **options),
        ]
        history = []
        for t in range(100):
            optimizer.step()
            schedulers[t > 30].step()
            history.append(schedulers[t > 30].get_last_lr())
            if t == 35:
                saved = copy.deepcopy(schedulers[1].state_dict())
                rates = [group["lr"] for group in optimizer.param_groups]
                schedulers[1] = lib.optim.swa_utils.SWALR(optimizer, **options)
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate
                schedulers[1].load_state_dict(saved)
        results.append(history)
        states.append(schedulers[1].state_dict())
    np.testing.assert_allclose(*results, rtol=1e-12)
    assert set(states[0]) == set(states[1])


ERRORS: list[tuple[type[Exception], str, Any]] = [
    (
        ValueError,
        "Invalid decay value 1.5 provided. Please provide a value in [0,1] range.",
        lambda lib: lib.optim.swa_utils.get_ema_avg_fn(1.5),
    ),
    (
        ValueError,
        "Invalid decay value -0.5 provided. Please provide a value in [0,1] range.",
        lambda lib: lib.optim.swa_utils.get_ema_multi_avg_fn(-0.5),
    ),
    (
        AssertionError,
        "Only one of avg_fn and multi_avg_fn should be provided",
        lambda lib: lib.optim.swa_utils.AveragedModel(lib.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max),
    ),
    (
        ValueError,
        "anneal_strategy must be one of 'cos' or 'linear', instead got step",
        lambda lib: lib.optim.swa_utils.SWALR(_optimizer(lib), 0.1, anneal_strategy="step"),
    ),
    (
        ValueError,
        "anneal_epochs must be equal or greater than 0, got -1",
        lambda lib: lib.optim.swa_utils.SWALR(_optimizer(lib), 0.1, anneal_epochs=-1),
    ),
    (
        ValueError,
        "swa_lr must have the same length as optimizer.param_groups. swa_lr has 2 values, param_groups has 1.",
        lambda lib: lib.optim.swa_utils.SWALR(_optimizer(lib), [0.1, 0.2]),
    ),
]


def _optimizer(lib: Any) -> Any:
    return lib.optim.SGD([lib.nn.Parameter(lib.zeros(1))], lr=0.5)


@pytest.mark.parametrize(("kind", "message", "action"), ERRORS, ids=[e[1][:40] for e in ERRORS])
def test_errors_are_pytorchs(kind: Any, message: str, action: Any) -> None:
    for lib in LIBS:
        with pytest.raises(kind) as caught:
            action(lib)
        assert str(caught.value).startswith(message), lib.__name__


# -- Without PyTorch --------------------------------------------------------------------------------------


def weights_of(averaged: Any, values: list[float]) -> float:
    """Return the average of a weight that takes some values in turn."""
    model = tl.nn.Linear(1, 1, bias=False).double()
    averaged = averaged(model)
    for value in values:
        tl.nn.init.constant_(model.weight, value)
        averaged.update_parameters(model)
    return float(averaged.module.weight.item())


def test_means_by_hand() -> None:
    values = [1.0, 5.0, -3.0, 9.0]
    mean = weights_of(swa_utils.AveragedModel, values)
    assert mean == pytest.approx(np.mean(values), rel=1e-12)
    multi = weights_of(lambda m: swa_utils.AveragedModel(m, multi_avg_fn=swa_utils.get_swa_multi_avg_fn()), values)
    assert multi == pytest.approx(np.mean(values), rel=1e-12)
    expected = values[0]
    for value in values[1:]:
        expected = 0.9 * expected + 0.1 * value
    for options in ({"avg_fn": swa_utils.get_ema_avg_fn(0.9)}, {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9)}):
        ema = weights_of(lambda m, options=options: swa_utils.AveragedModel(m, **options), values)
        assert ema == pytest.approx(expected, rel=1e-12)


def test_the_average_is_a_model_of_its_own() -> None:
    """Training goes on in the arena of the model's optimizer, the average lies elsewhere."""
    model, averaged = trained(tl)
    before = averaged.state_dict()["module.0.weight"].numpy().copy()
    optimizer = tl.optim.Adam(model.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        model(tl.ones(2, 3, dtype=tl.float64)).sum().backward()
        optimizer.step()
    np.testing.assert_array_equal(before, averaged.module[0].weight.detach().numpy())
    assert averaged.n_averaged == 6
    x = tl.ones(2, 3, dtype=tl.float64)
    np.testing.assert_array_equal(averaged(x).detach().numpy(), averaged.module(x).detach().numpy())


def test_an_average_resumes() -> None:
    _, averaged = trained(tl)
    other = swa_utils.AveragedModel(model_of(tl))
    other.load_state_dict(averaged.state_dict())
    model = model_of(tl)
    for average in (averaged, other):
        average.update_parameters(model)
    for key, value in averaged.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.state_dict()[key].numpy(), err_msg=key)


def test_averages_need_no_gradient() -> None:
    model, averaged = trained(tl)
    averaged.update_parameters(model)
    assert all(p.requires_grad and p.grad is None for p in averaged.parameters())
    assert averaged.module[0].weight.is_leaf


def test_integers_are_averaged_too() -> None:
    """As in PyTorch, they are rounded towards 0 each time."""
    for function in (swa_utils.get_swa_multi_avg_fn(), swa_utils.get_ema_multi_avg_fn(0.5)):
        model = tl.nn.Module()
        model.register_buffer("count", tl.tensor([0]))
        averaged = swa_utils.AveragedModel(model, use_buffers=True, multi_avg_fn=function)
        for value in (4, 9):
            model.count.fill_(value)
            averaged.update_parameters(model)
        assert averaged.module.count.tolist() == [6]


def test_a_model_of_another_shape_is_refused() -> None:
    averaged = swa_utils.AveragedModel(tl.nn.Linear(2, 3))
    with pytest.raises(ValueError, match=r"the model has 2 parameters .* \[\(3, 4\), \(3,\)\], the average 2 of"):
        averaged.update_parameters(tl.nn.Linear(4, 3))
    assert averaged.n_averaged == 0


def test_update_bn_by_hand() -> None:
    data = np.random.default_rng(0).normal(size=(3, 8, 2))
    model = tl.nn.Sequential(tl.nn.BatchNorm1d(2, dtype=tl.float64))
    swa_utils.update_bn(map(tl.tensor, data), model)
    np.testing.assert_allclose(model[0].running_mean.numpy(), data.mean((0, 1)))
    np.testing.assert_allclose(model[0].running_var.numpy(), data.var(1, ddof=1).mean(0))
    assert model.training


def test_update_bn_leaves_a_model_as_it_was_when_a_batch_fails() -> None:
    model = tl.nn.Sequential(tl.nn.BatchNorm1d(2, momentum=0.25)).eval()
    with pytest.raises(ValueError, match="expected 2D or 3D input"):
        swa_utils.update_bn([tl.ones(4, 2), tl.ones(3)], model)
    assert model[0].momentum == 0.25 and not model.training


def test_update_bn_without_batch_norm_does_not_touch_the_data() -> None:
    swa_utils.update_bn(iter([]), tl.nn.Linear(1, 1))


def test_swalr_ends_at_swa_lr() -> None:
    for strategy, middle in (("cos", 0.3), ("linear", 0.3)):
        optimizer = _optimizer(tl)
        scheduler = swa_utils.SWALR(optimizer, 0.1, anneal_epochs=4, anneal_strategy=strategy)
        rates = [optimizer.param_groups[0]["lr"]]
        for _ in range(8):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        assert [rates[0], rates[2]] == pytest.approx([0.5, middle])
        assert rates[4:] == pytest.approx([0.1] * 5)


def test_get_lr_of_swalr_warns() -> None:
    scheduler = swa_utils.SWALR(_optimizer(tl), 0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scheduler.get_lr()
    assert "please use `get_last_lr()`" in str(caught[0].message)


@needs_torch
def test_the_same_names() -> None:
    assert set(swa_utils.__all__) == set(torch.optim.swa_utils.__all__)
