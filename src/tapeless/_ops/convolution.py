"""Convolutions and transposed convolutions in one to three dims, and the windows that they are made of.

A convolution, its gradient for the input and its gradient for the weight are three operations, each of whose
gradients are the other two: so they can be differentiated any number of times.
"""

from __future__ import annotations

from typing import Any

from .._core.function import Function
from .._core.registry import FUNCTIONS, composite
from .._dtypes import scalar_name
from .._kernels import convolution as kernels


class Conv(Function):
    """Cross-correlation with a bias; public through `conv1d`, `conv2d` and `conv3d`."""

    differentiable = ("input", "weight", "bias")

    def forward(self, input: Any, weight: Any, geometry: Any, bias: Any = None) -> Any:
        self.geometry, self.spatial = geometry, input.shape[2:]
        return kernels.conv(input, weight, geometry, bias)

    def backward(self, g, input, weight, bias):
        """Return the gradients of those inputs that need one; the first two share work."""
        wanted = self.plan.positions
        grad_input = grad_weight = None
        if 0 in wanted and 1 in wanted:
            grad_input, grad_weight = kernels.conv_grads(input, g, weight, self.geometry)
        elif 0 in wanted:
            grad_input = kernels.conv_input_grad(g, weight, self.spatial, self.geometry)
        elif 1 in wanted:
            grad_weight = kernels.conv_weight_grad(input, g, weight.shape, self.geometry)
        return grad_input, grad_weight, _sum_channels(g) if 3 in wanted else None

    def composite(self, input, weight, bias):
        """Return the same as an operation with a rule for each gradient."""
        return kernels.conv(input, weight, self.geometry, bias)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "ConvolutionBackward0"


class ConvKernel(Function):
    """The same operation for the rules, and the rules for it, of all orders."""

    numpy = staticmethod(kernels.conv)

    def forward(self, x: Any, w: Any, geometry: Any, bias: Any = None) -> Any:
        self.geometry, self.spatial, self.window = geometry, x.shape[2:], w.shape
        return kernels.conv(x, w, geometry, bias)

    def grad_x(self, g, w):
        return kernels.conv_input_grad(g, w, self.spatial, self.geometry)

    def grad_w(self, g, x):
        return kernels.conv_weight_grad(x, g, self.window, self.geometry)

    def grad_bias(self, g):
        return _sum_channels(g)


def _sum_channels(g: Any) -> Any:
    """Return the sum of each channel; in two steps, as each then runs along memory."""
    return g.sum(axis=tuple(range(2, len(g.shape)))).sum(axis=0)


class ConvInputGrad(Function):
    """The gradient of a convolution for its input, which is the transposed convolution."""

    numpy = staticmethod(kernels.conv_input_grad)

    def forward(self, y: Any, w: Any, shape: Any, geometry: Any) -> Any:
        self.geometry, self.window, self.sizes = geometry, w.shape, y.shape[2:]
        return kernels.conv_input_grad(y, w, shape, geometry)

    def grad_y(self, g, w):
        out = kernels.conv(g, w, self.geometry)
        # With an output_padding of a stride or more there is room for more windows than there were.
        return out if tuple(out.shape[2:]) == tuple(self.sizes) else out[(..., *map(slice, self.sizes))]

    def grad_w(self, g, y):
        return kernels.conv_weight_grad(g, y, self.window, self.geometry)


class ConvWeightGrad(Function):
    """The gradient of a convolution for its weight."""

    numpy = staticmethod(kernels.conv_weight_grad)

    def forward(self, x: Any, y: Any, shape: Any, geometry: Any) -> Any:
        self.geometry, self.spatial, self.sizes = geometry, x.shape[2:], y.shape[2:]
        return kernels.conv_weight_grad(x, y, shape, geometry)

    def grad_x(self, g, y):
        return kernels.conv_input_grad(y, g, self.spatial, self.geometry)

    def grad_y(self, g, x):
        out = kernels.conv(x, g, self.geometry)
        return out if tuple(out.shape[2:]) == tuple(self.sizes) else out[(..., *map(slice, self.sizes))]


# -- Arguments -------------------------------------------------------------------------------------------


def spatial(value: Any, ndim: int, name: str) -> tuple[int, ...]:
    """Return one number for each spatial dim: a single one is repeated."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return (int(value[0]),) * ndim
        if len(value) != ndim:
            raise RuntimeError(
                f"expected {name} to be a single integer value or a list of {ndim} values to match the convolution "
                f"dimensions, but got {name}={list(value)}"
            )
        return tuple(int(v) for v in value)
    return (int(value),) * ndim


def _check_dtypes(name: str, input: Any, weight: Any, bias: Any) -> None:
    for what, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.dtype != input.dtype:
            raise RuntimeError(
                f"Input type ({scalar_name(input.dtype)}) and {what} type ({scalar_name(other.dtype)}) should be the "
                f"same\n{name}: convert one of them."
            )


def _check(name: str, input: Any, weight: Any, bias: Any, ndim: int, geometry: Any, transposed: bool) -> None:
    """Refuse what does not fit together."""
    stride, padding, dilation, groups = geometry
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"non-positive stride is not supported\n{name} got stride={stride}.")
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero\n{name} got dilation={dilation}.")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"negative padding is not supported\n{name} got padding={padding}.")
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported\n{name} got groups={groups}.")
    if weight.ndim != ndim + 2:
        raise RuntimeError(
            f"weight should have at least three dimensions\n{name} expected {ndim + 2} dims, got shape "
            f"{list(weight.shape)}."
        )
    if 0 in tuple(weight.shape)[1:]:
        raise RuntimeError(f"weight has a dim of size 0: {list(weight.shape)}")
    _check_dtypes(name, input, weight, bias)
    if weight.shape[0] % groups or weight.shape[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size {list(weight.shape)} instead"
        )
    wanted = weight.shape[0] if transposed else weight.shape[1] * groups
    if input.shape[1] != wanted:
        kind = ", transposed=1" if transposed else ""
        raise RuntimeError(
            f"Given {kind[2:] + ', ' if kind else ''}groups={groups}, weight of size {list(weight.shape)}, expected "
            "input"
            f"{list(input.shape)} to have {wanted} channels, but got {input.shape[1]} channels instead"
        )
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != outputs):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {outputs} elements, "
            "but "
            f"got bias of size {list(bias.shape)} instead"
        )


def _batched(name: str, input: Any, ndim: int) -> tuple[Any, bool]:
    """Return the input with a batch dim, and whether it had one."""
    if input.ndim not in (ndim + 1, ndim + 2):
        raise RuntimeError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {name}, but got input of size: "
            f"{list(input.shape)}"
        )
    return (input, True) if input.ndim == ndim + 2 else (input.unsqueeze(0), False)


# -- Public ----------------------------------------------------------------------------------------------


def _convolve(name: str, ndim: int, input: Any, weight: Any, bias: Any, options: tuple[Any, ...]) -> Any:
    stride, padding, dilation, groups = options
    input, batched = _batched(name, input, ndim)
    strides, dilations = spatial(stride, ndim, "stride"), spatial(dilation, ndim, "dilation")
    if isinstance(padding, str):
        _check(name, input, weight, bias, ndim, (strides, (0,) * ndim, dilations, int(groups)), False)
        input, padding = _named_padding(name, input, weight, strides, dilations, padding)
    geometry = (strides, spatial(padding, ndim, "padding"), dilations, int(groups))
    _check(name, input, weight, bias, ndim, geometry, False)
    padded = [n + 2 * p for n, p in zip(input.shape[2:], geometry[1], strict=True)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, weight.shape[2:], strict=True)]
    if any(n < k for n, k in zip(padded, reach, strict=True)):
        sizes = [" x ".join(map(str, x)) for x in (padded, weight.shape[2:])]
        raise RuntimeError(
            f"Calculated padded input size per channel: ({sizes[0]}). Kernel size: ({sizes[1]}). Kernel size can't be "
            "greater than actual input size"
        )
    out = Conv.apply(input, weight, geometry, bias)
    return out if batched else out.squeeze(0)


def _named_padding(name: str, input: Any, weight: Any, stride: Any, dilation: Any, padding: str) -> tuple[Any, Any]:
    """Return the input, padded where both sides differ, and the numbers that ``"same"`` or ``"valid"`` stand for."""
    if padding == "valid":
        return input, 0
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'\n{name} takes 'valid', 'same' or numbers.")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if all(t % 2 == 0 for t in totals):
        return input, [t // 2 for t in totals]
    sides = [side for t in reversed(totals) for side in (t // 2, t - t // 2)]
    return FUNCTIONS["constant_pad_nd"](input, sides, 0), 0


def _transpose(name: str, ndim: int, input: Any, weight: Any, bias: Any, options: tuple[Any, ...]) -> Any:
    stride, padding, output_padding, groups, dilation = options
    input, batched = _batched(name, input, ndim)
    strides, dilations = spatial(stride, ndim, "stride"), spatial(dilation, ndim, "dilation")
    geometry = (strides, spatial(padding, ndim, "padding"), dilations, int(groups))
    extra = spatial(output_padding, ndim, "output_padding")
    _check(name, input, weight, bias, ndim, geometry, True)
    if any(e >= s and e >= d for e, s, d in zip(extra, strides, dilations, strict=True)):
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got output_padding: {list(extra)}, "
            f"stride: {list(strides)}, dilation: {list(dilations)}"
        )
    shape = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            input.shape[2:], strides, geometry[1], dilations, weight.shape[2:], extra, strict=True
        )
    )
    if any(n <= 0 for n in shape):
        raise RuntimeError(
            f"Given input size per channel: {list(input.shape[2:])}. Calculated output size per channel: "
            f"{list(shape)}. "
            "Output size is too small"
        )
    out = ConvInputGrad.apply(input, weight, shape, geometry)
    if bias is not None:
        out = out + bias.reshape((-1,) + (1,) * ndim)
    return out if batched else out.squeeze(0)


def _declare(ndim: int) -> None:
    """Declare the convolutions of one number of dims."""

    def convolution(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        return _convolve(f"conv{ndim}d", ndim, input, weight, bias, (stride, padding, dilation, groups))

    def transposed(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        options = (stride, padding, output_padding, groups, dilation)
        return _transpose(f"conv_transpose{ndim}d", ndim, input, weight, bias, options)

    dims = ", ".join("DHW"[3 - ndim :])
    convolution.__doc__ = f"""Return the cross-correlation of ``(N, C, {dims})`` (or without N) with a weight ``(out,
    C / groups, ...)``.

    `stride`, `padding` (also "same" and "valid"), `dilation`: one number, or one for each dim. Raises RuntimeError
    for shapes that do not fit. See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv{ndim}d.html

    >>> import tapeless as tl
    >>> tl.nn.functional.conv{ndim}d(tl.ones({"1, 1" + ", 3" * ndim}), tl.ones({"1, 1" + ", 3" * ndim})).item()
    {3**ndim}.0
    """
    transposed.__doc__ = f"""Return the transposed convolution of ``(N, C, {dims})`` with a weight ``(C, out / groups,
    ...)``.

    The gradient of `conv{ndim}d` for its input; `output_padding` is added to one side of the result's sizes.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_transpose{ndim}d.html

    >>> import tapeless as tl
    >>> tuple(tl.nn.functional.conv_transpose{ndim}d(tl.ones({"1, 1" + ", 3" * ndim}), tl.ones({
        "1, 1" + ", 2" * ndim
    })).shape)
    {(1, 1) + (4,) * ndim}
    """
    convolution.__name__ = convolution.__qualname__ = f"conv{ndim}d"
    transposed.__name__ = transposed.__qualname__ = f"conv_transpose{ndim}d"
    composite(f"nn.functional.conv{ndim}d conv{ndim}d", methods="")(convolution)
    composite(f"nn.functional.conv_transpose{ndim}d conv_transpose{ndim}d", methods="")(transposed)


for _ndim in (1, 2, 3):
    _declare(_ndim)
