"""Copies: in the same dtype or another one, into new memory or into a given tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function, raise_broadcast_error
from .._core.registry import composite
from ._common import as_array


class Clone(Function):
    """A copy in memory of its own; gradients pass through.

    >>> import tapeless as tl
    >>> x = tl.zeros(2)
    >>> tl.clone(x).add_(1), x
    (tensor([1., 1.]), tensor([0., 0.]))
    """

    names = "clone"
    numpy = np.copy

    def forward(self, input: Any, *, memory_format: Any = None, order: Any = None) -> Any:
        # The axes keep their order in memory, as in PyTorch, but for expanded tensors.
        return input.copy("C" if 0 in getattr(input, "strides", ()) else "K")

    def grad_input(self, g):
        return g


class ToCopy(Function):
    """A copy in another dtype; public through `to`, `float`, `long` and so on."""

    names = "_to_copy"
    methods = ""

    def forward(self, input: Any, dtype: Any) -> Any:
        return input.astype(dtype)

    def grad_input(self, g):
        return g  # the engine converts it back

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "ToCopyBackward0"


class Copy(Function):
    """`copy_`: every element replaced by the (broadcast, converted) source."""

    def forward(self, input: Any, src: Any) -> Any:
        src = as_array(src)
        if src.shape != input.shape:
            try:
                return np.broadcast_to(src, input.shape)
            except ValueError as error:
                raise_broadcast_error(error, (input, src))
                raise RuntimeError(
                    f"output with shape {list(input.shape)} doesn't match the broadcast shape "
                    f"{list(np.broadcast_shapes(input.shape, src.shape))}\ncopy_ cannot change the shape of its target."
                ) from None
        return src

    def grad_input(self, g):
        return np.zeros_like(g)

    def grad_src(self, g):
        return g


class Contiguous(Function):
    """The tensor itself if its memory is in C order, else a copy that is."""

    def forward(self, input: Any) -> Any:
        return input.copy("C")

    def grad_input(self, g):
        return g

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "CloneBackward0"


@composite("fill")
def fill(input: Any, value: Any) -> Any:
    """Return a tensor of the shape and dtype of `input` with one number everywhere.

    >>> import tapeless as tl
    >>> tl.fill(tl.zeros(2), 3)
    tensor([3., 3.])
    """
    return input.clone().fill_(value)
