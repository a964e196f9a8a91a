"""Parametrizations: a parameter or buffer that is computed from others each time it is read.

A module with a parametrized tensor is of a class made for it, ``Parametrized<Class>``, in which the tensor is a
property. What it is computed from lives in ``module.parametrizations.<name>``, a `ParametrizationList`.

Source: https://docs.pytorch.org/tutorials/intermediate/parametrizations.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tapeless._core.modes import no_grad

from .._containers import ModuleDict
from .._module import Module
from .._parameter import Parameter
from ._parametrization_list import ParametrizationList as ParametrizationList, set_values

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

_NOT_PICKLED = (
    "Serialization of parametrized modules is only supported through state_dict(). See:\n"
    "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
    "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
)


class _Cache:
    """Tensors that were computed already, while a `cached` block is open."""

    depth: int = 0
    tensors: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once in this block, however often it is read.

    Useful where a model uses a layer many times; the values are forgotten when the outermost block ends.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.cached.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(2, 3))
    >>> with cached():
    ...     layer.weight is layer.weight
    True
    """
    _Cache.depth += 1
    try:
        yield
    finally:
        _Cache.depth -= 1
        if not _Cache.depth:
            _Cache.tensors.clear()


# ---- the class of a parametrized module ----------------------------------------------------------------------


def _property_of(name: str) -> property:
    """Return the property that stands for a parametrized tensor."""

    def read(self: Any) -> Any:
        if not _Cache.depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        tensor = _Cache.tensors.get(key)
        if tensor is None:
            tensor = _Cache.tensors[key] = self.parametrizations[name]()
        return tensor

    def write(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def _refuse_pickling(self: Any) -> Any:
    raise RuntimeError(_NOT_PICKLED)


def _copy_deeply(self: Any, memo: dict[int, Any]) -> Any:
    if id(self) not in memo:
        clone = memo[id(self)] = object.__new__(type(self))
        base: Any = type_before_parametrizations(self)
        state = base.__getstate__(self)
        clone.__setstate__(copy.deepcopy(state, memo))
    return memo[id(self)]


def _set_class(module: Any, base: type, names: Sequence[str]) -> None:
    """Make ``module`` one of ``base`` with these tensors as properties; of ``base`` itself where there are none.

    Each change makes a new class: deep copies of a module share theirs, and are to be independent.
    """
    if not names:
        module.__class__ = base
        return
    members: dict[str, Any] = {name: _property_of(name) for name in names}
    members |= {"__module__": __name__, "__getstate__": _refuse_pickling}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = _copy_deeply
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether the module has a parametrized tensor, or one of this name.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.is_parametrized.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(3, 2))
    >>> (
    ...     tl.nn.utils.parametrize.is_parametrized(layer, "weight"),
    ...     tl.nn.utils.parametrize.is_parametrized(layer, "bias"),
    ... )
    (True, False)
    """
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def type_before_parametrizations(module: Module) -> type:
    """Return the class of the module, of a parametrized one that which it had before.

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(2, 3))
    >>> type(layer).__name__, type_before_parametrizations(layer).__name__
    ('ParametrizedLinear', 'Linear')
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


# ---- registering and removing --------------------------------------------------------------------------------


def register_parametrization(module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Any:
    """Have ``module.<tensor_name>`` computed by ``parametrization`` from what it was; return the module.

    The former tensor becomes ``module.parametrizations.<tensor_name>.original``, and
    ``parametrization(original)`` is what reading the attribute gives. Where ``parametrization`` has a method
    ``right_inverse``, the original is set to ``right_inverse(tensor)`` first, and assigning to the attribute works; it
    may return several tensors, ``original0``, ``original1``, ..., which ``parametrization`` then takes. Registering
    another one applies it to the result of the former.

    Raises ``ValueError`` where there is no parameter or buffer of that name, or what the functions return does not
    fit; ``unsafe=True`` allows shapes and dtypes to change.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html

    >>> import tapeless as tl
    >>> class Symmetric(tl.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = register_parametrization(tl.nn.Linear(3, 3), "weight", Symmetric())
    >>> tl.equal(layer.weight, layer.weight.T)
    True
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        entries = module.parametrizations[tensor_name]
        if not unsafe:
            entries.check_another(parametrization, getattr(module, tensor_name), tensor_name)
        entries.append(parametrization)
        entries.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    entries = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    base = type_before_parametrizations(module)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    _set_class(module, base, [*module.parametrizations, tensor_name])
    module.parametrizations[tensor_name] = entries
    return module


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make ``module.<tensor_name>`` a plain parameter or buffer again; return the module.

    It gets the value computed last, or with ``leave_parametrized=False`` that of the original.
    Raises ``ValueError`` where it is not parametrized, or there are several originals to choose from.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.remove_parametrizations.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(3, 2))
    >>> layer = tl.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    entries = module.parametrizations[tensor_name]
    if entries.is_tensor:
        tensor = entries.original
        if leave_parametrized:
            with no_grad():
                set_values(tensor, getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    base = type_before_parametrizations(module)
    names = [name for name in module.parametrizations if name != tensor_name]
    del module.parametrizations[tensor_name]
    if not names:
        del module.parametrizations
    _set_class(module, base, names)
    if isinstance(tensor, Parameter):
        module.register_parameter(tensor_name, tensor)
    else:
        module.register_buffer(tensor_name, tensor)
    return module


def transfer_parametrizations_and_params(from_module: Any, to_module: Any, tensor_name: str | None = None) -> Any:
    """Register the parametrizations of ``from_module`` on ``to_module``, with the originals; return ``to_module``.

    ``tensor_name`` chooses one of them; raises ``KeyError`` where there is no such one.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.transfer_parametrizations_and_params.html

    >>> import tapeless as tl
    >>> layer = tl.nn.utils.parametrizations.weight_norm(tl.nn.Linear(3, 2))
    >>> other = tl.nn.utils.parametrize.transfer_parametrizations_and_params(layer, tl.nn.Linear(3, 2))
    >>> tl.equal(other.weight, layer.weight)
    True
    """
    if not is_parametrized(from_module):
        return to_module
    for name in [*from_module.parametrizations] if tensor_name is None else [tensor_name]:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization, unsafe=source.unsafe)
        target = to_module.parametrizations[name]
        for original in source.original_names:
            setattr(target, original, getattr(source, original))
    return to_module
