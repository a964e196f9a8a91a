"""What computes: `backends.numba` is the optional engine for large arrays. Everything else is NumPy.

The others are PyTorch's, for programs that ask for them or set their switches: none is there, nothing changes.
"""

from __future__ import annotations

from . import (
    cpu as cpu,
    cuda as cuda,
    cudnn as cudnn,
    mkl as mkl,
    mkldnn as mkldnn,
    mps as mps,
    nnpack as nnpack,
    numba as numba,
    openmp as openmp,
    opt_einsum as opt_einsum,
)
