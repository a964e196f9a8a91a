"""What tests of programs use: `assert_close`.

Source: https://docs.pytorch.org/docs/stable/testing.html
"""

from __future__ import annotations

from ._comparison import assert_close as assert_close
