"""Who runs the rows: one entry per peer, which imports nothing before it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from _workloads import (
    AUTOGRAD,
    BORCH,
    COMPILE,
    COPY,
    FUSED,
    GEMMS,
    HAND,
    JAX,
    MYGRAD,
    NUMBA,
    OURS,
    SKLEARN,
    TAKE,
    TORCH,
)

Make = Callable[[Any], Any]  # a Workload -> its job: restart(start), step() and, if it differs, values(steps)


class Missing(Exception):
    """The peer cannot run here; the text says why."""


def tapeless(numba: bool) -> Make:
    """Tapeless, with its optional engine on or off."""
    try:
        engine = importlib.import_module("tapeless.backends.numba")
    except ModuleNotFoundError as error:
        if numba:
            raise Missing(f"{error.name} is not there") from None
    else:
        if numba and not engine.is_available():
            raise Missing("numba is not installed")
        engine.enabled = numba
    return framework("tapeless")


def framework(module: str) -> Make:
    """A library with PyTorch's API."""
    lib = importlib.import_module(module)
    jobs = importlib.import_module("_peers.framework")
    return lambda work: jobs.make_job(lib, work)


def pyborch() -> Make:
    """NumPy in PyTorch's shape. Its backward pass recurses: the row `chain` is deeper than Python's limit."""
    make = framework("borch")
    sys.setrecursionlimit(20_000)
    return make


def fused() -> Make:
    """PyTorch with the optimizer's update in one kernel."""
    lib = importlib.import_module("torch")
    jobs = importlib.import_module("_peers.framework")
    return lambda work: jobs.make_job(lib, work, fused=True)


def compiled() -> Make:
    """PyTorch with a compiled model, and the fused optimizer beside it."""
    lib = importlib.import_module("torch")
    cpp_builder = importlib.import_module("torch._inductor.cpp_builder")
    try:
        cpp_builder.get_cpp_compiler()
    except Exception as error:  # PyTorch has a class of its own for it
        raise Missing("torch.compile needs a C++ compiler, such as g++") from error
    jobs = importlib.import_module("_peers.framework")
    options = lambda work: {} if work.task == "chain" else {"fused": True}
    return lambda work: jobs.make_job(lib, work, compile_=lib.compile, **options(work))


def from_file(module: str, needs: str, name: str = "make_job") -> Make:
    """A peer with a file of its own here."""
    importlib.import_module(needs)
    return getattr(importlib.import_module(f"_peers.{module}"), name)


PEERS: dict[str, Callable[[], Make]] = {
    OURS: lambda: tapeless(numba=False),
    NUMBA: lambda: tapeless(numba=True),
    TORCH: lambda: framework("torch"),
    FUSED: fused,
    COMPILE: compiled,
    JAX: lambda: from_file("jax_peer", "jax"),
    SKLEARN: lambda: from_file("sklearn_peer", "sklearn", "Classifier"),
    AUTOGRAD: lambda: from_file("autograd_peer", "autograd"),
    MYGRAD: lambda: from_file("mygrad_peer", "mygrad"),
    BORCH: pyborch,
    HAND: lambda: from_file("numpy_mlp", "numpy", "HandNumpy"),
    GEMMS: lambda: from_file("numpy_mlp", "numpy", "Gemms"),
    TAKE: lambda: from_file("numpy_rows", "numpy", "Take"),
    COPY: lambda: from_file("numpy_rows", "numpy", "Copy"),
}
# What computes no result has none to check.
LIMITS = (GEMMS, TAKE, COPY)
LIBRARIES = {
    OURS: ("tapeless", "numpy"),
    NUMBA: ("tapeless", "numpy", "numba"),
    TORCH: ("torch",),
    FUSED: ("torch",),
    COMPILE: ("torch",),
    JAX: ("jax", "jaxlib"),
    SKLEARN: ("scikit-learn", "numpy"),
    AUTOGRAD: ("autograd", "numpy"),
    MYGRAD: ("mygrad", "numpy"),
    BORCH: ("pyborch", "numpy"),
}
