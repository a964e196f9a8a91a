"""SGD, Adam and AdamW against trajectories that PyTorch computed once (make_optim_golden.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import tapeless as tl
from tests.optim.make_optim_golden import trajectories


def test_trajectories_are_pytorchs() -> None:
    golden = json.loads(Path(__file__).with_name("optim_golden.json").read_text())
    ours = trajectories(tl)
    assert list(ours) == list(golden)
    for name, history in ours.items():
        np.testing.assert_allclose(history, golden[name], rtol=1e-9, atol=1e-12, err_msg=name)
