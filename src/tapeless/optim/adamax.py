"""`Adamax` under PyTorch's path, ``optim.adamax``."""

from __future__ import annotations

from ._adamax import Adamax as Adamax
