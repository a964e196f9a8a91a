"""Every distribution against PyTorch's: values, gradients, shapes, texts, and samples from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tests.distributions.cases import BY_NAME, CASES, Case, array

torch = pytest.importorskip("torch")
LIBRARIES = (tl, torch)

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def close(ours: Any, theirs: Any, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    ours, theirs = array(ours), array(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def outcome(function: Any) -> Any:
    """What a function returns, or the class of its NotImplementedError."""
    try:
        return function()
    except NotImplementedError:
        return NotImplementedError


def same_outcome(ours: Any, theirs: Any) -> None:
    expected = outcome(theirs)
    if expected is NotImplementedError:
        assert outcome(ours) is NotImplementedError
    else:
        close(ours(), expected)


@every
@pytest.mark.parametrize("name", ["mean", "mode", "variance", "stddev"])
def test_moments(case: Case, name: str) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    same_outcome(lambda: getattr(ours, name), lambda: getattr(theirs, name))


@every
@pytest.mark.parametrize("name", ["log_prob", "cdf"])
def test_functions_of_a_value(case: Case, name: str) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    same_outcome(lambda: getattr(ours, name)(case.values(tl)), lambda: getattr(theirs, name)(case.values(torch)))


@every
def test_icdf(case: Case) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    points = np.linspace(0.05, 0.95, 7).reshape(7, *(1 for _ in theirs.batch_shape))
    same_outcome(lambda: ours.icdf(tl.tensor(points)), lambda: theirs.icdf(torch.tensor(points)))


@every
@pytest.mark.parametrize("name", ["entropy", "perplexity"])
def test_entropy(case: Case, name: str) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    same_outcome(getattr(ours, name), getattr(theirs, name))


@every
def test_traits(case: Case) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    assert (tuple(ours.batch_shape), tuple(ours.event_shape)) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert (ours.has_rsample, ours.has_enumerate_support) == (theirs.has_rsample, theirs.has_enumerate_support)
    assert repr(ours) == repr(theirs)
    assert repr(ours.support).replace("\n", " ").split("tensor")[0] == repr(theirs.support).split("tensor")[0]
    assert ours.support.event_dim == theirs.support.event_dim
    assert {k: repr(v) for k, v in ours.arg_constraints.items() if k not in ("low", "high")} == {
        k: repr(v) for k, v in theirs.arg_constraints.items() if k not in ("low", "high")
    }


@every
@pytest.mark.parametrize("expand", [True, False])
def test_enumerate_support(case: Case, expand: bool) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    same_outcome(lambda: ours.enumerate_support(expand), lambda: theirs.enumerate_support(expand))


@every
def test_gradients_of_log_prob(case: Case) -> None:
    found = []
    for library in LIBRARIES:
        distribution, params = case.build(library, grad=True)
        value = case.values(library, grad=True)
        distribution.log_prob(value).sum().backward()
        found.append({name: p.grad for name, p in params.items()} | {"value": value.grad})
    for name, grad in found[1].items():
        if grad is None:
            assert found[0][name] is None or not array(found[0][name]).any(), name
        else:
            close(found[0][name], grad)


@every
def test_gradients_of_moments(case: Case) -> None:
    for name in ("mean", "variance", "entropy"):
        found = []
        for library in LIBRARIES:
            distribution, params = case.build(library, grad=True)
            value = outcome(lambda: getattr(distribution, name))  # noqa: B023
            value = outcome(value) if callable(value) and value is not NotImplementedError else value
            if value is NotImplementedError or not value.requires_grad:
                break
            value.sum().backward()
            found.append([p.grad for p in params.values()])
        for ours, theirs in zip(*found, strict=True) if len(found) == 2 else ():
            assert (ours is None) == (theirs is None)
            if theirs is not None and np.isfinite(array(theirs)).all():
                close(ours, theirs)


@every
def test_expand(case: Case) -> None:
    ours, theirs = (case.build(library)[0] for library in LIBRARIES)
    for shape in [(2, *theirs.batch_shape), (3, 1, *theirs.batch_shape)]:
        wide, expected = ours.expand(shape), theirs.expand(torch.Size(shape))
        assert tuple(wide.batch_shape) == tuple(expected.batch_shape) == shape
        assert type(wide) is type(ours)
        assert repr(wide) == repr(expected)
        close(wide.log_prob(case.values(tl)), expected.log_prob(case.values(torch)))
        assert wide.sample((2,)).shape == expected.sample((2,)).shape
        for name in ("mean", "variance"):
            same_outcome(lambda: getattr(wide, name), lambda: getattr(expected, name))  # noqa: B023


# -- Samples ----------------------------------------------------------------------------------------------

OWN_STREAM = ("Gamma", "Chi2", "Beta", "Dirichlet", "StudentT", "Poisson", "Binomial", "NegativeBinomial")
SAME_STREAM = [case for case in CASES if case.name.split("-")[0] not in OWN_STREAM]


def sampled(case: Case, library: Any, dtype: str, shape: tuple[int, ...], method: str = "sample") -> Any:
    distribution = case.build(library, dtype)[0]
    library.manual_seed(3)
    return getattr(distribution, method)(shape)


@pytest.mark.parametrize("case", SAME_STREAM, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (40, 2)], ids=str)
def test_samples_from_the_same_seed(case: Case, dtype: str, shape: tuple[int, ...]) -> None:
    rtol = 2e-5 if dtype == "float32" else 1e-9
    close(sampled(case, tl, dtype, shape), sampled(case, torch, dtype, shape), rtol=rtol, atol=rtol)


EQUAL = ["Normal", "Uniform", "Bernoulli-probs", "Categorical-probs", "Exponential", "Laplace", "Cauchy", "Geometric-probs"]


@pytest.mark.parametrize("name", EQUAL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_simple_samples_are_equal_to_the_last_digit_or_two(name: str, dtype: str) -> None:
    ours, theirs = (sampled(BY_NAME[name], library, dtype, (100,)) for library in LIBRARIES)
    np.testing.assert_array_almost_equal_nulp(array(ours), array(theirs), nulp=8)


@pytest.mark.parametrize("case", SAME_STREAM, ids=lambda case: case.name)
def test_gradients_of_rsample(case: Case) -> None:
    found = []
    for library in LIBRARIES:
        distribution, params = case.build(library, grad=True)
        if not distribution.has_rsample:
            pytest.skip("has no rsample")
        library.manual_seed(5)
        x = distribution.rsample((4,))
        weights = library.arange(x.numel(), dtype=library.float64).reshape(x.shape)
        (x * weights).sum().backward()
        found.append([p.grad for p in params.values()])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs)


@every
def test_samples_have_no_gradient_and_lie_in_the_support(case: Case) -> None:
    distribution, _ = case.build(tl, grad=True)
    x = distribution.sample((50,))
    assert not x.requires_grad
    assert x.dtype == (tl.int64 if case.name.startswith("Categorical") else tl.float64)
    assert distribution.support.check(x).all()
    assert distribution.log_prob(x).isfinite().all()


@pytest.mark.parametrize("case", [c for c in CASES if c.name.split("-")[0] in OWN_STREAM], ids=lambda case: case.name)
def test_shapes_of_other_samples(case: Case) -> None:
    for shape in [(), (3,), (4, 2)]:
        ours, theirs = (sampled(case, library, "float32", shape) for library in LIBRARIES)
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert array(ours).dtype == array(theirs).dtype
