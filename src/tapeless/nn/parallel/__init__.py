"""Data parallelism, ``torch.nn.parallel``: there is one device, so there is nothing to divide."""

from __future__ import annotations

from .data_parallel import DataParallel as DataParallel, data_parallel as data_parallel
