"""Batch normalization, and what it shares with instance normalization: running statistics."""

from __future__ import annotations

from typing import Any, ClassVar

from tapeless._creation import empty, ones, tensor, zeros
from tapeless._dtypes import int64
from tapeless._tensor import Tensor

from . import functional as F, init
from ._module import Module
from ._parameter import Parameter


class _NormBase(Module):
    """Scale and shift for each channel (with ``affine``), and running statistics (with ``track_running_stats``).

    The scale starts at 1, the shift at 0, the running mean at 0, the running variance at 1.
    """

    _version = 2  # state dicts before it have no num_batches_tracked
    _channel_dims: ClassVar[tuple[int, ...]]

    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            values = Parameter(empty(num_features, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, values)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget all batches: mean 0, variance 1, none seen."""
        if self.track_running_stats:
            for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
                if buffer is not None:
                    buffer.fill_(value)

    def reset_parameters(self) -> None:
        """Set scale, shift and running statistics to what the constructor sets them to."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self._channel_dims:
            wanted = " or ".join(f"{n}D" for n in self._channel_dims)
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *rest: Any) -> None:
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.track_running_stats:
            count = self.num_batches_tracked
            state_dict.setdefault(prefix + "num_batches_tracked", tensor(0, dtype=int64) if count is None else count)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Any:
        """Normalize ``input``; in training mode also move the running statistics."""
        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the mean over all batches so far
                factor = 1.0 / int(self.num_batches_tracked)
        # Statistics that are kept but not tracked serve evaluation only.
        running = (self.running_mean, self.running_var)
        if self.training and not self.track_running_stats:
            running = (None, None)
        use_batch = self.training or (self.running_mean is None and self.running_var is None)
        return F.batch_norm(input, *running, self.weight, self.bias, use_batch, factor, self.eps)


class BatchNorm1d(_BatchNorm):
    """`BatchNorm2d` for inputs (N, C) or (N, C, L). Arguments, buffers and errors are those of `BatchNorm2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html

    >>> import tapeless as tl
    >>> tl.nn.BatchNorm1d(1)(tl.tensor([[1.0], [3.0]]))
    tensor([[-1.0000],
            [ 1.0000]], grad_fn=<NativeBatchNormBackward0>)
    """

    _channel_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Each channel of (N, C, H, W) with mean 0 and variance 1 over the batch, times ``weight``, plus ``bias``.

    In training mode the batch's own mean and (biased) variance are used, and the buffers ``running_mean`` and
    ``running_var`` (of the unbiased variance) move towards them by ``momentum``, a share between 0 and 1; None gives
    the mean over all batches, which ``num_batches_tracked`` counts. In evaluation mode the running ones are used.
    ``eps`` is added to the variance; ``affine=False`` leaves out scale and shift, ``bias=False`` the shift; with
    ``track_running_stats=False`` there are no buffers, and every input is normalized by its own statistics.

    When called, raises ``ValueError`` for another number of dims, and for one value per channel in training mode;
    ``RuntimeError`` for another number of channels.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html; Ioffe and Szegedy, "Batch
    normalization" (2015), https://arxiv.org/abs/1502.03167.

    >>> import tapeless as tl
    >>> layer = tl.nn.BatchNorm2d(3)
    >>> layer(tl.ones(20, 3, 5, 5)).shape, layer.running_mean
    (torch.Size([20, 3, 5, 5]), tensor([0.1000, 0.1000, 0.1000]))
    """

    _channel_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`BatchNorm2d` for inputs (N, C, D, H, W). Arguments, buffers and errors are those of `BatchNorm2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html

    >>> import tapeless as tl
    >>> tl.nn.BatchNorm3d(2, affine=False)(tl.ones(4, 2, 3, 3, 3)).sum()
    tensor(0.)
    """

    _channel_dims = (5,)
