"""NumPy's own dispatch: ``np.exp(tensor)`` and rules that run on tensors end in the operations of the registry."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import registry
from .tensor_base import TensorBase, unwrap, wrap

# Reductions of ufuncs: np.add.reduce(x, axis) and so on.
REDUCTIONS = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "amax",
    np.minimum: "amin",
    np.logical_and: "all",
    np.logical_or: "any",
}


def _ours(function: Any) -> Any:
    """Return the operation that stands for a NumPy function, of whatever family; None when there is none."""
    found = registry.NUMPY.get(function)
    if found is None and function not in _FOREIGN:
        registry.load_all()
        found = registry.NUMPY.get(function)
        if found is None:
            _FOREIGN.add(function)
    return found


_FOREIGN: set[Any] = set()  # functions of NumPy that are no operation of ours, once that has been looked up


def array_ufunc(self: TensorBase, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Answer for NumPy ufuncs: run the operation that is registered for this one (NEP 13)."""
    out = kwargs.pop("out", None)
    if method == "__call__":
        function = _ours(ufunc)
        if function is None:
            result = _without_gradient(ufunc, inputs, kwargs)
        else:
            result = function(*inputs, **kwargs)
    elif method == "reduce" and ufunc in REDUCTIONS:
        kwargs.setdefault("axis", 0)
        result = registry.FUNCTIONS[REDUCTIONS[ufunc]](*inputs, **kwargs)
    else:
        result = _without_gradient(getattr(ufunc, method), inputs, kwargs)
    return result if out is None else _store(result, out[0])


def array_function(self: TensorBase, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Answer for NumPy's other functions (NEP 18)."""
    function = _ours(func)
    return _without_gradient(func, args, kwargs) if function is None else function(*args, **kwargs)


def _without_gradient(func: Any, args: Any, kwargs: Any) -> Any:
    """Run a NumPy function that is no operation of ours, if no gradient can be lost by it."""
    tensors = [a for a in _flat([args, kwargs]) if isinstance(a, TensorBase)]
    if any(t._requires_grad for t in tensors):
        name = getattr(func, "__name__", str(func))
        raise TypeError(
            f"np.{name} is no operation of tapeless, so its gradient is unknown, and an input requires grad. "
            f"Use the tapeless function for it, write an autograd.Function, or pass x.detach()."
        )
    result = func(*_unwrapped(args), **{k: _unwrapped(v) for k, v in kwargs.items()})
    if isinstance(result, (tuple, list)):
        return type(result)(_wrapped(r) for r in result)
    return _wrapped(result)


def _store(result: Any, out: Any) -> Any:
    if isinstance(out, TensorBase):
        return out.copy_(result)  # type: ignore[attr-defined]
    if result._requires_grad:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.\n"
            "An ndarray was to be written to in place (array += tensor): it cannot carry the gradient."
        )
    np.copyto(out, result._array, casting="same_kind")
    return out


def _flat(items: Any) -> Any:
    for item in items.values() if isinstance(items, dict) else items:
        if isinstance(item, (tuple, list, dict)):
            yield from _flat(item)
        else:
            yield item


def _unwrapped(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_unwrapped(v) for v in value)
    return unwrap(value)


def _wrapped(value: Any) -> Any:
    return wrap(value) if isinstance(value, (np.ndarray, np.generic)) else value
