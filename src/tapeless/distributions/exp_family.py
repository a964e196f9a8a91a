"""`ExponentialFamily`: distributions that are given by natural parameters and a log normalizer."""

from __future__ import annotations

from typing import Any

from ..autograd import grad
from ._functions import Tensor
from .distribution import Distribution


class ExponentialFamily(Distribution):
    """Base of distributions with densities ``exp(<t(x), theta> - F(theta) + k(x))``.

    A subclass gives the natural parameters theta (``_natural_params``), ``_log_normalizer``, which is F, and, where
    the mean of k(x) is known, ``_mean_carrier_measure``. Entropies and Kullback-Leibler divergences follow from the
    gradient of F.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#exponentialfamily; Nielsen and Nock, "Entropies
    and cross-entropies of exponential families" (2010).

    >>> import tapeless as tl
    >>> issubclass(tl.distributions.Normal, ExponentialFamily)
    True
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def _normalizer_and_slopes(self) -> tuple[list[Any], Any, tuple[Any, ...]]:
        """Return the natural parameters, the log normalizer and its gradients, all of them differentiable."""
        params = [p if p.requires_grad else p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        return params, normalizer, grad(normalizer.sum(), params, create_graph=True)

    def entropy(self) -> Any:
        """Return the entropy by the gradient of the log normalizer, of shape ``batch_shape``."""
        carrier = self._mean_carrier_measure
        params, result, slopes = self._normalizer_and_slopes()
        for p, slope in zip(params, slopes, strict=True):
            result = result - (p * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result - carrier
