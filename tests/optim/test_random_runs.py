"""Random programs of steps and of what users do in between, beside PyTorch: the same values, the same state."""

from __future__ import annotations

import pytest

import tapeless as tl
from tests.optim.random_runs import NAMES, Program, Runner, differences

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:grad and param do not obey the gradient layout contract")

MOVES = pytest.mark.parametrize("move", [True, False], ids=["arenas", "one by one"])


@MOVES
@pytest.mark.parametrize("name", NAMES)
def test_random_programs(name: str, move: bool) -> None:
    for seed in range(4):
        program = Program(name, seed)
        assert differences(Runner(tl, program, move), Runner(torch, program)) == "", f"seed {seed}"


@pytest.mark.slow
@MOVES
@pytest.mark.parametrize("name", NAMES)
def test_many_random_programs(name: str, move: bool) -> None:
    for seed in range(1000, 1060):
        program = Program(name, seed)
        assert differences(Runner(tl, program, move), Runner(torch, program)) == "", f"seed {seed}"


@pytest.mark.parametrize("name", NAMES)
def test_programs_run_on_arenas_where_parameters_may_move(name: str) -> None:
    """Else the two ways above were one."""
    kinds = []
    for move in (True, False):
        found = set()
        for seed in range(4):
            run = Runner(tl, Program(name, seed), move)
            for action in ("step", "step"):
                getattr(run, action)(seed)
            found |= {type(unit).__name__ for units in run.optimizer._units for unit in units}
        kinds.append(found)
    assert kinds == [{"Single"} if name == "Adafactor" else {"Arena", "Single"}, {"Single"}]


def test_a_difference_is_seen() -> None:
    ours, theirs = Runner(tl, Program("Adam", 0)), Runner(torch, Program("Adam", 0))
    ours.optimizer.param_groups[0]["lr"] *= 1 + 1e-6
    assert differences(ours, theirs).startswith("action ")
