"""Probability distributions, with PyTorch's names and semantics.

See https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

from . import constraints as constraints, utils as utils
from .bernoulli import Bernoulli as Bernoulli
from .categorical import Categorical as Categorical
from .distribution import Distribution as Distribution
from .exp_family import ExponentialFamily as ExponentialFamily
from .normal import Normal as Normal
from .uniform import Uniform as Uniform
