"""Normalizations under PyTorch's path, ``nn.modules.normalization``."""

from __future__ import annotations

from .._normalization import (
    CrossMapLRN2d as CrossMapLRN2d,
    GroupNorm as GroupNorm,
    LayerNorm as LayerNorm,
    LocalResponseNorm as LocalResponseNorm,
    RMSNorm as RMSNorm,
)
