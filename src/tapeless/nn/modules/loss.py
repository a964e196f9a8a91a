"""The base classes of losses under PyTorch's path, ``nn.modules.loss``."""

from __future__ import annotations

from .._loss import _Loss as _Loss, _WeightedLoss as _WeightedLoss
