"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import clock
from .._core.modes import enable_grad
from .._core.tensor_base import TensorBase, wrap
from ._arena import array_of
from ._line_search import Point, strong_wolfe
from ._optimizer import Optimizer, Params
from ._options import check_options


class LBFGS(Optimizer):
    """Steps along the gradient times an estimate of the inverse Hessian, from the last `history_size` gradients.

    ``step(closure)`` takes up to `max_iter` steps, for which it calls the closure (see `Optimizer.step`) up to about
    `max_eval` times, 1.25 times `max_iter` unless given. It ends early where no gradient is above `tolerance_grad`, or
    neither a parameter nor the loss changes by more than `tolerance_change`. A step has the length `lr`, or
    with `line_search_fn` "strong_wolfe" that of a line search that starts with it. All parameters are one vector:
    there is one group only. The memory is ``2 * history_size`` vectors.

    Raises ValueError for a negative rate and a second group; RuntimeError in the step for other line searches.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html and Liu and Nocedal (1989),
    On the limited memory BFGS method for large scale optimization.

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0, -2.0]))
    >>> optimizer = LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - tl.tensor([3.0, 4.0])) ** 2 * tl.tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(364., grad_fn=<SumBackward0>)
    >>> p.data
    tensor([3., 4.])
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the group of all parameters; ValueError for a second one."""
        super().add_param_group(param_group)
        if len(self.param_groups) > 1:
            self.param_groups.pop()
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative rates."""
        check_options(group, ("lr", lambda x: x >= 0, "learning rate"))

    # -- The step ----------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Update all parameters by up to `max_iter` steps; returns the loss of `closure` at the beginning."""
        if self._has_step_hooks():
            return self._call_with_hooks(LBFGS._step, (self, closure), {})
        return self._step(closure)

    def _step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        with enable_grad():
            loss = closure()
        entry = self.state[self.param_groups[0]["params"][0]]  # where PyTorch has the state of all
        self._memory = {"func_evals": 0, "n_iter": 0, **{name: _plain(value) for name, value in entry.items()}}
        self._memory["func_evals"] += 1
        grad = self._gradient()
        if not np.abs(grad).max(initial=0) <= self.param_groups[0]["tolerance_grad"]:
            self._iterate(closure, float(loss), grad)
        entry.update({name: _wrapped(value) for name, value in self._memory.items()})
        return loss

    def _iterate(self, closure: Callable[[], Any], loss: float, grad: Any) -> None:
        """Take steps until one of the limits is reached."""
        group, memory = self.param_groups[0], self._memory
        calls, limit = 1, group["tolerance_change"]
        for i in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            first = memory["n_iter"] == 1
            direction = self._first_direction(grad) if first else self._direction(grad, group["history_size"])
            memory.update(d=direction, prev_flat_grad=grad, prev_loss=loss)
            t = _plain(group["lr"]) * (min(1.0, 1 / float(np.abs(grad).sum())) if first else 1)
            slope = float(grad @ direction)
            memory["t"] = t
            if slope > -limit:
                break
            former = loss
            if group["line_search_fn"] is not None:
                start = Point(0.0, loss, grad, slope)
                point, more = self._search(closure, start, t, direction, group["max_eval"] - calls)
                memory["t"], loss, grad = point.t, point.loss, point.grad
                self._move(point.t, direction)
            else:
                self._move(t, direction)
                if i == group["max_iter"]:
                    break
                loss, grad = self._evaluate(closure)
                more = 1
            calls += more
            memory["func_evals"] += more
            steepest = float(np.abs(grad).max())
            change = float(np.abs(direction).max()) * abs(memory["t"])
            if calls >= group["max_eval"] or steepest <= group["tolerance_grad"]:
                break
            if change <= limit or abs(loss - former) < limit:
                break

    def _first_direction(self, grad: Any) -> Any:
        """Forget the history, and return the direction of steepest descent."""
        self._memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -grad

    def _direction(self, grad: Any, history_size: int) -> Any:
        """Take the last step into the history, and return the direction to go on: two loops over the history."""
        memory = self._memory
        change, step = grad - memory["prev_flat_grad"], memory["d"] * memory["t"]
        curvature = change @ step
        history = [memory["old_dirs"], memory["old_stps"], memory["ro"]]
        if curvature > 1e-10:
            if len(memory["old_dirs"]) == history_size:
                for column in history:
                    column.pop(0)
            for column, new in zip(history, (change, step, 1 / curvature)):
                column.append(new)
            memory["H_diag"] = curvature / (change @ change)
        q, pairs = -grad, list(zip(*history))
        shares = memory.setdefault("al", [None] * history_size)  # no state in truth, but PyTorch saves it
        shares += [None] * (len(pairs) - len(shares))
        for i, (y, s, ro) in reversed(list(enumerate(pairs))):
            shares[i] = s @ q * ro
            q -= shares[i] * y
        q *= memory["H_diag"]
        for share, (y, s, ro) in zip(shares, pairs):
            q += s * (share - y @ q * ro)
        return q

    def _search(
        self, closure: Callable[[], Any], start: Point, t: float, direction: Any, most: int
    ) -> tuple[Point, int]:
        """Search the line for a point that is low and flat; the parameters stay where they are."""
        name = self.param_groups[0]["line_search_fn"]
        if name != "strong_wolfe":
            raise RuntimeError(f"only 'strong_wolfe' is supported\nline_search_fn is {name!r}; None takes fixed steps.")
        places = [p._array.copy() for p in self.param_groups[0]["params"]]

        def evaluate(t: float) -> Point:
            self._move(t, direction)
            loss, grad = self._evaluate(closure)
            for p, place in zip(self.param_groups[0]["params"], places):
                np.copyto(p._array, place)
            self._mark_written()
            return Point(t, loss, grad, float(grad @ direction))

        return strong_wolfe(evaluate, start, t, float(np.abs(direction).max()), most)

    # -- Parameters as one vector ------------------------------------------------------------------------

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[float, Any]:
        with enable_grad():
            loss = float(closure())
        return loss, self._gradient()

    def _gradient(self) -> Any:
        """Return all gradients in a row, zeros where there is none; complex numbers as pairs."""
        parts = []
        for p in self.param_groups[0]["params"]:
            part = np.zeros_like(p._array) if p._grad is None else np.asarray(array_of(p._grad))
            parts.append(np.ascontiguousarray(part).reshape(-1).view(p._array.real.dtype))
        return np.concatenate(parts)

    def _move(self, t: float, direction: Any) -> None:
        """Add `t` times `direction` to the parameters."""
        start = 0
        for p in self.param_groups[0]["params"]:
            stop = start + p._array.size * (2 if p._array.dtype.kind == "c" else 1)
            part = (direction[start:stop] * t).astype(p._array.real.dtype, copy=False).view(p._array.dtype)
            np.add(p._array, part.reshape(p._array.shape), p._array)
            start = stop
        self._mark_written()

    def _mark_written(self) -> None:
        clock.mark_keys([clock.watch(p._array) for p in self.param_groups[0]["params"]])


def _wrapped(value: Any) -> Any:
    """Return a state with tensors for arrays and for NumPy's numbers."""
    if isinstance(value, list):
        return [_wrapped(v) for v in value]
    return wrap(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _plain(value: Any) -> Any:
    """Return a state with arrays for tensors, and NumPy's numbers for those of no dims."""
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value._array[()] if isinstance(value, TensorBase) else value
