"""Draws with parameters of their own for each element: Poisson, binomial, and the relaxed choice of one class."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._core.registry import composite
from ._core.tensor_base import unwrap, wrap
from ._dtypes import scalar_name
from ._kernels import random_variates
from ._random import stream_of
from ._random_tensors import Drawn


def _check_floats(name: str, *tensors: Any) -> None:
    for tensor in tensors:
        if tensor.dtype.kind != "f":
            raise NotImplementedError(
                f"\"{name}_cpu\" not implemented for '{scalar_name(tensor.dtype)}'\nConvert the parameters by float()."
            )


@composite("poisson", methods="")
def poisson(input: Any, generator: Any = None) -> Any:
    """Return draws from the Poisson distributions whose rates are the elements of `input`.

    Raises RuntimeError for negative rates, NotImplementedError for integers.
    See https://docs.pytorch.org/docs/stable/generated/torch.poisson.html

    >>> import tapeless as tl
    >>> tl.poisson(tl.zeros(2))
    tensor([0., 0.])
    """
    _check_floats("poisson", input)
    rate = unwrap(input.detach())
    if (rate < 0).any():
        raise RuntimeError(
            f"invalid Poisson rate, expected rate to be non-negative\nThe smallest is {rate.min().item():g}."
        )
    return Drawn.apply(random_variates.poisson(stream_of(generator), rate).astype(rate.dtype), input)


@composite("binomial", methods="")
def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """Return draws of how many of `count` trials succeed, each with probability `prob`; the two broadcast.

    They have no gradient. Raises NotImplementedError for integers.
    See https://docs.pytorch.org/docs/stable/generated/torch.binomial.html

    >>> import tapeless as tl
    >>> tl.binomial(tl.tensor([3.0, 5.0]), tl.tensor([0.0, 1.0]))
    tensor([0., 5.])
    """
    _check_floats("binomial", count, prob)
    trials, chance = np.broadcast_arrays(unwrap(count.detach()), unwrap(prob.detach()))
    return wrap(random_variates.binomial(stream_of(generator), trials, chance).astype(count.dtype))


@composite("nn.functional.gumbel_softmax", methods="")
def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """Return the softmax of ``(logits + Gumbel noise) / tau``; if `hard`, one-hot, with the gradient of the soft one.

    Shape: (...) to (...), any number of dims.

    `eps` has no effect. Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax" (2017).
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gumbel_softmax.html

    >>> import tapeless as tl
    >>> tl.nn.functional.gumbel_softmax(tl.zeros(3, 5), hard=True).sum(-1)
    tensor([1., 1., 1.])
    """
    noise = wrap(-np.log(stream_of(None).exponential(tuple(logits.shape), dtype=logits.dtype)))
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = soft.max(dim, keepdim=True)[1]
    one_hot = wrap(np.zeros(tuple(logits.shape), logits.dtype)).scatter_(dim, chosen, 1.0)
    return one_hot - soft.detach() + soft
