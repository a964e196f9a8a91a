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

from . import _device, _dtypes, autograd
from ._core.modes import (
    enable_grad as enable_grad,
    inference_mode as inference_mode,
    is_grad_enabled as is_grad_enabled,
    is_inference_mode_enabled as is_inference_mode_enabled,
    no_grad as no_grad,
    set_grad_enabled as set_grad_enabled,
)
from ._core.registry import FUNCTIONS
from ._core.tensor_base import TensorBase
from ._creation import (
    arange as arange,
    as_tensor as as_tensor,
    asarray as asarray,
    bernoulli as bernoulli,
    dropout as dropout,
    empty as empty,
    empty_like as empty_like,
    eye as eye,
    from_dlpack as from_dlpack,
    from_numpy as from_numpy,
    full as full,
    full_like as full_like,
    linspace as linspace,
    logspace as logspace,
    multinomial as multinomial,
    normal as normal,
    ones as ones,
    ones_like as ones_like,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
    tensor as tensor,
    zeros as zeros,
    zeros_like as zeros_like,
)
from ._dtypes import (
    can_cast as can_cast,
    get_default_dtype as get_default_dtype,
    promote_types as promote_types,
    result_type as result_type,
    set_default_dtype as set_default_dtype,
)
from ._printing import set_printoptions as set_printoptions
from ._random import (
    Generator as Generator,
    default_generator as default_generator,
    get_rng_state as get_rng_state,
    initial_seed as initial_seed,
    manual_seed as manual_seed,
    seed as seed,
    set_rng_state as set_rng_state,
)
from ._tensor import Size as Size, Tensor as Tensor
from ._version import __version__ as __version__

# NumPy warns of log(0), 1/0 and the like; PyTorch computes inf and nan in silence. Only warnings that are raised
# in our own frames are silenced: the caller's NumPy code warns as before.
warnings.filterwarnings("ignore", ".*encountered in.*", RuntimeWarning, r"tapeless\.")

dtype = np.dtype
device = _device.Device
finfo, iinfo = np.finfo, np.iinfo
pi, e, inf, nan = math.pi, math.e, math.inf, math.nan
strided = "strided"
contiguous_format = "contiguous_format"
preserve_format = "preserve_format"
newaxis = None

globals().update(_dtypes.PUBLIC)
globals().update({name: function for name, function in FUNCTIONS.items() if not name.startswith("_")})

# Loaded when first used, so that `import tapeless` stays quick (PEP 562).
_LAZY = ("nn", "optim", "utils", "datasets", "training", "cuda")


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
