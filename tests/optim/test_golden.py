"""The optimizers against trajectories that PyTorch computed once (make_optim_golden.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import tapeless as tl
from tests.optim.make_optim_golden import trajectories
from tests.optim.trajectories import RICH, label, tolerance


def test_trajectories_are_pytorchs() -> None:
    golden = json.loads(Path(__file__).with_name("optim_golden.json").read_text())
    ours = trajectories(tl)
    assert list(ours) == list(golden)
    for case in RICH:
        name = label(case)
        np.testing.assert_allclose(ours[name], golden[name], **tolerance(case), err_msg=name)
