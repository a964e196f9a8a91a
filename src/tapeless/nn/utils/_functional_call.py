"""Call a module with other parameters and buffers than its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tapeless._tensor import Tensor

Place = tuple[Any, str]
"""A registry (``_parameters`` or ``_buffers`` of some module), and a name in it."""


def functional_call(
    module: Any,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` with the tensors of a dict in place of the module's own.

    Args:
        module: is the same afterwards as before, whatever its forward function assigns.
        parameters_and_buffers: dotted names to tensors, or a sequence of such dicts; others are the module's. Names
            that it does not have are ignored. What the forward function assigns to a buffer ends up here.
        args: the arguments, a single one need not be in a tuple.
        kwargs: keyword arguments.
        tie_weights: what replaces a tensor replaces it under all its names.
        strict: names must be all that the module has, and no others; else ``RuntimeError``.

    Raises ``TypeError`` for a value that is no tensor, ``ValueError`` where it is not clear which value counts.
    See https://docs.pytorch.org/docs/stable/generated/torch.func.functional_call.html
    """
    tensors = _one_dict(parameters_and_buffers)
    places = _find_places(module)
    if strict:
        _check_names(type(module).__name__, tensors, places)
    chosen = {name: value for name, value in tensors.items() if name in places}
    for value in chosen.values():
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    if tie_weights:
        chosen |= _tied(chosen, places)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(places, chosen, tensors):
        return module(*args, **(kwargs or {}))


def _one_dict(given: Any) -> Any:
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, Mapping) for each in given):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}"
        )
    merged: dict[str, Any] = {}
    for each in given:
        twice = [name for name in each if name in merged]
        if twice:
            raise ValueError(f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        merged |= each
    return merged


def _find_places(module: Any) -> dict[str, Place]:
    """Return where the tensor of each dotted name is, a shared one under all its names."""
    return {
        f"{path}.{name}" if path else name: (registry, name)
        for path, each in module.named_modules(remove_duplicate=False)
        for registry in (each._parameters, each._buffers)
        for name in registry
    }


def _check_names(kind: str, tensors: Mapping[str, Any], places: dict[str, Place]) -> None:
    present = {name for name, (registry, key) in places.items() if registry[key] is not None}
    lines = [
        f"{title} key(s): {', '.join(repr(name) for name in sorted(names))}."
        for title, names in (("Unexpected", set(tensors) - present), ("Missing", present - set(tensors)))
        if names
    ]
    if lines:
        raise RuntimeError(f"Error(s) in reparametrizing for {kind}:\n\t" + "\n\t".join(lines))


def _tied(chosen: Mapping[str, Any], places: dict[str, Place]) -> dict[str, Any]:
    """Return what the other names of the replaced tensors get."""
    names_of: dict[int, list[str]] = {}
    for name, (registry, key) in places.items():
        if registry[key] is not None:
            names_of.setdefault(id(registry[key]), []).append(name)
    tied: dict[str, Any] = {}
    for names in names_of.values():
        given = [name for name in names if name in chosen]
        if any(chosen[name] is not chosen[given[0]] for name in given):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(given)}, which are tied. "
                "Consider using tie_weights=False"
            )
        tied |= {name: chosen[given[0]] for name in names if given}
    return tied


@contextmanager
def _replaced(places: dict[str, Place], chosen: dict[str, Any], tensors: Any) -> Iterator[None]:
    before = {name: places[name][0][places[name][1]] for name in chosen}
    try:
        for name, value in chosen.items():
            registry, key = places[name]
            registry[key] = value
        yield
    finally:
        for name, value in before.items():
            registry, key = places[name]
            if name in tensors and registry.get(key) is not chosen[name] and hasattr(tensors, "update"):
                tensors[name] = registry.get(key)
            registry[key] = value
