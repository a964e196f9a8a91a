"""What a saved state may consist of: finding its tensors, refusing the rest, keys that cannot hurt."""

from __future__ import annotations

import enum
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from tapeless._tensor import Size, Tensor

from ._error import FileError, damaged

EXPECTED = (
    "expected tensors, arrays, numbers, strings, bytes, None, and dicts, lists, tuples and sets of them, got {kind}"
)
DEEP = "it is nested hundreds of levels deep, or contains itself"
MAX_CONTAINERS = 5_000_000  # in one file: so many take some hundred megabytes


def arrays_in(state: Any, numpy: bool = True) -> tuple[list[Any], Counter[int]]:
    """Return the arrays of all tensors in `state`, and how often each tensor object (by `id`) occurs.

    NumPy's own arrays are among them, unless `numpy` is False.

    >>> import tapeless as tl
    >>> t = tl.zeros(2)
    >>> arrays, count = arrays_in({"a": [t, 1], "b": t})
    >>> len(arrays), count[id(t)]
    (1, 2)
    """
    found: dict[int, Any] = {}
    count: Counter[int] = Counter()
    seen, stack = set(), [state]
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor) or (numpy and isinstance(value, np.ndarray)):
            found[id(value)] = value._array if isinstance(value, Tensor) else value
            count[id(value)] += 1
        elif isinstance(value, Mapping | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(reversed(list(value.values()) if isinstance(value, Mapping) else list(value)))
    return list(found.values()), count


Place = tuple[Any, Any] | None  # the container's place and the key in it; text only where someone reads it


def refusal(value: Any, place: Place) -> TypeError:
    """Return the error for a value that no file can have; it says what to save in its place."""
    kind, hint = type(value).__name__, ""
    if hasattr(value, "state_dict"):
        hint = "; save what its state_dict() returns, and load that with load_state_dict()"
    elif isinstance(value, enum.Enum):
        hint = "; save its value or its name"
    elif isinstance(value, tuple):
        hint = "; save tuple(...) of it, or its _asdict()"
    elif isinstance(value, Mapping):
        hint = "; save dict(...) of it"
    elif hasattr(value, "__dict__"):
        hint = "; save vars(...) of it, if that has only such values"
    return TypeError(f"cannot save {where(place)}: {EXPECTED.format(kind=kind)}{hint}")


def where(place: Place) -> str:
    """Return words for the value at `place` of a state."""
    return f"the value at {path(place)!r}" if place else "the state"


def path(place: Place) -> str:
    """Return a place as text.

    >>> path(((None, "model"), "0.weight"))
    'model/0.weight'
    """
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(str(key))
    return "/".join(reversed(keys))


def is_dict(value: Any) -> bool:
    """Is `value` a dict that is written as such?"""
    return type(value) in (dict, OrderedDict, Counter)


def numeric(array: Any) -> bool:
    """Has `array` elements that files have: numbers or truth values?"""
    return array.dtype.kind in "biufc" and array.dtype.itemsize <= 16 and array.dtype.name not in _LONG


_LONG = ("float128", "float96", "longdouble", "complex256", "complex192", "clongdouble")

_EASY_KEYS = (str, bytes, bool, float, type(None))
_MAX_SAME_HASH = 100


class Keys:
    """Checks what a file wants to be keys of dicts and elements of sets, so that hashing ends soon.

    A tuple of tuples of ... that share their parts is short in a file and endless to hash; and numbers can be
    chosen so that all fall into one bucket of a dict. Random strings cannot: Python salts their hashes.
    """

    def __init__(self) -> None:
        self._same: Counter[tuple[int, int]] = Counter()

    def check(self, key: Any, owner: Any) -> Any:
        """Return `key`, which goes into the dict or set `owner`, or raise `FileError`."""
        kind = type(key)
        if kind in _EASY_KEYS or (kind is int and -(2**60) < key < 2**60):
            return key
        self._check_hashable(key)
        bucket = (id(owner), hash(key))
        self._same[bucket] += 1
        if self._same[bucket] > _MAX_SAME_HASH:
            damaged("it has a dict whose keys were chosen to have the same hash")
        return key

    def _check_hashable(self, key: Any) -> None:
        stack, left = [key], 200
        while stack:
            value = stack.pop()
            left -= 1
            if left < 0:
                damaged("it has a dict key of more than 200 parts")
            if type(value) in (tuple, Size, frozenset):
                stack.extend(value)
            elif type(value) not in (*_EASY_KEYS, int, complex):
                damaged(f"it has a dict key that is a {type(value).__name__}")


def set_attributes(owner: Any, state: Any) -> None:
    """Put a file's attributes on a tensor or an OrderedDict, unless they would hide what its class has."""
    if not isinstance(state, dict):
        raise FileError(f"the attributes of a {type(owner).__name__} are a {type(state).__name__}")
    for name, value in state.items():
        if type(name) is not str or not name.isidentifier() or hasattr(type(owner), name) or name.startswith("__"):
            damaged(f"it gives a {type(owner).__name__} an attribute {name!r}")
        owner.__dict__[name] = value
