"""Every distribution against PyTorch's: values, gradients, shapes, texts, errors, and samples from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tests.distributions.cases import BY_NAME, CASES, Case, array

torch = pytest.importorskip("torch")
compare = pytest.importorskip("tests.distributions.compare")

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every
@pytest.mark.parametrize("kind", list(compare.KINDS))
def test_is_as_in_pytorch(case: Case, kind: str) -> None:
    found = [compare.difference(kind, case, dtype) for dtype in ("float32", "float64")]
    if (case.name, kind) in compare.KNOWN:
        assert any(found)
    else:
        assert found == ["", ""]


def test_the_comparison_sees_differences() -> None:
    """A shifted value, another dtype, another text, an error on one side only."""
    shift: Any = lambda library: 1e-6 if library is torch else 0.0
    for result in (
        lambda library, dtype: library.tensor([1.0 + shift(library), 2.0], dtype=library.float64),
        lambda library, dtype: library.tensor([1.0], dtype=library.float64 if library is torch else library.float32),
        lambda library, dtype: library.__name__,
        lambda library, dtype: compare.attempt(lambda: library.tensor(1.0) if library is torch else 1 / 0),
        lambda library, dtype: compare.attempt(lambda: library.tensor(1.0) if library is tl else 1 / 0),
    ):
        assert compare.differs(lambda library, dtype: {"x": result(library, dtype)}, "float64", 1e-9)  # noqa: B023


def test_every_distribution_has_a_case() -> None:
    abstract = {torch.distributions.Distribution, torch.distributions.ExponentialFamily}
    classes = {
        value
        for value in vars(torch.distributions).values()
        if isinstance(value, type) and issubclass(value, torch.distributions.Distribution)
    }
    used = {type(case.build(torch)[0]) for case in CASES}
    assert classes - abstract == used


def test_names_and_modules_are_those_of_pytorch() -> None:
    theirs, ours = torch.distributions, tl.distributions
    assert [name for name in theirs.__all__ if not hasattr(ours, name)] == []
    assert sorted(ours.__all__) == sorted(theirs.__all__)
    for module in ("constraints", "transforms", "kl", "utils", "constraint_registry"):
        names = getattr(getattr(theirs, module), "__all__", [])
        assert [name for name in names if not hasattr(getattr(ours, module), name)] == []
    for name in theirs.__all__:
        value = getattr(theirs, name)
        module = getattr(value, "__module__", "").split(".")[-1]
        if isinstance(value, type) and module != "transforms":
            assert getattr(getattr(ours, module), name) is getattr(ours, name)


SAME_BITS = "Gamma Chi2 Beta Dirichlet Poisson Binomial-probs NegativeBinomial-probs Uniform Bernoulli-probs".split()


@pytest.mark.parametrize("name", [*SAME_BITS, "Categorical-probs", "Geometric-probs", "Multinomial-probs"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_that_are_equal_to_the_last_bit(name: str, dtype: str) -> None:
    drawn = []
    for library in (tl, torch):
        library.manual_seed(3)
        drawn.append(array(BY_NAME[name].build(library, dtype)[0].sample((300,))))
    np.testing.assert_array_equal(*drawn)


def test_the_stream_goes_on_where_that_of_pytorch_does() -> None:
    after = []
    for library in (tl, torch):
        library.manual_seed(11)
        for name in ("Gamma", "Poisson", "Binomial-counts", "Beta", "StudentT", "VonMises", "LKJCholesky"):
            BY_NAME[name].build(library)[0].sample((7,))
        after.append(library.rand(1).item())
    assert after[0] == after[1]


def test_generalized_pareto_in_double_precision_which_pytorch_refuses() -> None:
    params = {"loc": [0.5], "scale": [1.5], "concentration": [0.25]}
    ours, theirs = (
        library.distributions.GeneralizedPareto(*(library.tensor(v, dtype=library.float64) for v in params.values()))
        for library in (tl, torch)
    )
    with pytest.raises(RuntimeError, match="Double did not match Float"):
        theirs.log_prob(torch.tensor([2.0]))
    assert ours.log_prob(tl.tensor([2.0], dtype=tl.float64)).item() == pytest.approx(-np.log(1.5) - 5 * np.log(1.25))


def _constructions(library: Any) -> dict[str, Any]:
    """Return what is refused before any parameter is checked, and single functions."""
    D, t = library.distributions, library
    normal = D.Normal(0.0, 1.0)
    calls = {
        "shapes": lambda: D.Normal(t.zeros(2), t.ones(3)),
        "text": lambda: D.Normal("a", 1.0),
        "neither": lambda: D.Categorical(),
        "both": lambda: D.Bernoulli(0.5, 0.5),
        "no dims": lambda: D.Categorical(t.tensor(1.0)),
        "counts": lambda: D.Multinomial(t.tensor(3), t.ones(2)),
        "dirichlet": lambda: D.Dirichlet(t.tensor(1.0)),
        "no matrix": lambda: D.MultivariateNormal(t.zeros(2)),
        "loc": lambda: D.MultivariateNormal(t.tensor(0.0), t.eye(2)),
        "vector": lambda: D.MultivariateNormal(t.zeros(2), t.ones(2)),
        "df": lambda: D.Wishart(t.tensor(1.0), t.eye(3)),
        "wishart": lambda: D.Wishart(t.tensor(4.0)),
        "wishart vector": lambda: D.Wishart(4, t.ones(3)),
        "dim": lambda: D.LKJCholesky(1),
        "no transform": lambda: D.TransformedDistribution(normal, 3),
        "no transforms": lambda: D.TransformedDistribution(normal, [3]),
        "too few dims": lambda: D.TransformedDistribution(normal, D.StickBreakingTransform()),
        "mixture": lambda: D.MixtureSameFamily(normal, normal),
        "component": lambda: D.MixtureSameFamily(D.Categorical(t.ones(3)), 3),
        "components": lambda: D.MixtureSameFamily(D.Categorical(t.ones(3)), D.Normal(t.zeros(2), 1.0)),
        "batches": lambda: D.MixtureSameFamily(D.Categorical(t.ones(4, 3)), D.Normal(t.zeros(2, 3), 1.0)),
        "low rank 1": lambda: D.LowRankMultivariateNormal(t.zeros(2), t.ones(3, 1), t.ones(2)),
        "low rank 2": lambda: D.LowRankMultivariateNormal(t.zeros(2), t.ones(2, 1), t.ones(3)),
        "low rank 3": lambda: D.LowRankMultivariateNormal(t.tensor(0.0), t.ones(2, 1), t.ones(3)),
        "low rank 4": lambda: D.LowRankMultivariateNormal(t.zeros(3, 2), t.ones(2, 1), t.ones(4, 2)),
        "uniform": lambda: D.Uniform(1.0, 0.0),
        "geometric": lambda: D.Geometric(0.0),
        "geometric tensor": lambda: D.Geometric(t.tensor([0.0])),
        "dims": lambda: D.Independent(normal, 1),
        "expand": lambda: D.Normal(t.zeros(2), 1.0).expand([3]),
        "numbers": lambda: (repr(D.Normal(0, 1)), repr(D.Bernoulli(1)), repr(D.Poisson(3))),
        "number": lambda: D.Gamma(1.0, 1.0).log_prob(1.0),
        "logit relaxed": lambda: (
            D.relaxed_bernoulli.LogitRelaxedBernoulli(t.tensor(0.7), t.tensor(0.3)).log_prob(t.tensor(0.4))
        ),
        "exp relaxed": lambda: (
            D.relaxed_categorical.ExpRelaxedCategorical(t.tensor(0.7), t.tensor([0.3, 0.7]))
            .log_prob(t.tensor([0.4, 0.6]).log())
        ),
        "triangle": lambda: D.utils.vec_to_tril_matrix(t.ones(4)),
        "diagonal": lambda: D.utils.tril_matrix_to_vec(t.ones(2, 2), 5),
        "triangles": lambda: D.utils.vec_to_tril_matrix(t.arange(6.0).reshape(2, 3), -1),
        "vectors": lambda: D.utils.tril_matrix_to_vec(t.arange(18.0).reshape(2, 3, 3), 1),
        "logits": lambda: D.utils.probs_to_logits(t.tensor([0.0, 0.5, 1.0]), True),
        "log": lambda: D.utils.probs_to_logits(t.tensor([0.0, 0.5, 1.0])),
        "softmax": lambda: D.utils.logits_to_probs(t.tensor([0.0, 0.5, 1.0])),
        "sigmoid": lambda: D.utils.logits_to_probs(t.tensor([0.0, 0.5, 1.0]), True),
        "clamped": lambda: D.utils.clamp_probs(t.tensor([0.0, 0.5, 1.0])),
        "broadcast": lambda: D.utils.broadcast_all(1, 2.5)[1],
    }  # fmt: skip
    return {name: compare.attempt(call) for name, call in calls.items()}


def test_constructions_and_helpers() -> None:
    assert compare.differs(lambda library, dtype: _constructions(library), "float64", 1e-6) == ""
