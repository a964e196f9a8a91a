"""`Optimizer`: parameter groups, units, state dicts. What a step computes is in the subclasses."""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from .._core.modes import enable_grad
from .._core.tensor_base import TensorBase
from ._hooks import Hooked
from ._state import State, arrays_of, copied_state, loaded_state
from ._units import Units

Params = Iterable[Any]


class _Required:
    """The kind of `required`."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""The default of an option that has none: every group must say its own."""

# What a pickle or a copy has not: units are made anew; hooks, and a scheduler's wrapper of `step`, are this object's.
_LEFT_BEHIND = {"_units", "_placed", "_waiting", "_own_state", "_hooks", "_in_step", "_opt_called", "_memory", "step"}


class Optimizer(Hooked, Units):
    """Base of all optimizers: keeps parameter groups, and updates them unit by unit.

    A subclass names its options' defaults and defines `update`; see `SGD` for the shortest one. Or it defines `step`
    as in PyTorch, for all parameters of all groups; then ``self.state[p]`` is a plain dict.
    See https://docs.pytorch.org/docs/stable/optim.html#torch.optim.Optimizer

    >>> import tapeless as tl
    >>> class SignSGD(tl.optim.Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     @tl.no_grad()
    ...     def step(self):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.sub_(group["lr"] * p.grad.sign())
    >>> p = tl.nn.Parameter(tl.tensor([1.0, -1.0]))
    >>> (p**2).sum().backward()
    >>> SignSGD([p], lr=0.1).step()
    >>> p.data
    tensor([ 0.9000, -0.9000])
    """

    _own_state: dict[Any, Any] | None

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.check(defaults)  # as in PyTorch the defaults only: a group may say, for example, momentum=0 of its own
        self.param_groups: list[dict[str, Any]] = []
        self._init_units()
        self._init_hooks()
        # The state of an optimizer that has no units, because it has a `step` of its own.
        self._own_state = defaultdict(dict) if self._steps_itself() else None
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
        group = param_group  # as in PyTorch the user's own dict, which stays a handle on the options
        group["params"] = params
        if names:
            group["param_names"] = names
        if any(("param_names" in other) != ("param_names" in group) for other in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if 'param_names' in group else 'without'} names to the optimizer"
            )
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}\n"
                    "It has no default: pass it to the optimizer, or in each group."
                )
            group.setdefault(name, default)
        self.param_groups.append(group)
        self._add_units()

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options, those that hold for all groups, that make no sense."""

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
        if self._has_step_hooks():
            return self._call_with_hooks(Optimizer._step, (self,) if closure is None else (self, closure), {})
        return self._step(closure)

    def _step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for i in range(len(self.param_groups)):
            self._step_group(i)
        return loss

    @classmethod
    def _steps_itself(cls) -> bool:
        """Return whether the class has a `step` of its own, and no `update`."""
        return cls.update is Optimizer.update

    # -- State -------------------------------------------------------------------------------------------

    @property
    def state(self) -> Any:
        """The state of each parameter that has been updated: live tensors under PyTorch's names (see `State`)."""
        return State(self) if self._own_state is None else self._own_state

    @state.setter
    def state(self, state: Any) -> None:
        if self._steps_itself():  # a plain attribute, also of one that wraps another and never calls our __init__
            self._own_state = state
            return
        entries = {p: dict(entry) for p, entry in state.items()}
        self.state.clear()
        self.state.update(entries)

    def state_dict(self) -> dict[str, Any]:
        """Return state and options as nested dicts in PyTorch's layout, parameters by number; a copy."""
        self._before_state_dict()
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(id(p), len(numbers))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [numbers[id(p)] for p in group["params"]]
            groups.append(packed)
        entries = self._entries() if self._own_state is None else self._own_state.items()
        state = {numbers.get(id(p), p): copied_state(entry) for p, entry in entries}
        if self._own_state is None:
            state = {number: state[number] for number in sorted(numbers.values()) if number in state}
        return self._after_state_dict({"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options from `state_dict`. Raises ValueError when the groups do not match."""
        self._load(self._before_load_state_dict(dict(state_dict)))
        self._convert_numbers()
        for units in self._units:
            self._reload(units)
        self._after_load_state_dict()

    def _load(self, state_dict: dict[str, Any]) -> None:
        """Take over options, and the state, which waits for the units."""
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
        state = {by_number.get(n, n): entry for n, entry in state_dict["state"].items()}
        self.param_groups = [self._loaded_group(mine, theirs) for mine, theirs in zip(self.param_groups, groups)]
        if self._own_state is not None:
            self._own_state.clear()
            self._own_state.update({p: loaded_state(entry, p) for p, entry in state.items()})
        else:
            self._waiting = {p: arrays_of(entry) for p, entry in state.items() if isinstance(p, TensorBase)}

    def _loaded_group(self, mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
        """Return a group with the options of `theirs`, and defaults for those that older versions did not have."""
        group = {k: copy.deepcopy(v) for k, v in theirs.items() if k != "params"}
        group["params"] = mine["params"]
        if "param_names" in mine:
            group.setdefault("param_names", mine["param_names"])
        for name, default in self.defaults.items():
            group.setdefault(name, mine.get(name, default))
        return group

    # -- Python ------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join([f"    {key}: {group[key]}\n" for key in sorted(group) if key != "params"])
        return text + ")"

    def __getstate__(self) -> dict[str, Any]:
        attributes = {k: v for k, v in self.__dict__.items() if k not in _LEFT_BEHIND}
        return {**attributes, "saved": self.state_dict()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update({k: v for k, v in saved.items() if k != "saved"})
        self._init_units()
        self._init_hooks()
        self._own_state = defaultdict(dict) if self._steps_itself() else None
        for _ in self.param_groups:
            self._add_units()
        self._load(saved["saved"])


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
