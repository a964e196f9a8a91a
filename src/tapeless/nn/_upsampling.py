"""Resizing of signals, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._convolution import Sizes
from ._module import Module

Factors = float | Sequence[float]


class Upsample(Module):
    """Resize the last one to three dims, (N, C, [D, [H,]] W), to ``size`` or by ``scale_factor``: one of the two.

    ``mode`` is "nearest", "nearest-exact", "linear" (one dim), "bilinear" and "bicubic" (two) or "trilinear" (three
    dims). With ``align_corners`` (not for the nearest ones) the centres of the corner places of input and output fall
    together, else their outer edges. ``recompute_scale_factor`` computes with the ratio of the sizes in place of the
    given factor. When called, raises ``ValueError`` for settings that contradict each other and
    ``NotImplementedError`` for a mode that the number of dims does not have.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html

    >>> import tapeless as tl
    >>> tl.nn.Upsample(scale_factor=2)(tl.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    >>> tl.nn.Upsample((8, 6), mode="bicubic")(tl.ones(1, 3, 4, 4)).shape
    torch.Size([1, 3, 8, 6])
    """

    scale_factor: Any

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: Factors | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None  # type: ignore[arg-type]
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Any:
        """Return ``input`` resized."""
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """Return the factor, or else the size, and the mode."""
        extent = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{extent}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resize images (N, C, H, W) by repeating places: `Upsample` with ``mode="nearest"``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.UpsamplingNearest2d.html

    >>> import tapeless as tl
    >>> tl.nn.UpsamplingNearest2d(scale_factor=2)(tl.ones(1, 1, 2, 3)).shape
    torch.Size([1, 1, 4, 6])
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize images (N, C, H, W) linearly: `Upsample` with ``mode="bilinear"`` and ``align_corners=True``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.UpsamplingBilinear2d.html

    >>> import tapeless as tl
    >>> tl.nn.UpsamplingBilinear2d(size=(1, 3))(tl.tensor([[[[1.0, 2.0]]]]))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
