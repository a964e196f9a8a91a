"""Kullback-Leibler divergences in Tapeless and in PyTorch, side by side, for all pairs of classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.distributions.kl import _dispatch_kl

from tests.distributions.cases import BY_NAME, CASES, COVARIANCE, P3, Case, case, independent, transformed
from tests.distributions.compare import Error, Results, attempt, differs, weighted, zero_or

# Beside those of `CASES`: such that the samples of one lie in the support of the other, with more than one moment.
_MORE = [
    case("Uniform", 0.5, label="inside", low=[0.1, 0.6], high=[0.3, 0.9]),
    case("Uniform", 0.5, label="wide", low=[-3.0, -1.0], high=[9.0, 2.0]),
    case("Uniform", 0.5, label="unit", low=[0.0, 0.0], high=[1.0, 1.0]),
    case("Pareto", 0.5, label="light", scale=[0.05, 0.5], alpha=[3.5, 5.0]),
    case("Pareto", 0.5, label="lighter", scale=[0.6, 0.5], alpha=[4.5, 2.5]),
    case("Normal", 0.5, label="other", loc=[1.5, -0.5], scale=[0.4, 3.0]),
    case("Bernoulli", 0.0, label="sure", probs=[0.0, 1.0]),
    case("Binomial", 0.0, label="more", fixed={"total_count": 9}, probs=[0.3, 0.6]),
    case("Binomial", 0.0, label="two", fixed={"total_count": 5}, probs=[0.35, 0.0]),
    case("Categorical", 0.0, label="zero", probs=[[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]),
    case("OneHotCategorical", P3, label="zero", probs=[[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]),
    case("MultivariateNormal", [0.0, 0.0, 0.0], label="batch3", loc=[[1.0, 0.2, -1.0], [0.0, 0.0, 0.0]],
         covariance_matrix=[[1.0, 0.2, 0.0], [0.2, 2.0, 0.1], [0.0, 0.1, 0.7]]),
    case("Wishart", COVARIANCE, label="other", df=7.0, scale_tril=[[1.0, 0.0, 0.0], [0.2, 2.0, 0.0], [0.0, 0.1, 0.7]]),
    Case("Independent-other", independent, {"loc": [[0.7, -0.2], [0.3, 0.4]], "scale": [1.5, 1.0]}, [[0.0, 0.0]]),
    Case("Transformed-same", transformed,
         {"loc": [0.6, 0.2], "scale": [1.5, 1.0], "shift": [[0.5], [0.7]]}, [0.3, 0.8]),
]  # fmt: skip

# One of each class, parameters of shape (2,) or of what broadcasts with it, where the class has such.
_NAMES = """Normal LogNormal HalfNormal HalfCauchy Cauchy Laplace Gumbel Exponential Weibull Pareto Kumaraswamy Uniform
Gamma Chi2 Beta Dirichlet StudentT-number VonMises ContinuousBernoulli-probs-number ContinuousBernoulli-logits-number
Bernoulli-probs-number Geometric-probs-number Poisson-number Binomial-probs-number Binomial-counts
NegativeBinomial-probs Categorical-probs Categorical-logits OneHotCategorical-probs OneHotCategoricalStraightThrough
Multinomial-probs RelaxedBernoulli-probs RelaxedOneHotCategorical-probs LogisticNormal MultivariateNormal-covariance
MultivariateNormal-precision MultivariateNormal-batch LowRankMultivariateNormal LowRankMultivariateNormal-batch
FisherSnedecor GeneralizedPareto-number InverseGamma LKJCholesky Wishart-covariance Independent Transformed
Transformed-vectors Mixture""".split()

TABLE = [*(BY_NAME[name] for name in _NAMES), *_MORE]


def supported() -> Iterator[tuple[Case, Case]]:
    """Yield the pairs that PyTorch has a divergence for."""
    built = {c.name: type(c.build(torch)[0]) for c in TABLE}
    for p in TABLE:
        for q in TABLE:
            if _dispatch_kl(built[p.name], built[q.name]) is not NotImplemented:
                yield p, q


def divergence(p: Case, q: Case, library: Any, dtype: str) -> Results:
    """The divergence and its gradients with respect to all parameters."""
    ours, others = p.build(library, dtype, grad=True), q.build(library, dtype, grad=True)
    value = attempt(lambda: library.distributions.kl_divergence(ours[0], others[0]))
    if isinstance(value, Error):
        return {"kl": value}
    results = {"kl": value}
    if value.requires_grad and value.isfinite().all():
        weighted(library, value).backward()
        for side, (_, params) in (("p", ours), ("q", others)):
            results |= {f"{side}.{name}": zero_or(x.grad) for name, x in params.items()}
    return results


def kl_difference(p: Case, q: Case, dtype: str) -> str:
    """Return how the libraries differ in the divergence of q from p, or nothing."""
    rtol = 1e-4 if dtype == "float32" else 1e-8
    return differs(lambda library, dtype: divergence(p, q, library, dtype), dtype, rtol)


# Where Tapeless differs, by the kinds of p and q.
_LOW = "PyTorch cannot broadcast the covariance of a batch of low rank over a single normal distribution"
_BREGMAN = "PyTorch's divergence of exponential families has no gradients with respect to p"
KNOWN = {
    ("LowRankMultivariateNormal-batch", "MultivariateNormal-covariance"): _LOW,
    ("LowRankMultivariateNormal-batch", "MultivariateNormal-precision"): _LOW,
    ("LowRankMultivariateNormal-batch", "MultivariateNormal-batch3"): _LOW,
    ("Wishart-covariance", "Wishart-other"): _BREGMAN,
    ("Wishart-other", "Wishart-covariance"): _BREGMAN,
}

assert len({c.name for c in (*CASES, *_MORE)}) == len(CASES) + len(_MORE)
