"""Write optim_golden.json, PyTorch's trajectories for runs without it: ``python -m tests.optim.make_optim_golden``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.optim.trajectories import RICH, Run, label

STEPS_KEPT = (0, 9, 29, 49)


def trajectories(lib: Any) -> dict[str, list[list[float]]]:
    """Return all parameters in a row after some of the steps, for each case."""
    result = {}
    for case in RICH:
        history = Run(lib, case, "all").go()
        result[label(case)] = [[x for p in history[t] for x in p.reshape(-1).tolist()] for t in STEPS_KEPT]
    return result


if __name__ == "__main__":
    import torch

    path = Path(__file__).with_name("optim_golden.json")
    path.write_text(json.dumps(trajectories(torch)).replace("], [[", "],\n[[").replace("]], ", "]],\n") + "\n")
