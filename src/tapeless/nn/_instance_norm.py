"""Instance normalization."""

from __future__ import annotations

import warnings
from typing import Any

from tapeless._tensor import Tensor

from . import functional as F
from ._batch_norm import _NormBase

_OLD_STATISTICS = (
    "Unexpected running stats buffer(s) {names} for {kind} with track_running_stats=False. If state_dict is a "
    "checkpoint saved before 0.4.0, this may be expected because {kind} does not track running stats by default since "
    "0.4.0. Please remove these keys from state_dict. If the running stats are actually needed, instead set "
    "track_running_stats=True in {kind} to enable them. See the documentation of {kind} for details."
)


class _InstanceNorm(_NormBase):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Any:
        """Normalize ``input``; in training mode also move the running statistics, where they are tracked."""
        self._check_input_dim(input)
        unbatched = input.ndim == self._channel_dims[0]
        self._check_channels(input, 0 if unbatched else 1)
        if unbatched:
            return self._apply_instance_norm(input.unsqueeze(0)).squeeze(0)
        return self._apply_instance_norm(input)

    def _check_channels(self, input: Tensor, dim: int) -> None:
        if input.shape[dim] == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), "
                f"but got: {input.shape[dim]}."
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning by not passing in "
            "num_features, which is not used because affine=False",
            stacklevel=4,
        )

    def _apply_instance_norm(self, input: Tensor) -> Any:
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *rest: Any) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            keys = [prefix + name for name in ("running_mean", "running_var") if prefix + name in state_dict]
            if keys:
                names = " and ".join(f'"{key}"' for key in keys)
                error_messages = rest[-1]
                error_messages.append(_OLD_STATISTICS.format(names=names, kind=type(self).__name__))
            for key in keys:
                del state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class InstanceNorm1d(_InstanceNorm):
    """`InstanceNorm2d` for inputs (N, C, L) or (C, L). Arguments and errors are those of `InstanceNorm2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html

    >>> import tapeless as tl
    >>> tl.nn.InstanceNorm1d(1)(tl.tensor([[1.0, 3.0]]))
    tensor([[-1.0000,  1.0000]])
    """

    _channel_dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each input of (N, C, H, W), or (C, H, W), with mean 0 and variance 1.

    ``eps`` is added to the variance. With ``affine=True`` a learned ``weight`` and ``bias`` (none with ``bias=False``)
    scale and shift each channel. With ``track_running_stats=True`` training moves running statistics by ``momentum``,
    as in `BatchNorm2d`, and evaluation uses them.

    When called, raises ``ValueError`` for another number of dims, for another number of channels with ``affine``
    (without, warns), and for one value per channel.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html; Ulyanov et al., "Instance
    normalization" (2016), https://arxiv.org/abs/1607.08022.

    >>> import tapeless as tl
    >>> tl.nn.InstanceNorm2d(100, affine=True)(tl.ones(20, 100, 3, 4)).shape
    torch.Size([20, 100, 3, 4])
    """

    _channel_dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm2d` for inputs (N, C, D, H, W) or (C, D, H, W). Arguments and errors are those of `InstanceNorm2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html

    >>> import tapeless as tl
    >>> tl.nn.InstanceNorm3d(5)(tl.ones(2, 5, 3, 4, 2)).shape
    torch.Size([2, 5, 3, 4, 2])
    """

    _channel_dims = (4, 5)
