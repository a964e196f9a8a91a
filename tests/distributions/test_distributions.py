"""Distributions without PyTorch: against themselves, against integrals and sums, and against frozen numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.distributions import constraints
from tapeless.distributions._implicit import beta_gradient, gamma_gradient
from tests.distributions.cases import BY_NAME, CASES, Case, array

D = tl.distributions
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

# -- Densities --------------------------------------------------------------------------------------------


def _log_prob(distribution: Any, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.exp(array(distribution.log_prob(tl.tensor(x))))


# By name: where nearly all of the probability lies, and 0 for a linear scale, 1 for logarithms, 2 for logits.
RANGES = {
    "Normal": (-40, 40, 0), "LogNormal": (1e-9, 1e5, 1), "HalfNormal": (0, 20, 0), "Laplace": (-60, 60, 0),
    "Gumbel": (-20, 60, 0), "Exponential": (0, 80, 0), "Weibull": (1e-15, 60, 1), "Gamma": (1e-30, 60, 1),
    "InverseGamma": (1e-3, 1e9, 1), "FisherSnedecor": (1e-15, 1e7, 1), "Chi2": (1e-40, 90, 1),
    "VonMises": (-math.pi, math.pi, 0),
    "ContinuousBernoulli-probs": (0, 1, 0), "StudentT-number": (-1e12, -1e-8, 1), "Mixture": (-25, 25, 0),
    "Pareto": (0.5, 1e13, 1), "GeneralizedPareto": (0.5, 1e10, 1), "Transformed": (-30, 30, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", list(RANGES))
def test_densities_integrate_to_one(name: str) -> None:
    low, high, scale = RANGES[name]
    d = BY_NAME[name].build(tl, validate_args=False)[0]
    steps = np.linspace(0, 1, 40001).reshape(-1, *(1 for _ in d.batch_shape)) + np.zeros(d.batch_shape)
    start: Any = array(d.support.lower_bound) if name in ("Pareto", "GeneralizedPareto") else low
    if name == "StudentT-number":  # symmetric around loc, with long tails
        x = array(d.loc) + low * (high / low) ** steps
    elif name in ("Pareto", "GeneralizedPareto"):
        x = start + 1e-12 * (high / 1e-12) ** steps
    elif scale == 1:
        x = low * (high / low) ** steps
    else:
        x = low + (high - low) * steps
        x = 1 / (1 + np.exp(-x)) if scale == 2 else x
    values = np.nan_to_num(_log_prob(d, x), nan=0.0)  # beyond the end of a generalized Pareto's tail
    total = np.trapezoid(values, x, axis=0) * (2 if name == "StudentT-number" else 1)
    np.testing.assert_allclose(total, 1, rtol=2e-3)


@pytest.mark.parametrize(
    "name",
    [case.name for case in CASES if case.family in ("Bernoulli", "Binomial", "Categorical", "OneHotCategorical")],
)
def test_probabilities_of_the_support_sum_to_one(name: str) -> None:
    d = BY_NAME[name].build(tl)[0]
    if name.startswith("Binomial-counts") and not name.endswith("number"):
        with pytest.raises(NotImplementedError, match="Inhomogeneous total count not supported by `enumerate_support`"):
            d.enumerate_support()
        return
    probs = d.log_prob(d.enumerate_support()).exp()
    np.testing.assert_allclose(array(probs.sum(0)), 1, rtol=1e-12)
    if name.startswith(("Bernoulli", "Binomial")):
        values = d.enumerate_support()
        np.testing.assert_allclose(array((probs * values).sum(0)), array(d.mean), rtol=1e-10)
        np.testing.assert_allclose(array(-(probs * probs.log()).sum(0)), array(d.entropy()), rtol=1e-10)


@pytest.mark.parametrize("name", ["Poisson", "Geometric-probs", "NegativeBinomial-probs", "NegativeBinomial-logits"])
def test_probabilities_of_counts_sum_to_one(name: str) -> None:
    d = BY_NAME[name].build(tl)[0]
    counts = tl.arange(400, dtype=tl.float64).reshape(-1, *(1 for _ in d.batch_shape))
    probs = d.log_prob(counts).exp()
    np.testing.assert_allclose(array(probs.sum(0)), 1, rtol=1e-9)
    np.testing.assert_allclose(array((probs * counts).sum(0)), array(d.mean), rtol=1e-9)


_CDF = """Normal LogNormal HalfNormal HalfCauchy Cauchy Laplace Gumbel Exponential Weibull Pareto Kumaraswamy Uniform
ContinuousBernoulli GeneralizedPareto Transformed""".split()
# Where a continuous Bernoulli is nearly uniform, its functions are approximations, of an error of about 1e-3.
_ROUGH = ("Transformed-vectors", "ContinuousBernoulli-probs", "ContinuousBernoulli-logits")
CDF = [case for case in CASES if case.family in _CDF and case.name not in _ROUGH]


@pytest.mark.parametrize("case", CDF, ids=lambda case: case.name)
def test_cdf_and_icdf_are_inverse_and_the_slope_is_the_density(case: Case) -> None:
    d = case.build(tl, validate_args=False)[0]
    probs = tl.tensor(np.linspace(0.02, 0.98, 8).reshape(8, *(1 for _ in d.batch_shape)))
    x = d.icdf(probs).detach().requires_grad_()
    y = d.cdf(x)
    np.testing.assert_allclose(array(y), np.broadcast_to(array(probs), y.shape), rtol=1e-6)
    y.sum().backward()
    np.testing.assert_allclose(array(x.grad), array(d.log_prob(x).exp()), rtol=1e-5)


# -- Gradients --------------------------------------------------------------------------------------------

# At a concentration of 0 the density is that of another formula, and has no slope, as in PyTorch.
SMOOTH = [case for case in CASES if case.name not in ("GeneralizedPareto", "GeneralizedPareto-column")]


@pytest.mark.parametrize("case", SMOOTH, ids=lambda case: case.name)
def test_gradients_of_log_prob_by_differences(case: Case) -> None:
    discrete = case.build(tl)[0].support.is_discrete
    values = [array(v).tolist() for v in case.build(tl)[1].values()]
    inputs = [tl.tensor(v, dtype=tl.float64, requires_grad=True) for v in values]
    value = case.values(tl, grad=not discrete)

    def log_prob(*params: Any) -> Any:
        named = dict(zip(case.params, params, strict=False))
        for name in named.keys() & {"covariance_matrix", "precision_matrix"}:
            named[name] = (named[name] + named[name].mT) / 2  # differences would make it asymmetric
        made = case.make(tl, **named, validate_args=False)
        return made.log_prob(value if discrete else params[-1])

    assert tl.autograd.gradcheck(log_prob, inputs if discrete else [*inputs, value], atol=1e-4, rtol=1e-4)


def test_gradients_of_gamma_samples_by_differences() -> None:
    """A sample moves with the parameter so that its distribution function stays the same."""
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(1)
    a = np.concatenate([rng.uniform(0.05, 2, 60), rng.uniform(2, 500, 60)])
    x = special.gammaincinv(a, rng.uniform(0.01, 0.99, a.size))
    h = 1e-5 * a
    p = special.gammainc(a, x)
    expected = (special.gammaincinv(a + h, p) - special.gammaincinv(a - h, p)) / (2 * h)
    np.testing.assert_allclose(gamma_gradient(x, a), expected, rtol=1e-6)


def test_gradients_of_beta_samples_by_differences() -> None:
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0.2, 20, 80), rng.uniform(0.2, 20, 80)
    x = special.betaincinv(a, b, rng.uniform(0.02, 0.98, a.size))
    p, h = special.betainc(a, b, x), 1e-5 * a
    expected = (special.betaincinv(a + h, b, p) - special.betaincinv(a - h, b, p)) / (2 * h)
    np.testing.assert_allclose(beta_gradient(x, a, b) * (1 - x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "moment", "slope"),
    [
        (lambda p: D.Gamma(p, 2.0), lambda p: p / 2, 0.5),
        (lambda p: D.Beta(p, 2.0), lambda p: p / (p + 2), 2 / 4.5**2),
        (lambda p: D.Chi2(p), lambda p: p, 1.0),
    ],
    ids=["Gamma", "Beta", "Chi2"],
)
def test_mean_gradients_of_samples_are_those_of_the_mean(make: Any, moment: Any, slope: float) -> None:
    tl.manual_seed(4)
    p = tl.full((4000,), 2.5, dtype=tl.float64, requires_grad=True)
    make(p).rsample().sum().backward()
    grads = array(p.grad)
    assert abs(grads.mean() - slope) < 5 * grads.std() / math.sqrt(grads.size)


def test_second_gradients_of_gamma_samples_are_refused() -> None:
    a = tl.tensor(2.0, requires_grad=True)
    (g,) = tl.autograd.grad(D.Gamma(a, 1.0).rsample(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="the derivative for '_standard_gamma_grad' is not implemented"):
        g.backward()


# -- Samples ----------------------------------------------------------------------------------------------


@every
def test_samples_have_no_gradient_and_lie_in_the_support(case: Case) -> None:
    d, _ = case.build(tl, grad=True)
    tl.manual_seed(0)
    x = d.sample((50,))
    assert not x.requires_grad
    assert x.dtype == (tl.int64 if case.family == "Categorical" else tl.float64)
    if case.family == "Wishart":
        x = (x + x.mT) / 2
    assert d.support.check(x).all()
    assert d.log_prob(x).isfinite().all()


_NO_MOMENTS = "Cauchy HalfCauchy StudentT Pareto FisherSnedecor InverseGamma VonMises GeneralizedPareto".split()


@every
def test_moments_of_samples(case: Case) -> None:
    d, _ = case.build(tl)
    try:
        mean, variance = array(d.mean), array(d.variance)
    except NotImplementedError:
        pytest.skip("knows no moments")
    if case.family in _NO_MOMENTS or not np.isfinite(mean).all():
        pytest.skip("mean or variance of the estimates are infinite, or circular")
    tl.manual_seed(2)
    x = array(d.sample((3000,)))
    assert (np.abs(x.mean(0) - mean) < 5 * np.sqrt(variance / len(x)) + 1e-9).all()
    square = (x - mean) ** 2
    assert (np.abs(square.mean(0) - variance) < 6 * square.std(0) / math.sqrt(len(x)) + 1e-9).all()


# From PyTorch 2.13.
FROZEN: dict[str, list[float]] = {
    "Normal": [1.16135217157, -0.332689754269, 0.561677258237, 0.553293321714],
    "Gamma": [0.762227904427, 2.90262315796, 0.0918674566697, 2.56717624555],
    "Beta": [0.349069643098, 0.695959035628, 0.0923848690924, 0.714266979052],
    "Dirichlet": [0.138500255073, 0.337008041973, 0.524491702954, 0.0272205369086],
    "StudentT": [2.93613246744, 4.21052730189, 0.205723676814, 2.27026561382],
    "Poisson": [0.0, 1.0, 33.0, 0.0],
    "Binomial-counts": [0.0, 5.0, 1.0, 3.0],
    "NegativeBinomial-probs": [1.0, 12.0, 1.0, 5.0],
    "Categorical-probs": [0.0, 0.0, 1.0, 0.0],
    "VonMises": [0.577464951549, -1.122507496, 0.808143089107, -1.09508901995],
    "Multinomial-probs": [1.0, 2.0, 2.0, 4.0],
    "FisherSnedecor": [7.95942374353, 1.58891056519, 0.27587439901, 1.07665937433],
    "InverseGamma": [0.736477154561, 0.406510454282, 2.01759093075, 0.480241717755],
    "LKJCholesky": [1.0, 0.0, 0.0, -0.231287539669],
    "MultivariateNormal-batch": [0.959757823042, 0.651387737433, 0.137006354942, 1.39329285078],
    "Kumaraswamy": [0.621668120512, 0.67066363228, 0.306358692432, 0.706848849517],
    "RelaxedOneHotCategorical-probs": [0.63367081087, 0.0962878433171, 0.270041345813, 0.0834964019209],
    "Mixture": [-0.125952982352, 1.19084195121, -0.346145254391, 0.517182034416],
}


@pytest.mark.parametrize("name", list(FROZEN))
def test_frozen_samples(name: str) -> None:
    tl.manual_seed(1)
    x = BY_NAME[name].build(tl)[0].sample((2,))
    np.testing.assert_allclose(array(x).reshape(-1)[:4], FROZEN[name], rtol=1e-9)


def test_wishart_samples_that_are_singular_are_drawn_again() -> None:
    tl.manual_seed(0)
    with pytest.warns(UserWarning, match="Low df values detected"):
        d = D.Wishart(tl.tensor(1.0000001, dtype=tl.float64), tl.eye(2, dtype=tl.float64))
    d._chi2 = D.Chi2(tl.tensor([1.0, 1e-9], dtype=tl.float64))  # the second is nearly always 0
    with pytest.warns(UserWarning, match="Singular sample detected"):
        assert d.rsample((3,)).shape == (3, 2, 2)


# -- What all have in common ------------------------------------------------------------------------------


class Minimal(D.Distribution):
    """A user's distribution without anything."""


def test_what_a_subclass_has_not_written_is_not_implemented() -> None:
    with pytest.warns(UserWarning, match="does not define `arg_constraints`. Please set `arg_constraints = {}`"):
        d = Minimal()
    value = tl.tensor(0.0)
    for call in (d.sample, d.rsample, d.entropy, d.perplexity, d.enumerate_support, lambda: d.mean, lambda: d.variance):
        with pytest.raises(NotImplementedError):
            call()
    for call in (d.log_prob, d.cdf, d.icdf, d.expand):
        with pytest.raises(NotImplementedError):
            call(value)
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        _ = d.mode


def test_a_subclass_without_support_warns_when_values_are_checked() -> None:
    class NoSupport(D.Normal):
        support = property(lambda self: (_ for _ in ()).throw(NotImplementedError))

    with pytest.warns(UserWarning, match="does not define `support` to enable sample validation"):
        NoSupport(0.0, 1.0).log_prob(tl.tensor(0.0))


def test_a_subclass_with_its_own_init_has_to_write_expand() -> None:
    class Own(D.Normal):
        def __init__(self, loc: Any) -> None:
            super().__init__(loc, 1.0)

    with pytest.raises(NotImplementedError, match=r"Subclass Own of Normal that defines a custom __init__ method must"):
        Own(0.0).expand([2])


def test_sample_n_is_deprecated() -> None:
    with pytest.warns(FutureWarning, match=r"`sample_n\(n\)` will be deprecated"):
        assert D.Normal(0.0, 1.0).sample_n(3).shape == (3,)


def test_checks_can_be_switched_off_for_all() -> None:
    with pytest.raises(ValueError, match="Expected parameter scale"):
        D.Normal(0.0, -1.0)
    try:
        D.Distribution.set_default_validate_args(False)
        assert D.Normal(0.0, -1.0).scale.item() == -1
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Distribution.set_default_validate_args("maybe")


def test_to_events() -> None:
    base = D.Normal(tl.zeros(4, 3, 2), 1.0)
    d = D.Independent(base, 2)
    assert (d.batch_shape, d.event_shape) == ((4,), (3, 2))
    assert d.log_prob(tl.zeros(4, 3, 2)).shape == (4,)
    assert d.entropy().shape == (4,)
    assert isinstance(d.support, type(constraints.independent(constraints.real, 2)))
    with pytest.raises(ValueError, match="Expected reinterpreted_batch_ndims <= len"):
        D.Independent(base, 4)


def test_a_cached_transform_saves_the_way_back() -> None:
    d = D.TransformedDistribution(D.Normal(0.0, 1.0), [D.SigmoidTransform(cache_size=1)])
    x = d.rsample()
    assert math.isfinite(d.log_prob(x).item())


def test_gamma_distribution_function_needs_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ImportError, match="scipy|SciPy"):
        D.Gamma(2.0, 1.0).cdf(tl.tensor(1.0))
