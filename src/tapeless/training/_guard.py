"""What `fit` does about NaN and infinities: it sees them before a step is taken, and says where they come from."""

from __future__ import annotations

import cmath
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from tapeless import _random
from tapeless._core.tensor_base import unwrap
from tapeless._tensor import Tensor
from tapeless.nn import Module
from tapeless.optim._arena import Arena

from ._kinds import kinds_in
from ._snapshot import Buffers
from ._watch import Watch


class Guard:
    """Watches the steps of one training run.

    A loss or a gradient that is not finite is followed to its layer in a second run of the same batch, with the
    same draws from the default random stream. Its state is only kept from step to step when the model draws from
    it (a copy costs as much as a small layer); the first step of an epoch shows whether it does.
    """

    def __init__(self, model: Module, loss: Any, optimizer: Any) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.draws = False
        self._random: Any = None

    def before_forward(self, step: int) -> None:
        """Keep what a second run of the batch would need; `step` counts from 1 in every epoch."""
        self._random = _random.get_rng_state() if step == 1 or self.draws else None

    def after_forward(self, step: int) -> None:
        """See whether output and loss took random numbers."""
        if step == 1:
            self.draws = not np.array_equal(unwrap(self._random), unwrap(_random.get_rng_state()))

    def loss_is_bad(self, number: float, value: Any, inputs: tuple[Any, ...], target: Any, where: str) -> NoReturn:
        """Raise `FloatingPointError` for a loss that is not finite; `where` names epoch and step."""
        cause = self._cause_of_loss(value, inputs, target, where)
        self.optimizer.zero_grad()
        raise FloatingPointError(f"the loss is {number} in {where}: {cause}. {self._remedies()}")

    def gradient_is_bad(self, number: float, inputs: tuple[Any, ...], target: Any, where: str) -> NoReturn:
        """Raise `FloatingPointError` for a gradient that is not finite though the loss is."""
        names = self._bad_gradients()
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        kinds = " and ".join(kinds_in([p._grad for group in self.optimizer.param_groups for p in group["params"]]))
        cause = self._second_run(inputs, target, backward=True)
        self.optimizer.zero_grad()
        raise FloatingPointError(
            f"the loss is finite ({number:.4g}) in {where}, but the gradient of {names[0]}{more} has {kinds} in it: "
            f"{cause}. Weights and optimizer are as before this step. {self._remedies()}"
        )

    # --- where it comes from ---------------------------------------------------------------------------------

    def _cause_of_loss(self, value: Any, inputs: tuple[Any, ...], target: Any, where: str) -> str:
        since = "from the start" if where == "epoch 1, step 1" else "since the step before"
        bad = [f"parameter {name!r} is not finite {since}" for name, p in self.model.named_parameters() if kinds_in(p)]
        found = bad[:1] + list(_bad_data(inputs, target))
        layer = self._second_run(inputs, target)
        if layer:
            found.append(layer)
        if not found:
            names = [name for name, buffer in self.model.named_buffers() if "NaN" in kinds_in(buffer)]
            found = [f"buffer {name!r} has NaN in it" for name in names[:1]]
        return "; ".join(found) or self._cause_in_gradients(value)

    def _cause_in_gradients(self, value: Any) -> str:
        if value.requires_grad:
            value.backward()
        names = self._bad_gradients()
        if names:
            return (
                f"all parameters, inputs and outputs of layers are finite; the first gradient that is not: {names[0]}"
            )
        return "all parameters, inputs, outputs of layers and gradients are finite, so it arises in the loss itself"

    def _bad_gradients(self) -> list[str]:
        """The names of parameters whose gradient is not finite, in quotes; those of the loss have none."""
        named = {id(p): name for name, p in self.model.named_parameters()}
        found = [p for group in self.optimizer.param_groups for p in group["params"] if kinds_in(p._grad)]
        order = {key: i for i, key in enumerate(named)}
        found.sort(key=lambda p: order.get(id(p), len(order)))
        return [repr(named[id(p)]) if id(p) in named else "a parameter outside of the model" for p in found]

    def _second_run(self, inputs: tuple[Any, ...], target: Any, backward: bool = False) -> str:
        """Run the batch again under a watch; return what it saw, "" for nothing bad up to the output."""
        watch, buffers, after = Watch(self.model, backward), Buffers([self.model]), _random.get_rng_state()
        if self._random is not None:
            _random.set_rng_state(self._random)
        try:
            with watch:
                value = self.loss(self.model(*inputs), target)
                if backward:
                    self.optimizer.zero_grad()
                    value.backward()
            if backward:
                again = not gradients_are_finite(self.optimizer)
                return watch.gradient_text() if again else _differs("gradients are")
            if not kinds_in(value):
                return _differs("the loss is")
        except Exception as error:  # whatever it is, it must not hide what is being explained
            if not watch.forward_text():
                return f"a second run of the batch, to find the layer, failed with {type(error).__name__}: {error}"
        finally:
            buffers.restore()
            _random.set_rng_state(after)
        return watch.forward_text()

    def _remedies(self) -> str:
        rate = float(self.optimizer.param_groups[0]["lr"])
        return (
            f"Usual remedies: a smaller learning rate (it is {rate:g}), clip_grad_norm=1.0, inputs of order 1; "
            "tapeless.autograd.detect_anomaly() finds the operation"
        )


def gradients_are_finite(optimizer: Any) -> bool:
    """Are all gradients free of NaN and infinity? One pass of BLAS over each says yes; only a no is looked at twice."""
    with np.errstate(all="ignore"):
        for flat in _flat_gradients(optimizer):
            # The squares of large numbers overflow, too: a sum that is not finite proves nothing.
            if not cmath.isfinite(np.dot(flat, flat)) and not np.isfinite(flat).all():
                return False
    return True


def _flat_gradients(optimizer: Any) -> Iterator[Any]:
    """The gradients as flat arrays: in one piece where those of a group lie in one arena (zeros between them)."""
    all_units = getattr(optimizer, "_units", None) or [[] for _ in optimizer.param_groups]
    for group, units in zip(optimizer.param_groups, all_units, strict=True):
        params = group["params"]
        unit = units[0] if len(units) == 1 else None
        if isinstance(unit, Arena) and len(unit.params) == len(params):
            places = zip(params, unit.params, unit.homes, strict=True)
            if all([p is q and p._grad is home for p, q, home in places]):
                yield unit.grads
                continue
        yield from [unwrap(p._grad).ravel(order="K") for p in params if p._grad is not None]


def _bad_data(inputs: tuple[Any, ...], target: Any) -> Iterator[str]:
    for index, part in enumerate((*inputs, target)):
        kinds = kinds_in(part)
        if kinds:
            name = "the target" if index == len(inputs) else f"input {index}" if len(inputs) > 1 else "the input"
            text = f"{name} of this batch has {' and '.join(kinds)} in it"
            if isinstance(part, Tensor | np.ndarray):
                text += f" (first at {np.argwhere(~np.isfinite(unwrap(part)))[0].tolist()})"
            yield text


def _differs(what: str) -> str:
    return (
        f"in a second run of the batch {what} finite, so it depends on random numbers that do not come from Tapeless's "
        "default stream, or on something that the first run changed"
    )
