"""Batch normalization under PyTorch's path, ``nn.modules.batchnorm``, with the base classes that programs ask for."""

from __future__ import annotations

from .._batch_norm import (
    BatchNorm1d as BatchNorm1d,
    BatchNorm2d as BatchNorm2d,
    BatchNorm3d as BatchNorm3d,
    _BatchNorm as _BatchNorm,
    _NormBase as _NormBase,
)
