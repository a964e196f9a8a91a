"""`LBFGS` under PyTorch's path, ``optim.lbfgs``."""

from __future__ import annotations

from ._lbfgs import LBFGS as LBFGS
