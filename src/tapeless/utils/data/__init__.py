"""Datasets, samplers, collation and the ``DataLoader``, with PyTorch's names, order and results.

The same seed gives the same order of samples as PyTorch on CPU. A ``TensorDataset`` (or a ``Subset`` of one)
is read with one NumPy index per batch instead of one Python call per sample.

Source: https://pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

from . import dataloader as dataloader, dataset as dataset, distributed as distributed, sampler as sampler
from ._collate import default_collate as default_collate, default_convert as default_convert
from ._dataset import (
    ChainDataset as ChainDataset,
    ConcatDataset as ConcatDataset,
    Dataset as Dataset,
    IterableDataset as IterableDataset,
    StackDataset as StackDataset,
    Subset as Subset,
    TensorDataset as TensorDataset,
    random_split as random_split,
)
from ._distributed import DistributedSampler as DistributedSampler
from ._loader import DataLoader as DataLoader
from ._sampler import (
    BatchSampler as BatchSampler,
    RandomSampler as RandomSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
    SubsetRandomSampler as SubsetRandomSampler,
    WeightedRandomSampler as WeightedRandomSampler,
)
from ._worker_info import get_worker_info as get_worker_info
