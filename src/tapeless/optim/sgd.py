"""`SGD` under PyTorch's path, ``optim.sgd``."""

from __future__ import annotations

from ._sgd import SGD as SGD
