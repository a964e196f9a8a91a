"""`RMSprop` under PyTorch's path, ``optim.rmsprop``."""

from __future__ import annotations

from ._rmsprop import RMSprop as RMSprop
