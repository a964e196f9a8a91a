"""`find_learning_rate`: it finds rates of the right size, and leaves no trace."""

from __future__ import annotations

import copy
import math
import random
import re

import numpy as np
import pytest

import tapeless as tl
from tapeless import datasets, nn, optim, training
from tapeless.training import RateSweep, find_learning_rate
from tapeless.training._plot import matplotlib_available
from tapeless.utils.data import DataLoader, TensorDataset

X, Y = datasets.moons(n=120)
LOSS = nn.CrossEntropyLoss()
needs_matplotlib = pytest.mark.skipif(not matplotlib_available(), reason="matplotlib is not installed")
# The package silences these for its own frames, which pytest's filters undo.
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


class Bowl(nn.Module):
    """The loss is curvature / 2 * w**2, whatever the data: gradient descent diverges from 2 / curvature on."""

    def __init__(self, size=3):
        super().__init__()
        self.w = nn.Parameter(tl.ones(size, dtype=tl.float64))

    def forward(self, x):
        return self.w


BOWL_DATA = [(tl.zeros(1), tl.zeros(1))]


def bowl(curvature, **options):
    model = Bowl()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    defaults = {"start": 1e-7, "end": 1e4, "steps": 200}
    return find_learning_rate(
        model, BOWL_DATA, loss=lambda w, _: curvature / 2 * (w**2).sum(), optimizer=optimizer, **(defaults | options)
    )


def network(optimizer=optim.Adam, **options):
    tl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    groups = [
        {"params": model[0].parameters()},
        {"params": [*model[1].parameters(), *model[4].parameters()], "lr": 0.1},
    ]
    return model, optimizer(groups, **({"lr": 0.02} | options))


def streams():
    return tl.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())


def everything(model, optimizer):
    state = optimizer.state_dict()
    return {
        "model": {name: t.numpy().tobytes() for name, t in model.state_dict().items()},
        "gradients": [None if p.grad is None else p.grad.numpy().tobytes() for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "state": {n: {k: v.numpy().tobytes() for k, v in e.items()} for n, e in state["state"].items()},
        "groups": state["param_groups"],
        "requires": [p.requires_grad for p in model.parameters()],
    }


# --- what it finds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curvature", [0.01, 1.0, 100.0])
def test_curvature_sets_the_scale(curvature) -> None:
    sweep = bowl(curvature, smoothing=0)
    assert sweep.stopped == "diverged"
    assert 2 < sweep.rates[-1] * curvature < 4, "it diverges from 2 / curvature on"
    assert 0.02 < sweep.suggestion * curvature < 1
    smooth = bowl(curvature)
    assert 0.02 < smooth.suggestion * curvature < 1
    assert smooth.suggestion * curvature == pytest.approx(bowl(10 * curvature).suggestion * 10 * curvature, rel=0.15)


def test_losses_are_those_of_the_steps() -> None:
    sweep = bowl(1.0, smoothing=0, start=0.01, end=1, steps=5)
    rates = [10 ** (k / 2 - 2) for k in range(5)]
    w, losses = 1.0, []
    for rate in rates:
        losses.append(3 / 2 * w**2)
        w -= rate * w
    assert sweep.rates == pytest.approx(rates) and sweep.losses == pytest.approx(losses)
    assert sweep.smoothed == sweep.losses and sweep.stopped == "finished"


def test_smoothing_has_no_bias() -> None:
    sweep = bowl(1.0, smoothing=0.8, steps=50)
    weights = [0.8**k for k in range(50)]
    for i in (0, 1, 7, len(sweep.losses) - 1):
        past = sweep.losses[i::-1]
        expected = np.average(past, weights=weights[: i + 1])
        assert sweep.smoothed[i] == pytest.approx(expected)


def test_the_suggestion_trains_better_than_rates_far_from_it() -> None:
    def end(rate):
        tl.manual_seed(1)
        model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        optimizer = optim.SGD(model.parameters(), lr=rate or 1.0)
        if rate is None:
            return find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer, batch_size=16).suggestion
        return training.fit(model, (X, Y), loss=LOSS, optimizer=optimizer, epochs=5, progress=False)["loss"][-1]

    rate = end(None)
    assert end(rate) < 0.7 * end(rate / 100) and end(rate) < 0.7 * end(rate * 1000)


def test_groups_keep_their_ratio() -> None:
    model, optimizer = network()
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append([group["lr"] for group in o.param_groups]))
    sweep = find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer, steps=5, end=0.1)
    assert [a for a, _ in seen] == sweep.rates
    assert [b / a for a, b in seen] == pytest.approx([5] * 5)


def test_loss_below_zero() -> None:
    model = Bowl()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    shifted = {"loss": lambda w, _: (w**2).sum() - 9, "optimizer": optimizer, "steps": 100, "smoothing": 0}
    sweep = find_learning_rate(model, BOWL_DATA, **shifted)
    assert sweep.stopped == "diverged" and sweep.losses[-1] > -9 + 3 * 9 and 0.01 < sweep.suggestion < 1


def test_clipping() -> None:
    free, clipped = bowl(1.0), bowl(1.0, clip_grad_norm=1e-3)
    assert clipped.rates[-1] > 30 * free.rates[-1]


def test_a_loss_that_never_falls() -> None:
    model = Bowl()
    options = {"loss": lambda w, _: (w * 0).sum() + 3, "optimizer": optim.SGD(model.parameters(), lr=1.0)}
    sweep = find_learning_rate(model, BOWL_DATA, **options)
    assert sweep.stopped == "finished" and len(sweep.rates) == 100 and sweep.suggestion is None
    assert re.fullmatch(
        "RateSweep: 100 rates from 1e-07 to 10, finished; smallest loss 3 at .*, no suggestion", repr(sweep)
    )
    assert repr(RateSweep()) == "RateSweep: 0 rates, finished; no suggestion"


# --- how it ends ---------------------------------------------------------------------------------------------


def test_stops_where_it_diverges() -> None:
    early, late = bowl(1.0, smoothing=0, diverges=1.5), bowl(1.0, smoothing=0, diverges=1e6)
    assert len(early.rates) <= len(late.rates) < 200
    for sweep, factor in ((early, 1.5), (late, 1e6)):
        assert sweep.losses[-1] > factor * min(sweep.losses)
        assert sweep.losses[-2] <= factor * min(sweep.losses[:-1])


def test_not_finite() -> None:
    sweep = bowl(1.0, smoothing=0, diverges=math.inf, end=1e300, steps=100)
    assert sweep.stopped == "not finite" and len(sweep.rates) < 100
    assert all(map(math.isfinite, sweep.losses))


@pytest.mark.parametrize("loss", [lambda out, y: out.sum() * math.nan, lambda out, y: (out * 0).sum().sqrt()])
def test_not_finite_from_the_start(loss) -> None:
    model, optimizer = network()
    before = everything(model, optimizer)
    with pytest.raises(FloatingPointError, match="the first loss or its gradient is not finite, before any step"):
        find_learning_rate(model, (X, Y), loss=loss, optimizer=optimizer)
    assert everything(model, optimizer) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 0}, "0 < start < end, got start=0 and end=10.0"),
        ({"start": 1, "end": 0.1}, "0 < start < end"),
        ({"end": math.inf}, "0 < start < end"),
        ({"steps": 4}, "steps to be a whole number of at least 5, got 4"),
        ({"steps": 9.5}, "steps to be a whole number"),
        ({"smoothing": 1}, "smoothing from 0 to below 1, got 1"),
        ({"diverges": 1}, "diverges > 1"),
        ({"clip_grad_norm": 0}, "clip_grad_norm > 0"),
        ({"train": []}, "at least one batch, got none at all"),
        ({"loss": lambda out, y: out}, r'one number, got a tensor of shape \[32, 2\]; is reduction="mean" missing'),
    ],
)
def test_wrong_arguments(options, message) -> None:
    model, optimizer = network()
    before = everything(model, optimizer)
    with pytest.raises(ValueError, match=message):
        find_learning_rate(model, **({"train": (X, Y), "loss": LOSS, "optimizer": optimizer} | options))
    assert everything(model, optimizer) == before


def test_lazy_layers() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2))
    optimizer = optim.SGD(model[1].parameters(), lr=1.0)
    with pytest.raises(ValueError, match="whose layers know their sizes, got '0.weight' without one"):
        find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer)


def test_data_for_once() -> None:
    class Once:
        def __init__(self):
            self.batches = iter([(X[:16], Y[:16])] * 3)

        def __iter__(self):
            yield from self.batches

    model, optimizer = network()
    with pytest.raises(ValueError, match="got none the second time; pass data that can be gone through again"):
        find_learning_rate(model, Once(), loss=LOSS, optimizer=optimizer)


# --- that it leaves no trace ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop, optim.Adagrad])
@pytest.mark.parametrize("trained", [False, True])
def test_everything_is_as_before(kind, trained) -> None:
    model, optimizer = network(kind, **({"momentum": 0.9} if kind is optim.SGD else {}))
    if trained:
        training.fit(model, (X, Y), loss=LOSS, optimizer=optimizer, epochs=1, progress=False)
    LOSS(model(X), Y).backward()
    model[4].bias.grad = None
    model[1].eval()
    groups, parameters = list(optimizer.param_groups), list(model.parameters())
    held = parameters[0].grad
    before, drawn = copy.deepcopy(everything(model, optimizer)), streams()
    sweep = find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer)
    assert len(sweep.rates) > 20
    assert everything(model, optimizer) == before and streams() == drawn
    assert all(a is b for a, b in zip(groups, optimizer.param_groups, strict=True)), "handles on groups stay good"
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True)) and parameters[0].grad is held


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_everything_is_as_before_after_an_error(error) -> None:
    model, optimizer = network()
    training.fit(model, (X, Y), loss=LOSS, optimizer=optimizer, epochs=1, progress=False)
    generator = tl.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(X, Y), 16, shuffle=True, generator=generator)
    before, drawn, own = everything(model, optimizer), streams(), generator.get_state().tolist()
    calls = []

    def loss(output, target):
        calls.append((random.random(), np.random.rand()))
        if len(calls) == 30:
            raise error
        return LOSS(output, target)

    with pytest.raises(error):
        find_learning_rate(model, loader, loss=loss, optimizer=optimizer)
    assert len(calls) == 30
    assert everything(model, optimizer) == before and streams() == drawn and generator.get_state().tolist() == own


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_training_goes_on_as_without(kind) -> None:
    results = []
    for look in (False, True):
        model, optimizer = network(kind)
        if look:
            find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer)
        training.fit(model, (X, Y), loss=LOSS, optimizer=optimizer, epochs=3, progress=False)
        results.append(everything(model, optimizer))
    assert results[0] == results[1]


def test_parameters_of_the_loss_and_replaced_buffers() -> None:
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(tl.ones(1))
            self.register_buffer("count", tl.zeros(1))

        def forward(self, output, target):
            self.count = self.count + 1
            return LOSS(output * self.scale, target)

    model, _ = network()
    loss = Scaled()
    count = loss.count
    optimizer = optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1)
    find_learning_rate(model, (X, Y), loss=loss, optimizer=optimizer)
    assert loss.scale.item() == 1 and loss.count is count and count.item() == 0


def test_is_the_same_every_time() -> None:
    model, optimizer = network()
    first, second = (find_learning_rate(model, (X, Y), loss=LOSS, optimizer=optimizer) for _ in range(2))
    assert first == second


# --- pictures ------------------------------------------------------------------------------------------------


@needs_matplotlib
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(tmp_path, suffix) -> None:
    path = tmp_path / f"rates.{suffix}"
    sweep = bowl(1.0)
    sweep.plot(path, title="A bowl")
    assert path.stat().st_size > 1000
    if suffix == "svg":
        assert "<svg" in path.read_text()


@pytest.mark.skipif(matplotlib_available(), reason="matplotlib is installed")
def test_plot_without_matplotlib(tmp_path) -> None:
    with pytest.raises(ModuleNotFoundError, match="writing a picture needs matplotlib"):
        bowl(1.0).plot(tmp_path / "rates.png")
