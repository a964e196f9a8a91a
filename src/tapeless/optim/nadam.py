"""`NAdam` under PyTorch's path, ``optim.nadam``."""

from __future__ import annotations

from ._nadam import NAdam as NAdam
