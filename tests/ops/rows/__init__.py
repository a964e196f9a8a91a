"""Rows of the table by family: every file here is read; a family's file stands beside its operations' in name."""

import importlib
from pathlib import Path

from tests.ops.table import seed

for _file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    seed(_file.stem)
    importlib.import_module(f"{__name__}.{_file.stem}")
