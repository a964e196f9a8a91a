"""The main module of processes that a script under ``tapeless run`` starts anew (spawn, forkserver).

Python imports the parent's main module there, under the name ``__mp_main__``, so that what it defines can be unpickled.
That module would import torch, so this one comes first: it puts Tapeless in PyTorch's place and runs the script itself.
"""

from __future__ import annotations

import os
from typing import Any

from tapeless._as_torch import as_torch
from tapeless._run import SCRIPT_VARIABLE, _compile


def load(names: dict[str, Any]) -> None:
    """Run the script of the parent process in these global names, which say that it is no main program."""
    path = os.environ[SCRIPT_VARIABLE]
    as_torch()
    names["__file__"] = path
    exec(_compile(path), names)


if __name__ == "__mp_main__":
    load(globals())
