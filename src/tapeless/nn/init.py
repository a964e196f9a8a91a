"""Initialisation of parameters in place, with PyTorch's values from the same seed.

Every function fills the tensor it is given and returns it; none is recorded for gradients.

Source: https://docs.pytorch.org/docs/stable/nn.init.html

>>> import tapeless as tl
>>> weight = tl.empty(3, 5)
>>> tl.nn.init.xavier_uniform_(weight, gain=tl.nn.init.calculate_gain("relu")) is weight
True
"""

from __future__ import annotations

import functools
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tapeless._core.modes import no_grad
from tapeless._creation import empty_like, from_numpy
from tapeless._random_tensors import randperm
from tapeless._tensor import Tensor

_GAIN_ONE = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)


class _Switch(threading.local):
    skip: bool = False


_switch = _Switch()


@contextmanager
def skipped() -> Iterator[None]:
    """Have the functions here leave tensors as they are, in this block (for `nn.utils.skip_init`).

    >>> import tapeless as tl
    >>> with tl.nn.init.skipped():
    ...     tl.nn.init.ones_(tl.zeros(2))
    tensor([0., 0.])
    """
    before, _switch.skip = _switch.skip, True
    try:
        yield
    finally:
        _switch.skip = before


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights before this non-linearity are scaled to keep the variance.

    ``param`` is the slope of ``"leaky_relu"`` (0.01 by default). Raises ``ValueError`` for an unknown name.

    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _GAIN_ONE:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    known = ", ".join((*_GAIN_ONE, "tanh", "relu", "leaky_relu", "selu"))
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}. Known are: {known}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with values uniform on [a, b).

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.uniform_(tl.empty(3))
    tensor([0.4963, 0.7682, 0.0885])
    """
    if _switch.skip:
        return tensor
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with normally distributed values.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.normal_(tl.empty(3), mean=10.0, std=0.1)
    tensor([10.1541,  9.9707,  9.7821])
    """
    if _switch.skip:
        return tensor
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``.

    >>> import tapeless as tl
    >>> tl.nn.init.constant_(tl.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    if _switch.skip:
        return tensor
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    >>> import tapeless as tl
    >>> tl.nn.init.ones_(tl.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    >>> import tapeless as tl
    >>> tl.nn.init.zeros_(tl.empty(2))
    tensor([0., 0.])
    """
    if _switch.skip:
        return tensor
    with no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Fill a 2-d tensor with the identity matrix; raises ``ValueError`` for other tensors.

    >>> import tapeless as tl
    >>> tl.nn.init.eye_(tl.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    _check_2d(tensor)
    return _copy_array(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes its input on: 1 in the middle of each kernel (i, i).

    The tensor has shape (out, in, *kernel) with 1 to 3 kernel axes; with ``groups``, each group of output
    channels passes the input on. Raises ``ValueError`` for other tensors, or where ``groups`` does not
    divide ``out``.

    >>> import tapeless as tl
    >>> tl.nn.init.dirac_(tl.empty(2, 2, 1)).squeeze()
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels, in_channels, *kernel = tensor.shape
    if out_channels % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = out_channels // groups
    values = np.zeros(tensor.shape)
    middle = tuple(size // 2 for size in kernel)
    for group in range(groups):
        for channel in range(min(per_group, in_channels)):
            values[(group * per_group + channel, channel, *middle)] = 1
    return _copy_array(tensor, values)


def _check_2d(tensor: Tensor) -> None:
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")


def _copy_array(tensor: Tensor, values: Any) -> Tensor:
    if _switch.skip:
        return tensor
    with no_grad():
        return tensor.copy_(from_numpy(np.asarray(values, dtype=tensor.dtype)))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs each output depends on, and vice versa, for a weight (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"but this one has shape {tuple(tensor.shape)}"
        )
    kernel_size = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel_size, tensor.shape[0] * kernel_size


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    mode = mode.lower()
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return gain * math.sqrt(2.0 / float(fan_in + fan_out))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill uniformly from +-``gain`` * sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.xavier_uniform_(tl.empty(2, 3))
    tensor([[-0.0082,  0.5876, -0.9016],
            [-0.8062, -0.4219,  0.2938]])
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with N(0, std²), std = ``gain`` * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.xavier_normal_(tl.empty(2, 3))
    tensor([[ 0.9746, -0.1856, -1.3780],
            [ 0.3595, -0.6859, -0.8845]])
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill uniformly from +-gain * sqrt(3 / fan) (He et al., 2015).

    ``a`` is the slope of the leaky ReLU that follows; ``mode`` chooses the fan: ``"fan_in"``, ``"fan_out"``.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.kaiming_uniform_(tl.empty(2, 3), nonlinearity="relu")
    tensor([[-0.0106,  0.7586, -1.1640],
            [-1.0408, -0.5447,  0.3792]])
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with N(0, std²), std = gain / sqrt(fan) (He et al., 2015); arguments as `kaiming_uniform_`.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> tl.nn.init.kaiming_normal_(tl.empty(2, 3), nonlinearity="relu")
    tensor([[ 1.2582, -0.2396, -1.7790],
            [ 0.4641, -0.8855, -1.1419]])
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill normally, but only with values between ``a`` and ``b``; warns where they are far from the mean.

    >>> import tapeless as tl
    >>> w = tl.nn.init.trunc_normal_(tl.empty(1000), a=-1.0, b=1.0)
    >>> bool((w.abs() <= 1).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )

    def below(x: float) -> float:
        return (1.0 + math.erf((x - mean) / std / math.sqrt(2.0))) / 2.0

    # Many values fall between the bounds: redraw until all do. Few: draw between them, accept by density.
    sample = _sample_by_redrawing if below(b) - below(a) > 0.3 else _sample_by_density
    with no_grad():
        return _copy_array(tensor, sample(tensor, mean, std, a, b, generator))


def _sample_by_redrawing(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Any:
    def draw() -> Any:
        return empty_like(tensor).normal_(mean, std, generator=generator).detach().numpy()

    low, high = tensor.dtype.type(a), tensor.dtype.type(b)
    values = draw()
    while (outside := (values < low) | (values > high)).any():
        values = np.where(outside, draw(), values)
    return values


def _sample_by_density(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Any:
    def draw(low: float, high: float) -> Any:
        return empty_like(tensor).uniform_(low, high, generator=generator).detach().numpy()

    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values: Any = None
    pending: Any = True
    while np.any(pending):
        candidates = draw(a, b)
        values = candidates if values is None else np.where(pending, candidates, values)
        log_density = ((candidates - mean) / std) ** 2 * -0.5 - peak
        with np.errstate(divide="ignore"):  # log(0) is -inf, which accepts
            pending = pending & (np.log(draw(0.0, 1.0)) > log_density)
    return values


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix times ``gain``; axes after the first count as columns.

    Raises ``ValueError`` for fewer than 2 axes. Source: Saxe et al., "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks" (2013).

    >>> import tapeless as tl
    >>> w = tl.nn.init.orthogonal_(tl.empty(2, 3))
    >>> tl.allclose(w @ w.T, tl.eye(2), atol=1e-6)
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    with no_grad():
        flat = empty_like(tensor).normal_(0, 1, generator=generator).detach().numpy().reshape(len(tensor), -1)
    rows, cols = flat.shape
    q, r = np.linalg.qr(flat.T if rows < cols else flat)
    # Signs make the matrix uniform among the orthogonal ones (Mezzadri, https://arxiv.org/abs/math-ph/0609050).
    q = q * np.sign(np.diagonal(r))
    return _copy_array(tensor, gain * (q.T if rows < cols else q).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a 2-d tensor normally, with the share ``sparsity`` of each column set to zero (Martens, 2010).

    >>> import tapeless as tl
    >>> w = tl.nn.init.sparse_(tl.empty(4, 3), sparsity=0.5)
    >>> (w == 0).sum(dim=0)
    tensor([2, 2, 2])
    """
    _check_2d(tensor)
    rows, cols = tensor.shape
    zeros = math.ceil(sparsity * rows)
    normal_(tensor, 0, std, generator)
    values = np.array(tensor.detach().numpy())
    for col in range(cols):
        values[randperm(rows).numpy()[:zeros], col] = 0  # PyTorch, too, does not use `generator` here
    return _copy_array(tensor, values)


def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return ``function`` under its old name, without the underscore, with PyTorch's warning."""
    old, new = function.__name__[:-1], function.__name__

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    renamed.__name__ = old
    renamed.__doc__ = f"Deprecated name of `{new}`."
    return renamed


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
