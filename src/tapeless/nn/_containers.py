"""Containers of modules: `Sequential`, `ModuleList`, `ModuleDict`."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain, groupby
from typing import Any, TypeVar

from tapeless._core import modes

from . import _hooks
from ._linear import Linear, run_pair
from ._module import Module, indent, wrap_lines

M = TypeVar("M", bound="_NumberedModules")


class _NumberedModules(Module):
    """Modules under the names "0", "1", ...: what `Sequential` and `ModuleList` have in common."""

    _modules: dict[str, Any]

    def _key(self, index: int) -> str:
        """Return the name of the module at ``index``, which may count from the end."""
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return list(self._modules)[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        keys = list(self._modules)[index] if isinstance(index, slice) else [self._key(index)]
        for key in keys:
            delattr(self, key)
        self._modules = {str(i): module for i, module in enumerate(self._modules.values())}

    def append(self: M, module: Module) -> M:
        """Add a module at the end; return the container."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove the module (or, for a slice, the modules) at ``key`` and return it."""
        module = self[key]  # type: ignore[index]
        del self[key]
        return module

    def _insert(self, index: int, module: Module) -> None:
        for i in range(len(self._modules), index, -1):
            self._modules[str(i)] = self._modules[str(i - 1)]
        self._modules[str(index)] = module

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.isdigit()]


class Sequential(_NumberedModules):
    """Modules that run one after the other, each on the output of the one before.

    Takes modules, or one ``OrderedDict`` of name to module.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html

    >>> import tapeless as tl
    >>> model = tl.nn.Sequential(tl.nn.Linear(30, 10), tl.nn.ReLU())
    >>> model
    Sequential(
      (0): Linear(in_features=30, out_features=10, bias=True)
      (1): ReLU()
    )
    >>> model(tl.ones(2, 30)).shape
    torch.Size([2, 10])
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named: Iterable[tuple[str, Any]] = args[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(args))
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Pass ``input`` through the modules in order."""
        if _hooks.live or modes.watched_anywhere:  # someone may look at what is between two modules
            for module in self._modules.values():
                input = module(input)
            return input
        linear: Any = None  # a Linear whose turn it is, if there is nothing to make one operation of it with
        for module in self._modules.values():
            if linear is not None:
                result = run_pair(linear, module, input)
                if result is not None:
                    input, linear = result, None
                    continue
                input, linear = linear(input), None
            if type(module) is Linear:
                linear = module
            else:
                input = module(input)
        return input if linear is None else linear(input)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def __add__(self, other: Sequential) -> Sequential:
        self._check_sequential(other)
        return Sequential().extend(self).extend(other)

    def __iadd__(self, other: Sequential) -> Sequential:
        self._check_sequential(other)
        return self.extend(list(other))

    @staticmethod
    def _check_sequential(other: object) -> None:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)!s} is given.")

    def __mul__(self, other: int) -> Sequential:
        self._check_count(other)
        return Sequential(*list(self) * other)

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Sequential:
        self._check_count(other)
        return self.extend(list(self) * (other - 1))

    def _check_count(self, other: object) -> None:
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")

    def insert(self, index: int, module: Module) -> Sequential:
        """Put a module before the one at ``index``; return the container."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        self._insert(index + len(self) if index < 0 else index, module)
        return self

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Add modules at the end; return the container."""
        for module in sequential:
            self.append(module)
        return self


class ModuleList(_NumberedModules):
    """A list whose modules are registered with the module it is assigned to.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleList.html

    >>> import tapeless as tl
    >>> tl.nn.ModuleList([tl.nn.Linear(2, 2) for _ in range(4)])
    ModuleList(
      (0-3): 4 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[self._key(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at ``index``."""
        self._insert(index, module)

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; return the list."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}")
        offset = len(self)
        for i, module in enumerate(modules):
            self.add_module(str(offset + i), module)
        return self

    def __repr__(self) -> str:
        """List the modules, equal neighbours in one entry."""
        lines = []
        for text, group in groupby(enumerate(map(repr, self)), key=operator.itemgetter(1)):
            places = [place for place, _ in group]
            entry = f"({places[0]}): {text}"
            if len(places) > 1:
                entry = f"({places[0]}-{places[-1]}): {len(places)} x {text}"
            lines.append(indent(entry))
        return wrap_lines(self._get_name(), lines)


class ModuleDict(Module):
    """A dict of name to module whose modules are registered with the module it is assigned to.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html

    >>> import tapeless as tl
    >>> choices = tl.nn.ModuleDict({"relu": tl.nn.ReLU(), "tanh": tl.nn.Tanh()})
    >>> choices["tanh"]
    Tanh()
    """

    _modules: dict[str, Any]

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Remove the module called ``key`` and return it."""
        return self._modules.pop(key)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the ``(name, module)`` pairs."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """Return the modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Set every module of a mapping, or of an iterable of ``(name, module)`` pairs."""
        for key, module in key_value_pairs(modules, "ModuleDict", "ModuleDict.update"):
            self[key] = module


def key_value_pairs(source: Any, owner: str, method: str) -> list[tuple[str, Any]]:
    """Return the pairs of a mapping or an iterable of pairs; raise PyTorch's errors for anything else."""
    if not isinstance(source, Iterable):
        raise TypeError(
            f"{method} should be called with an iterable of key/value pairs, but got {type(source).__name__}"
        )
    if isinstance(source, Mapping) or (isinstance(source, Module) and hasattr(source, "items")):
        return list(source.items())
    pairs = []
    for place, pair in enumerate(source):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{owner} update sequence element #{place} should be Iterable; is {type(pair).__name__}")
        entry = tuple(pair)
        if len(entry) != 2:
            raise ValueError(f"{owner} update sequence element #{place} has length {len(entry)}; 2 is required")
        pairs.append(entry)
    return pairs
