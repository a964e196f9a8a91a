"""The row `cold`: a new process that imports a library, trains mlp-toy for 500 steps and ends (`cold_process`)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).with_name("cold_process.py")


class Process:
    """Starts the process and waits for its end."""

    def __init__(self, lib: Any, work: Any) -> None:
        self.name, self.work = lib.__name__, work
        # A user's libraries are compiled to bytecode, by the installer or by the first import: of all peers, ours in a
        # checkout would be the only one that is compiled anew each time (0.1 s) where this variable is set. The run
        # that compares the results comes before those that are timed, and compiles.
        self.env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.env["TAPELESS_NUMBA"] = "0"  # as the peer that runs this row

    def restart(self, start: dict[str, Any]) -> None:
        """Write the file that the process reads."""
        self.folder = tempfile.TemporaryDirectory()
        self.file = str(Path(self.folder.name) / "start.npz")
        np.savez(self.file, *start.values())

    def step(self) -> Any:
        """Return the loss that the process prints at its end."""
        sizes = self.work.sizes
        command = [sys.executable, str(SCRIPT), self.name, str(sizes["steps"]), str(sizes["batch"]), self.file]
        return float(subprocess.run(command, check=True, capture_output=True, text=True, env=self.env).stdout)
