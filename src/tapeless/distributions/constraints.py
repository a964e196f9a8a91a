"""What parameters and samples must satisfy: regions that a tensor's values can be checked against.

A constraint has ``check(value)``, which returns a bool tensor of the shape of `value` without its last `event_dim`
dims, and ``is_discrete``. See https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.constraints

>>> import tapeless as tl
>>> tl.distributions.constraints.positive.check(tl.tensor([-1.0, 2.0]))
tensor([False,  True])
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from . import _functions as tl
from ._functions import Tensor
from .utils import finfo

__all__ = [
    "Constraint",
    "MixtureSameFamilyConstraint",
    "boolean",
    "cat",
    "corr_cholesky",
    "dependent",
    "dependent_property",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "multinomial",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "stack",
    "symmetric",
    "unit_interval",
]


class Constraint:
    """Base of all constraints.

    >>> import tapeless as tl
    >>> isinstance(tl.distributions.constraints.positive, tl.distributions.constraints.Constraint)
    True
    >>> tl.distributions.constraints.positive.check(tl.tensor([1.0, -1.0]))
    tensor([ True, False])
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Tensor) -> Tensor:
        """Return where the events in `value` satisfy the constraint."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self._name()}()"

    def _name(self) -> str:
        return self.__class__.__name__.removeprefix("_")


# -- Constraints that depend on parameters ----------------------------------------------------------------


class _Dependent(Constraint):
    """A placeholder for constraints that depend on the parameters of a distribution.

    >>> is_dependent(dependent), is_dependent(positive)
    (True, False)
    """

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether samples are integers. Raises NotImplementedError where the class alone does not tell."""
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return bool(self._is_discrete)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of dims of an event. Raises NotImplementedError where the class alone does not tell."""
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return int(self._event_dim)

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> Any:
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        """Raise ValueError: only an instance of the distribution knows."""
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """A property of a distribution that returns a constraint; in the class, it is a `dependent` constraint.

    >>> class Below:
    ...     @dependent_property(is_discrete=False, event_dim=0)
    ...     def support(self):
    ...         return less_than(self.bound)
    >>> Below.support.event_dim
    0
    """

    def __init__(
        self,
        fn: Callable[..., Any] | None = None,
        *,
        is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[..., Any]) -> Any:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: Any) -> bool:
    """Return whether a constraint depends on parameters and so cannot be checked by itself.

    >>> is_dependent(dependent), is_dependent(real)
    (True, False)
    """
    return isinstance(constraint, _Dependent)


# -- Constraints made of others ---------------------------------------------------------------------------


def _all_of(result: Tensor, dims: int) -> Tensor:
    """Return whether all of the last `dims` dims are True."""
    return result.reshape((*result.shape[: result.ndim - dims], -1)).all(-1) if dims else result


class _Wrapper(Constraint):
    """A constraint that applies another one to rearranged values."""

    def __init__(self, base_constraint: Constraint) -> None:
        if not isinstance(base_constraint, Constraint):
            raise AssertionError(f"base_constraint must be a Constraint, got {type(base_constraint).__name__}")
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether values are integers."""
        return bool(self.base_constraint.is_discrete)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of dims of an event."""
        return int(self.base_constraint.event_dim)


class _IndependentConstraint(_Wrapper):
    """A constraint whose last `reinterpreted_batch_ndims` batch dims count as part of the event.

    >>> import tapeless as tl
    >>> c = tl.distributions.constraints
    >>> c.independent(c.positive, 1).check(tl.tensor([[1.0, 2.0], [1.0, -1.0]]))
    tensor([ True, False])
    """

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        super().__init__(base_constraint)
        if not isinstance(reinterpreted_batch_ndims, int):
            raise AssertionError(
                f"reinterpreted_batch_ndims must be an int, got {type(reinterpreted_batch_ndims).__name__}"
            )
        if reinterpreted_batch_ndims < 0:
            raise AssertionError(f"reinterpreted_batch_ndims must be >= 0, got {reinterpreted_batch_ndims}")
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of dims of an event."""
        return int(self.base_constraint.event_dim) + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        """Return whether all parts of an event satisfy the base. Raises ValueError for too few dims."""
        result = self.base_constraint.check(value)
        if result.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return _all_of(result, self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{self._name()}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(_Wrapper):
    """The support of a mixture: values that are in the support of all components.

    >>> MixtureSameFamilyConstraint(positive)
    MixtureSameFamilyConstraint(GreaterThan(lower_bound=0.0))
    """

    def check(self, value: Tensor) -> Tensor:
        """Return whether values satisfy the constraints of all components. Raises ValueError for too few dims."""
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        if value.ndim < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return _all_of(result, result.ndim - (value.ndim - self.event_dim))

    def __repr__(self) -> str:
        return f"{self._name()}({self.base_constraint!r})"


class _Sequence(Constraint):
    """Several constraints, each for a part of the values along a dim."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        if not all(isinstance(c, Constraint) for c in cseq):
            raise AssertionError("All elements of cseq must be Constraint instances")
        self.cseq = list(cseq)
        self.dim = dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether any part consists of integers."""
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of dims of an event."""
        return max(c.event_dim for c in self.cseq)

    def _check_dim(self, value: Tensor) -> None:
        if not -value.ndim <= self.dim < value.ndim:
            raise AssertionError(f"dim {self.dim} out of range for value with {value.ndim} dimensions")


class _Cat(_Sequence):
    """Constraints for parts of `lengths` (1 unless given) that lie one after the other along `dim`.

    >>> import tapeless as tl
    >>> c = tl.distributions.constraints
    >>> c.cat([c.positive, c.unit_interval], dim=0, lengths=[1, 2]).check(tl.tensor([5.0, 0.5, 5.0]))
    tensor([ True,  True, False])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        super().__init__(cseq, dim)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})")

    def check(self, value: Tensor) -> Tensor:
        """Return where the parts satisfy their constraints."""
        self._check_dim(value)
        starts = itertools.accumulate(self.lengths, initial=0)  # what follows the last part is not looked at
        parts = [value.narrow(self.dim, start, length) for start, length in zip(starts, self.lengths, strict=False)]
        return tl.cat([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], dim=self.dim)


class _Stack(_Sequence):
    """Constraints for the slices along `dim`.

    >>> import tapeless as tl
    >>> c = tl.distributions.constraints
    >>> c.stack([c.positive, c.unit_interval]).check(tl.tensor([5.0, 5.0]))
    tensor([ True, False])
    """

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The number of dims of an event."""
        dim = max(c.event_dim for c in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Tensor) -> Tensor:
        """Return where the slices satisfy their constraints."""
        self._check_dim(value)
        slices = value.unbind(self.dim)
        return tl.stack([c.check(part) for c, part in zip(self.cseq, slices, strict=False)], dim=self.dim)


# -- Numbers ----------------------------------------------------------------------------------------------


class _Real(Constraint):
    """All numbers; NaN is none."""

    def check(self, value: Tensor) -> Tensor:
        """Return where values are numbers."""
        return value == value


class _Boolean(Constraint):
    """0 and 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Return where values are 0 or 1."""
        return (value == 0) | (value == 1)


class _Bounded(Constraint):
    """Numbers between bounds, which `repr` shows."""

    def __repr__(self) -> str:
        return f"{self._name()}({', '.join(f'{name}={value}' for name, value in vars(self).items())})"


class _Below(_Bounded):
    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound


class _Above(_Bounded):
    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound


class _Between(_Bounded):
    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound


class _GreaterThan(_Above):
    """Numbers above a bound.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.greater_than(1).check(tl.tensor([1.0, 2.0]))
    tensor([False,  True])
    """

    def check(self, value: Tensor) -> Tensor:
        """Return where values are above the bound."""
        return value > self.lower_bound


class _GreaterThanEq(_Above):
    """Numbers from a bound on.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.greater_than_eq(1).check(tl.tensor([1.0, 0.5]))
    tensor([ True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        """Return where values are at least the bound."""
        return value >= self.lower_bound


class _LessThan(_Below):
    """Numbers below a bound.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.less_than(1).check(tl.tensor([0.5, 1.0]))
    tensor([ True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        """Return where values are below the bound."""
        return value < self.upper_bound


class _Interval(_Between):
    """Numbers from one bound to another, both included.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.interval(0, 1).check(tl.tensor([0.0, 1.0, 2.0]))
    tensor([ True,  True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        """Return where values are in the interval."""
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class _HalfOpenInterval(_Between):
    """Numbers from one bound to another, the latter excluded.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.half_open_interval(0, 1).check(tl.tensor([0.0, 1.0]))
    tensor([ True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        """Return where values are in the interval."""
        return (value >= self.lower_bound) & (value < self.upper_bound)


class _IntegerInterval(_Between):
    """Integers from one bound to another, both included.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.integer_interval(0, 3).check(tl.tensor([0.0, 1.5, 4.0]))
    tensor([ True, False, False])
    """

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Return where values are integers in the interval."""
        return (value % 1 == 0) & (value >= self.lower_bound) & (value <= self.upper_bound)


class _IntegerGreaterThan(_Above):
    """Integers from a bound on."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Return where values are integers of at least the bound."""
        return (value % 1 == 0) & (value >= self.lower_bound)


# -- Vectors ----------------------------------------------------------------------------------------------


class _OneHot(Constraint):
    """Vectors of one 1 and zeros."""

    is_discrete = True
    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Return which vectors are one-hot."""
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class _Simplex(Constraint):
    """Vectors of numbers from 0 on whose sum is 1, to six digits."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Return which vectors are probabilities."""
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class _Multinomial(Constraint):
    """Vectors of numbers from 0 on whose sum is at most a bound.

    >>> import tapeless as tl
    >>> tl.distributions.constraints.multinomial(3).check(tl.tensor([[1.0, 2.0], [1.0, 1.0]]))
    tensor([True, True])
    """

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Return which vectors are counts."""
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


# -- Matrices ---------------------------------------------------------------------------------------------


class _LowerTriangular(Constraint):
    """Matrices with zeros above the diagonal."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are lower triangular."""
        return _all_of(value.tril() == value, 2)


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are Cholesky factors."""
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: their rows have length 1."""

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are Cholesky factors with rows of length 1."""
        tolerance = finfo(value).eps * value.shape[-1] * 10
        lengths = value.detach().square().sum(-1).sqrt()
        return super().check(value) & ((lengths - 1.0).abs() <= tolerance).all(-1)


class _Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are square."""
        return tl.full(value.shape[:-2], value.shape[-2] == value.shape[-1])


class _Symmetric(_Square):
    """Symmetric matrices."""

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are symmetric."""
        square = super().check(value)
        return tl.isclose(value, value.mT, atol=1e-6).all(-2).all(-1) if square.all() else square


class _PositiveSemidefinite(_Symmetric):
    """Symmetric matrices whose eigenvalues are at least 0."""

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are positive semidefinite."""
        symmetric = super().check(value)
        return (tl.eigvalsh(value) >= 0).all(-1) if symmetric.all() else symmetric


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices that have a Cholesky factor."""

    def check(self, value: Tensor) -> Tensor:
        """Return which matrices are positive definite."""
        symmetric = super().check(value)
        return tl.cholesky_ex(value)[1] == 0 if symmetric.all() else symmetric


dependent = _Dependent()
dependent_property = _DependentProperty
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
cat = _Cat
stack = _Stack
