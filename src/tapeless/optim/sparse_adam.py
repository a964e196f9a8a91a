"""`SparseAdam` under PyTorch's path, ``optim.sparse_adam``."""

from __future__ import annotations

from ._sparse_adam import SparseAdam as SparseAdam
