"""Every pair of distributions: its divergence, the gradients of that, or that there is none, as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

import pytest

import tapeless as tl
from tapeless.distributions import _kl_registry
from tests.distributions.cases import Case

torch = pytest.importorskip("torch")
kl_pairs = pytest.importorskip("tests.distributions.kl_pairs")
compare = pytest.importorskip("tests.distributions.compare")
PAIRS: list[tuple[Case, Case]] = list(kl_pairs.supported())


@pytest.mark.parametrize("p", kl_pairs.TABLE, ids=lambda case: case.name)
def test_divergences_and_their_gradients(p: Case) -> None:
    for q in [q for left, q in PAIRS if left.name == p.name]:
        found = [kl_pairs.kl_difference(p, q, dtype) for dtype in ("float32", "float64")]
        if (p.name, q.name) in kl_pairs.KNOWN:
            assert all(found), q.name
        else:
            assert found == ["", ""], q.name


def test_all_other_pairs_have_none() -> None:
    built = {case.name: case.build(tl)[0] for case in kl_pairs.TABLE}
    there = {(p.name, q.name) for p, q in PAIRS}
    others = [(p, q) for p in built for q in built if (p, q) not in there]
    assert len(others) > 3000
    for p, q in others:
        with pytest.raises(NotImplementedError, match=r"No KL\(p \|\| q\) is implemented for p type"):
            tl.distributions.kl_divergence(built[p], built[q])


def test_the_registries_hold_the_same_pairs_and_the_table_has_all() -> None:
    theirs = {(p.__name__, q.__name__) for p, q in torch.distributions.kl._KL_REGISTRY}
    assert {(p.__name__, q.__name__) for p, q in _kl_registry._REGISTRY} == theirs
    used = {(type(p.build(tl)[0]).__name__, type(q.build(tl)[0]).__name__) for p, q in PAIRS}
    assert theirs - used == {("ExponentialFamily", "ExponentialFamily")}  # which subclasses stand for


def test_all_pairs_but_those_of_incompatible_supports_are_compared_where_finite() -> None:
    finite: set[tuple[str, str]] = set()
    for p, q in PAIRS:
        value: Any = compare.attempt(lambda: tl.distributions.kl_divergence(p.build(tl)[0], q.build(tl)[0]))  # noqa: B023
        if not isinstance(value, compare.Error) and value.isfinite().any():
            finite.add((p.family, q.family))
    never = {(p, q) for (p, q) in {(p.family, q.family) for p, q in PAIRS} - finite}
    registered = {(p.__name__, q.__name__) for p, q in torch.distributions.kl._KL_REGISTRY}
    infinite = {
        (p.__name__, q.__name__)
        for (p, q), function in torch.distributions.kl._KL_REGISTRY.items()
        if "infinity" in function.__name__
    }
    assert (never & registered) - infinite == set()


@pytest.mark.parametrize("library", [tl, torch], ids=lambda library: library.__name__)
def test_ambiguous_pairs_warn(library: Any) -> None:
    D = library.distributions

    class Left(D.Normal):
        pass

    class Right(D.Normal):
        pass

    D.register_kl(Left, D.Normal)(lambda p, q: "left")
    D.register_kl(D.Normal, Right)(lambda p, q: "right")
    with pytest.warns(
        RuntimeWarning, match=r"Ambiguous kl_divergence\(Left, Right\). Please register_kl\(Left, Right\)"
    ):
        assert D.kl_divergence(Left(0.0, 1.0), Right(0.0, 1.0)) == "left"
    registry = _kl_registry._REGISTRY if library is tl else D.kl._KL_REGISTRY
    del registry[Left, D.Normal], registry[D.Normal, Right]


def test_register_kl_takes_classes_of_distributions_only() -> None:
    """PyTorch means to as well, but its condition never holds."""
    D = tl.distributions
    with pytest.raises(TypeError, match="Expected type_p to be a Distribution subclass but got"):
        D.register_kl(int, D.Normal)
    with pytest.raises(TypeError, match="Expected type_q to be a Distribution subclass but got"):
        D.register_kl(D.Normal, int)


def test_divergences_where_probabilities_vanish() -> None:
    for library in (tl, torch):
        D = library.distributions
        p, q = (D.Categorical(library.tensor(x)) for x in ([0.0, 0.5, 0.5], [0.5, 0.0, 0.5]))
        assert D.kl_divergence(p, q).item() == math.inf
        assert D.kl_divergence(p, p).item() == 0.0
