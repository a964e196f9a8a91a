"""Batch normalization under PyTorch's path, ``nn.modules.batchnorm``, with the base classes that programs ask for."""

from __future__ import annotations

from .._batch_norm import (
    BatchNorm1d as BatchNorm1d,
    BatchNorm2d as BatchNorm2d,
    BatchNorm3d as BatchNorm3d,
    _BatchNorm as _BatchNorm,
    _NormBase as _NormBase,
)
from .._lazy_norm import (
    LazyBatchNorm1d as LazyBatchNorm1d,
    LazyBatchNorm2d as LazyBatchNorm2d,
    LazyBatchNorm3d as LazyBatchNorm3d,
)
