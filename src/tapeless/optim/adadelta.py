"""`Adadelta` under PyTorch's path, ``optim.adadelta``."""

from __future__ import annotations

from ._adadelta import Adadelta as Adadelta
