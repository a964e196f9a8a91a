"""Patches under PyTorch's path, ``nn.modules.fold``."""

from __future__ import annotations

from .._rearrange import Fold as Fold, Unfold as Unfold
