"""Optimizers of other libraries that wrap another one, and never call `Optimizer.__init__`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

import tapeless as tl


def slow_weights(library: Any) -> Any:
    """A wrapper in the manner of Lookahead (Zhang et al., 2019): every second step it goes halfway back."""

    class Slow(library.optim.Optimizer):
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.param_groups = inner.param_groups
            self.state = defaultdict(dict)
            self.defaults = inner.defaults
            self.steps = 0

        def zero_grad(self, set_to_none: bool = True) -> None:
            self.inner.zero_grad(set_to_none)

        def step(self, closure: Any = None) -> None:
            self.inner.step()
            self.steps += 1
            for group in self.param_groups:
                for p in group["params"]:
                    slow = self.state[p].setdefault("slow", p.detach().clone())
                    if self.steps % 2 == 0:
                        slow.add_(p.data - slow, alpha=0.5)
                        p.data.copy_(slow)

    return Slow


def run(library: Any) -> Any:
    p = library.nn.Parameter(library.tensor([1.0, -2.0]))
    optimizer = slow_weights(library)(library.optim.SGD([p], lr=0.1, momentum=0.9))
    state, values = optimizer.state, []
    for _ in range(5):
        optimizer.zero_grad()
        (p**2).sum().backward()
        optimizer.step()
        values.append(p.tolist())
    assert optimizer.state is state and type(state) is defaultdict and list(state[p]) == ["slow"]
    return values


def test_a_wrapper_without_init_steps_as_in_torch() -> None:
    torch = pytest.importorskip("torch")
    for mine, theirs in zip(run(tl), run(torch), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-6)


def test_state_of_a_wrapper_is_a_plain_attribute() -> None:
    assert len(run(tl)) == 5
