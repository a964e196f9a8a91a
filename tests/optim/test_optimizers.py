"""The optimizers without PyTorch: first steps by hand, minima found; users' own optimizers; hooks; errors."""

from __future__ import annotations

import copy
import gc
import importlib
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.optim._hooks import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from tapeless.optim._muon import orthogonalized, rounded

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]
LIBS = [tl] if torch is None else [tl, torch]
needs_torch = pytest.mark.skipif(torch is None, reason="needs PyTorch")

G = 3.0  # the gradient of the first step
NAMES = (
    "Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD LBFGS Muon NAdam Optimizer RAdam RMSprop Rprop SGD SparseAdam"
)


def after(name: str, steps: int = 1, gradients: tuple[float, ...] = (G,), **options: Any) -> float:
    """Return what is left of the parameter 1 after some steps with given gradients."""
    p = tl.nn.Parameter(tl.ones(1, 1, dtype=tl.float64))
    optimizer = getattr(tl.optim, name)([p], **options)
    for t in range(steps):
        p.grad = tl.full((1, 1), gradients[t % len(gradients)], dtype=tl.float64)
        optimizer.step()
    return float(p.item())


FIRST_STEPS: dict[str, tuple[str, dict[str, Any], float]] = {
    "Adadelta": ("Adadelta", {"rho": 0.9, "eps": 0.1}, 1 - np.sqrt(0.1) / np.sqrt(0.1 * G**2 + 0.1) * G),
    "Adadelta-decay": ("Adadelta", {"eps": 0.1, "weight_decay": 1.0}, 1 - np.sqrt(0.1 / (0.1 * 16 + 0.1)) * 4),
    "Adafactor": ("Adafactor", {"lr": 0.1}, 1 - 0.1 * 1 * 1),
    "Adafactor-decay": ("Adafactor", {"lr": 0.1, "weight_decay": 0.5}, 1 - 0.1 * 0.5 - 0.1),
    "Adagrad": ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 7.0}, 1 - 0.1 * G / 4),
    "Adagrad-uphill": ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 7.0, "maximize": True}, 1 + 0.1 * G / 4),
    "Adamax": ("Adamax", {"lr": 0.1, "eps": 1.0}, 1 - 0.1 * G / (G + 1)),
    "ASGD": ("ASGD", {"lr": 0.1, "lambd": 0.5}, 1 * (1 - 0.05) - 0.1 * G),
    "NAdam": (
        "NAdam",
        {"lr": 0.1, "momentum_decay": 0.0, "eps": 0.0},
        # mu is half of beta1 at all times: 0.45; the mean of the gradient is 0.1 of it
        1 - 0.1 * (0.45 * 0.1 / (1 - 0.45**2) + (1 - 0.45) / (1 - 0.45)),
    ),
    "RAdam": ("RAdam", {"lr": 0.1}, 1 - 0.1 * G),
    "RAdam-decoupled": (
        "RAdam",
        {"lr": 0.1, "weight_decay": 0.5, "decoupled_weight_decay": True},
        1 - 0.05 - 0.1 * G,
    ),
    "RMSprop": ("RMSprop", {"lr": 0.1, "alpha": 0.75, "eps": 0.5}, 1 - 0.1 * G / (G / 2 + 0.5)),
    "RMSprop-centered": (
        "RMSprop",
        {"lr": 0.1, "alpha": 0.5, "centered": True, "eps": 0.0},
        1 - 0.1 * G / np.sqrt(0.5 * G**2 - (0.5 * G) ** 2),
    ),
    "Rprop": ("Rprop", {"lr": 0.1}, 1 - 0.1),
    "Rprop-bounded": ("Rprop", {"lr": 0.1, "step_sizes": (0.3, 1.0)}, 1 - 0.3),
}


@pytest.mark.parametrize(("name", "options", "expected"), FIRST_STEPS.values(), ids=FIRST_STEPS)
def test_the_first_step_by_hand(name: str, options: dict[str, Any], expected: float) -> None:
    assert after(name, **options) == pytest.approx(expected, rel=1e-6)


def test_adagrads_rate_falls() -> None:
    values = [after("Adagrad", steps, lr=1.0, lr_decay=1.0) for steps in (0, 1, 2, 3)]
    steps = -np.diff(values)
    np.testing.assert_allclose(steps, [1 / (k * np.sqrt(k)) for k in (1, 2, 3)], rtol=1e-6)


def test_rprops_steps_grow_and_shrink() -> None:
    gradients = (1.0, 5.0, -2.0, -2.0, -0.1)
    values = [after("Rprop", steps, gradients, lr=0.1) for steps in range(6)]
    # Grows by 1.2; the sign changes: no step and half as large; compared with none: the same; then it grows again.
    np.testing.assert_allclose(np.diff(values), [-0.1, -0.12, 0, 0.06, 0.072], rtol=1e-9, atol=1e-15)


def test_asgd_averages_from_t0_on() -> None:
    p = tl.nn.Parameter(tl.zeros(1, dtype=tl.float64))
    optimizer = tl.optim.ASGD([p], lr=1.0, lambd=0.0, t0=2)
    values = []
    for t in range(6):
        p.grad = tl.full((1,), -float(t), dtype=tl.float64)
        optimizer.step()
        values.append(p.item())
    assert values == [0, 1, 3, 6, 10, 15]
    # Up to step t0 + 1 the mean is the parameter itself.
    assert optimizer.state[p]["ax"].item() == pytest.approx(np.mean(values[3:]))


def test_radam_starts_to_scale_when_it_can() -> None:
    """With beta2 = 0.9 the mean of six squares is the first that is trusted."""
    p = tl.nn.Parameter(tl.zeros(2, dtype=tl.float64))
    optimizer = tl.optim.RAdam([p], lr=1.0, betas=(0.0, 0.9))
    moves = []
    for _ in range(10):
        before = p.detach().numpy().copy()
        p.grad = tl.tensor([2.0, 1.0], dtype=tl.float64)
        optimizer.step()
        moves.append(before - p.detach().numpy())
    ratios = [a / b for a, b in moves]
    first = next(t for t, ratio in enumerate(ratios, 1) if ratio < 1.5)
    lengths = {t: 19 - 2 * t * 0.9**t / (1 - 0.9**t) for t in (first - 1, first)}
    assert lengths[first - 1] <= 5 < lengths[first]
    assert ratios[: first - 1] == pytest.approx([2.0] * (first - 1))
    assert ratios[first - 1 :] == pytest.approx([1.0] * (11 - first))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adadelta", {"lr": 30.0}),
        ("Adafactor", {"lr": 0.5}),
        ("Adagrad", {"lr": 1.0}),
        ("Adamax", {"lr": 0.1}),
        ("ASGD", {"lr": 0.1}),
        ("Muon", {"lr": 0.05, "weight_decay": 0.0}),
        ("NAdam", {"lr": 0.1}),
        ("RAdam", {"lr": 0.1}),
        ("RMSprop", {"lr": 0.02}),
        ("Rprop", {}),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_minimum_is_found(name: str, options: dict[str, Any]) -> None:
    target = tl.tensor(np.random.default_rng(0).normal(size=(3, 2)))
    p = tl.nn.Parameter(tl.zeros(3, 2, dtype=tl.float64))
    optimizer = getattr(tl.optim, name)([p], **options)
    schedule = tl.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=400)
    for _ in range(400):
        optimizer.zero_grad()
        ((p - target) ** 2).sum().backward()
        optimizer.step()
        schedule.step()
    assert float(((p - target) ** 2).sum()) < 1e-3


def test_adafactor_keeps_rows_and_columns_only() -> None:
    p, q = tl.nn.Parameter(tl.ones(2, 30, 40)), tl.nn.Parameter(tl.ones(5))
    optimizer = tl.optim.Adafactor([p, q])
    (p.sum() * 2 + q.sum()).backward()
    optimizer.step()
    state = optimizer.state[p]
    assert (state["row_var"].shape, state["col_var"].shape) == ((2, 30, 1), (2, 1, 40))
    np.testing.assert_allclose(state["row_var"].numpy(), 4, rtol=1e-6)
    assert list(optimizer.state[q]) == ["step", "variance"]


def test_adafactors_state_of_another_model_is_refused() -> None:
    saved = _stepped(tl.optim.Adafactor([tl.nn.Parameter(tl.ones(2, 3))])).state_dict()
    other = tl.optim.Adafactor([tl.nn.Parameter(tl.ones(2, 4))])
    other.load_state_dict(saved)
    with pytest.raises(
        ValueError, match=r"'col_var' has the shape \[1, 3\], but its parameter needs the shape \[1, 4\]"
    ):
        _stepped(other)


def _stepped(optimizer: Any) -> Any:
    """Take a step with gradients of one."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = tl.ones_like(p)
    optimizer.step()
    return optimizer


def test_empty_parameters() -> None:
    for name in NAMES.split():
        if name in ("LBFGS", "Optimizer", "SparseAdam"):
            continue
        params = [tl.nn.Parameter(tl.zeros(0, 3)), tl.nn.Parameter(tl.ones(2, 3))]
        _stepped(_stepped(getattr(tl.optim, name)(params)))
        assert np.isfinite(params[1].detach().numpy()).all(), name


def test_muon_makes_singular_values_alike() -> None:
    rng = np.random.default_rng(0)
    for shape in ((4, 4), (3, 7), (9, 5)):
        out = orthogonalized(rng.normal(size=shape), (3.4445, -4.7750, 2.0315), 5, 1e-7)
        singular = np.linalg.svd(out, compute_uv=False)
        assert out.shape == shape and (singular > 0.6).all() and (singular < 1.3).all()


def test_rounding_to_bfloat16() -> None:
    x = np.array([1.0, 1 + 2**-8, 1 + 2**-7, 1 + 3 * 2**-8, -1 - 2**-8 - 2**-20, 0.0, np.inf, -np.inf, np.nan])
    expected = [1.0, 1.0, 1 + 2**-7, 1 + 2**-6, -1 - 2**-7, 0.0, np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(rounded(x), np.array(expected, np.float32))
    if torch is not None:
        x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
        np.testing.assert_array_equal(rounded(x), torch.tensor(x).bfloat16().float().numpy())


@needs_torch
def test_muons_iteration_is_pytorchs() -> None:
    """Equal for most small matrices; where a sum is rounded otherwise, by a unit of bfloat16."""
    from torch.optim._muon import _zeropower_via_newtonschulz

    rng = np.random.default_rng(0)
    equal = []
    for shape in ((2, 2), (3, 4), (6, 2), (1, 5), (8, 8)) * 10:
        matrix = rng.normal(size=shape)
        theirs = _zeropower_via_newtonschulz(torch.tensor(matrix), (3.4445, -4.775, 2.0315), 5, 1e-7).float().numpy()
        ours = orthogonalized(matrix, (3.4445, -4.775, 2.0315), 5, 1e-7)
        np.testing.assert_allclose(ours, theirs, atol=0.02)
        equal.append(np.array_equal(ours, theirs))
    assert np.mean(equal) > 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ns_steps": 100}, "Number of steps must be less than 100"),
        ({"ns_coefficients": (1, 2)}, "Coefficients must be a tuple of exactly 3"),
    ],
)
def test_muons_late_errors(options: dict[str, Any], message: str) -> None:
    for lib in LIBS:
        p = lib.nn.Parameter(lib.ones(2, 2))
        optimizer = lib.optim.Muon([p], **options)
        p.grad = lib.ones(2, 2)
        with pytest.raises(ValueError, match="^" + message):
            optimizer.step()


def test_tensors_as_rates() -> None:
    for name in NAMES.split():
        if name in ("LBFGS", "Optimizer", "SparseAdam"):
            continue
        results = []
        for rate in (0.05, tl.tensor(0.05, dtype=tl.float64)):
            p = tl.nn.Parameter(tl.ones(2, 2, dtype=tl.float64))
            optimizer = getattr(tl.optim, name)([p], lr=rate)
            _stepped(_stepped(optimizer))
            results.append(p.detach().numpy())
        np.testing.assert_array_equal(*results, err_msg=name)


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_defaults_are_checked_and_groups_are_not(lib: Any) -> None:
    """A group may do without what others need; and wrong defaults are wrong also where no group uses them."""
    p, q = lib.nn.Parameter(lib.ones(2)), lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([{"params": [p]}, {"params": [q], "momentum": 0}], lr=0.1, momentum=0.9, nesterov=True)
    p.grad, q.grad = lib.ones(2), lib.ones(2)
    optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), 1 - 0.1 * 1.9, rtol=1e-6)
    np.testing.assert_allclose(q.detach().numpy(), 1 - 0.1, rtol=1e-6)
    with pytest.raises(ValueError, match="^Invalid learning rate: -1"):
        lib.optim.SGD([{"params": [p], "lr": 0.1}], lr=-1)
    with pytest.raises(ValueError, match="^Invalid learning rate: -1"):
        lib.optim.Adam([], lr=-1)


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_groups_are_the_users_dicts_until_others_are_loaded(lib: Any) -> None:
    group = {"params": [lib.nn.Parameter(lib.ones(2))], "note": 5}
    optimizer = lib.optim.SGD([group], lr=0.1)
    assert optimizer.param_groups[0] is group and group["lr"] == 0.1
    saved = lib.optim.SGD([lib.nn.Parameter(lib.ones(2))], lr=0.2).state_dict()
    optimizer.load_state_dict(saved)
    (loaded,) = optimizer.param_groups
    assert loaded is not group and loaded["lr"] == 0.2 and "note" not in loaded
    assert loaded["params"][0] is group["params"][0]


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_one_implementation_at_most(lib: Any) -> None:
    for name in ("Adam", "AdamW", "SGD", "Adagrad"):
        p = lib.nn.Parameter(lib.ones(2))
        with pytest.raises(RuntimeError, match="^`fused` and `foreach` cannot be `True` together"):
            getattr(lib.optim, name)([p], fused=True, foreach=True)
        with pytest.raises(RuntimeError, match="^`fused` does not support `differentiable`"):
            getattr(lib.optim, name)([p], fused=True, differentiable=True)


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_required_options(lib: Any) -> None:
    base = importlib.import_module(f"{lib.__name__}.optim.optimizer")
    p = lib.nn.Parameter(lib.ones(2))
    assert repr(base.required) == "<required parameter>"
    with pytest.raises(
        ValueError, match="^parameter group didn't specify a value of required optimization parameter lr"
    ):
        base.Optimizer([p], {"lr": base.required})
    assert base.Optimizer([{"params": [p], "lr": 3}], {"lr": base.required}).param_groups[0]["lr"] == 3


# -- Users' own optimizers --------------------------------------------------------------------------------


def momentum_of(lib: Any) -> Any:
    """Return an optimizer as users of PyTorch write them."""

    class Momentum(lib.optim.Optimizer):  # type: ignore[name-defined,misc]
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr, "momentum": 0.9})
            self._private = "kept"

        @lib.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            loss = None
            if closure is not None:
                with lib.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"] = 0
                        state["buffer"] = lib.zeros_like(p)
                        state["nested"] = {"grads": []}
                    state["step"] += 1
                    state["buffer"].mul_(group["momentum"]).add_(p.grad)
                    state["nested"]["grads"].append(p.grad.clone())
                    p.add_(state["buffer"], alpha=-group["lr"])
            return loss

    return Momentum


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_an_optimizer_that_a_user_wrote(lib: Any) -> None:
    p = lib.nn.Parameter(lib.ones(2, dtype=lib.float64))
    optimizer = momentum_of(lib)([p])
    seen: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    schedule = lib.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    for _ in range(3):
        assert optimizer.step(closure) is not None
        schedule.step()
    x, b, lr = 1.0, 0.0, 0.1
    for _ in range(3):
        b = 0.9 * b + 2 * x
        x, lr = x - lr * b, lr / 2
    np.testing.assert_allclose(p.detach().numpy(), x)
    assert seen == ["before", "after"] * 3

    saved = copy.deepcopy(optimizer.state_dict())  # PyTorch's shares its tensors with the optimizer
    assert saved["state"][0]["step"] == 3 and len(saved["state"][0]["nested"]["grads"]) == 3
    q = lib.nn.Parameter(p.detach().clone())
    other = momentum_of(lib)([q])
    other.load_state_dict(saved)
    assert other.state[q]["step"] == 3
    for parameter, o in ((p, optimizer), (q, other)):
        parameter.grad = lib.ones_like(parameter)
        o.step()
    np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_users_optimizer_is_copied_with_its_attributes() -> None:
    p = tl.nn.Parameter(tl.ones(2))
    optimizer = _stepped(momentum_of(tl)([p]))
    again = copy.deepcopy(optimizer)
    assert again._private == "kept"
    (q,) = again.param_groups[0]["params"]
    assert q is not p and again.state[q]["step"] == 1
    _stepped(again)
    assert optimizer.state[p]["step"] == 1


# -- Hooks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_hooks_see_and_change(lib: Any) -> None:
    p = lib.nn.Parameter(lib.ones(1))
    optimizer = lib.optim.Adam([p])
    seen: list[Any] = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 5), {}))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("saving"))
    optimizer.register_state_dict_post_hook(lambda o, saved: {**saved, "more": 1})
    optimizer.register_state_dict_post_hook(lambda o, saved: seen.append("first"), prepend=True)
    optimizer.register_load_state_dict_pre_hook(lambda o, saved: seen.append(saved["more"]))
    handle = optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    assert optimizer.step() == 5
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    handle.remove()
    optimizer.load_state_dict(saved)
    assert seen == ["saving", "first", 1, "loaded", 1]


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_what_a_hook_returns_is_checked(lib: Any) -> None:
    optimizer = lib.optim.SGD([lib.nn.Parameter(lib.ones(1))])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of \(new_args, new_kwargs\), but got 3"):
        optimizer.step()


def test_hooks_of_all_optimizers() -> None:
    seen: list[str] = []
    with (
        register_optimizer_step_pre_hook(lambda o, args, kwargs: seen.append(f"before {type(o).__name__}")),
        register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append("after")),
    ):
        _stepped(tl.optim.SGD([tl.nn.Parameter(tl.ones(1))]))
        _stepped(momentum_of(tl)([tl.nn.Parameter(tl.ones(1))]))
    _stepped(tl.optim.SGD([tl.nn.Parameter(tl.ones(1))]))
    assert seen == ["before SGD", "after", "before Momentum", "after"]


def test_a_subclass_that_calls_step_of_its_base_has_hooks_once() -> None:
    class Logged(tl.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    optimizer = Logged([tl.nn.Parameter(tl.ones(1))], lr=1.0)
    seen: list[int] = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    _stepped(optimizer)
    assert seen == [1] and optimizer.param_groups[0]["params"][0].tolist() == [0.0]


# -- Schedulers and optimizers ----------------------------------------------------------------------------


def test_a_scheduler_does_not_keep_an_optimizer_alive() -> None:
    optimizer = tl.optim.Adam([tl.nn.Parameter(tl.ones(1))])
    scheduler = tl.optim.lr_scheduler.StepLR(optimizer, 1)
    watched = weakref.ref(optimizer)
    gc.disable()
    try:
        del scheduler, optimizer
        assert watched() is None
    finally:
        gc.enable()


def test_copies_of_a_scheduled_optimizer() -> None:
    p = tl.nn.Parameter(tl.ones(3))
    optimizer = tl.optim.NAdam([p], lr=0.1)
    scheduler = tl.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    _stepped(optimizer)
    scheduler.step()
    for again in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (q,) = again.param_groups[0]["params"]
        mine = copy.deepcopy(optimizer)
        _stepped(again), _stepped(mine)
        assert again.param_groups[0]["lr"] == 0.05
        np.testing.assert_array_equal(q.detach().numpy(), mine.param_groups[0]["params"][0].detach().numpy())
    assert optimizer.state[p]["step"] == 1


# -- Errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lib", LIBS, ids=lambda lib: lib.__name__)
def test_groups_with_and_without_names(lib: Any) -> None:
    p, q = lib.nn.Parameter(lib.ones(1)), lib.nn.Parameter(lib.ones(1))
    optimizer = lib.optim.SGD([("p", p)])
    text = "all optimizer param groups should be with/without names. cannot add param group without names to the optim"
    with pytest.raises(ValueError, match="^" + text):
        optimizer.add_param_group({"params": [q]})


ERRORS: list[tuple[type[Exception], str, Callable[[Any, Any], Any]]] = [
    (ValueError, "Invalid rho value: 1.5", lambda o, p: o.Adadelta([p], rho=1.5)),
    (ValueError, "Invalid epsilon value: -1", lambda o, p: o.Adadelta([p], eps=-1)),
    (ValueError, "Learning rate should be >= 0 but is: -1", lambda o, p: o.Adafactor([p], lr=-1)),
    (ValueError, "beta2_decay should be <= 0 but is: 1", lambda o, p: o.Adafactor([p], beta2_decay=1)),
    (ValueError, "epsilon1 should be >= 0 but is: -1", lambda o, p: o.Adafactor([p], eps=(-1, 1))),
    (ValueError, "epsilon2 should be >= 0 but is: -1", lambda o, p: o.Adafactor([p], eps=(None, -1))),
    (ValueError, "Clipping threshold d should be >= 1 but is: 0.5", lambda o, p: o.Adafactor([p], d=0.5)),
    (ValueError, "weight_decay should be >= 0 but is: -1", lambda o, p: o.Adafactor([p], weight_decay=-1)),
    (ValueError, "Invalid lr_decay value: -1", lambda o, p: o.Adagrad([p], lr_decay=-1)),
    (
        ValueError,
        "Invalid initial_accumulator_value value: -1",
        lambda o, p: o.Adagrad([p], initial_accumulator_value=-1),
    ),
    (ValueError, "Invalid beta parameter at index 1: 1.0", lambda o, p: o.Adamax([p], betas=(0.5, 1.0))),
    (ValueError, "Invalid learning rate: -1", lambda o, p: o.ASGD([p], lr=-1)),
    (ValueError, "Invalid weight_decay value: -1", lambda o, p: o.ASGD([p], weight_decay=-1)),
    (ValueError, "Learning rate should be >= 0 but is: -1", lambda o, p: o.Muon([p], lr=-1)),
    (ValueError, "momentum should be >= 0 but is: -1", lambda o, p: o.Muon([p], momentum=-1)),
    (ValueError, "weight decay should be >= 0 but is: -1", lambda o, p: o.Muon([p], weight_decay=-1)),
    (ValueError, "Adjust learning rate function x is not supported", lambda o, p: o.Muon([p], adjust_lr_fn="x")),
    (
        ValueError,
        "Muon only supports 2D parameters whereas we found a parameter with",
        lambda o, p: o.Muon([p[0:1, 0]]),
    ),
    (ValueError, "Invalid momentum_decay value: -1", lambda o, p: o.NAdam([p], momentum_decay=-1)),
    (ValueError, "Invalid beta parameter at index 0: 1.5", lambda o, p: o.RAdam([p], betas=(1.5, 0.5))),
    (ValueError, "Invalid alpha value: -1", lambda o, p: o.RMSprop([p], alpha=-1)),
    (ValueError, "Invalid momentum value: -1", lambda o, p: o.RMSprop([p], momentum=-1)),
    (ValueError, "Invalid eta values: 1.5, 0.5", lambda o, p: o.Rprop([p], etas=(1.5, 0.5))),
    (ValueError, "Invalid learning rate: 0", lambda o, p: o.SparseAdam([p], lr=0)),
    (ValueError, "Invalid epsilon value: 0", lambda o, p: o.SparseAdam([p], eps=0)),
    (
        RuntimeError,
        "SparseAdam does not support dense gradients, please consider Adam instead",
        lambda o, p: o.SparseAdam([p]).step(),
    ),
    (TypeError, "params argument given to the optimizer should be an iterable of Tensors", lambda o, p: o.RAdam(p)),
    (ValueError, "optimizer got an empty parameter list", lambda o, p: o.Adagrad([])),
]


@pytest.mark.parametrize(("kind", "message", "action"), ERRORS, ids=[e[1][:50] for e in ERRORS])
def test_errors_begin_as_pytorchs(kind: Any, message: str, action: Any) -> None:
    for lib in LIBS:
        p = lib.ones(2, 2).requires_grad_()
        p.grad = lib.ones(2, 2)
        with lib.no_grad(), pytest.raises(kind) as caught:
            action(lib.optim, p)
        assert str(caught.value).startswith(message), lib.__name__


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_no_complex_parameters(name: str) -> None:
    for lib in LIBS:
        p = lib.nn.Parameter(lib.ones(2, 2, dtype=lib.complex64))
        optimizer = getattr(lib.optim, name)([p])
        p.grad = lib.ones(2, 2, dtype=lib.complex64)
        with pytest.raises(RuntimeError, match=f"^{name} does not support complex parameters"):
            optimizer.step()


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Lion'"):
        tl.optim.Lion
    assert sorted([*NAMES.split(), "lr_scheduler", "swa_utils"]) == sorted(tl.optim.__all__)
