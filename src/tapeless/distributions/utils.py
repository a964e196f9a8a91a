"""What distributions share: parameters brought to one shape, probabilities and logits, values computed once.

See https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from . import _functions as tl
from ._functions import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060
"""The Euler-Mascheroni constant: the mean of the standard Gumbel distribution."""


def broadcast_all(*values: Tensor | float) -> tuple[Any, ...]:
    """Return the values as tensors of one shape; numbers get the dtype of the first tensor.

    Raises ValueError for what is neither a number nor a tensor.

    >>> import tapeless as tl
    >>> broadcast_all(0.0, tl.ones(2))
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not all(isinstance(value, (Tensor, Real)) for value in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    dtypes = [value.dtype for value in values if isinstance(value, Tensor)]
    dtype = dtypes[0] if dtypes else tl.get_default_dtype()
    tensors = [value if isinstance(value, Tensor) else tl.tensor(value, dtype=dtype) for value in values]
    return tuple(tl.broadcast_tensors(*tensors))


def finfo(tensor: Tensor) -> Any:
    """Return NumPy's description of a tensor's floats, with `eps`, `tiny`, `min` and `max` as Python numbers."""
    return _finfo(tensor.dtype)


@functools.cache
def _finfo(dtype: Any) -> Any:
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(
            "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'\n"
            f"Expected a floating point dtype, got {dtype}. Convert the tensor first."
        )
    info = np.finfo(dtype)
    return _Limits(float(info.eps), float(info.tiny), float(info.min), float(info.max))


class _Limits:
    def __init__(self, eps: float, tiny: float, least: float, largest: float) -> None:
        self.eps, self.tiny, self.min, self.max = eps, tiny, least, largest


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """Sum over the last `dims` dims.

    >>> import tapeless as tl
    >>> sum_rightmost(tl.ones(2, 3, 4), 2)
    tensor([12., 12.])
    """
    return value.reshape((*value.shape[: value.ndim - dims], -1)).sum(-1) if dims else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Return the probabilities of log odds (`is_binary`), or of unnormalized log probabilities in the last dim.

    >>> import tapeless as tl
    >>> logits_to_probs(tl.zeros(4))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return tl.sigmoid(logits) if is_binary else tl.softmax(logits, dim=-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Return the probabilities moved into ``[eps, 1 - eps]``, where their logarithms are finite.

    >>> import tapeless as tl
    >>> clamp_probs(tl.tensor([0.0, 0.5]))
    tensor([1.1921e-07, 5.0000e-01])
    """
    eps = finfo(probs).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Return the log odds of probabilities (`is_binary`), or their logarithms; 0 and 1 count as nearly so.

    >>> import tapeless as tl
    >>> probs_to_logits(tl.tensor([0.5, 0.9]), is_binary=True)
    tensor([0.0000, 2.1972])
    """
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:
    """A property that is computed when first asked for, with gradients on, and then kept in the instance.

    >>> class Circle:
    ...     @lazy_property
    ...     def area(self):
    ...         return print("once") or 3.14
    >>> circle = Circle()
    >>> circle.area + circle.area
    once
    6.28
    """

    def __init__(self, wrapped: Callable[..., Any]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with tl.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)  # from now on found before this object
        return value


def _below_diagonal(size: int, diag: int) -> Tensor:
    return tl.ones(size, size).tril(diag) > 0


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Return the lower triangles of matrices (..., D, D), up to diagonal `diag`, row by row as vectors.

    Raises ValueError for a diagonal outside of the matrix.

    >>> import tapeless as tl
    >>> tril_matrix_to_vec(tl.tensor([[1, 2], [3, 4]]))
    tensor([1, 3, 4])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _below_diagonal(n, diag)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Return the matrices (..., D, D) whose lower triangles up to diagonal `diag` are `vec`; the rest is 0.

    Raises ValueError where no D fits.

    >>> import tapeless as tl
    >>> vec_to_tril_matrix(tl.tensor([1.0, 2.0, 3.0]))
    tensor([[1., 0.],
            [2., 3.]])
    """
    count = vec.shape[-1]
    n = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * count + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(n) - n > finfo(vec).eps:
        raise ValueError(
            f"The size of last dimension is {count} which cannot be expressed as the lower triangular part of a "
            "square D x D matrix."
        )
    size = round(n)
    mat: Any = tl.zeros(*vec.shape[:-1], size, size, dtype=vec.dtype)
    mat[..., _below_diagonal(size, diag)] = vec
    return mat
