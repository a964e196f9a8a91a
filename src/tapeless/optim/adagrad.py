"""`Adagrad` under PyTorch's path, ``optim.adagrad``."""

from __future__ import annotations

from ._adagrad import Adagrad as Adagrad
