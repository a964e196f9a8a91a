"""PyTorch's module path of its sampler: https://docs.pytorch.org/docs/stable/data.html."""

from __future__ import annotations

from ._distributed import DistributedSampler as DistributedSampler
