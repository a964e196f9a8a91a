"""Gamma, Poisson and binomial draws from the default stream, for tensors and arrays of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import random_variates
from .._random import stream_of
from . import _functions as tl
from ._functions import Tensor

Array = np.ndarray[Any, Any]


def gamma(shape: Array) -> Array:
    """Return float64 draws from the gamma distributions of rate 1."""
    return random_variates.gamma(stream_of(None), shape)


def _drawn(draw: Callable[..., Array], *params: Tensor) -> Any:
    """Return draws for tensors of parameters of one shape, in the dtype of the first; they have no gradient."""
    values = draw(stream_of(None), *(p.detach().numpy() for p in params))
    return tl.tensor(values.astype(params[0].dtype))


def poisson(rate: Tensor) -> Any:
    """Return draws from the Poisson distributions of these rates."""
    return _drawn(random_variates.poisson, rate)


def binomial(count: Tensor, prob: Tensor) -> Any:
    """Return draws from the binomial distributions of so many trials with these probabilities."""
    return _drawn(random_variates.binomial, count, prob)
