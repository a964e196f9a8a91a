"""Which kernel computes attention: PyTorch's ``torch.nn.attention``, where there is one kernel.

Source: https://docs.pytorch.org/docs/stable/nn.attention.html
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator


class SDPBackend(enum.IntEnum):
    """PyTorch's kernels of `functional.scaled_dot_product_attention`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.attention.SDPBackend.html

    >>> SDPBackend.MATH.name
    'MATH'
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict[str, object]]:
    """Accept a choice of kernels, for PyTorch's programs; it has no effect. Raises AssertionError for other arguments.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.attention.sdpa_kernel.html

    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     pass
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    yield {}
