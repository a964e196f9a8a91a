"""Every constraint against PyTorch's: what it accepts, its texts, and the transforms that lead to it."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl

torch = pytest.importorskip("torch")
cases = pytest.importorskip("tests.distributions.constraint_cases")


@pytest.mark.parametrize("name", list(cases.CONSTRAINTS))
@pytest.mark.parametrize("kind", list(cases.KINDS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_as_in_pytorch(name: str, kind: str, dtype: str) -> None:
    assert cases.constraint_difference(kind, name, dtype) == ""


def test_every_constraint_has_a_case() -> None:
    assert set(tl.distributions.constraints.__all__) == set(torch.distributions.constraints.__all__)
    others = {"Constraint", "dependent_property", "is_dependent", "MixtureSameFamilyConstraint"}
    assert set(torch.distributions.constraints.__all__) - others <= {name.split()[0] for name in cases.CONSTRAINTS}


@pytest.mark.parametrize("library", [tl, torch], ids=lambda library: library.__name__)
def test_registering(library: Any) -> None:
    D = library.distributions
    registry = type(D.biject_to)()

    class Own(D.constraints.Constraint):
        pass

    with pytest.raises(NotImplementedError, match="Cannot transform Own constraints"):
        registry(Own())
    registry.register(Own, lambda constraint: D.ExpTransform())
    assert registry(Own()) == D.ExpTransform()

    @registry.register(D.constraints.positive)
    def make(constraint: Any) -> Any:
        return D.SoftplusTransform()

    assert registry(D.constraints.greater_than(3.0)) == D.SoftplusTransform()
    with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass or instance"):
        registry.register(3, make)


@pytest.mark.parametrize("library", [tl, torch], ids=lambda library: library.__name__)
def test_dependent_properties(library: Any) -> None:
    constraints = library.distributions.constraints

    class Below:
        bound = 2.0

        @constraints.dependent_property(is_discrete=False, event_dim=0)
        def support(self) -> Any:
            return constraints.less_than(self.bound)

        @constraints.dependent_property
        def other(self) -> Any:
            return constraints.real

    assert constraints.is_dependent(Below.support)
    assert (Below.support.event_dim, Below.support.is_discrete) == (0, False)
    assert Below().support.check(library.tensor([1.0, 3.0])).tolist() == [True, False]
    with pytest.raises(NotImplementedError, match="event_dim cannot be determined statically"):
        _ = Below.other.event_dim
    with pytest.raises(NotImplementedError, match="is_discrete cannot be determined statically"):
        _ = Below.other.is_discrete
    with pytest.raises(ValueError, match="Cannot determine validity of dependent constraint"):
        Below.support.check(library.tensor(1.0))
    assert constraints.dependent(event_dim=1).event_dim == 1
