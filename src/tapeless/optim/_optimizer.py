"""`Optimizer`: parameter groups, units, state dicts. What a step computes is in the subclasses."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .. import _dtypes
from .._core.hooks import HookDict, RemovableHandle
from .._core.modes import enable_grad
from .._core.tensor_base import TensorBase, wrap
from ._arena import Arena, Single, Unit, may_move
from ._state import State, arrays_of

Params = Iterable[Any]


class Optimizer:
    """Base of all optimizers: keeps parameter groups, and updates them unit by unit.

    A subclass names its options' defaults and defines `update`. See `SGD` for the shortest one, and
    https://docs.pytorch.org/docs/stable/optim.html#torch.optim.Optimizer
    """

    state_names: tuple[str, ...] = ()  # the arrays of a unit's state, under PyTorch's names
    number_names: tuple[str, ...] = ()  # what of it is one number for a whole unit
    flat: bool = True  # whether parameters are updated element by element, so that arenas are of use
    counts_steps: bool = True  # whether the state of a parameter says how many steps it has seen

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._units: list[list[Unit]] = []
        self._placed: list[list[int]] = []  # for each group the ids of its parameters, once all have a unit
        self._waiting: dict[Any, dict[str, Any]] = {}  # loaded state of parameters that have no unit yet
        self._pre_hooks, self._post_hooks = HookDict(), HookDict()
        if isinstance(params, TensorBase):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                f"{type(params).__name__}. For one parameter, write [p]."
            )
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list\nIf it came from a generator such as model.parameters(), "
                "that may have been used up before: call it again."
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with options of their own where they differ from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        names, params = _named(param_group["params"])
        for p in params:
            _check_parameter(p)
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=3,
            )
            params = list({id(p): p for p in params}.values())
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        group = {**param_group, "params": params}
        if names:
            group["param_names"] = names
        for name, default in self.defaults.items():
            group.setdefault(name, default)
        self.check(group)
        self.param_groups.append(group)
        self._units.append([])
        self._placed.append([])

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
        for i, group in enumerate(self.param_groups):
            if list(map(id, group["params"])) != self._placed[i]:
                self._place(i)
            self._step_units(self._units[i], group)
        self._call(self._post_hooks, closure)
        return loss

    def _call(self, hooks: HookDict, closure: Any) -> None:
        if hooks:
            for hook in list(hooks.values()):
                hook(self, (closure,) if closure else (), {})

    def _step_units(self, units: list[Unit], group: dict[str, Any]) -> None:
        for unit in list(units):
            ready = unit.gather()
            if ready:
                self._update(unit, group)
            elif ready is None:  # an arena whose parameters no longer go the same way
                place = units.index(unit)
                units[place : place + 1] = singles = unit.dissolve()
                for single in singles:
                    if single.gather():
                        self._update(single, group)

    def _update(self, unit: Unit, group: dict[str, Any]) -> None:
        unit.steps += 1
        self.update(unit, group)
        unit.mark_written()

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit in place: its `values` from `grads` and `state`."""
        raise NotImplementedError

    # -- Units -------------------------------------------------------------------------------------------

    def _place(self, i: int) -> None:
        """Give the parameters of a group that have their first gradient a unit: an arena where they may move."""
        params, units = self.param_groups[i]["params"], self._units[i]
        wanted = {id(p) for p in params}
        for unit in list(units):
            for p in unit.params:
                if id(p) not in wanted:  # the user took it out of the group's list
                    self._take_out(p)
        placed = {id(p) for unit in units for p in unit.params}
        movable: dict[Any, list[Any]] = {}
        for p in params:
            if id(p) in placed or p._grad is None:
                continue
            placed.add(id(p))
            waiting = self._waiting.get(p, {})
            if self.flat and may_move(p):
                movable.setdefault((p._array.dtype, *self._way(waiting)), []).append(p)
            else:
                units.append(self._fill(Single(p)))
        for alike in movable.values():
            units.append(self._fill(Arena(alike) if len(alike) > 1 else Single(alike[0])))
        self._placed[i] = list(map(id, params)) if len(placed) == len(params) else []

    def _fill(self, unit: Unit) -> Unit:
        """Fill the state of a new unit from what was loaded for its parameters."""
        for i, p in enumerate(unit.params):
            loaded = self._waiting.pop(p, {})
            unit.steps = _step_of(loaded)
            for name in self.number_names:
                if name in loaded:  # PyTorch, too, converts what it loads to the parameter's dtype
                    unit.numbers[name] = np.asarray(loaded[name], p._array.real.dtype)[()]
            for name in self.state_names:
                if name not in loaded:
                    continue
                shape = self.state_shape(name, p._array.shape)
                if np.shape(loaded[name]) != shape:
                    raise ValueError(
                        f"the loaded state {name!r} has the shape {list(np.shape(loaded[name]))}, but its parameter "
                        f"needs the shape {list(shape)}: the state belongs to another model"
                    )
                if name not in unit.state:
                    unit.new_state(name, shape=None if shape == p._array.shape else shape)
                np.copyto(unit.part(name, i), loaded[name], casting="unsafe")
        return unit

    def state_shape(self, name: str, shape: Any) -> Any:
        """Return the shape of the state `name` for a parameter of a given shape: the same, unless overridden."""
        return shape

    def _way(self, loaded: dict[str, Any]) -> tuple[Any, ...]:
        """Return what parameters must have in common, of the state loaded for them, to be updated together."""
        return (_step_of(loaded), *[float(loaded.get(name, 0)) for name in self.number_names], *sorted(loaded))

    def _entries(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Go through all parameters that have a state."""
        for p, unit, i in self._members():
            entry = self._entry(unit, i)
            if entry:
                yield p, entry
        for p, loaded in self._waiting.items():
            yield p, {name: wrap(v) if isinstance(v, np.ndarray) else v for name, v in loaded.items()}

    def _members(self) -> list[tuple[Any, Unit, int]]:
        """Return the parameters that are in units: each with its unit and its place there."""
        return [(p, unit, i) for units in self._units for unit in units for i, p in enumerate(unit.params)]

    def _take_out(self, p: Any) -> None:
        """Forget the state of a parameter and its unit; it gets a new unit in the next step."""
        self._waiting.pop(p, None)
        for k, units in enumerate(self._units):
            for unit in list(units):
                if any(q is p for q in unit.params):
                    place = units.index(unit)
                    units[place : place + 1] = [single for single in unit.dissolve() if single.params[0] is not p]
                    self._placed[k] = []

    # -- State -------------------------------------------------------------------------------------------

    def _entry(self, unit: Unit, i: int) -> dict[str, Any]:
        """Return the state of one parameter of a unit under PyTorch's names; tensors share the unit's memory."""
        unit.open_state()
        entry: dict[str, Any] = {}
        if self.counts_steps and unit.steps:
            entry["step"] = wrap(np.array(unit.steps, number_dtype()))
        entry.update({name: wrap(np.array(unit.numbers[name])) for name in self.number_names if name in unit.numbers})
        entry.update({name: wrap(unit.part(name, i)) for name in self.state_names if name in unit.state})
        return entry

    @property
    def state(self) -> State:
        """The state of each parameter that has been updated: live tensors under PyTorch's names (see `State`)."""
        return State(self)

    @state.setter
    def state(self, state: Any) -> None:
        entries = {p: dict(entry) for p, entry in state.items()}
        self.state.clear()
        self.state.update(entries)

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
            for p, entry in self._entries()
            if id(p) in numbers
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
        for mine, theirs in zip(self.param_groups, groups):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"{len(theirs['params'])} parameters, expected {len(mine['params'])}"
                )
        by_number = {
            number: p
            for mine, theirs in zip(self.param_groups, groups)
            for number, p in zip(theirs["params"], mine["params"])
        }
        self._waiting = {by_number[n]: arrays_of(entry) for n, entry in state_dict["state"].items() if n in by_number}
        for mine, theirs in zip(self.param_groups, groups):
            mine.update({k: copy.deepcopy(v) for k, v in theirs.items() if k != "params"})
        for units in self._units:
            self._reload(units)

    def _reload(self, units: list[Unit]) -> None:
        """Put loaded state into the units there are; arenas whose parameters got different states dissolve."""
        for unit in list(units):
            loaded = [self._waiting.get(p, {}) for p in unit.params]
            alike = {self._way(entry) for entry in loaded}
            place = units.index(unit)
            parts: list[Any] = [unit] if len(alike) == 1 else unit.dissolve()
            for part in parts:
                part.state, part.numbers, part.scales = {}, {}, {}
                self._fill(part)
            units[place : place + 1] = parts

    # -- Hooks, Python -----------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step."""
        return _register(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return _register(self._post_hooks, hook)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join([f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"])
        return text + ")"

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "param_groups": self.param_groups, "saved": self.state_dict()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.defaults, self.param_groups = saved["defaults"], saved["param_groups"]
        self._units, self._placed = [[] for _ in self.param_groups], [[] for _ in self.param_groups]
        self._waiting, self._pre_hooks, self._post_hooks = {}, HookDict(), HookDict()
        self.load_state_dict(saved["saved"])


def _named(params: Any) -> tuple[list[str], list[Any]]:
    """Return the names (of ``named_parameters()``, else none) and the parameters of a new group."""
    if isinstance(params, TensorBase):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
            "sets will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [p[0] for p in params if isinstance(p, tuple)]
    if names and len(names) < len(params):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return names, [p[1] for p in params] if names else params


def _check_parameter(p: Any) -> None:
    """Raise for what an optimizer can't update."""
    if not isinstance(p, TensorBase):
        raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
    if p._node is not None and not p.retains_grad:  # type: ignore[attr-defined]
        raise ValueError("can't optimize a non-leaf Tensor: it is computed from others, which are the parameters")


def number_dtype() -> Any:
    """Return the dtype of the numbers in a state: the default one, but no less than single precision."""
    return np.dtype(np.float64 if _dtypes.get_default_dtype() == np.float64 else np.float32)


def _step_of(entry: dict[str, Any]) -> int:
    """Return how many steps a parameter has seen, from its state."""
    return int(entry.get("step", 0))


def _register(hooks: HookDict, hook: Callable[..., Any]) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
