"""`kl_divergence` and `register_kl`: which function computes the divergence of two distributions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from .distribution import Distribution

Divergence = Callable[[Any, Any], Any]

_REGISTRY: dict[tuple[type, type], Divergence] = {}
_FOUND: dict[tuple[type, type], Divergence | None] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Divergence], Divergence]:
    """Return a decorator that registers a function for the divergence of two classes and their subclasses.

    Raises TypeError for classes that are no distributions.
    See https://docs.pytorch.org/docs/stable/distributions.html#torch.distributions.kl.register_kl

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> class Mine(D.Normal):
    ...     pass
    >>> @D.register_kl(Mine, D.Normal)
    ... def kl_mine_normal(p, q):
    ...     return "mine"
    >>> D.kl_divergence(Mine(0.0, 1.0), D.Normal(0.0, 1.0))
    'mine'
    """
    for name, cls in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(cls, type) and issubclass(cls, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {cls}")

    def decorate(function: Divergence) -> Divergence:
        _REGISTRY[type_p, type_q] = function
        _FOUND.clear()  # what was found before may no longer be the nearest
        return function

    return decorate


def _find(type_p: type, type_q: type) -> Divergence | None:
    """Return the function of the nearest base classes. Warns where p and q disagree about which are nearest."""
    ranks = {
        (p, q): (type_p.__mro__.index(p), type_q.__mro__.index(q))
        for p, q in _REGISTRY
        if issubclass(type_p, p) and issubclass(type_q, q)
    }
    if not ranks:
        return None
    left = min(ranks, key=lambda pair: ranks[pair])
    right = min(ranks, key=lambda pair: ranks[pair][::-1])
    if _REGISTRY[left] is not _REGISTRY[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl("
            f"{left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _REGISTRY[left]


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """Return the Kullback-Leibler divergence of `p` from `q`, the mean of ``log(p / q)`` under `p`.

    One number for each element of the batch.

    Raises NotImplementedError for pairs that nobody has registered.
    See https://docs.pytorch.org/docs/stable/distributions.html#torch.distributions.kl.kl_divergence

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    types = type(p), type(q)
    if types not in _FOUND:
        _FOUND[types] = _find(*types)
    function = _FOUND[types]
    if function is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {p.__class__.__name__} and q type {q.__class__.__name__}"
        )
    return function(p, q)
