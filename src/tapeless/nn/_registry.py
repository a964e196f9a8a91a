"""The dicts behind ``module._parameters``, ``._buffers`` and ``._modules``.

PyTorch finds ``self.weight`` through ``Module.__getattr__``, which Python calls only after the normal lookup
has failed: about twenty times slower than a plain attribute. Here each registry copies its entries into the
``__dict__`` of the modules that own it, whichever way the registry is written to. So ``self.weight`` is a
plain attribute, and stays right after ``del``, replacement, and ``module._parameters[name] = p``.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

_MISSING = object()


def _is_class_attribute(owner: object, name: str) -> bool:
    """Tell whether a class of ``owner`` defines ``name``: class attributes win over registered names."""
    return any(name in base.__dict__ for base in type(owner).__mro__)


class Registry(dict[str, Any]):
    """A dict of name to object whose entries are also plain attributes of the modules that own it.

    Owners are held weakly, so that a module is freed as soon as its last user lets go of it. There is more
    than one owner only after ``copy.copy(module)``, which shares the dicts, as in PyTorch.
    """

    __slots__ = ("__weakref__", "_owners")

    def __init__(self, entries: Any = ()) -> None:
        super().__init__(entries)
        self._owners: list[weakref.ref[Any]] = []

    def add_owner(self, module: object) -> None:
        """Mirror all entries, now and later, as attributes of ``module``."""
        if any(owner is module for owner in self._live_owners()):
            return
        self._owners.append(weakref.ref(module))
        for name, value in self.items():
            self._write(module, name, value)

    def remove_owner(self, module: object) -> None:
        """Stop mirroring into ``module`` and take the mirrored attributes away."""
        self._owners = [ref for ref in self._owners if ref() is not None and ref() is not module]
        for name, value in self.items():
            self._erase(module, name, value)

    def _live_owners(self) -> Iterator[Any]:
        return (owner for ref in self._owners if (owner := ref()) is not None)

    @staticmethod
    def _write(owner: Any, name: str, value: Any) -> None:
        if not _is_class_attribute(owner, name):
            owner.__dict__[name] = value

    @staticmethod
    def _erase(owner: Any, name: str, value: Any) -> None:
        if owner.__dict__.get(name, _MISSING) is value:
            del owner.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        for owner in self._live_owners():
            self._write(owner, name, value)

    def __delitem__(self, name: str) -> None:
        value = self[name]
        super().__delitem__(name)
        for owner in self._live_owners():
            self._erase(owner, name, value)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Remove ``name`` and return its object, or ``default`` where given."""
        if name not in self and default is not _MISSING:
            return default
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the newest ``(name, object)`` pair."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        name = next(reversed(self))
        return name, self.pop(name)

    def clear(self) -> None:
        """Remove every entry."""
        for name in list(self):
            del self[name]

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Return the object called ``name``, after setting it to ``default`` where missing."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, entries: Any = (), /, **named: Any) -> None:
        """Set every pair of a mapping or an iterable of pairs."""
        for name, value in dict(entries, **named).items():
            self[name] = value

    def __ior__(self, entries: Any) -> Registry:  # type: ignore[override,misc]
        self.update(entries)
        return self

    def copy(self) -> dict[str, Any]:
        """Return the entries as a plain dict that belongs to no module."""
        return dict(self)

    def __reduce__(self) -> tuple[type, tuple[()], None, None, Iterable[tuple[str, Any]]]:
        # Copies and pickles belong to nobody until Module.__setstate__ adopts them.
        return type(self), (), None, None, iter(self.items())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()
