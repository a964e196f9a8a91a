"""The hooks for every module, under PyTorch's path ``nn.modules.module``."""

from __future__ import annotations

from . import module as module
