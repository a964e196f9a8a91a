"""The adaptive softmax under PyTorch's path, ``nn.modules.adaptive``."""

from __future__ import annotations

from .._adaptive_softmax import AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss
