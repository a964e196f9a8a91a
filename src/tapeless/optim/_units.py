"""`Units`: the part of an optimizer that keeps its parameters in units, arenas where it can, and updates those."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import _dtypes
from .._core.tensor_base import wrap
from ._arena import Arena, Single, Unit, may_move


class Units:
    """Gives every parameter of every group a unit when it has its first gradient.

    A subclass says what is in the state of a unit, and how `update` computes a step.
    """

    state_names: tuple[str, ...] = ()  # the arrays of a unit's state, under PyTorch's names
    number_names: tuple[str, ...] = ()  # what of it is one number for a whole unit
    flat: bool = True  # whether parameters are updated element by element, so that arenas are of use
    counts_steps: bool = True  # whether the state of a parameter says how many steps it has seen

    param_groups: list[dict[str, Any]]

    def _init_units(self) -> None:
        self._units: list[list[Unit]] = []  # for each group
        self._placed: list[list[int]] = []  # for each group the ids of its parameters, once all have a unit
        self._waiting: dict[Any, dict[str, Any]] = {}  # loaded state of parameters that have no unit yet

    def _add_units(self) -> None:
        """Make place for the units of a new group."""
        self._units.append([])
        self._placed.append([])

    # -- The step ----------------------------------------------------------------------------------------

    def _step_group(self, i: int) -> None:
        """Update the parameters of a group that have a gradient."""
        group = self.param_groups[i]
        if list(map(id, group["params"])) != self._placed[i]:
            self._place(i)
        units = self._units[i]
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

    # -- Making units ------------------------------------------------------------------------------------

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
                if name in loaded:
                    unit.numbers[name] = np.asarray(loaded[name])[()]
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

    def _convert_numbers(self) -> None:
        """Convert numbers that were loaded to the parameter's dtype, as PyTorch does."""
        for p, loaded in self._waiting.items():
            for name in self.number_names:
                if name in loaded and p._array.dtype.kind == "f":
                    loaded[name] = np.asarray(loaded[name], p._array.dtype)

    def _way(self, loaded: dict[str, Any]) -> tuple[Any, ...]:
        """Return what parameters must have in common, of the state loaded for them, to be updated together."""
        return (_step_of(loaded), *[float(loaded.get(name, 0)) for name in self.number_names], *sorted(loaded))

    # -- State -------------------------------------------------------------------------------------------

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

    def _entry(self, unit: Unit, i: int) -> dict[str, Any]:
        """Return the state of one parameter of a unit under PyTorch's names; tensors share the unit's memory."""
        unit.open_state()
        entry: dict[str, Any] = {}
        if self.counts_steps and (unit.steps or unit.state):  # Adagrad has a state, and step 0, from the start
            entry["step"] = wrap(np.array(unit.steps, number_dtype()))
        entry.update({name: wrap(np.array(unit.numbers[name])) for name in self.number_names if name in unit.numbers})
        entry.update({name: wrap(unit.part(name, i)) for name in self.state_names if name in unit.state})
        return entry

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


def number_dtype() -> Any:
    """Return the dtype of the numbers in a state: the default one, but no less than single precision."""
    return np.dtype(np.float64 if _dtypes.get_default_dtype() == np.float64 else np.float32)


def _step_of(entry: dict[str, Any]) -> int:
    """Return how many steps a parameter has seen, from its state."""
    return int(entry.get("step", 0))
