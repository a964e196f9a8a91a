"""`Rprop` under PyTorch's path, ``optim.rprop``."""

from __future__ import annotations

from ._rprop import Rprop as Rprop
