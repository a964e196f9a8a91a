"""One little training run, written once for both libraries: what PyTorch does with it, tapeless has to do too."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPES = [(3, 4), (4,), (), (2, 3, 2), (5,)]
LATE = 4  # this parameter joins by add_param_group
STEPS = 50

# Every option alone, and those together that meet in the arithmetic.
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *[
        ("SGD", {"lr": 0.05, **more})
        for more in (
            {},
            {"weight_decay": 0.1},
            {"maximize": True},
            {"momentum": 0.9},
            {"momentum": 0.9, "dampening": 0.3},
            {"momentum": 0.9, "nesterov": True},
            {"momentum": 0.9, "weight_decay": 0.1},
            {"momentum": 0.9, "maximize": True},
            {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1, "maximize": True},
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1, "maximize": True},
        )
    ],
    *[
        (name, {"lr": 0.05, **more})
        for name in ("Adam", "AdamW")
        for more in (
            {},
            {"betas": (0.7, 0.9), "eps": 1e-3},
            {"betas": (0.0, 0.9)},
            {"betas": (0.9, 0.0)},
            {"weight_decay": 0.1},
            {"maximize": True},
            {"amsgrad": True},
            {"amsgrad": True, "weight_decay": 0.1, "maximize": True, "betas": (0.5, 0.6)},
        )
    ],
    ("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
]
RICH = [case for case in OPTIONS if len(case[1]) in (1, 4, 5)]  # the plainest and the richest of each
EVENTS = ("none", "missing", "frozen", "rate", "betas", "resume", "late", "all")


def label(case: tuple[str, dict[str, Any]]) -> str:
    """Return a test id."""
    return "-".join([case[0], *[f"{k}={v}" for k, v in case[1].items() if k != "lr"]])


class Run:
    """A training run with one library. `event` says what happens on the way besides steps."""

    def __init__(self, lib: Any, case: tuple[str, dict[str, Any]], event: str, dtype: str = "float64") -> None:
        self.lib, self.event = lib, event
        self.name, self.options = case
        rng = np.random.default_rng(0)
        self.targets = [lib.tensor(np.asarray(rng.normal(size=s), dtype)) for s in SHAPES]
        starts = [np.asarray(rng.normal(size=s), dtype) for s in SHAPES]
        self.params = [lib.nn.Parameter(lib.tensor(start)) for start in starts]
        self.noise = rng.normal(size=(STEPS, len(SHAPES)))
        self.optimizer = self.make(late=False)

    def make(self, late: bool) -> Any:
        """Make the optimizer: two groups with different options."""
        groups = [{"params": self.params[:2]}, {"params": self.params[2:LATE], **self.second_group()}]
        if late:
            groups.append({"params": self.params[LATE:]})
        return getattr(self.lib.optim, self.name)(groups, **self.options)

    def second_group(self) -> dict[str, Any]:
        """Return the options of the second group: all different from the first one's."""
        return {"lr": 0.02, "weight_decay": 0.03} | ({"betas": (0.8, 0.95)} if "Adam" in self.name else {})

    def happens(self, event: str) -> bool:
        """Return whether an event is part of this run."""
        return self.event in (event, "all")

    def gradients(self, t: int) -> None:
        """Compute gradients by a backward pass; which parameters take part depends on the step."""
        self.optimizer.zero_grad()
        loss = 0.0
        for i, (p, target) in enumerate(zip(self.params, self.targets, strict=True)):
            if self.happens("missing") and (t * 7 + i * 3) % 11 < 2:
                continue
            if p.requires_grad:
                loss = loss + ((p - target) ** 2).sum() * 0.5 + (p * float(self.noise[t, i])).sum()
        if not isinstance(loss, float):
            loss.backward()

    def before_step(self, t: int) -> None:
        """Do what this run does by hand on the way."""
        if self.happens("frozen"):
            self.params[1].requires_grad_(t >= 15)
            self.params[2].requires_grad_(t < 25)
        if self.happens("rate") and t == 20:
            self.optimizer.param_groups[0]["lr"] = 0.011
        if self.happens("betas") and t in (22, 35):
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (0.6, 0.85) if t == 22 else (0.85, 0.99)
                elif group["momentum"]:
                    group["momentum"] = 0.5
        if self.happens("late") and t == 12:
            self.optimizer.add_param_group({"params": self.params[LATE:]})
        if self.happens("resume") and t == 27:
            saved = self.optimizer.state_dict()
            self.optimizer = self.make(late=len(saved["param_groups"]) == 3)
            self.optimizer.load_state_dict(saved)

    def go(self, start: int = 0, stop: int = STEPS) -> list[list[Any]]:
        """Train; returns all parameters after each step."""
        history = []
        for t in range(start, stop):
            self.before_step(t)
            self.gradients(t)
            self.optimizer.step()
            history.append([p.detach().numpy().copy() for p in self.params])
        return history


def assert_same(ours: list[list[Any]], theirs: list[list[Any]], **tolerance: float) -> None:
    """Compare two histories, and name the first step and parameter that differ."""
    for t, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            np.testing.assert_allclose(a, b, **tolerance, err_msg=f"step {t}, parameter {i}")
