"""The score of optimizers: every one is in it, and what is wrong counts. (The whole run takes a minute.)"""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

import tapeless as tl  # noqa: E402
from tests.optim.database import optim_db  # noqa: E402
from tests.parity.optimizers import _score, optimizer_checks, scheduler_checks  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_scheduler_is_there() -> None:
    assert set(scheduler_checks()) == set(torch.optim.lr_scheduler.__all__) - {"LRScheduler"}


def test_every_optimizer_has_checks_of_its_errors() -> None:
    for info in optim_db:
        assert optimizer_checks(info)["error"], info.name


def test_what_is_wrong_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    info = next(info for info in optim_db if info.name == "Rprop")
    checks = {kind: optimizer_checks(info)[kind] for kind in ("trajectory", "error")}
    assert all(passed and not failed for passed, failed, _ in _score(checks).values())
    right = tl.optim.Rprop.update

    def wrong(self: Any, unit: Any, group: Any) -> None:
        right(self, unit, group)
        unit.values *= 1 + 1e-6

    monkeypatch.setattr(tl.optim.Rprop, "update", wrong)
    monkeypatch.setattr(tl.optim.Rprop, "check", lambda self, group: None)
    for kind, (passed, failed, notes) in _score(checks).items():
        assert failed and notes, (kind, passed)
