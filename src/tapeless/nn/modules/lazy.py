"""What makes layers lazy, under PyTorch's path, ``nn.modules.lazy``."""

from __future__ import annotations

from .._lazy import LazyModuleMixin as LazyModuleMixin
