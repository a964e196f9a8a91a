"""`AdamW` under PyTorch's path, ``optim.adamw``."""

from __future__ import annotations

from ._adam import AdamW as AdamW
