"""PyTorch's list of classes that a file may name; here it lists, and allows nothing."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

_listed: list[Any] = []


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Note classes and functions as safe. Tapeless never calls what a file names, so `load` refuses them still.

    NumPy's numbers and arrays, for which scripts mostly call this, are read without it.
    See https://docs.pytorch.org/docs/stable/notes/serialization.html#torch.serialization.add_safe_globals

    >>> add_safe_globals([complex])
    >>> get_safe_globals()
    [<class 'complex'>]
    >>> clear_safe_globals()
    """
    _listed.extend(item for item in safe_globals if item not in _listed)


def get_safe_globals() -> list[Any]:
    """Return what `add_safe_globals` was given.

    >>> import tapeless as tl
    >>> tl.serialization.clear_safe_globals()
    >>> tl.serialization.get_safe_globals()
    []
    """
    return list(_listed)


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` was given.

    >>> import tapeless as tl
    >>> tl.serialization.clear_safe_globals()
    >>> tl.serialization.get_safe_globals()
    []
    """
    _listed.clear()


class safe_globals:
    """A context in which `add_safe_globals` holds.

    >>> with safe_globals([complex]):
    ...     get_safe_globals()
    [<class 'complex'>]
    >>> get_safe_globals()
    []
    """

    def __init__(self, safe_globals: Iterable[Any]) -> None:
        self._added = list(safe_globals)

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self._added)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _listed[:] = self._before
