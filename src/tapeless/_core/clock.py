"""One clock for the whole library: it numbers graph nodes and in-place writes alike.

Because both are numbered by the same counter, two questions have one-compare answers. "Which node was made
later?" orders the backward pass (`engine`). "Was this array written to after that node saved it?" is
``written_at(array) > node.seq`` and needs no version counter on any tensor. The time of a write is filed
under the array's *owner*, the ndarray at the end of its ``.base`` chain, so all views of one memory share it.

Code that never writes in place pays a single compare with `last_write`.
"""

from __future__ import annotations

import functools
import itertools
import weakref
from typing import Any

import numpy as np

tick = itertools.count(1).__next__
"""The next moment; every call returns a larger number."""

last_write: int = 0
"""The moment of the latest in-place write anywhere: what was saved later than this needs no further check."""

_written: dict[int, int] = {}
# An id may be reused once its array is gone, so each entry leaves together with its owner.
_watchers: dict[int, weakref.ref[Any]] = {}


def owner(array: Any) -> Any:
    """Return the ndarray that owns the memory of `array`: the end of its ``.base`` chain.

    >>> import numpy as np
    >>> a = np.zeros((2, 3))
    >>> owner(a[0].reshape(3, 1)) is a
    True
    """
    base = getattr(array, "base", None)
    while isinstance(base, np.ndarray):
        array = base
        base = array.base
    return array


def mark_written(array: Any) -> int:
    """Note that the memory of `array` was written to now, and return the moment."""
    global last_write
    last_write = _written[watch(array)] = tick()
    return last_write


def watch(array: Any) -> int:
    """Return the key under which writes to the memory of `array` are filed, for `mark_keys`."""
    memory = owner(array)
    key = id(memory)
    if key not in _watchers:
        _watchers[key] = weakref.ref(memory, functools.partial(_forget, key))
    return key


def mark_keys(keys: Any) -> None:
    """Note one write to several memories at once: what an optimizer's step costs the clock."""
    global last_write
    last_write = now = tick()
    for key in keys:
        _written[key] = now


def written_at(array: Any) -> int:
    """Return the moment of the last in-place write to the memory of `array`; 0 if there was none."""
    return _written.get(id(owner(array)), 0)


def forget_writes_since(array: Any, moment: int) -> None:
    """Take `moment` for that of the last write to the memory of `array` again: what came after is not to be seen."""
    key = id(owner(array))
    if _written.get(key, 0) > moment:
        _written[key] = moment


def _forget(key: int, _: Any) -> None:
    _written.pop(key, None)
    _watchers.pop(key, None)
