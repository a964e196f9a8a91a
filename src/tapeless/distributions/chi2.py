"""The chi-squared distribution."""

from __future__ import annotations

from . import constraints
from ._functions import Tensor
from .gamma import Gamma


class Chi2(Gamma):
    """The distribution of the sum of the squares of ``df`` standard normal variables.

    See https://docs.pytorch.org/docs/stable/distributions.html#chi2

    >>> import tapeless as tl
    >>> tl.distributions.Chi2(3.0).variance
    tensor(6.)
    """

    arg_constraints = {"df": constraints.positive}
    _expanded = ("concentration", "rate")

    df = property(lambda self: self.concentration * 2)

    def __init__(self, df: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)
