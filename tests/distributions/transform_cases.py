"""Transforms with inputs to compare Tapeless and PyTorch by, and what they do in one library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.distributions.compare import Results, attempt, differs, weighted


class TransformCase(NamedTuple):
    """A transform: `make` gets the library and the name of a dtype; an input, and shapes to pass through."""

    name: str
    make: Callable[[Any, str], Any]
    x: Any
    shapes: tuple[tuple[int, ...], ...] = ((2, 3), (3,), ())


def _t(library: Any, values: Any, dtype: str) -> Any:
    return library.tensor(values, dtype=getattr(library, dtype))


def _plain(name: str, *args: Any, **kwargs: Any) -> Callable[[Any, str], Any]:
    return lambda library, dtype: getattr(library.distributions, name)(*args, **kwargs)


def _of(function: Callable[[Any, Callable[[Any], Any]], Any]) -> Callable[[Any, str], Any]:
    """Return a `make` from a function of `distributions` and of what makes tensors."""
    return lambda library, dtype: function(library.distributions, lambda values: _t(library, values, dtype))


ROW = [[-1.5, 0.2, 2.0], [0.0, 0.7, -0.3]]
POSITIVE = [[0.4, 1.0, 2.5], [0.1, 3.0, 0.7]]
SQUARE = [[0.5, 9.0, 9.0], [0.3, -0.2, 9.0], [0.7, 0.1, 1.1]]

TRANSFORMS = [
    TransformCase("exp", _plain("ExpTransform"), ROW),
    TransformCase("power", _plain("PowerTransform", 4.0), POSITIVE),
    TransformCase("power-negative", _of(lambda D, t: D.PowerTransform(t([-1.0, 0.5, 2.0]))), POSITIVE),
    TransformCase("sigmoid", _plain("SigmoidTransform"), [[-800.0, 0.2, 50.0], [0.0, 0.7, -0.3]]),
    TransformCase("softplus", _plain("SoftplusTransform"), [[-15.0, 0.2, 30.0], [0.0, 0.7, -0.3]]),
    TransformCase("tanh", _plain("TanhTransform"), ROW),
    TransformCase("abs", _plain("AbsTransform"), ROW),
    TransformCase("affine", _plain("AffineTransform", 1.5, -2.0), ROW),
    TransformCase("affine-tensors", _of(lambda D, t: D.AffineTransform(t([[1.0], [2.0]]), t([0.5, -2.0, 1.0]))), ROW),
    TransformCase("affine-vectors",
         _of(lambda D, t: D.AffineTransform(t([1.0, 0.0, 2.0]), t([2.0, 0.5, 3.0]), 1)), ROW),
    TransformCase("affine-number-vectors", _plain("AffineTransform", 1.0, 3.0, event_dim=1), ROW),
    TransformCase("cdf", _of(lambda D, t: D.CumulativeDistributionTransform(D.Normal(t(0.5), t(2.0)))), ROW),
    TransformCase("softmax", _plain("SoftmaxTransform"), ROW),
    TransformCase("stick", _plain("StickBreakingTransform"), ROW),
    TransformCase("cholesky", _plain("LowerCholeskyTransform"), SQUARE),
    TransformCase("positive-definite", _plain("PositiveDefiniteTransform"), SQUARE),
    TransformCase("correlation", _plain("CorrCholeskyTransform"), ROW, ((2, 3), (4, 6), (4,), (3, 3), (2, 3, 4), ())),
    TransformCase("reshape", _plain("ReshapeTransform", (3,), (3, 1)), ROW, ((2, 3), (2, 3, 1), (2,), ())),
    TransformCase("identity", lambda library, dtype: library.distributions.identity_transform, ROW),
    TransformCase("compose",
         _of(lambda D, t: D.ComposeTransform([D.AffineTransform(t(0.5), t(-2.0)), D.ExpTransform()])), ROW),
    TransformCase("compose-vectors", _of(lambda D, t: D.ComposeTransform(
        [D.TanhTransform(), D.StickBreakingTransform(), D.PowerTransform(t(2.0))])), ROW),
    TransformCase("inverse", _of(lambda D, t: D.SoftplusTransform().inv), POSITIVE),
    TransformCase("inverse-compose",
         _of(lambda D, t: D.ComposeTransform([D.AffineTransform(0.0, 2.0), D.ExpTransform()]).inv), POSITIVE),
    TransformCase("independent", _of(lambda D, t: D.IndependentTransform(D.ExpTransform(), 1)), ROW),
    TransformCase("independent-2", _of(lambda D, t: D.IndependentTransform(D.StickBreakingTransform(), 1)), ROW),
    TransformCase("cat",
         _of(lambda D, t: D.CatTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)], -1, [1, 2])), ROW),
    TransformCase("cat-0", _of(lambda D, t: D.CatTransform([D.ExpTransform(), D.TanhTransform()])), ROW),
    TransformCase("cat-vectors", _of(lambda D, t: D.CatTransform(
        [D.AffineTransform(t([1.0, 2.0, 3.0]), t([2.0, 1.0, 0.5]), 1),
         D.IndependentTransform(D.ExpTransform(), 1)], 0)), ROW),
    TransformCase("stack",
         _of(lambda D, t: D.StackTransform([D.ExpTransform(), D.TanhTransform(), D.AbsTransform()], 1)), ROW),
    TransformCase("stack-0", _of(lambda D, t: D.StackTransform([D.ExpTransform(), D.TanhTransform()])), ROW),
]  # fmt: skip


def traits(case: TransformCase, library: Any, dtype: str) -> Results:
    t = case.make(library, dtype)
    results: Results = {"repr": repr(t), "bijective": t.bijective, "sign": attempt(lambda: t.sign)}
    results["inverse repr"] = repr(t.inv)
    for side in ("domain", "codomain"):
        results[side] = attempt(lambda: repr(getattr(t, side)))  # noqa: B023
        results[f"{side} dims"] = attempt(lambda: getattr(t, side).event_dim)  # noqa: B023
        results[f"class {side}"] = attempt(lambda: getattr(type(t), side).event_dim)  # noqa: B023
        results[f"{side} discrete"] = attempt(lambda: getattr(t, side).is_discrete)  # noqa: B023
    results["event_dim"] = attempt(lambda: t.event_dim)
    results["inv of inv"] = t.inv.inv is t and t.inv is t.inv
    for shape in case.shapes:
        results[f"forward {shape}"] = attempt(lambda: tuple(t.forward_shape(library.Size(shape))))  # noqa: B023
        results[f"inverse {shape}"] = attempt(lambda: tuple(t.inverse_shape(library.Size(shape))))  # noqa: B023
    cached = attempt(lambda: t.with_cache(1))
    results["cached"] = repr(cached) if not hasattr(cached, "kind") else cached
    results["cached equal"] = attempt(lambda: cached == t)
    return results


def values(case: TransformCase, library: Any, dtype: str) -> Results:
    t = case.make(library, dtype)
    x = _t(library, case.x, dtype)
    y = attempt(lambda: t(x))
    return {
        "forward": y,
        "inverse": attempt(lambda: t.inv(y)),
        "log_det": attempt(lambda: t.log_abs_det_jacobian(x, y)),
        "inverse log_det": attempt(lambda: t.inv.log_abs_det_jacobian(y, x)),
    }


def gradients(case: TransformCase, library: Any, dtype: str) -> Results:
    results: Results = {}
    t = case.make(library, dtype)
    y = t(_t(library, case.x, dtype)).detach()
    for name, start, function in (
        ("forward", None, lambda x: t(x)),
        ("inverse", y, lambda x: t.inv(x)),
        ("log_det", None, lambda x: t.log_abs_det_jacobian(x, t(x))),
    ):
        x = (_t(library, case.x, dtype) if start is None else start.clone()).requires_grad_()
        result = attempt(lambda: function(x))  # noqa: B023
        if not hasattr(result, "kind") and result.requires_grad:
            weighted(library, result).backward()
            results[name] = x.grad
    return results


KINDS: dict[str, Callable[[TransformCase, Any, str], Results]] = {
    "traits": traits,
    "values": values,
    "gradients": gradients,
}


def transform_difference(kind: str, case: TransformCase, dtype: str) -> str:
    """Return how the libraries differ in this, or nothing."""
    rtol = 2e-5 if dtype == "float32" else 1e-9
    return differs(lambda library, dtype: KINDS[kind](case, library, dtype), dtype, rtol)


def same_matrix(library: Any) -> list[list[Any]]:
    """Return which transforms are equal to which."""
    made = [case.make(library, "float64") for case in TRANSFORMS]
    again = [case.make(library, "float64") for case in TRANSFORMS]
    return [[attempt(lambda: bool(a == b)) for b in again] for a in made]  # noqa: B023
