"""`ASGD` under PyTorch's path, ``optim.asgd``."""

from __future__ import annotations

from ._asgd import ASGD as ASGD
