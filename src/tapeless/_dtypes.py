"""Dtypes are NumPy dtypes under PyTorch's names; here are the names, the default, and PyTorch's promotion.

PyTorch promotes by *category* (bool < integer < float < complex): a Python number or a 0-d tensor changes the
dtype of a tensor with dimensions only when its category is higher. An integer meeting a float becomes that
float, whatever its width (NumPy would widen).
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from typing import Any

import numpy as np

float16 = half = np.dtype("float16")
float32 = np.dtype("float32")
float64 = double = np.dtype("float64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = np.dtype("int32")
int64: np.dtype[Any] = np.dtype("int64")
uint8 = np.dtype("uint8")
uint16 = np.dtype("uint16")
uint32 = np.dtype("uint32")
uint64 = np.dtype("uint64")
complex64 = cfloat = np.dtype("complex64")
complex128 = cdouble = np.dtype("complex128")
bool_: np.dtype[Any] = np.dtype("bool")

PUBLIC: dict[str, np.dtype[Any]] = {
    **{d.name: d for d in (float16, float32, float64, int8, int16, int32, int64)},
    **{d.name: d for d in (uint8, uint16, uint32, uint64, complex64, complex128)},
    **{"bool": bool_, "half": half, "float": float32, "double": double, "short": short, "int": int32, "long": int64},
    **{"cfloat": cfloat, "cdouble": cdouble},
}
"""Every public dtype name; the package exports them."""


class _NoDtype:
    """The name of a dtype that NumPy lacks: programs may mention it, tensors can't have it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


BFLOAT16 = _NoDtype("bfloat16")

_default = [float32]
_CATEGORY = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
_COMPLEX_OF: dict[Any, np.dtype[Any]] = {float16: complex64, float32: complex64, float64: complex128}
_cache: dict[Any, np.dtype[Any]] = {}


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype of floats made without one: float32, unless changed.

    >>> get_default_dtype()
    dtype('float32')
    """
    return _default[0]


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of floats made without one. Raises TypeError for other than floating dtypes.

    >>> set_default_dtype(float32)
    """
    dtype = as_dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"only floating-point types are supported as the default type, got {dtype}")
    _default[0] = dtype
    _cache.clear()


def as_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype meant by a dtype, or by Python's float, int, bool or complex, as PyTorch reads them."""
    if isinstance(dtype, np.dtype):
        return dtype
    if dtype is float:
        return float64
    if dtype is BFLOAT16:
        raise TypeError("NumPy has no bfloat16, so Tapeless has none: use float16 for 16 bits, or float32")
    try:
        return np.dtype(dtype)
    except TypeError:
        raise TypeError(
            f"expected a dtype such as tapeless.float32, got {dtype!r} of type {type(dtype).__name__}"
        ) from None


SCALAR_NAMES = {
    "float16": "Half", "float32": "Float", "float64": "Double", "bool": "Bool", "uint8": "Byte", "int8": "Char",
    "int16": "Short", "int32": "Int", "int64": "Long", "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


def scalar_name(dtype: Any) -> str:
    """Return the name of a dtype in PyTorch's messages.

    >>> scalar_name(int64)
    'Long'
    """
    return SCALAR_NAMES.get(str(dtype), str(dtype))


def promote_types(a: Any, b: Any) -> np.dtype[Any]:
    """Return the dtype of an operation between tensors of two dtypes.

    See https://docs.pytorch.org/docs/stable/generated/torch.promote_types.html

    >>> promote_types(int64, float32)
    dtype('float32')
    >>> promote_types(uint8, int8)
    dtype('int16')
    """
    a, b = as_dtype(a), as_dtype(b)
    if a == b:
        return a
    high, low = (a, b) if _CATEGORY[a.kind] >= _CATEGORY[b.kind] else (b, a)
    if _CATEGORY[high.kind] > 1 and _CATEGORY[low.kind] < 2:
        return high
    promoted: np.dtype[Any] = np.promote_types(a, b)
    return promoted


def _key(value: Any) -> Any:
    """Describe an operand as far as promotion cares: its dtype, and whether it is weak."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        return dtype, len(value.shape) > 0
    kind = type(value)
    if kind in (float, int, bool, complex):
        return kind
    if isinstance(value, (bool, int, float, complex)):
        return next(base for base in (bool, int, float, complex) if isinstance(value, base))
    raise TypeError(
        f"expected a Tensor or a number, got {kind.__name__}: {value!r}. Convert it with tapeless.tensor(...) first."
    )


def _number_dtype(kind: type) -> np.dtype[Any]:
    if kind is float:
        return _default[0]
    return bool_ if kind is bool else int64 if kind is int else _COMPLEX_OF[_default[0]]


def _combine(strong: Any, weak: Any) -> Any:
    """Combine the dtype of a stronger class of operands with that of a weaker one."""
    if strong is None or weak is None:
        return weak if strong is None else strong
    if _CATEGORY[weak.kind] <= _CATEGORY[strong.kind]:
        return strong
    if weak.kind == "c" and strong.kind == "f":
        return _COMPLEX_OF[strong]
    return promote_types(strong, weak)


def result_dtype(*values: Any) -> np.dtype[Any]:
    """Return the dtype of an operation on these arrays and Python numbers."""
    key = tuple(map(_key, values))
    known = _cache.get(key)
    if known is not None:
        return known
    classes: list[Any] = [None, None, None]  # with dimensions, 0-d, Python numbers
    for item in key:
        place = 2 if isinstance(item, type) else 0 if item[1] else 1
        dtype = _number_dtype(item) if isinstance(item, type) else item[0]
        classes[place] = dtype if classes[place] is None else promote_types(classes[place], dtype)
    result = _cache[key] = _combine(_combine(classes[0], classes[1]), classes[2])
    return result


def cast(values: Any, dtype: np.dtype[Any]) -> list[Any]:
    """Bring arrays to `dtype`; Python numbers stay weak, where NumPy gives them the array's dtype by itself."""
    small = dtype.kind in "iu" and dtype != int64
    return [_cast(value, dtype, small) for value in values]


def _cast(value: Any, dtype: np.dtype[Any], small: bool) -> Any:
    if hasattr(value, "dtype"):
        return value if value.dtype == dtype else value.astype(dtype)
    # NumPy refuses Python ints that do not fit a small integer; PyTorch wraps them round.
    return np.asarray(value).astype(dtype) if small else value


_PLAIN = (int, float)


def promote(*values: Any) -> Any:
    """Bring the operands of arithmetic to their common dtype.

    >>> import numpy as np
    >>> [a.dtype.name for a in promote(np.ones(2, "int64"), np.ones(2, "float32"))]
    ['float32', 'float32']
    """
    if len(values) == 2:
        a, b = values
        first, second = getattr(a, "dtype", None), getattr(b, "dtype", None)
        if first is second:
            if first is not None:
                return values
        # NumPy lets a Python number take the dtype of a float array by itself.
        elif second is None:
            if first is not None and first.kind == "f" and type(b) in _PLAIN:
                return values
        elif first is None and second.kind == "f" and type(a) in _PLAIN:
            return values
    return _strong(cast(values, dtype := result_dtype(*values)), dtype)


def promote_to_float(*values: Any) -> Any:
    """The same for operations whose results are floats: integers become the default dtype."""
    if len(values) == 1 and values[0].dtype.kind in "fc":
        return values
    if len(values) == 2:
        first, second = getattr(values[0], "dtype", None), getattr(values[1], "dtype", None)
        if first is second and first is not None and first.kind in "fc":
            return values
        if second is None and first is not None and first.kind == "f" and type(values[1]) in _PLAIN:
            return values
    dtype = result_dtype(*values)
    if dtype.kind not in "fc":
        dtype = _default[0]
    return _strong(cast(values, dtype), dtype)


def _strong(values: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    """Give Python numbers a dtype where no array is left to give them one."""
    if any(hasattr(value, "dtype") for value in values):
        return values
    return [np.asarray(value, dtype) for value in values]


def result_type(a: Any, b: Any) -> np.dtype[Any]:
    """Return the dtype that an operation on `a` and `b` (Tensors or Python numbers) would have.

    See https://docs.pytorch.org/docs/stable/generated/torch.result_type.html

    >>> import tapeless as tl
    >>> tl.result_type(tl.tensor([1, 2]), 1.5)
    dtype('float32')
    """
    return result_dtype(getattr(a, "_array", a), getattr(b, "_array", b))


def can_cast(from_: Any, to: Any) -> bool:
    """Return whether PyTorch lets results of one dtype be written into tensors of another.

    >>> can_cast(float64, int64)
    False
    """
    a, b = _CATEGORY[as_dtype(from_).kind], _CATEGORY[as_dtype(to).kind]
    return a <= b or {a, b} == {1}
