"""`RAdam` under PyTorch's path, ``optim.radam``."""

from __future__ import annotations

from ._radam import RAdam as RAdam
