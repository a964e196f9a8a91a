"""The operation that docs/how/adding_an_op.md adds, with its row, passes every check of the operation table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "how" / "adding_an_op.md"

# In a process of its own: what it adds to the table must not stay there.
CHECK = """
import sys
import numpy as np
import tests.ops.test_table as checks
from tests.ops.table import ROWS, row, unary

exec(sys.argv[1])  # the declaration
exec(sys.argv[2])  # the row
checks.test_every_operation_has_a_row()
checks.test_registered_names_are_public()
names = [name for name, check in vars(checks).items()
         if name.startswith("test_") and check.__code__.co_varnames[: check.__code__.co_argcount] == ("row",)]
for name in names:
    try:
        getattr(checks, name)(ROWS["cbrt"])
    except checks.pytest.skip.Exception:
        pass
print(len(names), "checks")
"""


def block(text: str, start: str) -> str:
    """Return the code block of the page that holds `start`."""
    blocks = re.findall(r"^```python[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (found,) = [code for code in blocks if start in code]
    return found


def test_the_documented_operation_passes_the_operation_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    command = [sys.executable, "-c", CHECK, block(text, "class Cbrt"), block(text, 'row("cbrt"')]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) >= 8, done.stdout
