"""Nested state as JSON and named arrays, and back; what safetensors and .npz files have in common.

Arrays get readable names (``model/0.weight``). How they are nested, and all that is no array, is JSON: dicts with
string keys stand for themselves, everything else is an object whose first key, with a ``$``, says what it is.
"""

from __future__ import annotations

import base64
import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tapeless._core.tensor_base import wrap
from tapeless._device import Device
from tapeless._dtypes import BFLOAT16
from tapeless._tensor import Size, Tensor
from tapeless.nn import Parameter

from ._error import FileError, check, damaged
from ._kinds import KINDS, strided
from ._state import DEEP, MAX_CONTAINERS, Keys, Place, arrays_in, is_dict, numeric, path, refusal, set_attributes, where
from ._storages import Layout, Placed

FORMAT = 2
_SAFE_INT = 2**63
_AS_THEY_ARE = (float, str, bool, type(None))


class Encoder:
    """Turns a state into `text`, JSON, and `arrays`, contiguous ones by name. Raises `TypeError`, naming the place."""

    def __init__(self, state: Any, is_legal: Callable[[str], bool]) -> None:
        self._is_legal = is_legal
        found, self._count = arrays_in(state)
        self._layout = Layout(found)
        self._numbers: dict[int, int] = {}
        self._base_of: dict[int, str] = {}  # the name of a storage
        self.arrays: dict[str, Any] = {}
        self._whole = self._whole_ones()
        try:
            tree = self._encode(state, None)
            self.text = json.dumps({"format": FORMAT, "state": tree}, separators=(",", ":"))
        except RecursionError:
            raise ValueError(f"cannot save the state: {DEEP}") from None

    def _whole_ones(self) -> dict[int, Placed]:
        """For each storage, the place of a tensor that is just all of it: then it has that one's shape and name."""
        whole: dict[int, Placed] = {}
        for placed in self._layout.places.values():
            length = len(self._layout.storages[placed.storage])
            if placed.offset == 0 and placed.stride == _packed(placed.size) and np.prod(placed.size) == length:
                whole.setdefault(placed.storage, placed)
        return whole

    def _encode(self, value: Any, place: Place) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if kind is int:
            return value if -_SAFE_INT <= value < _SAFE_INT else {"$int": hex(value)}
        if is_dict(value):
            return self._dict(value, place)
        if kind in (list, tuple, Size):
            parts = [
                item if type(item) in _AS_THEY_ARE else self._encode(item, (place, index))
                for index, item in enumerate(value)
            ]
            return parts if kind is list else {"$tuple" if kind is tuple else "$size": parts}
        if isinstance(value, Tensor):
            return self._tensor(value, place)
        return self._other(value, kind, place)

    def _other(self, value: Any, kind: type, place: Place) -> Any:
        if isinstance(value, np.generic | np.ndarray) and not numeric(value):
            raise TypeError(
                f"cannot save {where(place)}: arrays of Python objects need pickle, which is not used here; "
                f"expected numbers, got dtype {value.dtype}"
            )
        if isinstance(value, np.generic):
            return {"$scalar": [value.dtype.name, value.tobytes().hex()]}
        if kind in (np.ndarray, np.memmap):
            return {"$array": self._reference(value, place)}
        if value is BFLOAT16 or (isinstance(value, np.dtype) and value.name in KINDS):
            return {"$dtype": value.name}
        if kind is complex:
            return {"$complex": [value.real, value.imag]}
        if kind in (bytes, bytearray):
            return {f"${kind.__name__}": base64.b85encode(value).decode()}
        if kind in (set, frozenset):
            return {f"${kind.__name__}": [self._encode(item, (place, "{}")) for item in value]}
        if kind is Device:
            return {"$device": str(value)}
        raise refusal(value, place)

    def _dict(self, value: Any, place: Place) -> Any:
        values = [self._encode(item, (place, key)) for key, item in value.items()]
        if type(value) is dict and all(type(key) is str and not key.startswith("$") for key in value):
            return dict(zip(value, values))
        items = [[self._key(key, place), item] for key, item in zip(value, values)]
        node: dict[str, Any] = {f"${type(value).__name__}": items}
        if metadata := getattr(value, "_metadata", None):
            node["metadata"] = self._encode(dict(metadata), place)
        return node

    def _key(self, key: Any, place: Place) -> Any:
        """Encode a key: nothing that has memory or identity."""
        parts = key if type(key) is tuple else (key,)
        if not all(type(part) in (str, int, float, bool, bytes, complex, type(None)) for part in parts):
            raise TypeError(
                f"cannot save {where(place)}: expected keys that are strings or numbers, or tuples of those, got "
                f"{key!r}"
            )
        return self._encode(key, place)

    def _tensor(self, tensor: Tensor, place: Place) -> Any:
        node: dict[str, Any] = {"$tensor": self._reference(tensor._array, place)}
        if tensor.requires_grad:
            node["grad"] = True
        if isinstance(tensor, Parameter):
            node["parameter"] = True
        if self._count[id(tensor)] > 1:  # the same object twice comes back as the same object twice
            node["same"] = self._numbers.setdefault(id(tensor), len(self._numbers))
        return node

    def _reference(self, array: Any, place: Place) -> Any:
        """Return the name of a stored array, with size, stride and offset unless it is the whole."""
        placed = self._layout.places[id(array)]
        whole = self._whole.get(placed.storage)
        name = self._base_of.get(placed.storage)
        if name is None:
            name = self._base_of[placed.storage] = self._name(path(place) or "value", whole is None)
            stored = self._layout.storages[placed.storage]
            self.arrays[name] = stored if whole is None else stored.reshape(whole.size)
        if whole is not None and placed[1:] == whole[1:]:
            return name
        return [name, list(placed.size), list(placed.stride), placed.offset]

    def _name(self, name: str, storage: bool) -> str:
        name += "#storage" * storage
        if not self._is_legal(name):
            name = f"tensor {len(self.arrays)}"
        while name in self.arrays:
            name += "'"
        return name


def _packed(size: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(np.cumprod([1, *[max(n, 1) for n in size[:0:-1]]])[::-1].tolist()) if size else ()


class Decoder:
    """The inverse: `fetch` gives the array of a name. Raises `FileError` for what no `Encoder` writes."""

    def __init__(self, fetch: Callable[[str], Any]) -> None:
        self._fetch = fetch
        self._arrays: dict[str, Any] = {}
        self._same: dict[int, Any] = {}
        self._keys = Keys()

    def decode(self, text: str, part: str = "state") -> Any:
        """Return the state in `text`."""
        try:
            tree = read_json(text)
            check(isinstance(tree, dict) and type(tree.get("format")) is int, "its table of contents is damaged")
            if tree["format"] > FORMAT:
                damaged(
                    f"it has format {tree['format']}, this version of Tapeless knows formats up to {FORMAT}; update "
                    "Tapeless"
                )
            return self._decode(tree[part])
        except FileError:
            raise
        except RecursionError:
            raise FileError(DEEP) from None
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RuntimeError) as error:
            raise FileError(f"its table of contents is damaged ({error})") from None

    def _decode(self, tree: Any) -> Any:
        if isinstance(tree, list):
            return [self._decode(item) for item in tree]
        if not isinstance(tree, dict):
            return tree
        kind = next(iter(tree), "")
        if not kind.startswith("$"):
            return {key: self._decode(item) for key, item in tree.items()}
        return getattr(self, f"_{_READERS[kind]}")(tree, tree[kind])

    def _tensor(self, node: Any, content: Any) -> Any:
        same = node.get("same")
        if same in self._same:
            return self._same[same]
        array = self._array(node, content)
        tensor = Parameter(wrap(array), requires_grad=False) if node.get("parameter") else wrap(array)
        if node.get("grad"):
            tensor.requires_grad_(True)
        if same is not None:
            self._same[same] = tensor
        return tensor

    def _array(self, node: Any, content: Any) -> Any:
        name, *layout = content if isinstance(content, list) else [content]
        if name not in self._arrays:
            self._arrays[name] = self._fetch(name)
        array = self._arrays[name]
        return strided(array.reshape(-1), *layout) if layout else array

    def _scalar(self, node: Any, content: Any) -> Any:
        if isinstance(content, str):  # format 1
            return self._array(node, content)[()]
        name, digits = content
        return np.frombuffer(bytes.fromhex(digits), KINDS[name].stored)[0]

    def _dtype(self, node: Any, content: Any) -> Any:
        if content == BFLOAT16.name:
            return BFLOAT16
        dtype = np.dtype(content)
        check(dtype.name in KINDS, f"it has the dtype {content!r}")
        return dtype

    def _items(self, node: Any, content: Any) -> Any:
        made = {"$OrderedDict": OrderedDict, "$state_dict": OrderedDict, "$Counter": Counter}.get(
            next(iter(node)), dict
        )()
        for key, item in content:
            made[self._keys.check(self._decode(key), made)] = self._decode(item)
        if "metadata" in node:
            set_attributes(made, {"_metadata": OrderedDict(self._decode(node["metadata"]))})
        return made

    def _set(self, node: Any, content: Any) -> Any:
        made: set[Any] = set()
        for item in content:
            made.add(self._keys.check(self._decode(item), made))
        return frozenset(made) if "$frozenset" in node else made

    def _parts(self, node: Any, content: Any) -> Any:
        parts = [self._decode(item) for item in content]
        return Size(parts) if "$size" in node else tuple(parts)

    def _bytes(self, node: Any, content: Any) -> Any:
        raw = base64.b85decode(content)
        return bytearray(raw) if "$bytearray" in node else raw

    def _number(self, node: Any, content: Any) -> Any:
        return int(content, 16) if "$int" in node else complex(*map(float, content))

    def _device(self, node: Any, content: Any) -> Any:
        return Device(content)


_READERS = {
    **{"$tensor": "tensor", "$array": "array", "$scalar": "scalar", "$dtype": "dtype", "$device": "device"},
    **{"$dict": "items", "$OrderedDict": "items", "$state_dict": "items", "$Counter": "items"},
    **{"$tuple": "parts", "$size": "parts", "$set": "set", "$frozenset": "set"},
    **{"$bytes": "bytes", "$bytearray": "bytes", "$int": "number", "$complex": "number"},
}


def read_json(text: str) -> Any:
    """Parse JSON; raises `FileError` for names that occur twice in an object, and for anything else wrong with it."""
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        damaged(f"its table of contents has more than {MAX_CONTAINERS} containers")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise FileError(DEEP) from None
    except (UnicodeDecodeError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"its table of contents is no JSON ({error})") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        damaged(f"the name {twice!r} occurs twice in its table of contents")
    return made
