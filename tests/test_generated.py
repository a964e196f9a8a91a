"""What is generated from the registry is what is committed."""

from __future__ import annotations

import pytest

from tests.make_generated import ROOT, generated


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_generated_file_is_fresh(path) -> None:
    expected = generated()[path]
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    name = path.relative_to(ROOT)
    assert committed == expected, f"{name} is stale: run `python tests/make_generated.py` and commit what it writes"
