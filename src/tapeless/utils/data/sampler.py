"""PyTorch's module path of the samplers: https://docs.pytorch.org/docs/stable/data.html."""

from __future__ import annotations

from ._sampler import (
    BatchSampler as BatchSampler,
    RandomSampler as RandomSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
    SubsetRandomSampler as SubsetRandomSampler,
    WeightedRandomSampler as WeightedRandomSampler,
)
