"""`Optimizer`: parameter groups, units, state dicts. What a step computes is in the subclasses."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._core.hooks import HookDict, RemovableHandle
from .._core.modes import enable_grad
from .._core.tensor_base import TensorBase, wrap
from ._arena import Arena, Single, Unit, may_move


class Optimizer:
    """Base of all optimizers: keeps parameter groups, and updates them unit by unit.

    A subclass names its options' defaults and defines `update`. See `SGD` for the shortest one, and
    https://docs.pytorch.org/docs/stable/optim.html#torch.optim.Optimizer
    """

    state_names: tuple[str, ...] = ()  # the arrays of a unit's state, under PyTorch's names

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._units: list[list[Unit]] = []
        self._waiting: dict[Any, dict[str, Any]] = {}  # loaded state of parameters that have no unit yet
        self._pre_hooks, self._post_hooks = HookDict(), HookDict()
        if isinstance(params, TensorBase):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{type(params).__name__}. For one parameter, write [p]."
            )
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with options of their own where they differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, TensorBase):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        named = [p for p in params]
        names = [p[0] for p in named if isinstance(p, tuple)]
        params = [p[1] if isinstance(p, tuple) else p for p in named]
        for p in params:
            if not isinstance(p, TensorBase):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if p._node is not None:
                raise ValueError(
                    "can't optimize a non-leaf Tensor: it is computed from others, which are the parameters"
                )
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=3,
            )
            params = list({id(p): p for p in params}.values())
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        group = {"params": params, **{k: v for k, v in param_group.items() if k != "params"}}
        if names:
            group["param_names"] = names
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        self.check(group)
        self.param_groups.append(group)
        self._units.append([])

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options that make no sense."""

    # -- The step ----------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients (or, without `set_to_none`, set them to zero)."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    if p.grad._requires_grad:
                        p._grad = p.grad.detach()
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; returns the loss of `closure`, if one is given.

        `closure` clears the gradients, computes the loss, calls backward and returns the loss.
        """
        self._call(self._pre_hooks, closure)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, units in zip(self.param_groups, self._units, strict=True):
            self._step_group(group, units)
        self._call(self._post_hooks, closure)
        return loss

    def _call(self, hooks: HookDict, closure: Any) -> None:
        if hooks:
            for hook in list(hooks.values()):
                hook(self, (closure,) if closure else (), {})

    def _step_group(self, group: dict[str, Any], units: list[Unit]) -> None:
        if sum([len(unit.params) for unit in units]) < len(group["params"]):
            self._make_units(group, units)
        for unit in list(units):
            ready = unit.gather()
            if ready is None:  # an arena whose parameters no longer go the same way
                place = units.index(unit)
                units[place : place + 1] = singles = unit.dissolve()
                for single in singles:
                    if single.gather():
                        self._update(single, group)
            elif ready:
                self._update(unit, group)

    def _update(self, unit: Unit, group: dict[str, Any]) -> None:
        unit.steps += 1
        self.update(unit, group)
        unit.mark_written()

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit in place: its `values` from `grads` and `state`."""
        raise NotImplementedError

    def _make_units(self, group: dict[str, Any], units: list[Unit]) -> None:
        """Give parameters that have their first gradient a unit: an arena where they may move."""
        placed = {id(p) for unit in units for p in unit.params}
        movable: dict[Any, list[Any]] = {}
        for p in group["params"]:
            if id(p) in placed or p._grad is None:
                continue
            g = p.grad if isinstance(p._grad, TensorBase) else p._grad
            if g.dtype != p._array.dtype:
                raise RuntimeError(f"expected the gradient in the parameter's dtype {p._array.dtype}, got {g.dtype}")
            waiting = self._waiting.get(p, {})
            if may_move(p):
                movable.setdefault((p._array.dtype, int(waiting.get("step", 0)), tuple(sorted(waiting))), []).append(p)
            else:
                units.append(self._restore(Single(p)))
        for params in movable.values():
            units.append(self._restore(Arena(params) if len(params) > 1 else Single(params[0])))

    # -- State -------------------------------------------------------------------------------------------

    def _restore(self, unit: Any) -> Any:
        """Fill the state of a new unit from what was loaded for its parameters."""
        if isinstance(unit, Single):
            unit.values = unit.params[0]._array
        for i, p in enumerate(unit.params):
            loaded = self._waiting.pop(p, None)
            if loaded:
                self._fill(unit, i, loaded)
        return unit

    def _fill(self, unit: Unit, i: int, loaded: dict[str, Any]) -> None:
        unit.steps = int(loaded.get("step", 0))
        for name in self.state_names:
            value = loaded.get(name)
            if value is not None:
                if name not in unit.state:
                    unit.new_state(name)
                np.copyto(unit.part(name, i), value)
        if unit.state:
            unit.plain = True

    def open_state(self, unit: Unit, group: dict[str, Any]) -> None:
        """Bring a unit's state into PyTorch's units, because someone looks at it; scaled states override this."""
        unit.plain = True

    def step_state(self, unit: Unit) -> dict[str, Any]:
        """Return what the state of each parameter holds besides arrays."""
        return {"step": wrap(np.array(unit.steps, np.float32))}

    @property
    def state(self) -> dict[Any, dict[str, Any]]:
        """The state of each parameter that has been updated: live tensors under PyTorch's names."""
        result: dict[Any, dict[str, Any]] = {}
        for group, units in zip(self.param_groups, self._units, strict=True):
            for unit in units:
                if not unit.steps:
                    continue
                self.open_state(unit, group)
                for i, p in enumerate(unit.params):
                    result[p] = self.step_state(unit)
                    for name in self.state_names:
                        result[p][name] = wrap(unit.part(name, i)) if name in unit.state else None
                        if result[p][name] is None and name not in self.optional_states:
                            del result[p][name]
        for p, loaded in self._waiting.items():
            result[p] = {name: wrap(np.asarray(value)) for name, value in loaded.items()}
        return result

    optional_states: tuple[str, ...] = ()  # states that PyTorch lists as None when they are not used

    def state_dict(self) -> dict[str, Any]:
        """Return state and options as nested dicts in PyTorch's layout, parameters by number; a copy."""
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            numbers[id(p)]: {k: wrap(v._array.copy()) if isinstance(v, TensorBase) else v for k, v in entry.items()}
            for p, entry in self.state.items()
        }
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options from `state_dict`. Raises ValueError when the groups do not match."""
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(groups)}, expected "
                f"{len(self.param_groups)}"
            )
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"{len(theirs['params'])} parameters, expected {len(mine['params'])}"
                )
        by_number = {
            number: p
            for mine, theirs in zip(self.param_groups, groups, strict=True)
            for number, p in zip(theirs["params"], mine["params"], strict=True)
        }
        self._waiting = {by_number[n]: _arrays(entry) for n, entry in state_dict["state"].items() if n in by_number}
        for mine, theirs in zip(self.param_groups, groups, strict=True):
            mine.update({k: v for k, v in theirs.items() if k != "params"})
        for units in self._units:
            self._reload(units)

    def _reload(self, units: list[Unit]) -> None:
        """Put loaded state into the units there are; arenas whose parameters got different states dissolve."""
        for unit in list(units):
            loaded = [self._waiting.get(p, {}) for p in unit.params]
            alike = {(int(entry.get("step", 0)), tuple(sorted(entry))) for entry in loaded}
            place = units.index(unit)
            parts: list[Unit] = [unit] if len(alike) == 1 else unit.dissolve()  # type: ignore[attr-defined]
            for part in parts:
                part.state.clear()
                part.scratch.clear()
                part.steps, part.plain = 0, False
                self._restore(part)
            units[place : place + 1] = parts

    # -- Hooks, Python -----------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step."""
        return _register(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return _register(self._post_hooks, hook)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "param_groups": self.param_groups, "saved": self.state_dict()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.defaults, self.param_groups = saved["defaults"], saved["param_groups"]
        self._units = [[] for _ in self.param_groups]
        self._waiting, self._pre_hooks, self._post_hooks = {}, HookDict(), HookDict()
        self.load_state_dict(saved["saved"])


def _register(hooks: HookDict, hook: Callable[..., Any]) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _arrays(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's loaded state with arrays in place of tensors; None entries are left out."""
    arrays = {k: v._array if isinstance(v, TensorBase) else v for k, v in entry.items()}
    return {k: np.array(v) if isinstance(v, np.ndarray) else v for k, v in arrays.items() if v is not None}


def check_options(group: dict[str, Any], *rules: tuple[str, Callable[[Any], bool], str]) -> None:
    """Raise ValueError, in PyTorch's words, for the first option that breaks its rule."""
    for name, holds, what in rules:
        value = group[name]
        if not holds(float(value._array) if isinstance(value, TensorBase) else value):
            raise ValueError(f"Invalid {what}: {value}")


Params = Iterable[Any]
