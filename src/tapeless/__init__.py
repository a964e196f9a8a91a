"""Tapeless: PyTorch's API and semantics on nothing but NumPy.

>>> import tapeless as tl
>>> x = tl.tensor([1.0, 2.0], requires_grad=True)
>>> (x**2).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
import math
import warnings
from typing import Any

import numpy as np

from . import _dtypes, autograd
from ._core.modes import enable_grad as enable_grad
from ._core.modes import inference_mode as inference_mode
from ._core.modes import is_grad_enabled as is_grad_enabled
from ._core.modes import is_inference_mode_enabled as is_inference_mode_enabled
from ._core.modes import no_grad as no_grad
from ._core.modes import set_grad_enabled as set_grad_enabled
from ._core.registry import FUNCTIONS
from ._core.tensor_base import TensorBase
from ._creation import arange as arange
from ._creation import as_tensor as as_tensor
from ._creation import asarray as asarray
from ._creation import bernoulli as bernoulli
from ._creation import dropout as dropout
from ._creation import empty as empty
from ._creation import empty_like as empty_like
from ._creation import eye as eye
from ._creation import from_dlpack as from_dlpack
from ._creation import from_numpy as from_numpy
from ._creation import full as full
from ._creation import full_like as full_like
from ._creation import linspace as linspace
from ._creation import logspace as logspace
from ._creation import multinomial as multinomial
from ._creation import normal as normal
from ._creation import ones as ones
from ._creation import ones_like as ones_like
from ._creation import rand as rand
from ._creation import rand_like as rand_like
from ._creation import randint as randint
from ._creation import randint_like as randint_like
from ._creation import randn as randn
from ._creation import randn_like as randn_like
from ._creation import randperm as randperm
from ._creation import tensor as tensor
from ._creation import zeros as zeros
from ._creation import zeros_like as zeros_like
from ._device import Device as device  # noqa: N813  PyTorch's name
from ._dtypes import can_cast as can_cast
from ._dtypes import get_default_dtype as get_default_dtype
from ._dtypes import promote_types as promote_types
from ._dtypes import result_type as result_type
from ._dtypes import set_default_dtype as set_default_dtype
from ._printing import set_printoptions as set_printoptions
from ._random import Generator as Generator
from ._random import default_generator as default_generator
from ._random import get_rng_state as get_rng_state
from ._random import initial_seed as initial_seed
from ._random import manual_seed as manual_seed
from ._random import seed as seed
from ._random import set_rng_state as set_rng_state
from ._tensor import Size as Size
from ._tensor import Tensor as Tensor
from ._version import __version__ as __version__

# NumPy warns of log(0), 1/0 and the like; PyTorch computes inf and nan in silence. Only warnings that are raised
# in our own frames are silenced: the caller's NumPy code warns as before.
warnings.filterwarnings("ignore", ".*encountered in.*", RuntimeWarning, r"tapeless\.")

dtype = np.dtype
pi, e, inf, nan = math.pi, math.e, math.inf, math.nan
strided = "strided"
contiguous_format = "contiguous_format"
preserve_format = "preserve_format"
newaxis = None

globals().update(_dtypes.PUBLIC)
globals().update({name: function for name, function in FUNCTIONS.items() if not name.startswith("_")})

# Loaded when first used, so that `import tapeless` stays quick (PEP 562).
_LAZY = ("nn", "optim", "utils", "datasets", "training")


def is_tensor(obj: Any) -> bool:
    """Return whether `obj` is a Tensor.

    >>> is_tensor([1, 2])
    False
    """
    return isinstance(obj, TensorBase)


def is_floating_point(input: Any) -> bool:
    """Return whether the elements are floats."""
    return bool(input.is_floating_point())


def is_complex(input: Any) -> bool:
    """Return whether the elements are complex numbers."""
    return bool(input.is_complex())


def numel(input: Any) -> int:
    """Return the number of elements."""
    return int(input.numel())


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    if name in FUNCTIONS:  # an operation that was declared after this module was imported
        return FUNCTIONS[name]
    known = [n for n in (*globals(), *_LAZY) if not n.startswith("_")]
    near = importlib.import_module("difflib").get_close_matches(name, known, 1)
    hint = f"; did you mean '{near[0]}'?" if near else "; it is no part of Tapeless yet"
    raise AttributeError(f"module 'tapeless' has no attribute '{name}'{hint}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


_dtypes, autograd  # noqa: B018  imported for their effect: names above, and Tensor.backward
