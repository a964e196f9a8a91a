"""One little training run, written once for both libraries: what PyTorch does with it, tapeless has to do too."""

from __future__ import annotations

from typing import Any

import numpy as np

SHAPES = [(3, 4), (4,), (), (2, 3, 2), (5,)]
MATRICES = [(3, 4), (4, 2), (1, 3), (5, 5), (2, 6)]  # for an optimizer that takes nothing else
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


def _cases(name: str, *options: dict[str, Any]) -> None:
    """Add an optimizer's cases; the first one has no options, the last one the most of them."""
    cases = [(name, {"lr": 0.05, **more}) for more in ({}, *options)]
    OPTIONS.extend(cases)
    RICH.extend([cases[0], cases[-1]])


_cases(
    "Adadelta",
    {"lr": 2.0, "rho": 0.5, "eps": 1e-3},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"lr": 1.0, "rho": 0.7, "weight_decay": 0.1, "maximize": True, "foreach": False},
)
_cases(
    "Adafactor",
    {"lr": 0.5},
    {"beta2_decay": -0.3},
    {"eps": (1e-3, 0.1)},
    {"d": 2.0},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"eps": (1e-2, 0.5), "beta2_decay": -0.5, "weight_decay": 0.1, "maximize": True},
)
_cases(
    "Adagrad",
    {"lr_decay": 0.1},
    {"initial_accumulator_value": 0.5, "eps": 1e-3},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"lr_decay": 0.1, "initial_accumulator_value": 0.2, "weight_decay": 0.1, "maximize": True},
)
_cases(
    "Adamax",
    {"betas": (0.7, 0.9), "eps": 1e-3},
    {"betas": (0.0, 0.9)},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"betas": (0.8, 0.5), "weight_decay": 0.1, "maximize": True},
)
_cases(
    "ASGD",
    {"lambd": 0.1},
    {"alpha": 0.5, "lambd": 0.2},
    {"t0": 10},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"lambd": 0.3, "alpha": 0.9, "t0": 5, "weight_decay": 0.1, "maximize": True},
)
_cases(
    "Muon",
    {"weight_decay": 0.0},
    {"momentum": 0.5},
    {"nesterov": False},
    {"ns_coefficients": (3.0, -3.0, 1.0), "ns_steps": 3},
    {"eps": 1.0},
    {"adjust_lr_fn": "match_rms_adamw"},
    {"adjust_lr_fn": "original", "nesterov": False, "momentum": 0.8},
)
_cases(
    "NAdam",
    {"betas": (0.7, 0.9), "eps": 1e-3},
    {"momentum_decay": 0.1},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": True},
    {"maximize": True},
    {"betas": (0.8, 0.95), "momentum_decay": 0.1, "weight_decay": 0.1, "maximize": True},
)
_cases(
    "RAdam",
    {"betas": (0.7, 0.9), "eps": 1e-3},
    {"betas": (0.9, 0.5)},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "decoupled_weight_decay": True},
    {"maximize": True},
    {"betas": (0.8, 0.95), "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
)
_cases(
    "RMSprop",
    {"alpha": 0.8, "eps": 1e-3},
    {"momentum": 0.9},
    {"centered": True},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"centered": True, "weight_decay": 0.1},
    {"alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1, "maximize": True},
)
_cases(
    "Rprop",
    {"etas": (0.3, 1.5)},
    {"step_sizes": (1e-2, 0.1)},
    {"maximize": True},
    {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2), "maximize": True},
)
CHANGES = {  # options that change at two steps of a run
    "betas": ((0.6, 0.85), (0.85, 0.99)),
    "momentum": (0.5, 0.5),
    "rho": (0.6, 0.95),
    "alpha": (0.6, 0.95),
    "etas": ((0.6, 1.1), (0.2, 1.4)),
    "lr_decay": (0.2, 0.01),
    "beta2_decay": (-0.5, -0.9),
}
OTHER_OPTIONS = {  # of the second group
    "Adam": {"betas": (0.8, 0.95)},
    "AdamW": {"betas": (0.8, 0.95)},
    "Adadelta": {"rho": 0.8},
    "Adafactor": {"beta2_decay": -0.7, "d": 1.5},
    "Adagrad": {"lr_decay": 0.05, "initial_accumulator_value": 0.3},
    "Adamax": {"betas": (0.8, 0.95)},
    "ASGD": {"lambd": 0.01, "t0": 20},
    "Muon": {"momentum": 0.9, "ns_steps": 4},
    "NAdam": {"betas": (0.8, 0.95), "momentum_decay": 0.02},
    "RAdam": {"betas": (0.8, 0.95)},
    "RMSprop": {"alpha": 0.9, "centered": True},
    "Rprop": {"etas": (0.6, 1.3)},
}
EVENTS = ("none", "missing", "frozen", "rate", "betas", "resume", "late", "all")


def tolerance(case: tuple[str, dict[str, Any]]) -> dict[str, float]:
    """Return how close trajectories must be. Muon's steps have 8 bits, and sums in another order round otherwise."""
    return {"rtol": 0, "atol": 1e-2} if case[0] == "Muon" else {"rtol": 1e-9, "atol": 1e-12}


def label(case: tuple[str, dict[str, Any]]) -> str:
    """Return a test id."""
    return "-".join([case[0], *[f"{k}={v}" for k, v in case[1].items() if k != "lr"]])


def second_group(name: str) -> dict[str, Any]:
    """Return the options of an optimizer's second group: all different from the first one's."""
    decay = {} if name == "Rprop" else {"weight_decay": 0.03}
    return {"lr": 0.02, **decay, **OTHER_OPTIONS.get(name, {})}


class Run:
    """A training run with one library. `event` says what happens on the way besides steps."""

    def __init__(self, lib: Any, case: tuple[str, dict[str, Any]], event: str, dtype: str = "float64") -> None:
        self.lib, self.event = lib, event
        self.name, self.options = case
        rng = np.random.default_rng(0)
        shapes = MATRICES if self.name == "Muon" else SHAPES
        self.targets = [lib.tensor(np.asarray(rng.normal(size=s), dtype)) for s in shapes]
        starts = [np.asarray(rng.normal(size=s), dtype) for s in shapes]
        self.params = [lib.nn.Parameter(lib.tensor(start)) for start in starts]
        self.noise = rng.normal(size=(STEPS, len(SHAPES)))
        self.optimizer = self.make(late=False)

    def make(self, late: bool) -> Any:
        """Make the optimizer: two groups with different options."""
        groups = [{"params": self.params[:2]}, {"params": self.params[2:LATE], **second_group(self.name)}]
        if late:
            groups.append({"params": self.params[LATE:]})
        return getattr(self.lib.optim, self.name)(groups, **self.options)

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
                group.update({name: new[t == 35] for name, new in CHANGES.items() if group.get(name)})
        if self.happens("late") and t == 12:
            self.optimizer.add_param_group({"params": self.params[LATE:]})
            self.help_adagrad()
        if self.happens("resume") and t == 27:
            saved = self.optimizer.state_dict()
            self.optimizer = self.make(late=len(saved["param_groups"]) == 3)
            self.optimizer.load_state_dict(saved)

    def help_adagrad(self) -> None:
        """Make the state of the parameters that joined: PyTorch's Adagrad makes states at the beginning only."""
        if self.name == "Adagrad" and self.lib.__name__ == "torch":
            start = self.optimizer.param_groups[-1]["initial_accumulator_value"]
            for p in self.params[LATE:]:
                entry = {"step": self.lib.tensor(0.0), "sum": self.lib.full_like(p, start, requires_grad=False)}
                self.optimizer.state[p].update(entry)

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
