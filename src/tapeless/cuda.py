"""What programs ask of ``torch.cuda``, answered as on a machine that has only a CPU."""

from __future__ import annotations


def is_available() -> bool:
    """Return False: there is no CUDA here.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """Return 0, the number of CUDA devices."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no device to seed. PyTorch ignores the call silently as well."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no devices to seed."""


def empty_cache() -> None:
    """Do nothing: there is no cache."""
