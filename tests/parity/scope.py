"""Which of PyTorch's OpInfo entries are compared, in which tier, and why the others are not."""

from __future__ import annotations

import re

OUT_OF_SCOPE = [
    (r"jiterator_.*", "jiterator compiles CUDA kernels"),
    (r"sparse\..*|to_sparse|_?sparse_.*", "sparse tensors"),
    (r"torch\._scaled_mm.*", "float8 matrix products"),
    (r"torch\.ops\.aten\._(flash|efficient)_attention_forward", "kernels for accelerators"),
    (r"torch\.ops\.aten\..*|_[a-z].*", "private operations; what they serve is compared under its public name"),
    (r"slice|max_pool2d_with_indices_backward", "no public name: reached only through torch.ops"),
    (r"hash_tensor", "an internal checksum"),
    (r"bfloat16|chalf", "NumPy has no such dtype"),
    (r"bmm/triton_optimized", "the same operation again, for a compiler's kernel"),
]
"""Patterns of full names (`name` or ``name/variant``), with the reason."""

NOT_COMPARED = {
    ("as_strided_scatter", "grad"): (
        "PyTorch's gradient also reaches the elements that are overwritten (its own gradcheck fails); ours does not, "
        "and "
        "is held to finite differences"
    ),
    ("as_strided_scatter", "gradgrad"): "as its first gradient",
    ("nn.functional.linear_cross_entropy/chunked", "gradgrad"): (
        "PyTorch has no second gradient in chunks; ours is that of the plain form, which is compared"
    ),
}
"""Kinds of entries where PyTorch has no right result to compare with."""

CORE_WITH_UNDERSCORE = ("__",)  # operators such as __radd__ are public

LINALG = (
    r"linalg\..*|cholesky.*|qr|geqrf|ormqr|svd.*|pca_lowrank|lu.*|pinverse|matrix_exp|"
    r"logdet|triangular_solve|cross|norm|norm/.*|dist|det|cdist|cov|corrcoef"
)
EXTRA = (
    r"fft\..*|special\..*|signal\..*|i?stft|i0|igammac?|polygamma.*|mvlgamma.*|polar|angle|complex|"
    r"view_as_(real|complex)|real|imag|"
    r"conj.*|resolve_.*|frexp|ldexp|nextafter|histogramdd|histogram|masked\..*|cauchy|geometric|log_normal|zeta|"
    r"airy.*|bessel.*|combinations|cartesian_prod|erfinv|digamma|sinc|to|item|.*_copy|unravel_index|segment_reduce.*"
)


def why_out_of_scope(name: str) -> str | None:
    """Return the reason for leaving an entry out, None for one that is compared."""
    if name.startswith(CORE_WITH_UNDERSCORE):
        return None
    return next((why for pattern, why in OUT_OF_SCOPE if re.fullmatch(pattern, name)), None)


def tier(name: str) -> str:
    """Return "core", "linalg" or "extra" for an operation, else the database."""
    if name.startswith(("optim.", "distributions.")):
        return name.partition(".")[0]
    if re.fullmatch(r"nn\.[A-Z]\w*", name):
        return "modules"
    if re.fullmatch(LINALG, name):
        return "linalg"
    return "extra" if re.fullmatch(EXTRA, name) else "core"


VALUES_UNDEFINED = {"empty", "empty_like", "new_empty", "new_empty_strided", "empty_strided", "empty_permuted"}
"""Their elements are whatever memory held; shapes and dtypes are compared."""

AMBIGUOUS = {
    "linalg.svd", "svd", "linalg.eig", "linalg.eigh", "svd_lowrank", "pca_lowrank", "linalg.lstsq/grad_oriented",
}  # fmt: skip
"""Factors that are unique only up to signs or phases: what PyTorch's own tests make unique is compared."""

UNSTABLE = {"sort": 1, "argsort": 0, "topk": 1, "kthvalue": 1, "mode": 1}
"""Results (by place) that are positions, and differ by right where elements are equal: what they lead to is
compared."""
