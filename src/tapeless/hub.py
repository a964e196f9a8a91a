"""``torch.hub``: Tapeless downloads nothing. The folder has a name; what would fetch code or weights is refused.

Source: https://docs.pytorch.org/docs/stable/hub.html
"""

from __future__ import annotations

import os
from typing import Any

from ._errors import TapelessError

_NO_DOWNLOADS = (
    "torch.hub.{name}: Tapeless downloads nothing, and runs no code from the network ({what!r} was asked for). "
    "Get the file by other means, then model.load_state_dict(torch.load(path))."
)
_folder: list[str] = []


def get_dir() -> str:
    """Return the folder for downloads, which PyTorch and Tapeless call the same; it need not exist.

    >>> import tapeless as tl
    >>> tl.hub.get_dir().endswith("hub")
    True
    """
    if _folder:
        return _folder[0]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: Any) -> None:
    """Set what `get_dir` returns.

    >>> import tapeless as tl
    >>> before = tl.hub.get_dir()
    >>> tl.hub.set_dir("models")
    >>> tl.hub.get_dir()
    'models'
    >>> tl.hub.set_dir(before)
    """
    _folder[:] = [os.path.expanduser(d)]


def _refused(name: str) -> Any:
    def refuse(what: Any = None, *args: Any, **kwargs: Any) -> Any:
        raise TapelessError(_NO_DOWNLOADS.format(name=name, what=what))

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"""Raise `TapelessError`: nothing is downloaded.

    >>> import tapeless as tl
    >>> tl.hub.{name}("somebody/something")
    Traceback (most recent call last):
        ...
    tapeless._errors.TapelessError: ...
    """
    return refuse


load, help, list = _refused("load"), _refused("help"), _refused("list")
download_url_to_file = _refused("download_url_to_file")
load_state_dict_from_url = _refused("load_state_dict_from_url")
