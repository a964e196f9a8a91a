"""Distributions with parameters and values to compare Tapeless and PyTorch by: one table for all tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A distribution: `make` gets the library and its parameters as tensors."""

    name: str
    make: Callable[..., Any]
    params: dict[str, Any]
    value: Any  # a sample, or several
    single: tuple[str, ...] = ()  # parameters that PyTorch takes in float32 only

    @property
    def family(self) -> str:
        return self.name.split("-")[0]

    def build(self, library: Any, dtype: str = "float64", grad: bool = False, **options: Any) -> tuple[Any, dict]:
        """Return the distribution in one of the libraries, and its parameters."""
        tensors = {
            name: library.tensor(value, dtype=self._dtype(name, library, dtype), requires_grad=grad)
            for name, value in self.params.items()
        }
        return self.make(library, **tensors, **options), tensors

    def _dtype(self, name: str, library: Any, dtype: str) -> Any:
        return library.float32 if name in self.single else getattr(library, dtype)

    def values(self, library: Any, dtype: str = "float64", grad: bool = False) -> Any:
        """Return the sample as a tensor."""
        return library.tensor(self.value, dtype=getattr(library, dtype), requires_grad=grad)


def named(name: str, **fixed: Any) -> Callable[..., Any]:
    """Return a `make` for a class by name, with arguments that are no tensors."""
    return lambda library, **params: getattr(library.distributions, name)(**params, **fixed)


def case(
    name: str, value: Any, *, label: str = "", fixed: dict[str, Any] | None = None, single: Any = (), **params: Any
) -> Case:
    return Case(f"{name}-{label}" if label else name, named(name, **(fixed or {})), params, value, single)


def independent(library: Any, loc: Any, scale: Any, **options: Any) -> Any:
    D = library.distributions
    return D.Independent(D.Normal(loc, scale, **options), 1, **options)


def transformed(library: Any, loc: Any, scale: Any, shift: Any, **options: Any) -> Any:
    D = library.distributions
    steps = [D.AffineTransform(shift, -2.0), D.SigmoidTransform()]
    return D.TransformedDistribution(D.Normal(loc, scale, **options), steps, **options)


def transformed_vectors(library: Any, loc: Any, scale: Any, **options: Any) -> Any:
    D = library.distributions
    return D.TransformedDistribution(D.Normal(loc, scale, **options), D.StickBreakingTransform(), **options)


def mixture(library: Any, logits: Any, loc: Any, scale: Any, **options: Any) -> Any:
    D = library.distributions
    return D.MixtureSameFamily(D.Categorical(logits=logits), D.Normal(loc, scale, **options), **options)


def vector_mixture(library: Any, probs: Any, loc: Any, scale: Any, **options: Any) -> Any:
    D = library.distributions
    parts = D.Independent(D.Laplace(loc, scale, **options), 1)
    return D.MixtureSameFamily(D.Categorical(probs=probs), parts, **options)


P3 = [[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]]
L3 = [[0.4, -0.3, 0.1], [2.0, 0.5, -1.0]]
COVARIANCE = [[2.0, 0.6, 0.1], [0.6, 1.5, -0.3], [0.1, -0.3, 0.8]]
SYMMETRIC = [[1.0, -0.2, 0.0], [-0.2, 2.5, 0.7], [0.0, 0.7, 3.0]]
CORRELATION = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.36, 0.48, 0.8]]
FACTOR = [[[1.3, 0.0], [0.4, 0.7]], [[0.6, 0.0], [-0.8, 2.0]]]

_WRITTEN = [
    case("Normal", [[0.3, -2.0], [1.0, 5.0]], loc=[0.5, -1.0], scale=[1.0, 2.5]),
    case("Normal", 0.7, label="0d", loc=0.2, scale=3.0),
    case("Normal", [[0.1, 0.2, 0.3]], label="broadcast", loc=[[1.0], [2.0]], scale=[0.5, 1.0, 2.0]),
    case("LogNormal", [[0.3, 2.0], [1.0, 5.0]], loc=[0.5, -1.0], scale=[0.7, 1.5]),
    case("HalfNormal", [[0.3, 2.0], [1.0, 5.0]], scale=[0.7, 1.5]),
    case("HalfCauchy", [[0.3, 2.0], [1.0, 5.0]], scale=[0.7, 1.5]),
    case("Cauchy", [[0.3, -2.0], [1.0, 5.0]], loc=[0.5, -1.0], scale=[0.7, 1.5]),
    case("Laplace", [[0.3, -2.0], [1.0, 5.0]], loc=[0.5, -1.0], scale=[0.7, 1.5]),
    case("Gumbel", [[0.3, -2.0], [1.0, 5.0]], loc=[0.5, -1.0], scale=[0.7, 1.5]),
    case("Exponential", [[0.3, 2.0], [1.0, 5.0]], rate=[0.5, 2.0]),
    case("Weibull", [[0.3, 2.0], [1.0, 5.0]], scale=[0.5, 2.0], concentration=[0.8, 2.5]),
    case("Pareto", [[2.6, 5.0], [1.0, 4.0]], scale=[0.5, 2.0], alpha=[0.8, 2.5]),
    case("Kumaraswamy", [[0.3, 0.2], [0.9, 0.5]], concentration1=[0.5, 2.0], concentration0=[1.8, 2.5]),
    case("Uniform", [[0.6, 2.0], [1.0, 2.9]], low=[0.5, -2.0], high=[1.5, 3.0]),
    case("Gamma", [[0.6, 2.0], [1.0, 2.9]], concentration=[0.5, 7.0], rate=[1.5, 3.0]),
    case("Chi2", [[0.6, 2.0], [1.0, 2.9]], df=[0.5, 7.0]),
    case("Beta", [[0.6, 0.2], [0.1, 0.9]], concentration1=[0.5, 7.0], concentration0=[1.5, 3.0]),
    case("Beta", 0.4, label="0d", concentration1=2.5, concentration0=1.5),
    case("Dirichlet", [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], concentration=[[0.5, 2.0, 3.0], [0.3, 0.2, 0.9]]),
    case("StudentT", [[0.6, -2.0, 3.0], [1.0, 2.9, 0.0]],
         df=[0.5, 1.5, 7.0], loc=[1.5, 3.0, 0.0], scale=[1.0, 2.0, 3.0]),
    case("VonMises", [[0.6, 2.0], [1.0, -2.9]], loc=[0.5, -1.0], concentration=[1.5, 9.0]),
    case("ContinuousBernoulli", [[0.6, 0.2, 0.9], [0.0, 1.0, 0.5]], label="probs", probs=[0.1, 0.4995, 0.8]),
    case("ContinuousBernoulli", [[0.6, 0.2, 0.9], [0.0, 1.0, 0.5]], label="logits", logits=[-2.0, 0.001, 1.0]),
    case("Bernoulli", [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], label="probs", probs=[0.1, 0.5, 0.8]),
    case("Bernoulli", [[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], label="logits", logits=[-2.0, 0.0, 1.0]),
    case("Geometric", [[0.0, 1.0, 3.0], [1.0, 0.0, 7.0]], label="probs", probs=[0.1, 0.5, 0.8]),
    case("Geometric", [[0.0, 1.0, 3.0], [1.0, 0.0, 7.0]], label="logits", logits=[-2.0, 0.0, 1.0]),
    case("Poisson", [[0.0, 1.0, 3.0], [1.0, 0.0, 7.0]], rate=[0.3, 2.5, 40.0]),
    case("Binomial", [[0.0, 1.0, 3.0], [1.0, 4.0, 2.0]], label="probs",
         fixed={"total_count": 5}, probs=[0.1, 0.5, 0.8]),
    case("Binomial", [[0.0, 1.0, 3.0], [1.0, 4.0, 2.0]], label="logits",
         fixed={"total_count": 4}, logits=[-2.0, 0.5, 1.0]),
    case("Binomial", [[0.0, 1.0], [1.0, 4.0]], label="counts", total_count=[2.0, 7.0], probs=[0.3, 0.6]),
    case("NegativeBinomial", [[0.0, 1.0], [1.0, 4.0]], label="probs", total_count=[2.0, 7.5], probs=[0.3, 0.6]),
    case("NegativeBinomial", [[0.0, 1.0], [1.0, 4.0]], label="logits", total_count=[2.0, 7.5], logits=[-1.0, 0.6]),
    case("Categorical", [[0.0, 2.0], [1.0, 1.0]], label="probs", probs=[[1.0, 2.0, 3.0], [0.5, 0.1, 0.2]]),
    case("Categorical", [[0.0, 2.0], [1.0, 1.0]], label="logits", logits=L3),
    case("Categorical", 2.0, label="one", probs=P3[0]),
    case("OneHotCategorical", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], label="probs", probs=P3),
    case("OneHotCategorical", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], label="logits", logits=L3),
    case("OneHotCategoricalStraightThrough", [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], probs=P3),
    case("Multinomial", [[2.0, 1.0, 2.0], [5.0, 0.0, 0.0]], label="probs", fixed={"total_count": 5}, probs=P3),
    case("Multinomial", [[2.0, 1.0, 2.0], [5.0, 0.0, 0.0]], label="logits", fixed={"total_count": 5}, logits=L3),
    case("RelaxedBernoulli", [[0.3, 0.9], [0.5, 0.01]], label="probs", temperature=0.7, probs=[0.2, 0.6]),
    case("RelaxedBernoulli", [[0.3, 0.9], [0.5, 0.01]], label="logits", temperature=0.7, logits=[-1.0, 0.6]),
    case("RelaxedOneHotCategorical", P3, label="probs", temperature=0.7, probs=[P3[1], P3[0]]),
    case("RelaxedOneHotCategorical", P3, label="logits", temperature=0.7, logits=L3),
    case("LogisticNormal", P3, loc=[0.4, -0.2], scale=[0.8, 1.5]),
    case("MultivariateNormal", [[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]], label="covariance",
         loc=[0.1, 0.2, 0.3], covariance_matrix=COVARIANCE),
    case("MultivariateNormal", [[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]], label="precision",
         loc=[0.1, 0.2, 0.3], precision_matrix=COVARIANCE),
    case("MultivariateNormal", [[[0.5, -1.0]], [[1.0, 0.0]]], label="batch", loc=[0.1, 0.2], scale_tril=FACTOR),
    case("MultivariateNormal", [0.5, -1.0], label="locs",
         loc=[[[0.1, 0.2]], [[0.0, 1.0]], [[2.0, 1.0]]], scale_tril=FACTOR),
    case("LowRankMultivariateNormal", [[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]],
         loc=[0.1, 0.2, 0.3], cov_factor=[[1.0], [0.5], [-0.5]], cov_diag=[0.3, 0.9, 1.2]),
    case("LowRankMultivariateNormal", [[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]], label="batch",
         loc=[[0.1, 0.2, 0.3], [0.0, 1.0, 1.0]], cov_factor=[[1.0, 0.2], [0.5, 0.1], [-0.5, 2.0]],
         cov_diag=[[0.3, 0.9, 1.2]]),
    case("FisherSnedecor", [[0.6, 2.0], [1.0, 2.9]], df1=[1.5, 7.0], df2=[2.5, 5.0]),
    case("GeneralizedPareto", [[1.6, 2.0, 1.5], [1.0, 2.1, 9.0]], single=("concentration",),
         loc=[0.5, 1.0, 1.2], scale=[1.5, 3.0, 0.8], concentration=[0.4, -0.6, 0.0]),
    case("InverseGamma", [[0.6, 2.0], [1.0, 2.9]], concentration=[1.5, 7.0], rate=[1.5, 3.0]),
    case("LKJCholesky", [CORRELATION, CORRELATION], fixed={"dim": 3}, concentration=1.7),
    case("LKJCholesky", CORRELATION, label="batch", fixed={"dim": 3}, concentration=[0.6, 2.0]),
    case("Wishart", [COVARIANCE, SYMMETRIC], label="covariance", df=4.5, covariance_matrix=COVARIANCE),
    case("Wishart", [COVARIANCE, SYMMETRIC], label="precision", df=[3.5, 6.0], precision_matrix=COVARIANCE),
    case("Wishart", [[0.8, 0.1], [0.1, 0.6]], label="batch", df=[[3.5], [6.0], [9.0]], scale_tril=FACTOR),
    Case("Independent", independent, {"loc": [[0.1, 0.2], [0.3, 0.4]], "scale": [0.5, 2.0]}, [[0.3, 1.0], [2.0, -1.0]]),
    Case("Transformed", transformed, {"loc": [0.1, 0.2], "scale": [0.5, 2.0], "shift": [[0.5], [0.7]]}, [0.3, 0.8]),
    Case("Transformed-vectors", transformed_vectors, {"loc": [[0.1, 0.2]], "scale": [0.5, 2.0]}, [[0.3, 0.2, 0.5]]),
    Case("Mixture", mixture,
         {"logits": L3, "loc": [[0.1, 0.2, 3.0], [1.0, 2.0, 3.0]], "scale": [0.5, 2.0, 1.0]}, [0.3, 0.8]),
    Case("Mixture-vectors", vector_mixture,
         {"probs": P3[0], "loc": [[0.1, 0.2], [1.0, 2.0], [4.0, -3.0]], "scale": [0.5, 2.0]}, [[0.3, 0.8], [2.0, 1.0]]),
]  # fmt: skip


def _first(value: Any) -> Any:
    return _first(value[0]) if isinstance(value, list) else value


_VECTORS = "Categorical LogisticNormal MultivariateNormal LowRankMultivariateNormal LKJCholesky Transformed".split()


def _variants(case: Case) -> list[Case]:
    """Return the case with numbers as parameters, and with parameters that have to be broadcast."""
    flat = all(isinstance(v, list) and not isinstance(v[0], list) for v in case.params.values())
    if not flat or case.family in _VECTORS:
        return []
    rows = case.value if isinstance(case.value[0], list) else [case.value]
    number = case._replace(
        name=f"{case.name}-number",
        params={name: _first(v) for name, v in case.params.items()},
        value=[row[0] for row in rows],
    )
    tall, *others = case.params.items()
    column = {tall[0]: [[v] for v in tall[1]], **dict(others)}
    return [number, case._replace(name=f"{case.name}-column", params=column, value=rows[0])] if others else [number]


CASES = [c for written in _WRITTEN for c in (written, *_variants(written))]
BY_NAME = {case.name: case for case in CASES}


def array(tensor: Any) -> Any:
    """Return the values of a tensor of either library."""
    return np.asarray(tensor.detach().numpy())
