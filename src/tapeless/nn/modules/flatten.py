"""Flattening layers under PyTorch's path, ``nn.modules.flatten``."""

from __future__ import annotations

from .._flatten import Flatten as Flatten, Unflatten as Unflatten
