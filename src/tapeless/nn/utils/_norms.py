"""The arithmetic that both kinds of weight norm and of spectral norm share."""

from __future__ import annotations

from typing import Any

from .. import functional as F


def norm_except_dim(v: Any, dim: int | None) -> Any:
    """Return the 2-norm over all axes but ``dim``, which stay with length 1; over all axes for None (or -1)."""
    if dim is None or dim == -1:
        return v.norm()
    others = [axis for axis in range(v.ndim) if axis != dim]
    return v.norm(dim=others, keepdim=True) if others else v.abs()


def apply_weight_norm(v: Any, g: Any, dim: int | None) -> Any:
    """Return ``v`` scaled to the norms ``g``."""
    return v * (g / norm_except_dim(v, dim))


def as_matrix(weight: Any, dim: int) -> Any:
    """Return the weight with axis ``dim`` as rows and all others as columns."""
    if dim != 0:
        weight = weight.permute(dim, *[axis for axis in range(weight.ndim) if axis != dim])
    return weight.reshape(weight.shape[0], -1)


def random_direction(like: Any, size: int, eps: float) -> Any:
    """Return a vector of length 1 in a random direction."""
    return F.normalize(like.new_empty(size).normal_(0, 1), dim=0, eps=eps)
