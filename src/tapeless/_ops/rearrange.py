"""Channels made of pixels and back, and channels mixed between groups."""

from __future__ import annotations

from typing import Any

from .._core.registry import composite


@composite("nn.functional.pixel_shuffle pixel_shuffle", methods="")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """Return ``(..., C * r^2, H, W)`` as ``(..., C, H * r, W * r)``: r * r channels become the pixels of a patch.

    Shi et al., "Real-Time Single Image and Video Super-Resolution" (2016).

    >>> import tapeless as tl
    >>> tl.pixel_shuffle(tl.arange(4).reshape(1, 4, 1, 1), 2)
    tensor([[[[0, 1],
              [2, 3]]]])
    """
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            "but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    n = len(lead)
    parts = input.reshape(*lead, channels // (r * r), r, r, height, width)
    parts = parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return parts.reshape(*lead, channels // (r * r), height * r, width * r)


@composite("nn.functional.pixel_unshuffle pixel_unshuffle", methods="")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """Undo `pixel_shuffle`: ``(..., C, H * r, W * r)`` as ``(..., C * r^2, H, W)``.

    >>> import tapeless as tl
    >>> tl.pixel_unshuffle(tl.arange(4).reshape(1, 1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, channels, height, width = input.shape
    for name, size, dim in (("height", height, -2), ("width", width, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({dim})={size} is "
                "not "
                f"divisible by {r}"
            )
    n = len(lead)
    parts = input.reshape(*lead, channels, height // r, r, width // r, r)
    parts = parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return parts.reshape(*lead, channels * r * r, height // r, width // r)


@composite("nn.functional.channel_shuffle channel_shuffle", methods="")
def channel_shuffle(input: Any, groups: int) -> Any:
    """Return ``(N, C, ...)`` with the channels of all groups interleaved.

    Zhang et al., "ShuffleNet" (2018).

    >>> import tapeless as tl
    >>> tl.channel_shuffle(tl.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    batch, channels, *rest = input.shape
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    parts = input.reshape(batch, groups, channels // groups, *rest).transpose(1, 2)
    return parts.reshape(batch, channels, *rest)
