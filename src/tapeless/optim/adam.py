"""`Adam` under PyTorch's path, ``optim.adam``."""

from __future__ import annotations

from ._adam import Adam as Adam
