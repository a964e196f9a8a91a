"""Gradient clipping under PyTorch's path, ``nn.utils.clip_grad``."""

from __future__ import annotations

from ._clip import (
    clip_grad_norm as clip_grad_norm,
    clip_grad_norm_ as clip_grad_norm_,
    clip_grad_value_ as clip_grad_value_,
    clip_grads_with_norm_ as clip_grads_with_norm_,
    get_total_norm as get_total_norm,
)
