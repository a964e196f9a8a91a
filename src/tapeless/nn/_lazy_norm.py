"""Batch and instance normalization that take the number of channels from their first input."""

from __future__ import annotations

from typing import Any

from tapeless._creation import tensor
from tapeless._dtypes import int64
from tapeless._tensor import Tensor

from ._batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _NormBase
from ._instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from ._lazy import LazyModuleMixin
from ._uninitialized import UninitializedBuffer, UninitializedParameter, is_lazy


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """What all six have in common. It stands before the layer that it becomes among the base classes."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = tensor(0, dtype=int64)

    def reset_parameters(self) -> None:
        """Set scale, shift and running statistics to their first values; do nothing while they have no shape."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Take ``num_features`` from dim 1 of ``input``, and set first values."""
        if self.num_features == 0:  # where a state dict gave the shapes, PyTorch leaves it at 0
            self.num_features = input.shape[1]
        if self.has_uninitialized_params():
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if is_lazy(value):
                    value.materialize((self.num_features,))  # type: ignore[union-attr]
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, BatchNorm1d):
    """A `BatchNorm1d` that takes ``num_features`` from its first input, (N, C) or (N, C, L).

    That call makes it a `BatchNorm1d`; until then its parameters are `UninitializedParameter`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LazyBatchNorm1d()
    >>> layer(tl.ones(4, 7)).shape, type(layer).__name__
    (torch.Size([4, 7]), 'BatchNorm1d')
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNormBase, BatchNorm2d):
    """A `BatchNorm2d` that takes ``num_features`` from its first input, (N, C, H, W). See `LazyBatchNorm1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm2d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyBatchNorm2d()(tl.ones(4, 7, 2, 2)).shape
    torch.Size([4, 7, 2, 2])
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNormBase, BatchNorm3d):
    """A `BatchNorm3d` that takes ``num_features`` from its first input, (N, C, D, H, W). See `LazyBatchNorm1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm3d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyBatchNorm3d()(tl.ones(4, 7, 2, 2, 2)).shape
    torch.Size([4, 7, 2, 2, 2])
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNormBase, InstanceNorm1d):
    """An `InstanceNorm1d` that takes ``num_features`` from dim 1 of its first input, (N, C, L).

    As in PyTorch, ``affine`` and ``track_running_stats`` are on by default here. The first call makes it an
    `InstanceNorm1d`; until then its parameters are `UninitializedParameter`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm1d.html

    >>> import tapeless as tl
    >>> layer = tl.nn.LazyInstanceNorm1d()
    >>> layer(tl.ones(4, 7, 3)).shape, type(layer).__name__
    (torch.Size([4, 7, 3]), 'InstanceNorm1d')
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNormBase, InstanceNorm2d):
    """An `InstanceNorm2d` that takes ``num_features`` from its first input, (N, C, H, W). See `LazyInstanceNorm1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm2d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyInstanceNorm2d()(tl.ones(4, 7, 2, 2)).shape
    torch.Size([4, 7, 2, 2])
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNormBase, InstanceNorm3d):
    """An `InstanceNorm3d` that takes ``num_features`` from its first input, (N, C, D, H, W). See `LazyInstanceNorm1d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyInstanceNorm3d.html

    >>> import tapeless as tl
    >>> tl.nn.LazyInstanceNorm3d()(tl.ones(4, 7, 2, 2, 2)).shape
    torch.Size([4, 7, 2, 2, 2])
    """

    cls_to_become = InstanceNorm3d
