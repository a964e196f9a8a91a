"""The Kullback-Leibler divergence of two distributions.

See https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

from . import _kl_cross, _kl_same
from ._kl_registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]

_kl_cross, _kl_same  # noqa: B018  imported for their effect: they register the pairs
