"""The optimizers beside PyTorch's: same gradients, same options, same events on the way, same parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tests.optim.trajectories import EVENTS, OPTIONS, RICH, STEPS, Run, assert_same, label, tolerance

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("case", OPTIONS, ids=label)
def test_trajectory(case: Any) -> None:
    assert_same(Run(tl, case, "all").go(), Run(torch, case, "all").go(), **tolerance(case))


@pytest.mark.slow  # all events together are in `test_trajectory`; this tells which one it is
@pytest.mark.parametrize("event", EVENTS[:-1])
@pytest.mark.parametrize("case", RICH, ids=label)
def test_each_event_alone(case: Any, event: str) -> None:
    assert_same(Run(tl, case, event).go(), Run(torch, case, event).go(), **tolerance(case))


@pytest.mark.parametrize("case", RICH, ids=label)
def test_trajectory_in_float32(case: Any) -> None:
    ours, theirs = (Run(lib, case, "all", "float32").go() for lib in (tl, torch))
    assert_same(ours, theirs, rtol=1e-3, atol=1e-4)
    assert all(p.dtype == np.float32 for p in ours[-1])


@pytest.mark.parametrize("case", OPTIONS, ids=label)
def test_state_dict_has_pytorchs_layout(case: Any) -> None:
    event = "missing" if case in RICH else "late"
    ours, theirs = Run(tl, case, event), Run(torch, case, event)
    ours.go(0, 20), theirs.go(0, 20)
    mine, other = ours.optimizer.state_dict(), theirs.optimizer.state_dict()
    assert list(mine) == list(other)
    assert [list(g.items()) for g in mine["param_groups"]] == [list(g.items()) for g in other["param_groups"]]
    # PyTorch's entries come in the order of first use, ours by number.
    assert list(mine["state"]) == sorted(other["state"])
    for number, entry in mine["state"].items():
        assert list(entry) == list(other["state"][number])
        for name, value in entry.items():
            expected = other["state"][number][name].numpy()
            assert value.numpy().dtype == expected.dtype
            assert value.numpy().shape == expected.shape
            np.testing.assert_allclose(value.numpy(), expected, **tolerance(case), err_msg=name)


@pytest.mark.parametrize("event", ["none", "missing"])
@pytest.mark.parametrize("case", RICH, ids=label)
def test_pytorchs_state_dict_resumes_here(case: Any, event: str) -> None:
    theirs, ours = Run(torch, case, event), Run(tl, case, event)
    theirs.go(0, 25)
    with tl.no_grad():
        for p, q in zip(ours.params, theirs.params, strict=True):
            p.copy_(tl.tensor(q.detach().numpy()))
    ours.optimizer.load_state_dict(theirs.optimizer.state_dict())
    assert_same(ours.go(25), theirs.go(25), **tolerance(case))


def test_state_is_pytorchs_at_every_step() -> None:
    ours, theirs = Run(tl, ("Adam", {"amsgrad": True}), "all"), Run(torch, ("Adam", {"amsgrad": True}), "all")
    for t in range(STEPS):
        ours.go(t, t + 1), theirs.go(t, t + 1)
        used = [entry for entry in theirs.optimizer.state.values() if entry]  # looking makes an entry in PyTorch
        assert len(ours.optimizer.state) == len(used)
        for p, q in zip(ours.params, theirs.params, strict=True):
            mine, other = ours.optimizer.state[p], theirs.optimizer.state[q]
            assert list(mine) == list(other)
            for name in mine:
                np.testing.assert_allclose(mine[name].numpy(), other[name].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", RICH, ids=label)
def test_repr(case: Any) -> None:
    assert repr(Run(tl, case, "none").optimizer) == repr(Run(torch, case, "none").optimizer)


def test_step_has_the_default_dtype() -> None:
    p, q = tl.nn.Parameter(tl.ones(2)), torch.nn.Parameter(torch.ones(2))
    dtypes = []
    for lib, leaf in ((tl, p), (torch, q)):
        before = lib.get_default_dtype()
        lib.set_default_dtype(lib.float64)
        try:
            optimizer = lib.optim.Adam([leaf])
            leaf.sum().backward()
            optimizer.step()
            dtypes.append(optimizer.state[leaf]["step"].numpy().dtype)
        finally:
            lib.set_default_dtype(before)
    assert dtypes[0] == dtypes[1] == np.float64


def test_float16_moments_stay_in_range() -> None:
    results = []
    for lib in (tl, torch):
        p = lib.nn.Parameter(lib.tensor(np.ones(4, np.float16)))
        optimizer = lib.optim.Adam([p], lr=0.01, eps=1e-4)
        for t in range(20):
            p.grad = lib.tensor(np.array([100, 10, 1, 0.1], np.float16) * np.float16(1 + t / 10))
            optimizer.step()
        results.append(p.detach().numpy().astype(np.float64))
    np.testing.assert_allclose(*results, atol=0.02)


def test_accumulated_gradients() -> None:
    """Several backward passes before a step, also after the gradients have a place in the arena."""
    results = []
    for lib in (tl, torch):
        run = Run(lib, ("Adam", {}), "none")
        for t in range(10):
            run.optimizer.zero_grad()
            for k in range(3):
                sum((((p - x) ** 2).sum() * (t + k + 1) for p, x in zip(run.params, run.targets)), 0.0).backward()
            run.optimizer.step()
        results.append([[p.detach().numpy().copy() for p in run.params]])
    assert_same(*results, rtol=1e-9)


@pytest.mark.parametrize("case", [("SGD", {"lr": 0.05, "momentum": 0.9}), ("Adam", {})], ids=label)
def test_zeroed_gradients_still_count(case: Any) -> None:
    """``zero_grad(set_to_none=False)``: the moments go on although the gradient is zero."""
    results = []
    for lib in (tl, torch):
        run = Run(lib, case, "none")
        history = run.go(0, 5)
        for _ in range(5):
            run.optimizer.zero_grad(set_to_none=False)
            run.optimizer.step()
            history.append([p.detach().numpy().copy() for p in run.params])
        results.append(history)
    assert_same(*results, rtol=1e-9)


def test_closure() -> None:
    results = []
    for lib in (tl, torch):
        run = Run(lib, ("SGD", {"lr": 0.05, "momentum": 0.9}), "none")

        def closure(run: Any = run) -> Any:
            run.optimizer.zero_grad()
            loss = sum((((p - x) ** 2).sum() for p, x in zip(run.params, run.targets)), 0.0)
            loss.backward()
            return loss

        with lib.no_grad():  # the closure gets gradients all the same
            losses = [run.optimizer.step(closure).item() for _ in range(5)]
        results.append([[np.array(losses), *[p.detach().numpy() for p in run.params]]])
    assert_same(*results, rtol=1e-9)


ERRORS: list[tuple[type[Exception], str, Any]] = [
    (ValueError, "optimizer got an empty parameter list", lambda lib, p: lib.optim.SGD([])),
    (TypeError, "params argument given to the optimizer should be an iterable", lambda lib, p: lib.optim.SGD(p)),
    (ValueError, "can't optimize a non-leaf Tensor", lambda lib, p: lib.optim.SGD([p * 2])),
    (TypeError, "optimizer can only optimize Tensors, but one of the params is", lambda lib, p: lib.optim.SGD([3])),
    (TypeError, "optimizer parameters need to be organized in order", lambda lib, p: lib.optim.SGD([{"params": {p}}])),
    (TypeError, "param_group must be a dict, but got <class", lambda lib, p: lib.optim.SGD([p]).add_param_group([p])),
    (
        ValueError,
        "some parameters appear in more than one parameter group",
        lambda lib, p: lib.optim.SGD([{"params": [p]}, {"params": [p]}]),
    ),
    (
        ValueError,
        "all optimizer params should be with/without names. Some param names are missing",
        lambda lib, p: lib.optim.SGD([("p", p), lib.nn.Parameter(lib.ones(1))]),
    ),
    (ValueError, "Invalid learning rate: -1", lambda lib, p: lib.optim.SGD([p], lr=-1)),
    (ValueError, "Invalid momentum value: -1", lambda lib, p: lib.optim.SGD([p], momentum=-1)),
    (ValueError, "Invalid weight_decay value: -1", lambda lib, p: lib.optim.SGD([p], weight_decay=-1)),
    (
        ValueError,
        "Nesterov momentum requires a momentum and zero dampening",
        lambda lib, p: lib.optim.SGD([p], nesterov=True),
    ),
    (
        ValueError,
        "Nesterov momentum requires a momentum and zero dampening",
        lambda lib, p: lib.optim.SGD([p], momentum=0.9, dampening=0.1, nesterov=True),
    ),
    (ValueError, "Invalid learning rate: -1", lambda lib, p: lib.optim.Adam([p], lr=-1)),
    (ValueError, "Invalid epsilon value: -1", lambda lib, p: lib.optim.Adam([p], eps=-1)),
    (ValueError, "Invalid beta parameter at index 0: 1.0", lambda lib, p: lib.optim.Adam([p], betas=(1.0, 0.9))),
    (ValueError, "Invalid beta parameter at index 1: -0.5", lambda lib, p: lib.optim.AdamW([p], betas=(0.9, -0.5))),
    (ValueError, "Invalid weight_decay value: -1", lambda lib, p: lib.optim.AdamW([p], weight_decay=-1)),
    (
        ValueError,
        "loaded state dict has a different number of parameter groups",
        lambda lib, p: lib.optim.SGD([p]).load_state_dict({"state": {}, "param_groups": []}),
    ),
    (
        ValueError,
        "loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
        lambda lib, p: lib.optim.SGD([p]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
    ),
]


@pytest.mark.parametrize(("kind", "message", "action"), ERRORS, ids=[e[1][:40] for e in ERRORS])
def test_errors_begin_as_pytorchs(kind: Any, message: str, action: Any) -> None:
    for lib in (tl, torch):
        p = lib.nn.Parameter(lib.ones(2))
        with pytest.raises(kind) as caught:
            action(lib, p)
        assert " ".join(str(caught.value).split()).startswith(message), lib.__name__


def test_duplicates_warn() -> None:
    for lib in (tl, torch):
        p = lib.nn.Parameter(lib.ones(2))
        with pytest.warns(UserWarning, match="optimizer contains a parameter group with duplicate parameters"):
            lib.optim.SGD([p, p])


def test_named_parameters() -> None:
    packed = []
    for lib in (tl, torch):
        optimizer = lib.optim.SGD(lib.nn.Linear(2, 3).named_parameters(), lr=0.1)
        packed.append(optimizer.state_dict()["param_groups"])
    assert packed[0] == packed[1]
    assert packed[0][0]["param_names"] == ["weight", "bias"]
