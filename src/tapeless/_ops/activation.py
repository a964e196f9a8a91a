"""Activations: the nonlinearities between layers, softmax and dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.modes import state
from .._core.registry import composite
from .._core.tensor_base import TensorBase, unwrap, wrap
from .._dtypes import as_dtype, scalar_name
from .._kernels.accelerated import accelerated
from .._kernels.gelu import gelu
from .._kernels.special import erf, expit
from ._common import FloatUnary, Unary, normal_dim, zero
from .masking import Where


class Relu(Unary):
    """``max(input, 0)``; its gradient at 0 is 0.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import tapeless as tl
    >>> tl.relu(tl.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    names = "relu"
    inplace = True

    def forward(self, input: Any) -> Any:
        return np.maximum(input, zero(input.dtype))

    def grad_input(self, g, result):
        if isinstance(g, TensorBase):
            return Gate.apply_in_rule(g, unwrap(result) > zero(result.dtype))
        return _relu_grad(g, result)


@accelerated("elementwise.relu_grad", size=32768)
def _relu_grad(g: Any, result: Any) -> Any:
    mask = result > zero(result.dtype)
    if type(g) is type(mask) is np.ndarray and mask.size < 32768:  # 1.4 us for 100 x 16 in place of 1.8
        return np.multiply(mask := mask.astype(g.dtype), g, out=mask)
    return g * mask


class Gate(Function):
    """``input * mask``, where a mask is an array of bools: ReLU's gradient, where that is recorded.

    One node of one operation, where a comparison of tensors and a product of two dtypes are two dozen calls.
    """

    def forward(self, input: Any, mask: Any) -> Any:
        return input * mask

    def grad_input(self, g, mask):
        return Gate.apply_in_rule(g, mask) if isinstance(g, TensorBase) else g * mask

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the node."""
        return "ThresholdBackwardBackward0"


class LeakyRelu(FloatUnary):
    """`input` where positive, ``negative_slope * input`` elsewhere."""

    names = "leaky_relu"
    methods = ""
    inplace = True

    def forward(self, input: Any, negative_slope: float = 0.01) -> Any:
        self.slope = negative_slope
        return np.where(input > 0, input, input * negative_slope)

    def grad_input(self, g, input):
        return np.where(input > 0, g, g * self.slope)


class Elu(FloatUnary):
    """`input` where positive, ``alpha * (exp(input) - 1)`` elsewhere."""

    names = "elu"
    methods = ""

    def forward(self, input: Any, alpha: float = 1.0) -> Any:
        self.alpha = alpha
        return np.where(input > 0, input, alpha * np.expm1(np.minimum(input, 0)))

    def grad_input(self, g, input):
        return np.where(input > 0, g, g * (self.alpha * np.exp(np.minimum(input, 0))))


class Gelu(FloatUnary):
    """``input * Phi(input)`` with the normal distribution function Phi, or its tanh approximation.

    Shape: (...) to (...), any number of dims.

    Fused because value and slope share most of their work (see the kernel): the backward pass is one multiplication.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html

    >>> import tapeless as tl
    >>> tl.nn.functional.gelu(tl.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """

    names = "gelu"
    methods = ""
    promote = None  # type: ignore[assignment]  # `approximate` is no operand

    differentiable = ("input",)

    def forward(self, input: Any, approximate: str = "none") -> Any:
        if approximate not in ("none", "tanh"):
            raise RuntimeError(f"approximate argument must be either none or tanh.\nGot {approximate!r}.")
        if input.dtype.kind != "f":
            raise NotImplementedError(
                f""""GeluKernelImpl" not implemented for '{scalar_name(input.dtype)}'\nConvert first: x.float()."""
            )
        self.approximate = approximate
        value, self.saved = gelu(input, approximate, state.grad_enabled)
        return value

    def backward(self, g, input):
        return (g * self.saved,)

    def composite(self, input):
        """Return the result in other operations."""
        if self.approximate == "tanh":
            return input * 0.5 * (1 + (_INNER * (input + 0.044715 * input**3)).tanh())
        return input * 0.5 * (1 + erf(input * math.sqrt(0.5)))


_INNER = math.sqrt(2 / math.pi)


class Silu(FloatUnary):
    """``input * sigmoid(input)``, also called swish."""

    names = "silu"
    methods = ""

    def forward(self, input: Any) -> Any:
        return input * expit(input)

    def grad_input(self, g, input):
        s = expit(input)
        return g * (s * (1 + input * (1 - s)))


class Softplus(FloatUnary):
    """``log(1 + exp(beta * input)) / beta``; the identity above `threshold`, where both agree to float precision.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.softplus(tl.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    names = "softplus"
    methods = ""

    def forward(self, input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
        self.beta, self.threshold = beta, threshold
        scaled = input * beta
        return np.where(scaled > threshold, input, np.log1p(np.exp(np.minimum(scaled, threshold))) / beta)

    def grad_input(self, g, input):
        scaled = input * self.beta
        return np.where(scaled > self.threshold, g, g * expit(scaled))


class LogSigmoid(FloatUnary):
    """``log(sigmoid(input))`` without overflow.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.logsigmoid(tl.tensor([0.0, -100.0]))
    tensor([  -0.6931, -100.0000])
    """

    names = "logsigmoid"
    methods = ""

    def forward(self, input: Any) -> Any:
        return np.minimum(input, 0) - np.log1p(np.exp(-np.abs(input)))

    def grad_input(self, g, input):
        return g * expit(-input)


class Hardtanh(Unary):
    """`input` limited to ``[min_val, max_val]``; its gradient at the limits is 0."""

    names = "hardtanh"
    methods = ""
    inplace = True

    def forward(self, input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
        self.bounds = min_val, max_val
        if input.dtype.kind in "iu":
            return np.clip(input, int(min_val), int(max_val))
        return np.clip(input, min_val, max_val)

    def grad_input(self, g, input):
        return np.where((input > self.bounds[0]) & (input < self.bounds[1]), g, 0)


def below_max(input: Any, dim: int) -> Any:
    """Return `input` minus its largest element along `dim`: a new array whose exponentials do not overflow."""
    if input.shape[dim] == 0:
        return input.copy()
    return input - np.maximum.reduce(input, axis=dim, keepdims=True)


class Softmax(Function):
    """``exp(input) / sum(exp(input))`` over `dim`, without overflow.

    >>> import tapeless as tl
    >>> tl.softmax(tl.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """

    names = "softmax special.softmax"

    def forward(self, input: Any, dim: int, *, dtype: Any = None) -> Any:
        input = _as_float(input, dtype, "softmax")
        self.dim = normal_dim(dim, input.ndim)
        if input.ndim == 0:
            return np.ones_like(input)
        e = below_max(input, self.dim)
        np.exp(e, out=e)
        e /= np.add.reduce(e, axis=self.dim, keepdims=True)
        return e

    def grad_input(self, g, result):
        if len(g.shape) == 0:
            return np.zeros_like(g)
        return result * (g - (g * result).sum(axis=self.dim, keepdims=True))


class LogSoftmax(Function):
    """The logarithm of softmax over `dim`, more accurate than the two in turn.

    >>> import tapeless as tl
    >>> tl.log_softmax(tl.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """

    names = "log_softmax special.log_softmax"

    def forward(self, input: Any, dim: int, *, dtype: Any = None) -> Any:
        input = _as_float(input, dtype, "log_softmax")
        self.dim = normal_dim(dim, input.ndim)
        if input.ndim == 0:
            return np.zeros_like(input)
        shifted = below_max(input, self.dim)
        shifted -= np.log(np.add.reduce(np.exp(shifted), axis=self.dim, keepdims=True))
        return shifted

    def grad_input(self, g, result):
        if len(g.shape) == 0:
            return np.zeros_like(g)
        return g - np.exp(result) * g.sum(axis=self.dim, keepdims=True)


def _as_float(input: Any, dtype: Any, what: str) -> Any:
    if dtype is not None:
        return input.astype(as_dtype(dtype))
    if input.dtype.kind in "iub":
        raise RuntimeError(f'"{what}" not implemented for {input.dtype}; convert first, or pass dtype=')
    return input


@composite("relu6", methods="")
def relu6(input: Any) -> Any:
    """Return `input` limited to ``[0, 6]``."""
    return Hardtanh.apply(input, 0.0, 6.0)


@composite("selu", methods="selu")
def selu(input: Any) -> Any:
    """Return the scaled ELU that keeps activations normalized (Klambauer et al. 2017).

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.selu(tl.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return Elu.apply(input, alpha) * scale


@composite("softsign", methods="")
def softsign(input: Any) -> Any:
    """Return ``input / (1 + |input|)``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.softsign(tl.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (1 + input.abs())


@composite("mish", methods="")
def mish(input: Any) -> Any:
    """Return ``input * tanh(softplus(input))``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.mish(tl.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return input * Softplus.apply(input).tanh()


@composite("hardsigmoid", methods="")
def hardsigmoid(input: Any) -> Any:
    """Return ``relu6(input + 3) / 6``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.hardsigmoid(tl.tensor([-3.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return Hardtanh.apply(input + 3, 0.0, 6.0) / 6


@composite("hardswish", methods="")
def hardswish(input: Any) -> Any:
    """Return ``input * relu6(input + 3) / 6``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.hardswish(tl.tensor([-3.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """
    return input * Hardtanh.apply(input + 3, 0.0, 6.0) / 6


@composite("tanhshrink", methods="")
def tanhshrink(input: Any) -> Any:
    """Return ``input - tanh(input)``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.tanhshrink(tl.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """
    return input - input.tanh()


@composite("threshold", methods="")
def threshold(input: Any, threshold: float, value: float) -> Any:
    """Return `input` where it is above `threshold`, `value` elsewhere.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.threshold(tl.tensor([0.5, 2.0]), 1.0, -1.0)
    tensor([-1.,  2.])
    """
    above = unwrap(input) > threshold
    return input.masked_fill(wrap(~above), value)


@composite("celu", methods="")
def celu(input: Any, alpha: float = 1.0) -> Any:
    """Return ``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.celu(tl.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return Elu.apply(input / alpha, 1.0) * alpha


@composite("glu", methods="")
def glu(input: Any, dim: int = -1) -> Any:
    """Return the first half of `dim` times the sigmoid of the second half.

    Shape: (..., 2 * C, ...) to (..., C, ...), by default in the last dim.

    >>> import tapeless as tl
    >>> tl.nn.functional.glu(tl.tensor([1.0, 2.0, 0.0, 100.0]))
    tensor([0.5000, 2.0000])
    """
    dim = normal_dim(dim, input.ndim)
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


@composite("prelu")
def prelu(input: Any, weight: Any) -> Any:
    """Return `input` where positive, ``weight * input`` elsewhere; one weight, or one for each channel (dim 1).

    Shape: (N, C, ...) and a weight (C) or (1) to (N, C, ...).

    >>> import tapeless as tl
    >>> tl.nn.functional.prelu(tl.tensor([-4.0, 2.0]), tl.tensor([0.25]))
    tensor([-1.,  2.])
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() == 1 and input.ndim == 0:
        weight = weight.reshape(())
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} and "
                f"channel size = {channels}."
            )
        weight = weight.reshape([-1 if i == 1 else 1 for i in range(input.ndim)])
    return Where.apply(wrap(unwrap(input) > 0), input, weight * input)


@composite("hardshrink")
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return `input` outside of ``[-lambd, lambd]``, 0 inside.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.hardshrink(tl.tensor([-1.0, 0.3, 0.7]))
    tensor([-1.0000,  0.0000,  0.7000])
    """
    return input.masked_fill(wrap(np.abs(unwrap(input)) <= lambd), 0.0)


@composite("softshrink", methods="")
def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """Return `input` moved towards 0 by `lambd`, 0 inside of ``[-lambd, lambd]``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.functional.softshrink(tl.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    moved = input - wrap(np.sign(unwrap(input))) * lambd
    return moved.masked_fill(wrap(np.abs(unwrap(input)) <= lambd), 0.0)
