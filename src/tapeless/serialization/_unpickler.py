"""A machine for the pickles in PyTorch's files that cannot run anything.

A pickle is a program for a small stack machine, and Python's own machine will call whatever the program names. This
one knows the instructions that build data, and resolves names in a table that has nothing but the inert functions of
`_rebuild`; everything else ends in an error that says what the file wanted. What an instruction makes is counted, so
that a small file cannot ask for much memory or time.
Source: https://github.com/python/cpython/blob/main/Lib/pickletools.py (what the instructions mean)
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from ._error import FileError, damaged
from ._state import DEEP, MAX_CONTAINERS, Keys

Resolve = Callable[[str, str], Any]


class Global:
    """What a pickle's name stands for, where it is no value: `call` is what REDUCE runs, None for mere classes."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any] | None = None) -> None:
        self.name, self.call = name, call

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Machine:
    """Runs one pickle in `data` from `start` on; `end` is the place after it.

    `resolve` turns a module and a name into a value or a `Global`, `persistent` what the file calls a persistent id
    into a value, `build` puts a state on an object, or refuses.
    """

    def __init__(
        self,
        data: bytes,
        resolve: Resolve,
        persistent: Callable[[Any], Any],
        build: Callable[[Any, Any], None],
        start: int = 0,
    ) -> None:
        self._data, self.end = data, start
        self._resolve, self._persistent, self._build = resolve, persistent, build
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._keys = Keys()
        self._containers = MAX_CONTAINERS
        # A list in the memo may be an argument again and again, and is copied each time.
        self._copies = 1_000_000 + 4 * len(data)

    def run(self) -> Any:
        """Return what the pickle makes; raises `FileError` for all that it should not do."""
        data, table = self._data, _TABLE
        at = self.end
        try:
            while True:
                at = self.end
                code = data[at]
                self.end = at + 1
                if code == _STOP:
                    break
                step = table[code]
                if step is None:
                    damaged(f"instruction {bytes([code])!r} is none of those that build data")
                step(self)
            (result,) = self._stack
            if self._marks:
                damaged("it ends in the middle of a list")
            check_result(result)
            return result
        except FileError as error:
            raise FileError(f"{error} (at byte {at} of its pickle)") from None
        except (IndexError, struct.error):
            raise FileError(f"its pickle is cut off, or damaged, at byte {at}") from None
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
            raise FileError(f"its pickle is damaged at byte {at} ({error})") from None

    def _count(self) -> None:
        """Count what takes many times the memory of its instruction."""
        self._containers -= 1
        if self._containers < 0:
            damaged(f"it makes more than {MAX_CONTAINERS} containers")

    # --- what follows an instruction -------------------------------------------------------------------------

    def _take(self, count: int) -> bytes:
        start = self.end
        self.end = start + count
        if count < 0 or self.end > len(self._data):
            damaged(f"its pickle is cut off: {count} bytes should follow")
        return self._data[start : self.end]

    def _number(self, form: struct.Struct) -> Any:
        return form.unpack(self._take(form.size))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self.end, self.end + 1000)
        if end < 0:
            damaged("a name has no end")
        return self._take(end + 1 - self.end)[:-1].decode("utf-8")

    def _text(self, length: struct.Struct) -> None:
        self._stack.append(str(self._take(self._number(length)), "utf-8", "surrogatepass"))

    def _bytes(self, length: struct.Struct) -> None:
        self._stack.append(self._take(self._number(length)))

    def _old_text(self, length: struct.Struct) -> None:
        self._stack.append(str(self._take(self._number(length)), "utf-8"))  # a string of Python 2

    def _integer(self, form: struct.Struct) -> None:
        self._stack.append(self._number(form))

    def _long(self, length: struct.Struct) -> None:
        count = self._number(length)
        if not 0 <= count <= 1024:
            damaged(f"a number of {count} bytes")
        self._stack.append(int.from_bytes(self._take(count), "little", signed=True))

    # --- stack and memo --------------------------------------------------------------------------------------

    def _mark(self) -> None:
        self._count()
        self._marks.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _get(self, form: struct.Struct) -> None:
        key = self._number(form)
        if key not in self._memo:
            damaged(f"it asks for the object {key}, which it has not made")
        self._stack.append(self._memo[key])

    def _put(self, form: struct.Struct) -> None:
        self._memo[self._number(form)] = self._stack[-1]

    def _memoize(self) -> None:
        self._count()
        self._memo[len(self._memo)] = self._stack[-1]

    def _pop(self) -> None:
        self._stack.pop()

    def _protocol(self) -> None:
        version = self._take(1)[0]
        if not 2 <= version <= 5:
            damaged(f"pickle protocol {version}, expected 2 to 5")

    def _frame(self) -> None:
        self._take(8)  # how many bytes could be read ahead

    # --- containers ------------------------------------------------------------------------------------------

    def _tuple(self, count: int) -> None:
        self._count()
        if len(self._stack) < count:
            raise IndexError
        parts = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        self._stack.append(parts)

    def _empty(self, kind: type) -> None:
        self._count()
        self._stack.append(kind())

    def _marked_tuple(self) -> None:
        parts = tuple(self._since_mark())
        self._stack.append(parts)

    def _append(self) -> None:
        value = self._stack.pop()
        self._extend([value])

    def _appends(self) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            damaged(f"it appends to a {type(self._stack[-1]).__name__}")
        self._stack[-1].extend(items)

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update([key, value])

    def _set_items(self) -> None:
        self._update(self._since_mark())

    def _update(self, items: list[Any]) -> None:
        owner = self._stack[-1]
        if type(owner) not in (dict, OrderedDict, Counter):
            damaged(f"it sets items of a {type(owner).__name__}")
        if len(items) % 2:
            damaged("a key has no value")
        for key, value in zip(items[::2], items[1::2]):
            owner[self._keys.check(key, owner)] = value

    def _add_items(self) -> None:
        items, owner = self._since_mark(), self._stack[-1]
        if type(owner) is not set:
            damaged(f"it adds to a {type(owner).__name__}")
        self._fill(owner, items)

    def _fill(self, owner: set[Any], items: Any) -> set[Any]:
        for item in items:
            owner.add(self._keys.check(item, owner))
        return owner

    def _frozen(self) -> None:
        items = self._since_mark()
        self._stack.append(frozenset(self._fill(set(), items)))

    # --- names and calls -------------------------------------------------------------------------------------

    def _global(self) -> None:
        module = self._line()
        self._stack.append(self._resolve(module, self._line()))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            damaged("a name is no text")
        self._stack.append(self._resolve(module, name))

    def _reduce(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if type(function) is not Global or function.call is None:
            what = function.name if isinstance(function, Global) else f"a {type(function).__name__}"
            damaged(f"it calls {what}")
        if type(arguments) is not tuple:
            damaged(f"it calls {function.name} with a {type(arguments).__name__} of arguments")
        self._charge(arguments)
        try:
            self._stack.append(function.call(*arguments))
        except FileError:
            raise
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError, RuntimeError) as error:
            raise FileError(f"{function.name} cannot take what the file gives it ({error})") from None

    def _build_state(self) -> None:
        state = self._stack.pop()
        self._charge(state if type(state) is tuple else (state,))
        self._build(self._stack[-1], state)

    def _charge(self, arguments: tuple[Any, ...]) -> None:
        self._count()
        self._copies -= sum([len(value) for value in arguments if type(value) in (str, bytes, list, tuple, dict)])
        if self._copies < 0:
            damaged("it copies its own data again and again")

    def _persistent_id(self) -> None:
        self._stack.append(self._persistent(self._stack.pop()))


def check_result(result: Any) -> None:
    """Refuse what no state is: names of functions as values, and nesting that would break who looks at it."""
    seen, level, depth = set(), [result], 0
    while level:
        depth += 1
        if depth > 500:
            damaged(DEEP)
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                parts: Any = value.values()
            elif isinstance(value, list | tuple):
                parts = value
            elif type(value) is Global:
                raise FileError(f"it has {value.name} as a value, which is no data")
            else:
                continue
            if id(value) not in seen:
                seen.add(id(value))
                below.extend(parts)
        level = below


def _with(method: Callable[..., None], *arguments: Any) -> Callable[[Machine], None]:
    return lambda machine: method(machine, *arguments)


def _constant(make: Callable[[], Any]) -> Callable[[Machine], None]:
    return lambda machine: machine._stack.append(make())


_STOP = ord(".")
_U1, _U2, _I4, _U4, _U8, _F8 = map(struct.Struct, ("<B", "<H", "<i", "<I", "<Q", ">d"))
_M = Machine
_CODES: dict[bytes, Callable[[Machine], None]] = {
    **{b"\x80": _M._protocol, b"\x95": _M._frame, b"(": _M._mark, b"0": _M._pop},
    **{b"N": _constant(lambda: None), b"\x88": _constant(lambda: True), b"\x89": _constant(lambda: False)},
    **{b"K": _with(_M._integer, _U1), b"M": _with(_M._integer, _U2), b"J": _with(_M._integer, _I4)},
    **{b"G": _with(_M._integer, _F8), b"\x8a": _with(_M._long, _U1), b"\x8b": _with(_M._long, _I4)},
    **{b"X": _with(_M._text, _U4), b"\x8c": _with(_M._text, _U1), b"\x8d": _with(_M._text, _U8)},
    **{b"U": _with(_M._old_text, _U1), b"T": _with(_M._old_text, _U4)},
    **{b"B": _with(_M._bytes, _U4), b"C": _with(_M._bytes, _U1), b"\x8e": _with(_M._bytes, _U8)},
    **{
        b")": _constant(tuple),
        b"]": _with(_M._empty, list),
        b"}": _with(_M._empty, dict),
        b"\x8f": _with(_M._empty, set),
    },
    **{b"\x85": _with(_M._tuple, 1), b"\x86": _with(_M._tuple, 2), b"\x87": _with(_M._tuple, 3)},
    **{b"t": _M._marked_tuple, b"a": _M._append, b"e": _M._appends, b"s": _M._set_item, b"u": _M._set_items},
    **{b"\x90": _M._add_items, b"\x91": _M._frozen},
    **{b"h": _with(_M._get, _U1), b"j": _with(_M._get, _U4), b"\x94": _M._memoize},
    **{b"q": _with(_M._put, _U1), b"r": _with(_M._put, _U4)},
    **{b"c": _M._global, b"\x93": _M._stack_global, b"R": _M._reduce, b"b": _M._build_state, b"Q": _M._persistent_id},
}
_TABLE = [_CODES.get(bytes([code])) for code in range(256)]
