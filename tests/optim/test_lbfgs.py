"""LBFGS beside PyTorch's, where it is installed, and on problems whose minimum is known."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.optim._line_search import Point, strong_wolfe

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]
needs_torch = pytest.mark.skipif(torch is None, reason="needs PyTorch")

OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1},
    {"lr": 0.5, "max_iter": 3},
    {"lr": 0.1, "history_size": 2, "max_iter": 5},  # longer, the valley magnifies the last bit beyond all bounds
    {"lr": 0.1, "max_iter": 10, "max_eval": 5},
    {"lr": 0.1, "tolerance_grad": 0.5},
    {"lr": 0.1, "tolerance_change": 1e-2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe", "lr": 0.3, "max_eval": 6},
]
WITH_OPTIONS = pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda o: "-".join(f"{k}={v}" for k, v in o.items()) or "plain"
)


def rosenbrock(params: list[Any]) -> Any:
    """Return the valley of Rosenbrock in as many variables as the parameters have, flattened."""
    x = params[0]
    total = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    for p in params[1:]:
        total = total + ((p - 0.5) ** 2 * 3).sum() + ((p - 0.5) ** 4).sum()
    return total


class Run:
    """Steps of LBFGS with one library."""

    def __init__(self, lib: Any, options: dict[str, Any], dtype: str = "float64") -> None:
        rng = np.random.default_rng(3)
        starts = [np.asarray(rng.normal(size=s) * 0.5, dtype) for s in ((4,), (2, 3), ())]
        self.params = [lib.nn.Parameter(lib.tensor(start)) for start in starts]
        self.optimizer = lib.optim.LBFGS(self.params, **options)
        self.lib, self.options = lib, options
        self.calls = 0

    def closure(self) -> Any:
        self.optimizer.zero_grad()
        self.calls += 1
        loss = rosenbrock([p for p in self.params if p.requires_grad])
        loss.backward()
        return loss

    def go(self, steps: int) -> list[list[float]]:
        """Return the losses and parameters after each step."""
        history = []
        for _ in range(steps):
            loss = self.optimizer.step(self.closure).item()
            values = [x for p in self.params for x in p.detach().numpy().reshape(-1).tolist()]
            history.append([loss, self.calls, *values])
        return history


def same(ours: Any, theirs: Any, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=rtol, atol=atol)


@needs_torch
@WITH_OPTIONS
def test_trajectory(options: dict[str, Any]) -> None:
    same(Run(tl, options).go(8), Run(torch, options).go(8))


@needs_torch
@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[7]], ids=["plain", "wolfe"])
def test_trajectory_in_float32(options: dict[str, Any]) -> None:
    ours, theirs = Run(tl, options, "float32"), Run(torch, options, "float32")
    same(ours.go(3), theirs.go(3), rtol=1e-3, atol=1e-3)
    assert all(p.dtype == tl.float32 for p in ours.params)


@needs_torch
@WITH_OPTIONS
def test_resumed_half_way(options: dict[str, Any]) -> None:
    results = []
    for lib in (tl, torch):
        run = Run(lib, options)
        run.go(3)
        saved = copy.deepcopy(run.optimizer.state_dict())
        run.optimizer = lib.optim.LBFGS(run.params, **options)
        run.optimizer.load_state_dict(saved)
        results.append(run.go(4))
    same(*results)
    whole = Run(tl, options)
    whole.go(3)
    assert whole.go(4) == results[0]


@needs_torch
@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[7]], ids=["plain", "wolfe"])
def test_pytorchs_state_dict_resumes_here(options: dict[str, Any]) -> None:
    theirs, ours = Run(torch, options), Run(tl, options)
    theirs.go(3)
    ours.calls = theirs.calls
    with tl.no_grad():
        for p, q in zip(ours.params, theirs.params, strict=True):
            p.copy_(tl.tensor(q.detach().numpy()))
    ours.optimizer.load_state_dict(theirs.optimizer.state_dict())
    same(ours.go(4), theirs.go(4))


@needs_torch
@WITH_OPTIONS
def test_state_dict_has_pytorchs_layout(options: dict[str, Any]) -> None:
    states = []
    for lib in (tl, torch):
        run = Run(lib, options)
        run.go(2)
        states.append(run.optimizer.state_dict())
    ours, theirs = states
    assert [list(g.items()) for g in ours["param_groups"]] == [list(g.items()) for g in theirs["param_groups"]]
    assert list(ours["state"]) == list(theirs["state"]) == [0]
    mine, other = ours["state"][0], theirs["state"][0]
    assert set(mine) == set(other)
    for name, value in mine.items():
        many = zip(value, other[name], strict=True) if isinstance(value, list) else [(value, other[name])]
        for a, b in many:
            if b is None:  # "al", which PyTorch computes in, has places that were not used yet
                assert a is None
                continue
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-7, atol=1e-7, err_msg=name)


@needs_torch
def test_frozen_and_missing_gradients() -> None:
    """Parameters without a gradient stay, also when they are frozen between steps."""
    results = []
    for lib in (tl, torch):
        run = Run(lib, {"lr": 0.1})
        run.params[1].requires_grad_(False)
        history = run.go(2)
        run.params[1].requires_grad_(True)
        results.append(history + run.go(2))
    same(*results)


@needs_torch
def test_complex_parameters() -> None:
    results = []
    for lib in (tl, torch):
        p = lib.nn.Parameter(lib.tensor(np.array([1 + 2j, -0.5j, 2.0])))
        q = lib.nn.Parameter(lib.tensor(np.array([0.5, -1.0])))
        optimizer = lib.optim.LBFGS([p, q], line_search_fn="strong_wolfe", max_iter=3)

        def closure(p: Any = p, q: Any = q, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            distance = p - (0.3 + 0.1j)
            loss = (distance * distance.conj()).real.sum() + ((q - 2) ** 4).sum()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(4)]
        values = p.detach().numpy()
        results.append([*losses, *values.real, *values.imag, *q.detach().numpy()])
    same(*results)


@needs_torch
def test_errors_begin_as_pytorchs() -> None:
    for lib in (tl, torch):
        p, q = (lib.nn.Parameter(lib.ones(1)) for _ in range(2))
        with pytest.raises(ValueError, match="^LBFGS doesn't support per-parameter options .parameter groups.$"):
            lib.optim.LBFGS([{"params": [p]}, {"params": [q]}])
        with pytest.raises(ValueError, match="^Invalid learning rate: -1"):
            lib.optim.LBFGS([p], lr=-1)
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'closure'"):
            lib.optim.LBFGS([p]).step()
        run = Run(lib, {"line_search_fn": "armijo"})
        with pytest.raises(RuntimeError, match="^only 'strong_wolfe' is supported"):
            run.go(1)


@needs_torch
@pytest.mark.parametrize("curve", ["valley", "wave", "wall", "slope"])
def test_line_search_is_pytorchs(curve: str) -> None:
    """The search alone, on functions of one variable, from steps far too short to far too long."""
    from torch.optim.lbfgs import _strong_wolfe

    f = {
        "valley": lambda x, lib: (x - 1.7) ** 4 + 0.1 * x**2,
        "wave": lambda x, lib: lib.cos(3 * x) + 0.3 * (x - 2) ** 2,
        "wall": lambda x, lib: lib.exp(3 * x - 6) - x,
        "slope": lambda x, lib: -lib.log(1 + x * x),
    }[curve]

    def slope(x: Any) -> Any:
        return (f(x + 1e-6, np) - f(x - 1e-6, np)) / 2e-6

    for first in (1e-3, 0.1, 1.0, 5.0, 100.0):
        for most in (1, 3, 25):
            d = -np.sign(slope(0.1))
            seen: list[float] = []

            def evaluate(t: float, d: float = d, seen: list[float] = seen) -> Point:
                seen.append(t)
                return Point(t, f(0.1 + t * d, np), np.array([slope(0.1 + t * d)]), slope(0.1 + t * d) * d)

            ours, count = strong_wolfe(evaluate, evaluate(0.0), first, 1.0, most)
            assert count == len(seen) - 1

            def objective(x: Any, t: Any, direction: Any, d: float = d) -> Any:
                point = 0.1 + float(t) * d
                return float(f(point, np)), torch.tensor([slope(point)], dtype=torch.float64)

            direction = torch.tensor([d], dtype=torch.float64)
            start, grad = objective(None, 0.0, None)
            loss, _, t, evals = _strong_wolfe(
                objective, None, first, direction, start, grad, grad.dot(direction), max_ls=most
            )
            assert (count, ours.t) == (evals, pytest.approx(float(t), rel=1e-6))
            assert ours.loss == pytest.approx(loss, rel=1e-6)


# -- Without PyTorch --------------------------------------------------------------------------------------


def quadratic(lib: Any, optimizer: Any, p: Any, matrix: Any, b: Any) -> Callable[[], Any]:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = p @ matrix @ p / 2 - b @ p
        loss.backward()
        return loss

    return closure


def test_a_quadratic_is_solved_in_as_many_steps_as_it_has_dims() -> None:
    rng = np.random.default_rng(0)
    square = rng.normal(size=(5, 5))
    matrix, b = square @ square.T + np.eye(5), rng.normal(size=5)
    p = tl.nn.Parameter(tl.zeros(5, dtype=tl.float64))
    optimizer = tl.optim.LBFGS([p], line_search_fn="strong_wolfe", max_iter=40, tolerance_grad=1e-10)
    optimizer.step(quadratic(tl, optimizer, p, tl.tensor(matrix), tl.tensor(b)))
    np.testing.assert_allclose(p.detach().numpy(), np.linalg.solve(matrix, b), rtol=1e-4)
    assert optimizer.state[p]["n_iter"] <= 25


def test_rosenbrocks_valley() -> None:
    run = Run(tl, {"line_search_fn": "strong_wolfe", "max_iter": 100})
    run.go(1)
    np.testing.assert_allclose(run.params[0].detach().numpy(), np.ones(4), atol=1e-4)
    np.testing.assert_allclose(run.params[1].detach().numpy(), np.full((2, 3), 0.5), atol=1e-4)


def test_at_the_minimum_nothing_happens() -> None:
    p = tl.nn.Parameter(tl.zeros(3))
    optimizer = tl.optim.LBFGS([p])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 0
    assert optimizer.state[p] == {"func_evals": 1, "n_iter": 0}


def test_pickle_deepcopy_and_hooks() -> None:
    run = Run(tl, {"lr": 0.1})
    seen: list[str] = []
    run.optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    run.optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    run.go(2)
    assert seen == ["before", "after"] * 2
    state = pickle.loads(pickle.dumps(run.optimizer)).state_dict()["state"][0]
    assert state["n_iter"] == run.optimizer.state[run.params[0]]["n_iter"]
    assert len(state["old_dirs"]) == len(run.optimizer.state[run.params[0]]["old_dirs"]) > 1


def test_a_saved_state_does_not_change() -> None:
    run = Run(tl, {"lr": 0.1, "history_size": 2})
    run.go(1)
    saved = run.optimizer.state_dict()
    kept = copy.deepcopy(saved)
    run.go(2)
    assert repr(saved) == repr(kept)


def test_state_can_be_forgotten() -> None:
    run = Run(tl, {"lr": 0.1})
    run.go(1)
    del run.optimizer.state[run.params[0]]
    assert len(run.optimizer.state) == 0
    run.go(1)
    assert run.optimizer.state[run.params[0]]["n_iter"] <= 20


def test_views_follow_and_the_graph_notices() -> None:
    p = tl.nn.Parameter(tl.tensor([1.0, 2.0]))
    view = p.detach().numpy()
    optimizer = tl.optim.LBFGS([p], lr=0.1)
    kept = (p**2).sum()

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_array_equal(view, p.detach().numpy())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()
