"""`Distribution`: what all distributions have in common."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from .utils import lazy_property


class Distribution:
    """Base of all distributions: a batch (`batch_shape`) of independent variables, each of an `event_shape`.

    ``validate_args`` switches the checks of parameters and values on or off; they are on unless Python runs
    with ``-O`` or `set_default_validate_args` says otherwise.

    See https://docs.pytorch.org/docs/stable/distributions.html#distribution

    >>> import tapeless as tl
    >>> normal = tl.distributions.Normal(tl.zeros(3), 1.0)
    >>> normal.batch_shape, normal.sample((2,)).shape
    (torch.Size([3]), torch.Size([2, 3]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    # What `expand` takes care of beside the parameters that `arg_constraints` names.
    _expanded: tuple[str, ...] = ()
    _shared: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give properties and methods without a docstring that of the class they come from."""
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            inherited = getattr(Distribution, name, None)
            if isinstance(value, property) and not value.__doc__ and inherited is not None:
                value.__doc__ = inherited.__doc__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Switch the checks on or off for distributions made from now on. Raises ValueError for other values."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Sequence[int] = Size(),
        event_shape: Sequence[int] = Size(),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    def _validate_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            arg_constraints = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # not given, but computed from what was
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Return the distribution with its parameters expanded to `batch_shape`; memory is shared.

        A subclass with an `__init__` of its own has to write `expand` too: make the new instance without
        ``__init__``, set what it adds, and hand the instance over as `_instance`. Raises NotImplementedError otherwise.

        >>> import tapeless as tl
        >>> tl.distributions.Normal(0.0, 1.0).expand([2, 3]).batch_shape
        torch.Size([2, 3])
        """
        ours: Any = next(cls for cls in type(self).__mro__ if cls.__module__.startswith(__package__))
        if ours.arg_constraints is Distribution.arg_constraints:
            raise NotImplementedError
        new = self._get_checked_instance(ours, _instance)
        self._expand_into(new, Size(batch_shape))
        return new

    def _expand_into(self, new: Any, batch_shape: Size) -> None:
        """Set up a new instance with the parameters of this one, expanded."""
        for name in (*self.arg_constraints, *self._expanded):
            if name in self.__dict__:
                value, dims = self.__dict__[name], len(self._batch_shape)
                shape = batch_shape if isinstance(value, Distribution) else batch_shape + value.shape[dims:]
                new.__dict__[name] = value.expand(shape)
        for name in self._shared:
            new.__dict__[name] = self.__dict__[name]
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution: () for numbers."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """What the parameters must satisfy, by name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint that samples satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Any:
        """The mean, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most probable value, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance, of shape ``batch_shape + event_shape``."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The standard deviation, of shape ``batch_shape + event_shape``."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape + event_shape``; they carry no gradient."""
        with tl.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples that are differentiable functions of the parameters, where `has_rsample` says there are such."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Any:
        """Draw `n` samples; deprecated, as in PyTorch: use ``sample((n,))``."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", category=FutureWarning, stacklevel=2
        )
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density, or of the probability, of `value`: of the batch's shape, broadcast."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Any:
        """Return all values of a discrete distribution in dim 0: of shape ``(count,) + batch_shape + event_shape``.

        With ``expand=False`` the dims of the batch have size 1.
        """
        raise NotImplementedError

    def entropy(self) -> Any:
        """Return the entropy in nats, of shape ``batch_shape``."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """Return the exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """Return the numbers `values` as `enumerate_support` gives them."""
        values = values.reshape((-1, *(1 for _ in self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _check(self, value: Any) -> None:
        """Refuse values that cannot be samples, unless checks are off."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value: Any) -> None:
        """Refuse values that cannot be samples: of a wrong type or shape, or outside of the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, expected = value.shape, self._batch_shape + self._event_shape
        if shape[len(shape) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {self._event_shape}.")
        for have, want in zip(reversed(shape), reversed(expected), strict=False):
            if have != want and 1 not in (have, want):
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """Return the instance that `expand` sets up: the one it was given, or a new one without ``__init__``."""
        if _instance is not None:
            return _instance
        if type(self).__init__ != cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method must "
                "also define a custom .expand() method."
            )
        return object.__new__(type(self))

    def __repr__(self) -> str:
        given = [(name, self.__dict__[name]) for name in self.arg_constraints if name in self.__dict__]
        text = ", ".join(f"{name}: {value if value.numel() == 1 else value.shape}" for name, value in given)
        return f"{self.__class__.__name__}({text})"
