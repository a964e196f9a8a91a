"""`biject_to` and `transform_to`: the transform from all numbers to those that satisfy a constraint.

See https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraint_registry
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

from . import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A table of functions that make a transform for a constraint; called with a constraint, it makes one.

    Raises NotImplementedError for kinds of constraints that it does not know.

    >>> import tapeless as tl
    >>> registry = ConstraintRegistry()
    >>> @registry.register(constraints.positive)
    ... def make(constraint):
    ...     return transforms.ExpTransform()
    >>> registry(constraints.greater_than(0.0))
    ExpTransform()
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable[..., Any]] = {}

    def register(self, constraint: Any, factory: Callable[..., Any] | None = None) -> Any:
        """Register a function for the class of a constraint; without one, return a decorator.

        Raises TypeError for what is no constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, constraints.Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """Return the transform for a constraint."""
        try:
            factory = self._registry[type(constraint)]
        except KeyError:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints") from None
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _both(*kinds: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function for kinds of constraints in both tables, which it gets as the second argument."""

    def decorate(factory: Callable[..., Any]) -> Callable[..., Any]:
        for registry in (biject_to, transform_to):
            for kind in kinds:
                registry.register(kind, lambda constraint, registry=registry: factory(constraint, registry))
        return factory

    return decorate


@_both(constraints.real)
def _to_real(constraint: Any, registry: ConstraintRegistry) -> Any:
    return transforms.identity_transform


@_both(constraints.independent)
def _to_independent(constraint: Any, registry: ConstraintRegistry) -> Any:
    base = registry(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


def _beyond(bound: Any, direction: float) -> Any:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(bound, direction)])


@_both(constraints.greater_than, constraints.greater_than_eq)
def _to_greater_than(constraint: Any, registry: ConstraintRegistry) -> Any:
    return _beyond(constraint.lower_bound, 1)


@_both(constraints.less_than)
def _to_less_than(constraint: Any, registry: ConstraintRegistry) -> Any:
    return _beyond(constraint.upper_bound, -1)


@_both(constraints.interval, constraints.half_open_interval)
def _to_interval(constraint: Any, registry: ConstraintRegistry) -> Any:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, Real) and low == 0 and isinstance(high, Real) and high == 1:
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


@_both(constraints.corr_cholesky)
def _to_corr_cholesky(constraint: Any, registry: ConstraintRegistry) -> Any:
    return transforms.CorrCholeskyTransform()


@_both(constraints.cat)
def _to_cat(constraint: Any, registry: ConstraintRegistry) -> Any:
    return transforms.CatTransform([registry(c) for c in constraint.cseq], constraint.dim, constraint.lengths)


@_both(constraints.stack)
def _to_stack(constraint: Any, registry: ConstraintRegistry) -> Any:
    return transforms.StackTransform([registry(c) for c in constraint.cseq], constraint.dim)


biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
for _kind in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_kind, lambda constraint: transforms.PositiveDefiniteTransform())
