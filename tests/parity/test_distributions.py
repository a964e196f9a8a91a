"""The score of distributions: it must see what is wrong. (The whole run is ``make parity``.)"""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import tapeless as tl  # noqa: E402
from tests.distributions import compare, constraint_cases, kl_pairs, transform_cases  # noqa: E402
from tests.distributions.cases import BY_NAME  # noqa: E402
from tests.parity import distributions  # noqa: E402
from tests.parity.reasons import REASONS  # noqa: E402


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave one distribution, one transform and one constraint."""
    monkeypatch.setattr(distributions, "CASES", [BY_NAME["Normal"]])
    monkeypatch.setattr(kl_pairs, "TABLE", [BY_NAME["Normal"]])
    monkeypatch.setattr(transform_cases, "TRANSFORMS", transform_cases.TRANSFORMS[:1])
    monkeypatch.setattr(constraint_cases, "CONSTRAINTS", {"real": constraint_cases.CONSTRAINTS["real"]})


@pytest.mark.usefixtures("few")
def test_what_is_right_passes() -> None:
    scores = distributions.run()
    assert list(scores) == [
        "distributions.Normal",
        "distributions.transforms.ExpTransform",
        "distributions.constraints.real",
    ]
    assert set(scores["distributions.Normal"]) == {*compare.KINDS, "kl"}
    assert all((good, bad, notes) == (2, 0, []) for kinds in scores.values() for good, bad, notes in kinds.values())


@pytest.mark.usefixtures("few")
def test_a_wrong_value_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tl.distributions.Normal.log_prob
    wrong: Any = lambda self, value: right(self, value) * (1 + 1e-3)
    monkeypatch.setattr(tl.distributions.Normal, "log_prob", wrong)
    scores = distributions.run()["distributions.Normal"]
    assert scores["log_prob"][:2] == (0, 2)
    assert scores["grad"][:2] == (0, 2)
    assert scores["moments"][:2] == (2, 0)
    assert scores["log_prob"][2][0].startswith("Normal float32: log_prob: ")


@pytest.mark.slow
def test_all_that_fails_has_a_reason() -> None:
    failing = {(name, kind) for name, kinds in distributions.run().items() for kind in kinds if kinds[kind][1]}
    assert failing == {(name, kind) for name in REASONS if name.startswith("distributions.") for kind in REASONS[name]}
