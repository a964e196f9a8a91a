"""The pixel shuffles under PyTorch's path, ``nn.modules.pixelshuffle``."""

from __future__ import annotations

from .._rearrange import PixelShuffle as PixelShuffle, PixelUnshuffle as PixelUnshuffle
