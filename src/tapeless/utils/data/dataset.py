"""PyTorch's module path of the datasets: https://docs.pytorch.org/docs/stable/data.html."""

from __future__ import annotations

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
