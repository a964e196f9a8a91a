"""`Variable`, which came before tensors had gradients: today a tensor is all that there is."""

from __future__ import annotations

import warnings
from typing import Any

from .._core.tensor_base import TensorBase, wrap
from .._tensor import Tensor, legacy_array


class _VariableMeta(type):
    """Says that every tensor is a Variable."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """``Variable(data, requires_grad=False)`` returns a tensor that shares the memory of `data`, without its graph.

    Raises TypeError when `data` is no tensor. See https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated

    >>> import tapeless as tl
    >>> Variable(tl.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    >>> isinstance(tl.ones(2), Variable)
    True
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if volatile is not None:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.", stacklevel=2
            )
        if data is None:
            data = wrap(legacy_array((), "float32"))
        if not isinstance(data, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        tensor: Any = data
        return tensor.detach().requires_grad_(requires_grad)
