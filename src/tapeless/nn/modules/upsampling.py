"""Upsampling layers under PyTorch's path, ``nn.modules.upsampling``."""

from __future__ import annotations

from .._upsampling import (
    Upsample as Upsample,
    UpsamplingBilinear2d as UpsamplingBilinear2d,
    UpsamplingNearest2d as UpsamplingNearest2d,
)
