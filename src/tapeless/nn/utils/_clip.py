"""Gradient clipping.

Norms and scaling run on the arrays of the gradients, without branches on values, so that they compile.
``foreach`` is accepted and means nothing: there is one implementation.
"""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tapeless._core import clock
from tapeless._core.tensor_base import wrap
from tapeless._creation import tensor as make_tensor
from tapeless._tensor import Tensor


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _grad_arrays(parameters: list[Tensor]) -> list[Any]:
    """Return the arrays of the gradients that there are; a gradient is an array until someone looks at it."""
    grads = [parameter._grad for parameter in parameters if parameter._grad is not None]
    return [grad._array if isinstance(grad, Tensor) else grad for grad in grads]


def _norm(arrays: list[Any], norm_type: float) -> Any:
    """Return the norm of all arrays together, as a NumPy scalar (or array) of their dtype."""
    dtype = arrays[0].dtype
    flat = [np.reshape(a, -1) for a in arrays]
    if dtype.itemsize < 4:  # the sums of float16 would overflow
        flat = [a.astype(np.float32) for a in flat]
    if math.isinf(norm_type):
        ends = [np.max(np.abs(a), initial=0) if norm_type > 0 else np.min(np.abs(a)) for a in flat]
        total = np.max(ends) if norm_type > 0 else np.min(ends)
    elif norm_type == 2:
        total = np.sqrt(sum(np.vdot(a, a).real for a in flat))
    elif norm_type == 0:
        # PyTorch's norm of the norms: how many tensors are not zero everywhere.
        total = np.sum([np.any(a) for a in flat])
    else:
        total = sum(np.sum(np.abs(a) ** norm_type) for a in flat) ** (1 / norm_type)
    return total.astype(arrays[0].real.dtype)


def _total_norm(arrays: list[Any], norm_type: float, error_if_nonfinite: bool) -> Tensor:
    norm_type = float(norm_type)
    if not arrays:
        return make_tensor(0.0)
    with np.errstate(all="ignore"):  # infinities and NaN are reported in the way the caller asked for
        total = _norm(arrays, norm_type)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
            "set "
            "`error_if_nonfinite=False`"
        )
    return wrap(total)  # type: ignore[no-any-return]


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all tensors together as if they were one vector; ``norm_type`` may be ``inf``.

    Raises ``RuntimeError`` for a norm that is not finite, with ``error_if_nonfinite``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.get_total_norm.html

    >>> import tapeless as tl
    >>> tl.nn.utils.get_total_norm([tl.tensor([3.0]), tl.tensor([4.0])])
    tensor(5.)
    """
    return _total_norm([tensor._array for tensor in _listed(tensors)], norm_type, error_if_nonfinite)


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients in place by ``max_norm / (total_norm + 1e-6)`` where that is below 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grads_with_norm_.html

    >>> import tapeless as tl
    >>> w = tl.zeros(2, requires_grad=True)
    >>> (w * tl.tensor([3.0, 4.0])).sum().backward()
    >>> tl.nn.utils.clip_grads_with_norm_([w], max_norm=1.0, total_norm=tl.tensor(5.0))
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    norm = total_norm._array if isinstance(total_norm, Tensor) else total_norm
    _scale(_grad_arrays(_listed(parameters)), float(max_norm), norm)


def _scale(arrays: list[Any], max_norm: float, total_norm: Any) -> None:
    with np.errstate(invalid="ignore"):  # a norm that is infinite or NaN makes gradients zero or NaN
        factor = np.minimum(max_norm / (total_norm + 1e-6), 1.0)
        for array in arrays:
            array *= factor
            clock.mark_written(array)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their joint norm is at most ``max_norm``; return the norm before.

    ``norm_type`` may be ``inf``. With ``error_if_nonfinite``, raises ``RuntimeError`` for an infinite norm.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html

    >>> import tapeless as tl
    >>> w = tl.nn.Parameter(tl.zeros(2))
    >>> (w * tl.tensor([3.0, 4.0])).sum().backward()
    >>> tl.nn.utils.clip_grad_norm_([w], max_norm=1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    arrays = _grad_arrays(listed)
    total_norm = _total_norm(arrays, norm_type, error_if_nonfinite)
    _scale(arrays, float(max_norm), total_norm._array)
    return total_norm


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Do the same as `clip_grad_norm_`, with PyTorch's warning that this is the older name.

    >>> import tapeless as tl
    >>> w = tl.zeros(2, requires_grad=True)
    >>> (w * tl.tensor([3.0, 4.0])).sum().backward()
    >>> tl.nn.utils.clip_grad_norm_([w], 1.0)  # the name without a warning
    tensor(5.)
    """
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of every gradient in place to +-``clip_value``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_value_.html

    >>> import tapeless as tl
    >>> w = tl.zeros(2, requires_grad=True)
    >>> (w * tl.tensor([3.0, -0.5])).sum().backward()
    >>> tl.nn.utils.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([ 1.0000, -0.5000])
    """
    limit = float(clip_value)
    for array in _grad_arrays(_listed(parameters)):
        array[...] = np.clip(array, -limit, limit)
        clock.mark_written(array)
