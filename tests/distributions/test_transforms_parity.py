"""Every transform against PyTorch's: both ways, the log-determinant, gradients, shapes, texts, equality, caches."""

from __future__ import annotations

from typing import Any

import pytest

import tapeless as tl
from tests.distributions.cases import array

torch = pytest.importorskip("torch")
cases = pytest.importorskip("tests.distributions.transform_cases")

every = pytest.mark.parametrize("case", cases.TRANSFORMS, ids=lambda case: case.name)


@every
@pytest.mark.parametrize("kind", list(cases.KINDS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_is_as_in_pytorch(case: Any, kind: str, dtype: str) -> None:
    assert cases.transform_difference(kind, case, dtype) == ""


def test_every_transform_has_a_case() -> None:
    used = {type(case.make(torch, "float64")).__name__ for case in cases.TRANSFORMS}
    abstract = {"Transform", "identity_transform"}
    assert set(torch.distributions.transforms.__all__) - abstract <= used


def test_which_are_equal() -> None:
    ours, theirs = cases.same_matrix(tl), cases.same_matrix(torch)
    for name, mine, other in zip([case.name for case in cases.TRANSFORMS], ours, theirs, strict=True):
        assert mine == other, name


@every
def test_a_cache_returns_the_same_tensors(case: Any) -> None:
    for library in (tl, torch):
        t = case.make(library, "float64")
        if case.name == "identity":
            continue
        x = library.tensor(case.x, dtype=library.float64)
        cached = t.with_cache()
        y = cached(x)
        assert cached(x) is y or case.name.startswith(("compose", "inverse-compose", "cat", "stack"))
        assert array(cached(x)).tolist() == array(y).tolist()
        if case.name not in ("cat-0", "cat", "cat-vectors", "stack", "stack-0"):
            assert cached.inv(y) is x


@pytest.mark.parametrize("library", [tl, torch], ids=lambda library: library.__name__)
def test_errors(library: Any) -> None:
    D = library.distributions

    class Own(D.Transform):
        def __init__(self) -> None:
            super().__init__()

    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        D.ExpTransform(cache_size=2)
    with pytest.raises(NotImplementedError, match="with_cache is not implemented"):
        Own().with_cache()
    for call in (lambda t: t(1), lambda t: t.inv(1), lambda t: t.log_abs_det_jacobian(1, 1), lambda t: t.sign):
        with pytest.raises(NotImplementedError):
            call(Own())
    with pytest.raises(ValueError, match="Please use either .domain.event_dim or .codomain.event_dim"):
        _ = D.ReshapeTransform((2, 3), (6,)).event_dim
    with pytest.raises(ValueError, match="in_shape, out_shape have different numbers of elements"):
        D.ReshapeTransform((2, 3), (5,))
    with pytest.raises(ValueError, match="Too few dimensions on input"):
        D.IndependentTransform(D.ExpTransform(), 2)(library.ones(3))
    with pytest.raises(AssertionError):
        D.CatTransform([D.ExpTransform()], 0, [2])(library.ones(3))
    with pytest.raises(AssertionError):
        D.StackTransform([D.ExpTransform()], 0)(library.ones(3))
    with pytest.raises(AssertionError, match="lengths"):
        D.CatTransform([D.ExpTransform()], 0, [1, 2])
    with pytest.raises(ValueError, match="vectors|Input is not a flattened lower-diagonal number"):
        D.CorrCholeskyTransform().forward_shape(library.Size([4]))


@pytest.mark.parametrize("library", [tl, torch], ids=lambda library: library.__name__)
def test_transforms_survive_pickling(library: Any) -> None:
    import pickle

    t = library.distributions.AffineTransform(1.0, 2.0)
    _ = t.inv
    again = pickle.loads(pickle.dumps(t))
    assert again == t
    assert again.inv(library.tensor(3.0)).item() == 1.0
