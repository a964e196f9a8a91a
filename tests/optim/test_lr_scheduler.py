"""Every scheduler beside PyTorch's: the same rates and momenta over 100 steps, state dicts, warnings, errors."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tests.optim.schedules import (
    MAKERS,
    PLATEAUS,
    STEPS,
    Decay,
    Make,
    optimizer_of,
    same,
    same_state,
    sequence,
    settings,
)

torch = pytest.importorskip("torch")

SCHEDULERS = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
OPTIMIZERS = pytest.mark.parametrize("name", ["SGD", "Adam"])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """Let `SequentialLR` go into its parts by `_update_lr`, without PyTorch's own warnings about order."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step")
        yield


@OPTIMIZERS
@SCHEDULERS
def test_rates_are_pytorchs(make: Make, name: str) -> None:
    results = []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib, name)
        results.append(sequence(optimizer, make(lib.optim.lr_scheduler, optimizer)))
    same(*results)


@SCHEDULERS
def test_rates_in_tensors(make: Make) -> None:
    results = []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib, tensors=True)
        before = [group["lr"] for group in optimizer.param_groups]
        results.append(sequence(optimizer, make(lib.optim.lr_scheduler, optimizer)))
        assert all(group["lr"] is rate for group, rate in zip(optimizer.param_groups, before))
    same(*results)


@SCHEDULERS
def test_state_dict_resumes_half_way(make: Make) -> None:
    optimizer = optimizer_of(tl)
    scheduler = make(tl.optim.lr_scheduler, optimizer)
    sequence(optimizer, scheduler, 43)
    saved, options = pickle.loads(pickle.dumps([scheduler.state_dict(), optimizer.state_dict()]))
    expected = sequence(optimizer, scheduler, 57)

    optimizer = optimizer_of(tl)
    scheduler = make(tl.optim.lr_scheduler, optimizer)  # before the options are loaded: it changes them
    optimizer.load_state_dict(options)
    kept = copy.deepcopy(saved)
    scheduler.load_state_dict(saved)
    assert repr(saved) == repr(kept)
    same(sequence(optimizer, scheduler, 57), expected)


@SCHEDULERS
def test_state_dict_is_pytorchs_and_resumes_here(make: Make) -> None:
    states, optimizers, schedulers = [], [], []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = make(lib.optim.lr_scheduler, optimizer)
        sequence(optimizer, scheduler, 43)
        states.append(scheduler.state_dict())
        optimizers.append(optimizer), schedulers.append(scheduler)
    same_state(*states)
    ours = optimizer_of(tl)
    fresh = make(tl.optim.lr_scheduler, ours)
    for mine, theirs in zip(ours.param_groups, optimizers[1].param_groups):
        mine.update({k: v for k, v in theirs.items() if k != "params"})
    fresh.load_state_dict(copy.deepcopy(states[1]))
    same(sequence(ours, fresh, 57), sequence(optimizers[1], schedulers[1], 57))


@pytest.mark.parametrize("options", PLATEAUS.values(), ids=PLATEAUS)
def test_plateau(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    measures = np.exp(-np.arange(STEPS) / 20) + rng.normal(size=STEPS) * 0.05
    results, states = [], []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        history = []
        for t, measure in enumerate(measures):
            if t == 50:
                saved = copy.deepcopy(scheduler.state_dict())
                scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
                scheduler.load_state_dict(saved)
            scheduler.step(lib.tensor(measure) if t % 2 else measure)
            assert scheduler.get_last_lr() == settings(optimizer)[:2]
            history.append([*settings(optimizer), scheduler.num_bad_epochs, scheduler.cooldown_counter])
        results.append(history)
        states.append(scheduler.state_dict())
    same(*results)
    same_state(*states)


def test_plateau_and_groups_that_join() -> None:
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        listed = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.0, 0.0])
        single = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
        optimizer.add_param_group({"params": [lib.nn.Parameter(lib.zeros(1))], "lr": 1.0})
        single.step(1.0), single.step(1.0)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.002, 0.1])
        listed.step(1.0)
        with pytest.raises(RuntimeError, match=r"The number of param groups in the `optimizer` \(3\) differs from"):
            listed.step(1.0)


@pytest.mark.parametrize("name", [n for n in MAKERS if not n.startswith(("sequential", "chained", "nested"))])
def test_step_to_an_epoch(name: str) -> None:
    """Deprecated, except for warm restarts, and warned of; fractions of epochs are for those."""
    epochs = [0.5, 3.25, 7.0, 20.9, 66.6, 7.1] if name.startswith("restarts") else [3, 4, 20, 7, 1, 50]
    results = []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = MAKERS[name](lib.optim.lr_scheduler, optimizer)
        optimizer.step()
        history = []
        for epoch in epochs:
            if name.startswith("restarts"):
                scheduler.step(epoch)
            else:
                with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step.*Please use `scheduler"):
                    scheduler.step(epoch)
            history.append(settings(optimizer))
        results.append(history)
    same(*results)


@pytest.mark.parametrize("name", ["step", "cosine", "linear", "lambda", "polynomial", "restarts", "one-cycle"])
def test_last_epoch_goes_on(name: str) -> None:
    """A scheduler made with `last_epoch` for an optimizer whose groups have "initial_lr"."""
    results = []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        sequence(optimizer, MAKERS[name](lib.optim.lr_scheduler, optimizer), 20)
        s = lib.optim.lr_scheduler
        resumed = {
            "step": lambda o, s=s: s.StepLR(o, 13, last_epoch=20),
            "cosine": lambda o, s=s: s.CosineAnnealingLR(o, 17, last_epoch=20),
            "linear": lambda o, s=s: s.LinearLR(o, total_iters=40, last_epoch=20),
            "lambda": lambda o, s=s: s.LambdaLR(o, Decay(0.9), last_epoch=20),
            "polynomial": lambda o, s=s: s.PolynomialLR(o, 50, last_epoch=20),
            "restarts": lambda o, s=s: s.CosineAnnealingWarmRestarts(o, 7, 2, last_epoch=20),
            "one-cycle": lambda o, s=s: s.OneCycleLR(o, 0.3, total_steps=101, last_epoch=20),
        }[name](optimizer)
        results.append(sequence(optimizer, resumed, 30))
    same(*results)


def test_a_scheduler_after_another() -> None:
    """The second one starts from the first one's "initial_lr"."""
    results = []
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        sequence(optimizer, lib.optim.lr_scheduler.ExponentialLR(optimizer, 0.9), 10)
        results.append(sequence(optimizer, lib.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20), 30))
    same(*results)


def test_users_own_scheduler() -> None:
    results = []
    for lib in (tl, torch):

        class Root(lib.optim.lr_scheduler.LRScheduler):  # type: ignore[name-defined,misc]
            def get_lr(self) -> list[float]:
                return [rate / (self.last_epoch + 1) ** 0.5 for rate in self.base_lrs]

        optimizer = optimizer_of(lib)
        results.append(sequence(optimizer, Root(optimizer)))
    same(*results)


# -- Order of calls ---------------------------------------------------------------------------------------


def _messages(action: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(warning.message) for warning in caught]


def test_scheduler_before_optimizer_warns_once() -> None:
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 3)
        (message,) = _messages(scheduler.step)
        assert message.startswith("Detected call of `lr_scheduler.step()` before `optimizer.step()`. ")
        assert not _messages(scheduler.step)


def test_the_right_order_does_not_warn() -> None:
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        schedulers = [lib.optim.lr_scheduler.StepLR(optimizer, 3), lib.optim.lr_scheduler.ExponentialLR(optimizer, 1)]
        optimizer.step()
        assert not [message for s in schedulers for message in _messages(s.step)]


def test_an_overridden_step_warns() -> None:
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 3)
        optimizer.step = lambda: None
        (message,) = _messages(scheduler.step)
        assert message.startswith("Seems like `optimizer.step()` has been overridden after learning rate scheduler ini")


@pytest.mark.parametrize("name", [n for n in MAKERS if not n.startswith(("sequential", "chained", "nested"))])
def test_get_lr_outside_of_step_warns(name: str) -> None:
    for lib in (tl, torch):
        scheduler = MAKERS[name](lib.optim.lr_scheduler, optimizer_of(lib))
        (message,) = _messages(scheduler.get_lr)
        assert message.startswith("To get the last learning rate computed by the scheduler, please use `get_last_lr")


def test_warnings_point_at_the_caller() -> None:
    for lib in (tl, torch):
        scheduler = lib.optim.lr_scheduler.StepLR(optimizer_of(lib), 3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            scheduler.step()
        assert caught[0].filename == __file__ or lib is torch


# -- Errors -----------------------------------------------------------------------------------------------

ERRORS: list[tuple[type[Exception], str, Callable[[Any, Any], Any]]] = [
    (TypeError, "int is not an Optimizer", lambda s, o: s.StepLR(3, 1)),
    (TypeError, "str is not an Optimizer", lambda s, o: s.ReduceLROnPlateau("sgd")),
    (TypeError, "int is not an Optimizer", lambda s, o: s.CyclicLR(3, 0.1, 0.2)),
    (TypeError, "int is not an Optimizer", lambda s, o: s.OneCycleLR(3, 0.1, 5)),
    (
        KeyError,
        "param 'initial_lr' is not specified in param_groups[0]",
        lambda s, o: s.StepLR(o, 1, last_epoch=2),
    ),
    (ValueError, "Expected 2 lr_lambdas, but got 1", lambda s, o: s.LambdaLR(o, [Decay(1)])),
    (ValueError, "Expected 2 lr_lambdas, but got 3", lambda s, o: s.MultiplicativeLR(o, [Decay(1)] * 3)),
    (TypeError, "lr_lambda should be a function, but got float", lambda s, o: s.MultiplicativeLR(o, 0.5)),
    (ValueError, "Constant multiplicative factor expected to be between 0 and 1.", lambda s, o: s.ConstantLR(o, 1.5)),
    (ValueError, "Starting multiplicative factor expected to be greater than 0 and", lambda s, o: s.LinearLR(o, 0.0)),
    (ValueError, "Ending multiplicative factor expected to be between 0 and 1.", lambda s, o: s.LinearLR(o, 0.5, 2.0)),
    (ValueError, "Expected positive integer T_0, but got 0", lambda s, o: s.CosineAnnealingWarmRestarts(o, 0)),
    (ValueError, "Expected positive integer T_0, but got 2.5", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5)),
    (ValueError, "Expected integer T_mult >= 1, but got 0", lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 0)),
    (
        ValueError,
        "Expected float or int eta_min, but got a",
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, 1, "a"),
    ),
    (ValueError, "Expected non-negative epoch, but got -1", lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1)),
    (ValueError, "base_lr must have the same length as optimizer.param_groups", lambda s, o: s.CyclicLR(o, [0.1], 1)),
    (ValueError, "max_lr must have the same length as optimizer.param_groups", lambda s, o: s.CyclicLR(o, 0.1, [1])),
    (ValueError, "mode is invalid and scale_fn is None", lambda s, o: s.CyclicLR(o, 0.1, 1, mode="square")),
    (ValueError, "You must define either total_steps OR (epochs AND steps_per_epoch)", lambda s, o: s.OneCycleLR(o, 1)),
    (ValueError, "You must define either total_steps OR (epochs AND st", lambda s, o: s.OneCycleLR(o, 1, epochs=3)),
    (ValueError, "Expected positive integer total_steps, but got -3", lambda s, o: s.OneCycleLR(o, 1, -3)),
    (ValueError, "Expected positive integer total_steps, but got 1.5", lambda s, o: s.OneCycleLR(o, 1, 1.5)),
    (
        ValueError,
        "Expected positive integer epochs, but got 0",
        lambda s, o: s.OneCycleLR(o, 1, epochs=0, steps_per_epoch=1),
    ),
    (
        ValueError,
        "Expected positive integer steps_per_epoch, but got 1.0",
        lambda s, o: s.OneCycleLR(o, 1, epochs=1, steps_per_epoch=1.0),
    ),
    (
        ValueError,
        "Expected float between 0 and 1 pct_start, but g",
        lambda s, o: s.OneCycleLR(o, 1, 5, pct_start=1.5),
    ),
    (
        ValueError,
        "Expected float between 0 and 1 pct_start, but g",
        lambda s, o: s.OneCycleLR(o, 1, 5, pct_start=1),
    ),
    (
        ValueError,
        "anneal_strategy must be one of 'cos' or 'linear', instead got sin",
        lambda s, o: s.OneCycleLR(o, 1, 5, anneal_strategy="sin"),
    ),
    (ValueError, "max_lr must have the same length as optimizer.param_g", lambda s, o: s.OneCycleLR(o, [1.0], 5)),
    (ValueError, "Factor should be < 1.0.", lambda s, o: s.ReduceLROnPlateau(o, factor=1.0)),
    (ValueError, "mode best is unknown!", lambda s, o: s.ReduceLROnPlateau(o, "best")),
    (ValueError, "threshold mode both is unknown!", lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="both")),
    (ValueError, "expected 2 min_lrs, got 1", lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1])),
    (ValueError, "SequentialLR expects at least one scheduler, but got no", lambda s, o: s.SequentialLR(o, [], [])),
    (TypeError, "SequentialLR at index 0 should have `optimizer`", lambda s, o: s.SequentialLR(o, [3], [])),
    (
        ValueError,
        "SequentialLR does not support `ReduceLROnPlateau` scheduler as it requires",
        lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    ),
    (
        ValueError,
        "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone po",
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]),
    ),
    (
        ValueError,
        "ChainedScheduler expects at least one scheduler to be chained, but got no scheduler.",
        lambda s, o: s.ChainedScheduler([]),
    ),
    (
        ValueError,
        "ChainedScheduler does not support `ReduceLROnPlateau` scheduler",
        lambda s, o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
    ),
    (TypeError, "ChainedScheduler at index 1 should have `opt", lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), 3])),
]


@pytest.mark.parametrize(("kind", "message", "action"), ERRORS, ids=[e[1][:50] for e in ERRORS])
def test_errors_begin_as_pytorchs(kind: Any, message: str, action: Any) -> None:
    for lib in (tl, torch):
        with pytest.raises(kind) as caught:
            action(lib.optim.lr_scheduler, optimizer_of(lib))
        assert str(caught.value.args[0]).startswith(message), lib.__name__


def test_schedulers_of_different_optimizers() -> None:
    for lib in (tl, torch):
        s, o, other = lib.optim.lr_scheduler, optimizer_of(lib), optimizer_of(lib)
        parts = [s.StepLR(o, 1), s.StepLR(other, 1)]
        text = "expects all schedulers to belong to the same optimizer, but got scheduler StepLR at index 1 has SGD"
        with pytest.raises(ValueError, match="SequentialLR " + text):
            s.SequentialLR(o, parts, [3])
        with pytest.raises(ValueError, match="ChainedScheduler " + text):
            s.ChainedScheduler(parts)


def test_too_many_steps_of_one_cycle() -> None:
    for lib in (tl, torch):
        optimizer = optimizer_of(lib)
        scheduler = lib.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
        sequence(optimizer, scheduler, 3)
        with pytest.raises(ValueError, match=r"Tried to step 4 times. The specified number of total steps is 3"):
            scheduler.step()


def test_no_momentum_to_cycle() -> None:
    for lib in (tl, torch):
        optimizer = lib.optim.Optimizer([lib.nn.Parameter(lib.zeros(1))], {"lr": 0.1})
        for make in (
            lambda s, o: s.CyclicLR(o, 0.1, 0.2),
            lambda s, o: s.OneCycleLR(o, 0.1, 5),
        ):
            with pytest.raises(ValueError, match="optimizer must support momentum or beta1 with `cycle_momentum`"):
                make(lib.optim.lr_scheduler, optimizer)


def test_the_same_classes() -> None:
    assert set(tl.optim.lr_scheduler.__all__) == set(torch.optim.lr_scheduler.__all__)
