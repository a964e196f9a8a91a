"""Divergences of two distributions of different kinds."""

from __future__ import annotations

import math
from typing import Any

from . import _functions as tl
from ._functions import Tensor
from ._kl_registry import register_kl
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

# -- Where p has samples that q has not -------------------------------------------------------------------


def _infinite(p: Any, q: Any) -> Any:
    return tl.full_like(p.mean, math.inf)


_UNIT = (Beta, ContinuousBernoulli)
_INFINITE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (*_UNIT, Pareto, Uniform),
    Gamma: (*_UNIT, Pareto, Uniform),
    Gumbel: (*_UNIT, Pareto, Uniform, Exponential, Gamma),
    Laplace: (*_UNIT, Pareto, Uniform, Exponential, Gamma),
    Normal: (*_UNIT, Pareto, Uniform, Exponential, Gamma),
    Pareto: (*_UNIT, Uniform),
    Poisson: (Bernoulli, Binomial),
}
for _p, _qs in _INFINITE.items():
    for _q in _qs:
        register_kl(_p, _q)(_infinite)


# -- What several have in common --------------------------------------------------------------------------


def _cross_normal(mean: Tensor, variance: Tensor, q: Normal) -> Tensor:
    """Return minus the mean of q's log density over samples of this mean and variance."""
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + 0.5 * (variance + (mean - q.loc).pow(2)) / q.scale.pow(2)


def _cross_gamma(mean: Tensor, mean_log: Tensor, q: Gamma) -> Tensor:
    """Return minus the mean of q's log density over samples whose mean and mean logarithm are these."""
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * mean


def _cross_exponential(mean: Tensor, q: Exponential) -> Tensor:
    """Return minus the mean of q's log density over samples of this mean."""
    return q.rate * mean - q.rate.log()


def _gaussian(p: Any, q: Any) -> Any:
    return _cross_normal(p.mean, p.variance, q) - p.entropy()


for _p in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform):
    register_kl(_p, Normal)(_gaussian)


def _memoryless(p: Any, q: Any) -> Any:
    return _cross_exponential(p.mean, q) - p.entropy()


for _p in (Beta, ContinuousBernoulli, Gamma):
    register_kl(_p, Exponential)(_memoryless)


# -- The others -------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _cross_continuous_bernoulli(p: Any, q: Any) -> Any:
    return -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


register_kl(Beta, ContinuousBernoulli)(_cross_continuous_bernoulli)


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Any:
    mean_log = p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    return _cross_gamma(p.mean, mean_log, q) - p.entropy()


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Any:
    result = -p.entropy() + (q.high - q.low).log()
    return result.masked_fill((q.low > 0) | (q.high < 1), math.inf)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Any:
    result = -p.entropy() + (q.high - q.low).log()
    return result.masked_fill((q.low >= 0) | (q.high <= 1), math.inf)  # as PyTorch: infinite for exactly [0, 1] too


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    return _cross_gamma(p.mean, -euler_constant - p.rate.log(), q) - p.entropy()


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Any:
    product, ratio = p.rate * q.scale, q.loc / q.scale
    return product.log() - 1 - ratio + ratio.exp() * product / (product + 1) + product.reciprocal()


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Any:
    product, ratio, a = p.rate * q.scale, q.loc / q.scale, p.concentration
    entropy = (a - 1) * a.digamma() - a.lgamma() - a  # minus it, at rate 1
    exponential = ratio.exp() * (1 + product.reciprocal()).pow(-a)
    return entropy + product.log() + a / product + exponential - ratio


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Any:
    shift, ratio = (p.loc - q.loc) / q.scale, (p.scale / q.scale).pow(2)
    return -0.5 * ratio.log() + shift + (0.5 * ratio - shift).exp() - 0.5 * (1 + math.log(2 * math.pi))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    distance = p.loc - q.loc
    z = distance / p.scale
    mean_distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z.pow(2)).exp() + distance * (math.sqrt(0.5) * z).erf()
    return -(p.scale / q.scale).log() + mean_distance / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Any:
    result = _cross_exponential(p.alpha * p.scale / (p.alpha - 1), q) - p.entropy()
    return result.masked_fill(p.alpha <= 1, math.inf)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Any:
    mean, mean_log = p.alpha * p.scale / (p.alpha - 1), p.scale.log() + p.alpha.reciprocal()
    return (_cross_gamma(mean, mean_log, q) - p.entropy()).masked_fill(p.alpha <= 1, math.inf)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Any:
    unit = p.scale / (p.alpha - 1)
    result = _cross_normal(p.alpha * unit, p.alpha * unit.pow(2) / (p.alpha - 2), q) - p.entropy()
    return result.masked_fill(p.alpha <= 2, math.inf)


# -- From a uniform distribution --------------------------------------------------------------------------


def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """Return the mean of log(x) for x uniform between these: that of ``x log(x) - x`` at the ends over the width."""
    return (high.xlogy(high) - low.xlogy(low)) / (high - low) - 1


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    log_norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    cross = log_norm - (a - 1) * _mean_log(p.low, p.high) - (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    return (cross - p.entropy()).masked_fill((p.high > 1) | (p.low < 0), math.inf)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Any:
    result = _cross_continuous_bernoulli(p, q)
    return result.masked_fill((p.high >= 1) | (p.low <= 0), math.inf)  # as PyTorch: infinite for exactly [0, 1] too


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    return _memoryless(p, q).masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    result = _cross_gamma(p.mean, _mean_log(p.low, p.high), q) - p.entropy()
    return result.masked_fill(p.low < 0, math.inf)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Any:
    width = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return width.log() + 0.5 * (high + low) - width * ((-high).exp() - (-low).exp())


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    cross = (q.alpha + 1) * _mean_log(p.low, p.high) - q.alpha.log() - q.alpha * q.scale.log()
    return (cross - p.entropy()).masked_fill(p.low < q.scale, math.inf)
