"""Nothing in an operation forces an ndarray: forward functions and gradient rules run on any array.

That is what lets a program be recorded or batched without touching the operations: a new kind of array flows through
them as ndarrays do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tapeless._core.function import Alias, Function, Output
from tapeless._kernels.dispatch import kernel
from tests.ops.table import Row
from tests.ops.test_table import SMOOTH, USED, Case, close, differentiable, graph, run

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


class Recording(np.lib.mixins.NDArrayOperatorsMixin):
    """The least that a duck array can be: it answers NumPy's two protocols, and never turns into an ndarray.

    What is `given` may not be written to; what an operation makes of it is its own.
    """

    def __init__(self, array: Any, given: bool = False) -> None:
        self.array, self.given = array, given

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    dtype = property(lambda self: self.array.dtype)
    size = property(lambda self: self.array.size)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("an ndarray was forced: use operators, NumPy functions and kernels only")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is not None:
            kwargs["out"] = tuple(target.writable() for target in out)
        result = getattr(ufunc, method)(*bare(inputs), **bare(kwargs))
        return out[0] if out is not None else remade(result)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return remade(func(*bare(args), **bare(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return Recording(np.asarray(self.array[bare(index)]), self.given)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.writable()[bare(index)] = bare(value)

    def __bool__(self) -> bool:
        return bool(self.array)

    def writable(self) -> Any:
        """Return the array of one that may be written to."""
        assert not self.given, "an operation wrote into what it was given"
        return self.array

    T = property(lambda self: Recording(self.array.T, self.given))
    real = property(lambda self: Recording(self.array.real, self.given))
    imag = property(lambda self: Recording(self.array.imag, self.given))


def _method(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = np.asarray(getattr(self.array, name)(*bare(args), **bare(kwargs)))
        return Recording(result, self.given and np.may_share_memory(result, self.array))

    return method


for _name in "reshape sum mean swapaxes astype squeeze max min transpose copy conj all any argmax prod view".split():
    setattr(Recording, _name, _method(_name))


def bare(value: Any) -> Any:
    """Return arguments with the arrays that recordings hold."""
    if isinstance(value, dict):
        return {name: bare(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(bare(item) for item in value)
    return value.array if isinstance(value, Recording) else value


def remade(result: Any) -> Any:
    """Wrap the results of a NumPy function or kernel; what is no array (a shape, a list of settings) stays."""
    if isinstance(result, (tuple, list)):
        return tuple(map(remade, result))
    return Recording(np.asarray(result)) if isinstance(result, (np.ndarray, np.generic)) else result


def recorded(value: Any) -> Any:
    """Wrap an argument; positions stay plain, since no gradient ever flows into them."""
    if isinstance(value, tuple):
        return tuple(map(recorded, value))
    return Recording(value, True) if isinstance(value, np.ndarray) and value.dtype.kind in "fbc" else value


def has_recording(value: Any) -> bool:
    return any(map(has_recording, value)) if isinstance(value, tuple) else isinstance(value, Recording)


# -- Forward functions -----------------------------------------------------------------------------------


def subclasses(cls: type) -> Iterator[Any]:
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every call of a forward function: the class, and what it was called with."""
    found: list[Any] = []

    def spied(forward: Any) -> Any:
        def spy(self: Any, *args: Any, **options: Any) -> Any:
            found.append((type(self), args, options))
            return forward(self, *args, **options)

        return spy

    for cls in set(subclasses(Function)):
        if "forward" in cls.__dict__:
            monkeypatch.setattr(cls, "forward", spied(cls.__dict__["forward"]))
    return found


LOOKS_AT_MEMORY = {"AsStrided"}
"""Forward functions whose result is decided by where the elements lie."""


def is_constant(expected: Any, cls: Any) -> bool:
    """Whether a result may be a plain array, since no number of the input is in it."""
    return expected.size == 0 or (expected.dtype.kind in "iu" and expected.ndim == 0) or cls.__name__ == "Copy"


def forward(cls: Any, args: Any, options: Any) -> tuple[Any, ...]:
    node = object.__new__(cls)
    node.saved = None
    result = node.forward(*args, **options)
    return result if type(result) is tuple else (result,)


@pytest.mark.parametrize("row", USED, ids=str)
def test_forward_functions_run_on_any_array(row: Row, calls: list[Any]) -> None:
    for sample in row.samples:
        calls.clear()
        case = Case(sample)
        run(row, case.args, case.options)
        for cls, args, options in list(calls):
            given = tuple(map(recorded, args))
            if cls.__name__ in LOOKS_AT_MEMORY or not has_recording(given):
                continue
            expected = forward(cls, args, options)
            for a, b in zip(forward(cls, given, options), expected, strict=True):
                if b is None or (not isinstance(a, Recording) and is_constant(b, cls)):
                    continue
                assert isinstance(a, Recording), f"{cls.__name__} returned {type(a).__name__}"
                close(a.array, b, 1e-12, cls.__name__)


# -- Gradient rules --------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SMOOTH, ids=str)
def test_rules_run_on_any_array(row: Row) -> None:
    for sample in row.samples:
        case = Case(sample)
        for node in graph(differentiable(run(row, case.args, case.options))):
            if isinstance(node, (Output, Alias)) or node.composite is not None:
                continue  # a fused operation's rule may be for arrays only: `composite` is the general one
            several = isinstance(node.shape, list)
            shapes = node.shape if several else [node.shape]
            g = [np.linspace(1, 2, int(np.prod(shape))).reshape(shape) for shape in shapes]
            expected = node.run(list(g) if several else g[0])
            node.kept = tuple(map(recorded, node.kept))
            result = node.run([Recording(a, True) for a in g] if several else Recording(g[0], True))
            for a, b in zip(result, expected, strict=True):
                assert isinstance(a, Recording) or a is None, f"{node.name()} returned {type(a).__name__}"
                if a is not None:
                    close(a.array, b, 1e-12, node.name())


def test_what_is_forbidden_is_caught():
    with pytest.raises(TypeError, match="an ndarray was forced"):
        np.asarray(Recording(np.ones(2)))
    with pytest.raises(AssertionError, match="wrote into what it was given"):
        np.add(1, 1, out=Recording(np.ones(2), True)[:1])
    assert isinstance(kernel(lambda x: x * 2)(Recording(np.ones(2))), Recording)
