"""`assert_close`: are two tensors, numbers or containers of them equal within a tolerance?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import _dtypes
from .._tensor import Tensor

TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}
"""Relative and absolute tolerance by dtype; integers and truth values have to be equal."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` everywhere.

    Tensors, arrays, numbers, and sequences and mappings of them; shapes have to be equal, dtypes unless
    ``check_dtype=False``. Without tolerances those of the dtype hold; with one, both have to be given.
    See https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close

    >>> import tapeless as tl
    >>> assert_close(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 2.00001]))
    >>> assert_close([1.0, tl.ones(2)], [1.0, tl.zeros(2)])
    Traceback (most recent call last):
        ...
    AssertionError: Tensor-likes are not close!
    ...
    """
    if (rtol is None) != (atol is None):
        without = "atol" if atol is None else "rtol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {without}.")
    options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype}
    problem = _compare(actual, expected, "", options | {"check_stride": check_stride})
    if problem is not None:
        raise AssertionError(msg(problem) if callable(msg) else problem if msg is None else msg)


def _compare(actual: Any, expected: Any, place: str, options: dict[str, Any]) -> str | None:
    """Return what differs, None when nothing does."""
    at = f"\n\nThe failure occurred for item {place}" if place else ""
    if _is_container(actual, Mapping) and _is_container(expected, Mapping):
        if set(actual) != set(expected):
            missing, more = sorted(set(expected) - set(actual), key=str), sorted(set(actual) - set(expected), key=str)
            return (
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {missing}\nAdditional keys in the actual mapping: {more}{at}"
            )
        pairs = [(actual[key], expected[key], f"{place}[{key!r}]") for key in actual]
    elif _is_container(actual, Sequence) and _is_container(expected, Sequence):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{at}"
        pairs = [(a, e, f"{place}[{i}]") for i, (a, e) in enumerate(zip(actual, expected))]
    elif actual is None or expected is None:
        return None if actual is expected else f"None mismatch: {actual} is not {expected}{at}"
    else:
        problem = _compare_values(actual, expected, options)
        return None if problem is None else problem + at
    return next((p for pair in pairs if (p := _compare(*pair, options)) is not None), None)


def _is_container(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, (str, bytes))


def _compare_values(actual: Any, expected: Any, options: dict[str, Any]) -> str | None:
    a, b = (value.detach().numpy() if isinstance(value, Tensor) else value for value in (actual, expected))
    numbers = all(isinstance(value, (bool, int, float, complex)) for value in (a, b))
    if (
        type(actual) is not type(expected)
        and not numbers
        and isinstance(actual, Tensor) != isinstance(expected, Tensor)
    ):
        return (
            "No comparison pair was able to handle inputs of type "
            f"{type(actual)} and {type(expected)}: bring both to tensors first"
        )
    if numbers and type(a) is not type(b) and options["check_dtype"]:
        return f"The (d)types do not match: {type(a)} != {type(b)}."
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return f"The values for attribute 'shape' do not match: {_shape(a)} != {_shape(b)}."
    if options["check_dtype"] and a.dtype != b.dtype and not numbers:
        return f"The values for attribute 'dtype' do not match: torch.{a.dtype} != torch.{b.dtype}."
    if options["check_stride"] and not numbers and actual.stride() != expected.stride():
        return f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
    rtol, atol = _tolerances(a, b, options)
    if a.dtype != b.dtype:
        common = _dtypes.promote_types(a.dtype, b.dtype)
        a, b = a.astype(common), b.astype(common)
    close = np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=options["equal_nan"])
    if close.all():
        return None
    return _scalars(a, b, rtol, atol) if not a.ndim else _tensors(a, b, close, rtol, atol)


def _shape(array: Any) -> str:
    return f"torch.Size({list(array.shape)})"


def _tolerances(a: Any, b: Any, options: dict[str, Any]) -> tuple[float, float]:
    """Return the tolerances asked for, else the larger of those of both dtypes."""
    if options["rtol"] is not None:
        return options["rtol"], options["atol"]
    both = [TOLERANCES.get(array.dtype.name, (0.0, 0.0)) for array in (a, b)]
    return max(both[0][0], both[1][0]), max(both[0][1], both[1][1])


def _differences(a: Any, b: Any) -> tuple[Any, Any]:
    wide = "complex128" if a.dtype.kind == "c" else "float64"
    a, b = a.astype(wide), b.astype(wide)
    with np.errstate(all="ignore"):
        absolute = np.abs(a - b)
        return absolute, absolute / np.abs(b)


def _scalars(a: Any, b: Any, rtol: float, atol: float) -> str:
    absolute, relative = _differences(a, b)
    if rtol == 0 and atol == 0:
        lines = ["Scalars are not equal!", "", f"Expected {b.item()} but got {a.item()}."]
        return "\n".join([*lines, f"Absolute difference: {absolute}", f"Relative difference: {relative}"])
    lines = ["Scalars are not close!", "", f"Expected {b.item()} but got {a.item()}."]
    lines += [f"Absolute difference: {absolute} (up to {atol} allowed)"]
    return "\n".join([*lines, f"Relative difference: {relative} (up to {rtol} allowed)"])


def _tensors(a: Any, b: Any, close: Any, rtol: float, atol: float) -> str:
    wrong = int((~close).sum())
    equal = rtol == 0 and atol == 0
    share = f"{wrong} / {a.size} ({wrong / a.size:.1%})"
    lines = [f"Tensor-likes are not {'equal' if equal else 'close'}!", "", f"Mismatched elements: {share}"]
    for name, values, allowed in zip(("absolute", "relative"), _differences(a, b), (atol, rtol)):
        values = np.where(close, 0, np.where(np.isnan(values), np.inf, values))
        index = tuple(int(i) for i in np.unravel_index(int(values.argmax()), values.shape))
        where = f" at index {index}" if a.ndim else ""
        up_to = "" if equal else f" (up to {allowed} allowed)"
        lines.append(f"Greatest {name} difference: {values[index]}{where}{up_to}")
    return "\n".join(lines)
