"""``torch.backends.cpu``: what the processor can do is asked of NumPy (`numpy.show_config`)."""

from __future__ import annotations


def get_cpu_capability() -> str:
    """Return "DEFAULT": Tapeless has no kernels for special processors.

    >>> get_cpu_capability()
    'DEFAULT'
    """
    return "DEFAULT"
