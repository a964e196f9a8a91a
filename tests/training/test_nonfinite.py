"""`fit` stops at NaN and infinities, names the layer, and leaves weights, moments and checkpoint as they were."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import tapeless as tl
from tapeless import datasets, nn, optim, training
from tapeless._core.tensor_base import wrap
from tapeless.training import _guard
from tapeless.utils.data import DataLoader, TensorDataset

X, Y = datasets.moons(n=64)
LOSS = nn.CrossEntropyLoss()
# The package silences these for its own frames, which pytest's filters undo.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


class Log(nn.Module):
    def forward(self, x):
        return x.log()


class Sqrt(nn.Module):
    def forward(self, x):
        return x.sqrt()


def fit(model, data=(X, Y), loss=LOSS, optimizer=None, **options):
    optimizer = optimizer or optim.Adam(model.parameters(), lr=0.01)
    defaults = {"epochs": 2, "batch_size": 16, "progress": False, "shuffle": False}
    return training.fit(model, data, loss=loss, optimizer=optimizer, **(defaults | options))


def message(model, *args, **options):
    with pytest.raises(FloatingPointError) as caught:
        fit(model, *args, **options)
    return str(caught.value)


def mlp(*middle):
    tl.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), *middle, nn.Linear(8, 2))


def state_of(model, optimizer):
    moments = {(n, k): v.numpy().copy() for n, e in optimizer.state_dict()["state"].items() for k, v in e.items()}
    return {k: v.numpy().copy() for k, v in model.state_dict().items()} | moments


def equal(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key], equal_nan=True) for key in a)


# --- the loss ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "kind"), [(math.nan, "NaN"), (math.inf, "infinity")])
def test_data(value, kind) -> None:
    bad = X.clone()
    bad[37, 1] = value
    text = message(mlp(nn.ReLU()), (bad, Y))
    assert text.startswith("the loss is nan in epoch 1, step 3: the input of this batch has ")
    assert f"has {kind} in it (first at [5, 1]); first non-finite output: " in text
    if value is math.nan:  # an infinity becomes NaN only further on, which then comes first
        assert "NaN from layer '0' (Linear(in_features=2, out_features=8, bias=True)), its input was not" in text
        assert "its input was not finite (NaN). Usual remedies: a smaller learning rate (it is 0.01)" in text


def test_target() -> None:
    target = tl.randn(64, 2)
    target[1, 0] = math.nan
    text = message(mlp(), (X, target), nn.MSELoss())
    assert "epoch 1, step 1: the target of this batch has NaN in it (first at [1, 0]). Usual" in text


def test_parameter() -> None:
    model = mlp(nn.Tanh())
    with tl.no_grad():
        model[2].weight[0, 3] = math.nan
    text = message(model)
    assert "epoch 1, step 1: parameter '2.weight' is not finite from the start; first non-finite output: NaN" in text
    assert (
        "layer '2' (Linear(in_features=8, out_features=2, bias=True)), its input was finite, its weight is not." in text
    )


@pytest.mark.parametrize(
    ("rate", "cause"),
    [
        (1e18, "outputs of layers are finite; the first gradient that is not: '0.weight'"),  # the error's square
        (1e25, r"infinity from layer '2' \(Linear\(.*\)\), its input was finite\."),
        (1e38, r"parameter '0.weight' is not finite since the step before; first non-finite output: "),
    ],
)
def test_exploding_learning_rate(rate, cause) -> None:
    model = mlp(nn.ReLU())
    text = message(
        model, (X, (9e5 if rate == 1e38 else 9) * tl.randn(64, 2)), nn.MSELoss(), optim.SGD(model.parameters(), lr=rate)
    )
    assert re.search(cause, text) and "in epoch 1, step 2: " in text and f"(it is {rate:g})" in text


def test_custom_layer() -> None:
    text = message(mlp(Log()))
    assert "epoch 1, step 1: first non-finite output: NaN from layer '1' (Log()), its input was finite. Usual" in text


def test_code_between_layers() -> None:
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 2)

        def forward(self, x):
            return self.last(self.first(x).log())

    text = message(nn.Sequential(Net()))
    assert (
        "first non-finite value: NaN made in the forward of layer '0' (Net(...)), on the way to layer '0.last' "
        "(Linear(in_features=8, out_features=2, bias=True)); its input was finite." in text
    )


def test_infinities_of_a_mask_are_not_blamed() -> None:
    class Mask(nn.Module):
        def forward(self, x):
            return x.masked_fill(tl.arange(8) > 5, -math.inf)

    model = mlp(Mask(), nn.Softmax(dim=1), Log(), nn.Linear(8, 8))
    text = message(model)
    assert "NaN from layer '4' (Linear(" in text and "its input was not finite (infinity)." in text
    assert "Mask" not in text and "Log" not in text


def test_infinity_without_nan() -> None:
    class Double(nn.Module):
        def forward(self, x):
            return (x * 0 + 3e38) * 2

    model = nn.Sequential(nn.Linear(2, 8), Double())
    text = message(model, loss=lambda out, y: out.sum())
    assert "the loss is inf" in text and "infinity from layer '1' (Double()), its input was finite." in text


def test_nan_buffer_of_a_layer() -> None:
    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("offset", tl.tensor([math.nan]))

        def forward(self, x):
            return x + self.offset

    assert "layer '1' (Shift()), its input was finite, its offset is not." in message(mlp(Shift()))


def test_dropout_is_drawn_again() -> None:
    seen = []

    class Pole(nn.Module):
        """NaN for what dropout left in the third step: other draws would give another answer."""

        def forward(self, x):
            seen.append(x.detach().numpy().copy())
            return x / 0 * 0 if len(seen) >= 3 and np.array_equal(seen[-1], seen[2]) else x

    text = message(mlp(nn.Dropout(0.5), Pole()))
    assert "epoch 1, step 3: first non-finite output: NaN from layer '2' (Pole()), its input was finite" in text
    assert len(seen) == 4 and np.array_equal(seen[3], seen[2]) and not np.array_equal(seen[2], seen[1])


def test_random_state_is_copied_only_for_models_that_draw(monkeypatch) -> None:
    calls = []
    original = _guard._random.get_rng_state
    monkeypatch.setattr(_guard._random, "get_rng_state", lambda: calls.append(1) or original())
    fit(mlp(nn.ReLU()), epochs=3)
    assert len(calls) == 3 * 2
    calls.clear()
    fit(mlp(nn.Dropout()), epochs=3)
    assert len(calls) == 3 * (4 + 1)


def test_draws_from_elsewhere() -> None:
    once = iter([math.nan])

    class Once(nn.Module):
        def forward(self, x):
            return x + next(once, 0.0)

    text = message(mlp(Once()))
    assert "in a second run of the batch the loss is finite, so it depends on random numbers that do not come" in text


def test_second_run_that_fails() -> None:
    once = iter([math.nan])

    def loss(output, target):
        return output.sum() + next(once)

    text = message(mlp(), loss=loss)
    assert "a second run of the batch, to find the layer, failed with StopIteration" in text


def test_second_run_leaves_hooks_buffers_and_stream_alone() -> None:
    model = mlp(nn.BatchNorm1d(8), nn.Dropout(), Log())
    message(model)
    assert int(model[1].num_batches_tracked) == 1
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    left = tl.rand(1)
    tl.manual_seed(0)
    nn.Linear(2, 8), nn.Linear(8, 2)  # what `mlp` drew after the seed, ...
    nn.Dropout()(tl.ones(16, 8))  # ... and the first run
    assert left == tl.rand(1)


def test_second_run_that_fails_leaves_the_stream_alone() -> None:
    class Once(nn.Module):
        def __init__(self):
            super().__init__()
            self.values = iter([math.nan])

        def forward(self, x):
            return x * next(self.values)

    model = nn.Sequential(Once(), nn.Dropout())
    before = tl.manual_seed(3).clone_state()
    with pytest.raises(FloatingPointError, match="failed with StopIteration"):
        fit(model, loss=lambda out, y: out.sum(), optimizer=optim.SGD([nn.Parameter(tl.ones(1))], lr=0.1))
    nn.functional.dropout(tl.ones(16, 2))
    left = tl.get_rng_state()
    tl.set_rng_state(before.get_state())
    nn.functional.dropout(tl.ones(16, 2)), nn.functional.dropout(tl.ones(16, 2))  # the first run's, and the one above
    assert left.equal(tl.get_rng_state())


# --- gradients -----------------------------------------------------------------------------------------------


def zero_for(step):
    """Data whose batch `step` (from 1, of 16) is zero."""
    data = X.clone()
    data[(step - 1) * 16 : step * 16] = 0
    return data


def sqrt_net():
    """The gradient of the root at 0 is infinite; its value is fine."""
    tl.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8, bias=False), nn.ReLU(), Sqrt(), nn.Linear(8, 2))


@pytest.mark.parametrize("optimizer", [optim.SGD, optim.Adam, optim.AdamW])
def test_gradient(optimizer) -> None:
    class Square(nn.Module):
        def forward(self, x):
            return (x * x).sum(1, keepdim=True).expand(-1, 8)

    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8, bias=False), Square(), Sqrt(), nn.Linear(8, 2))
    options = {"momentum": 0.9} if optimizer is optim.SGD else {}
    steps = optimizer(model.parameters(), lr=0.01, **options)
    fit(model, (X[:32], Y[:32]), optimizer=steps, epochs=1)
    good = state_of(model, steps)

    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8, bias=False), Square(), Sqrt(), nn.Linear(8, 2))
    steps = optimizer(model.parameters(), lr=0.01, **options)
    text = message(model, (zero_for(3), Y), optimizer=steps)
    assert text.startswith("the loss is finite (0.")
    assert "in epoch 1, step 3, but the gradient of '0.weight' has NaN in it: " in text
    assert "it arises in the backward pass of layer '2' (Sqrt()), whose output has a finite gradient. Weights" in text
    assert equal(good, state_of(model, steps)), "weights and moments are those of the last good step"
    assert all(p.grad is None for p in model.parameters())


def test_gradient_and_clipping() -> None:
    """Clipping by an infinite norm would turn all gradients to NaN and 0 before anyone looked."""
    text = message(sqrt_net(), clip_grad_norm=1.0)
    assert "step 1, but the gradient of '0.weight' has NaN in it: it arises in the backward pass of layer '2'" in text


def test_gradient_of_an_inner_layer() -> None:
    """The block around the root, and the layer before it, see the same numbers; the root is to blame."""
    model = sqrt_net()
    model = nn.Sequential(model[0], nn.Sequential(model[1], nn.Sequential(model[2])), model[3])
    assert "it arises in the backward pass of layer '1.1.0' (Sqrt()), whose output" in message(model)


def test_gradient_of_code_after_the_layers() -> None:
    text = message(mlp(), loss=lambda out, y: (out * 0).sum().sqrt())
    assert "'0.weight' and 3 more has NaN in it" in text
    assert "after layer '1' (Linear(in_features=8, out_features=2, bias=True)), on the way from the loss." in text


def test_gradient_of_a_parameter_of_the_loss() -> None:
    scale = nn.Parameter(tl.zeros(1))
    model = mlp()
    optimizer = optim.SGD([*model.parameters(), scale], lr=0.1)
    text = message(model, loss=lambda out, y: LOSS(out, y) + scale.sqrt().sum(), optimizer=optimizer)
    assert "the gradient of a parameter outside of the model has infinity in it: no output of a layer has" in text


def test_large_gradients_are_no_error() -> None:
    """The squares of these overflow."""
    model = mlp()
    history = fit(model, loss=lambda out, y: LOSS(out, y) * 1e30, epochs=1)
    assert history.epochs == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_check_of_gradients(dtype, value, order) -> None:
    p, q = (nn.Parameter(wrap(np.ones((3, 4), dtype))) for _ in range(2))
    optimizer = optim.SGD([p, q], lr=1.0)
    assert _guard.gradients_are_finite(optimizer), "without gradients"
    array = np.ones((6, 4), dtype)[::2] if order == "strided" else np.ones((3, 4), dtype, order=order)
    q._grad = array
    array[1] = 200  # the sum of squares is too large for half precision
    assert _guard.gradients_are_finite(optimizer)
    array[2, 1] = value
    assert not _guard.gradients_are_finite(optimizer)


def test_check_of_gradients_in_an_arena(monkeypatch) -> None:
    model = mlp()
    optimizer = optim.Adam(model.parameters())
    looked = []
    original = _guard._flat_gradients
    monkeypatch.setattr(_guard, "_flat_gradients", lambda o: looked.append(list(original(o))) or looked[-1])
    for _ in range(2):
        optimizer.zero_grad()
        LOSS(model(X), Y).backward()
        assert _guard.gradients_are_finite(optimizer)
        optimizer.step()
    assert [len(arrays) for arrays in looked] == [4, 1], "from the second step on they lie together"
    model[0].bias._grad[3] = math.nan
    assert not _guard.gradients_are_finite(optimizer) and len(looked[-1]) == 1
    model[0].bias.grad = tl.full((8,), math.inf)
    assert not _guard.gradients_are_finite(optimizer) and len(looked[-1]) == 4
    model[0].bias.grad = None
    assert _guard.gradients_are_finite(optimizer) and len(looked[-1]) == 3


# --- the checkpoint ------------------------------------------------------------------------------------------


def test_checkpoint_stays_the_last_good_one(tmp_path) -> None:
    """Training goes bad in the second epoch; the file is that of the first, and a run may go on from it."""
    path, calls = tmp_path / "run.npz", []

    def loss(output, target):
        calls.append(1)
        value = LOSS(output, target)
        return value + (output * 0).sum().sqrt() if len(calls) > 6 else value

    model = mlp(nn.Tanh())
    loader = DataLoader(TensorDataset(X, Y), 16)
    text = message(model, loader, loss=loss, checkpoint=path, batch_size=None)
    assert "in epoch 2, step 3, but the gradient" in text
    whole = mlp(nn.Tanh())
    fit(whole, loader, epochs=2, batch_size=None, checkpoint=tmp_path / "whole.npz")
    resumed = mlp(nn.Tanh())
    history = fit(resumed, loader, epochs=2, batch_size=None, checkpoint=path, resume=True)
    assert history.epochs == 2
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert np.array_equal(a.detach().numpy(), b.detach().numpy())
