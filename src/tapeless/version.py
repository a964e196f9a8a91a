"""``torch.version``: what was built, and with what. There is no CUDA and no ROCm.

>>> __version__, cuda, debug
('2.13.0+tapeless', None, False)
"""

from __future__ import annotations

from .torch_version import __version__ as __version__

debug = False
cuda = hip = rocm = xpu = git_version = None
