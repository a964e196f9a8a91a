"""The old names of mixed precision, ``torch.cuda.amp``: deprecated in PyTorch, and without effect here."""

from __future__ import annotations

import warnings
from typing import Any

from ..amp import GradScaler as _GradScaler, autocast as _autocast, custom_bwd as custom_bwd, custom_fwd as custom_fwd

_OLD = "`torch.cuda.amp.{name}(args...)` is deprecated. Please use `torch.amp.{name}('cuda', args...)` instead."


class autocast(_autocast):
    """`amp.autocast` for CUDA; changes nothing. Warns of its age, as PyTorch does.

    >>> import tapeless as tl
    >>> with tl.amp.autocast("cuda", enabled=False):  # the form without a warning
    ...     y = tl.ones(2) @ tl.ones(2)
    >>> y
    tensor(2.)
    """

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        warnings.warn(_OLD.format(name="autocast"), FutureWarning, stacklevel=2)
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """`amp.GradScaler` for CUDA, and so disabled. Warns of its age, as PyTorch does.

    >>> import tapeless as tl
    >>> tl.amp.GradScaler("cuda", enabled=False).is_enabled()  # the form without a warning
    False
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(_OLD.format(name="GradScaler"), FutureWarning, stacklevel=2)
        super().__init__("cuda", *args, **kwargs)
