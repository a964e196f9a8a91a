"""Convolutions and transposed convolutions in one to three dims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tapeless._creation import empty
from tapeless._tensor import Tensor

from . import functional as F, init
from ._module import Module
from ._parameter import Parameter
from ._sizes import repeat

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PADDING_STRINGS = ("same", "valid")

Sizes = int | Sequence[int]


def _braces(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(map(repr, names)) + "}"


class _ConvNd(Module):
    """What all six have in common: settings, parameters, their first values, the repr.

    Weight and bias are drawn uniformly from +-1 / sqrt(weight.shape[1] * elements of the kernel), the same values
    as PyTorch's from the same seed.
    """

    _dims: ClassVar[int]
    _function: ClassVar[str]

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any  # a tuple, or "same" or "valid"
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    padding_mode: str
    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: str | Sizes,
        dilation: Sizes,
        transposed: bool,
        output_padding: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = repeat(kernel_size, self._dims)
        self.stride = repeat(stride, self._dims)
        self.padding = padding if isinstance(padding, str) else repeat(padding, self._dims)
        self.dilation = repeat(dilation, self._dims)
        self.transposed = transposed
        self.output_padding = repeat(output_padding, self._dims)
        self.groups = groups
        self.padding_mode = padding_mode
        self._check_settings()
        self._reversed_padding_repeated_twice = self._padding_for_pad()
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check_settings(self) -> None:
        if self.groups <= 0:
            raise ValueError(f"groups must be a positive integer\nGot groups={self.groups}.")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups != 0:
                raise ValueError(
                    f"{name} must be divisible by groups\nGot {name}={getattr(self, name)} and groups={self.groups}."
                )
        if isinstance(self.padding, str):
            if self.padding not in PADDING_STRINGS:
                known = _braces(PADDING_STRINGS)
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of {known}")
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError(f"padding='same' is not supported for strided convolutions\nGot stride={self.stride}.")
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {_braces(PADDING_MODES)}, but got padding_mode='{self.padding_mode}'"
            )

    def _padding_for_pad(self) -> list[int]:
        """Return the padding as `functional.pad` takes it: (before, after) of each dim, the last dim first."""
        if self.padding == "valid":
            pairs = [(0, 0)] * len(self.kernel_size)
        elif self.padding == "same":
            totals = [step * (size - 1) for step, size in zip(self.dilation, self.kernel_size)]
            pairs = [(total // 2, total - total // 2) for total in totals]
        else:
            pairs = [(int(p), int(p)) for p in self.padding]
        return [p for pair in reversed(pairs) for p in pair]

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw new weights and biases, as the constructor does."""
        # With this slope the bound is 1 / sqrt(fan_in); written so, it is PyTorch's to the last bit.
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in > 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Return the settings that are not the usual ones."""
        parts = [f"{self.in_channels}, {self.out_channels}", f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (usual,) * len(value):
                parts.append(f"{name}={value}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvNd):
    """A convolution; the subclass says in how many dims."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            False,
            0,
            groups,
            bias,
            padding_mode,
            device=device,
            dtype=dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
        """Convolve with any weight: what layers that compute their weight call."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return getattr(F, self._function)(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Any:
        """Apply the layer to the last dims of ``input``."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Convolution along one dim: (N, in_channels, L) or (in_channels, L) to (N, out_channels, L') or without N.

    Arguments, size of the output, first values and errors are those of `Conv2d`, in one dim.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv1d.html

    >>> import tapeless as tl
    >>> tl.nn.Conv1d(16, 33, 3, stride=2)(tl.ones(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    _dims, _function = 1, "conv1d"


class Conv2d(_Conv):
    """Convolution of images: (N, in_channels, H, W) or (in_channels, H, W) to (N, out_channels, H', W') or without N.

    Each output channel is the sum, over the input channels of its group, of the cross-correlation with a kernel,
    plus the bias. ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are a number, or one for each dim:

        H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1

    ``padding`` may be "valid" (none) or "same" (the output is as large as the input; for stride 1 only), and
    ``padding_mode`` "zeros", "reflect", "replicate" or "circular". With ``groups`` the channels fall into that many
    groups that do not see each other. The weight has shape (out_channels, in_channels / groups, *kernel_size), the
    bias (out_channels,); both are drawn uniformly from +-1 / sqrt(in_channels / groups * elements of the kernel).

    Raises ``ValueError`` for groups that do not divide the channels and for unknown paddings; when called,
    ``RuntimeError`` for inputs that do not fit.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html

    >>> import tapeless as tl
    >>> layer = tl.nn.Conv2d(16, 33, (3, 5), stride=(2, 1), padding=(4, 2))
    >>> layer(tl.ones(2, 16, 10, 20)).shape
    torch.Size([2, 33, 8, 20])
    """

    _dims, _function = 2, "conv2d"


class Conv3d(_Conv):
    """Convolution of volumes: (N, in_channels, D, H, W) or without N to (N, out_channels, D', H', W') or without N.

    Arguments, size of the output, first values and errors are those of `Conv2d`, in three dims.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv3d.html

    >>> import tapeless as tl
    >>> tl.nn.Conv3d(2, 3, 3, padding="same")(tl.ones(1, 2, 4, 5, 6)).shape
    torch.Size([1, 3, 4, 5, 6])
    """

    _dims, _function = 3, "conv3d"


class _ConvTransposeNd(_ConvNd):
    """A transposed convolution; the subclass says in how many dims."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}\nGot padding_mode={padding_mode!r}.'
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            True,
            output_padding,
            groups,
            bias,
            padding_mode,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """Apply the layer; ``output_size`` picks one of the sizes that are possible with a stride above 1."""
        output_padding = self.output_padding if output_size is None else self._output_padding(input, output_size)
        return getattr(F, self._function)(
            input, self.weight, self.bias, self.stride, self.padding, output_padding, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """Return the ``output_padding`` that makes an output of this size; sizes of all dims may be given."""
        dims = self._dims
        front = 2 if input.ndim == dims + 2 else 1
        if len(output_size) == front + dims:
            output_size = output_size[front:]
        if len(output_size) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.ndim}D input, output_size must have {dims} or {front + dims} "
                f"elements (got {len(output_size)})"
            )
        sizes = input.shape[front:]
        smallest = [
            (size - 1) * step - 2 * padding + apart * (kernel - 1) + 1
            for size, step, padding, apart, kernel in zip(
                sizes, self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        largest = [size + step - 1 for size, step in zip(smallest, self.stride)]
        if any(not low <= size <= high for low, size, high in zip(smallest, output_size, largest)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {smallest} to {largest} "
                f"(for an input of {input.shape[2:]})"
            )
        return tuple(size - low for size, low in zip(output_size, smallest))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution along one dim: (N, in_channels, L) or (in_channels, L) to (N, out_channels, L').

    Arguments, size of the output, first values and errors are those of `ConvTranspose2d`, in one dim.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html

    >>> import tapeless as tl
    >>> tl.nn.ConvTranspose1d(3, 2, 4, stride=2)(tl.ones(1, 3, 5)).shape
    torch.Size([1, 2, 12])
    """

    _dims, _function = 1, "conv_transpose1d"


class ConvTranspose2d(_ConvTransposeNd):
    """The gradient of `Conv2d` for its input, as a layer: (N, in_channels, H, W) to (N, out_channels, H', W').

    With the settings of a `Conv2d` it turns the size of that layer's output into the size of its input; also called
    "deconvolution", which it is not. Settings are a number, or one for each dim:

        H' = (H - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1

    A stride above 1 leaves several sizes open: ``output_padding`` (or ``output_size`` in the call) chooses. The
    weight has shape (in_channels, out_channels / groups, *kernel_size), the bias (out_channels,); both are drawn
    uniformly from +-1 / sqrt(out_channels / groups * elements of the kernel).

    Raises ``ValueError`` for groups that do not divide the channels, for any ``padding_mode`` but "zeros", and for an
    ``output_size`` that is out of reach; when called, ``RuntimeError`` for inputs that do not fit.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html; Dumoulin and Visin, "A guide
    to convolution arithmetic for deep learning" (2016), https://arxiv.org/abs/1603.07285.

    >>> import tapeless as tl
    >>> small = tl.nn.Conv2d(3, 6, 3, stride=2, padding=1)(tl.ones(1, 3, 12, 12))
    >>> back = tl.nn.ConvTranspose2d(6, 3, 3, stride=2, padding=1)
    >>> small.shape, back(small, output_size=(12, 12)).shape
    (torch.Size([1, 6, 6, 6]), torch.Size([1, 3, 12, 12]))
    """

    _dims, _function = 2, "conv_transpose2d"


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of volumes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W').

    Arguments, size of the output, first values and errors are those of `ConvTranspose2d`, in three dims.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html

    >>> import tapeless as tl
    >>> tl.nn.ConvTranspose3d(2, 1, 2, stride=2)(tl.ones(2, 3, 3, 3)).shape
    torch.Size([1, 6, 6, 6])
    """

    _dims, _function = 3, "conv_transpose3d"
