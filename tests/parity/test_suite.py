"""The parity suite itself: it must see what is wrong. (The whole run is ``make parity``.)"""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")

from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402

import tapeless as tl  # noqa: E402
from tests.parity import modules  # noqa: E402
from tests.parity.__main__ import BASELINE, OPERATIONS, TIERS, complaints, failing, run_one, table  # noqa: E402
from tests.parity.compare import Entry, Mismatch, full_name, same  # noqa: E402
from tests.parity.reasons import REASONS  # noqa: E402
from tests.parity.scope import tier, why_out_of_scope  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def entry(name: str) -> Entry:
    return Entry(next(op for op in op_db if full_name(op) == name))


def test_a_right_operation_passes_every_kind():
    scores = entry("expm1").run()
    assert {"value", "dtype", "grad", "gradgrad", "inplace", "alias"} <= set(scores)
    assert not any(score.failed for score in scores.values())
    assert all(score.passed for score in scores.values())


def test_a_wrong_value_is_seen():
    wrong = entry("expm1")
    wrong.ours = lambda x, *args, **kwargs: tl.expm1(x) * (1 + 1e-6)
    scores = wrong.run()
    assert scores["value"].failed == scores["value"].failed + scores["value"].passed > 0


def test_a_wrong_gradient_is_seen():
    wrong = entry("expm1")
    wrong.ours = lambda x, *args, **kwargs: tl.expm1(x) + (x - x.detach()) * 1e-3
    scores = wrong.run()
    assert not scores["value"].failed
    assert scores["grad"].failed


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (tl.ones(2), torch.ones(3)),
        (tl.ones(2), torch.ones(2, dtype=torch.float64)),
        (tl.tensor([1.0, 2.0]), torch.tensor([1.0, 2.1])),
        (tl.tensor([0.0]), torch.tensor([float("nan")])),
        ((tl.ones(2),), (torch.ones(2), torch.ones(2))),
        (1, 2),
    ],
)
def test_same_refuses_what_differs(ours, theirs):
    with pytest.raises(Mismatch):
        same(ours, theirs, "result")


def test_the_check_sees_what_got_worse():
    results = {"exp": {"value": (3, 1, ["differs"]), "grad": (2, 0, [])}}
    assert complaints(results, {"exp": {"passes": ["value", "grad"], "fails": []}}) == [
        "exp value: passed when the baseline was recorded"
    ]
    assert complaints(results, {"exp": {"passes": ["grad"], "fails": ["value"]}}) == [
        "exp value: fails, and reasons.py does not say why"
    ]
    assert failing(results["exp"]) == ["value"]
    assert "| core | value | 0 | 1 | 0.0 |" in table(results)


def test_the_baseline_covers_the_scope():
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
    scope = {full_name(op) for op in op_db if why_out_of_scope(full_name(op)) is None}
    assert {name for name in baseline if tier(name) in OPERATIONS} == scope
    assert {name for name in baseline if tier(name) == "modules"} == set(modules.entries())
    assert {tier(name) for name in baseline} == set(TIERS)
    for name, kinds in REASONS.items():
        assert set(kinds) & set(baseline[name]["fails"]), f"{name} passes: its reason in reasons.py can go"


def test_tiers():
    assert [tier(name) for name in ("add", "linalg.svd", "fft.fft", "nn.functional.conv2d")] == [
        "core",
        "linalg",
        "extra",
        "core",
    ]
    assert run_one(next(i for i, op in enumerate(op_db) if op.name == "neg"))[0] == "neg"
