"""Random training programs that run with either library: options, shapes, and what users do between steps."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np

POOLS: dict[str, list[Any]] = {  # values of options; of each option a group has any one
    "lr": [0.1, 0.01, 0.003],
    "weight_decay": [0, 0, 0.1, 0.01],
    "maximize": [False, False, True],
    "momentum": [0, 0.5, 0.9],
    "dampening": [0, 0, 0.3],
    "nesterov": [False],
    "betas": [(0.9, 0.999), (0.5, 0.9), (0.0, 0.8)],
    "eps": [1e-8, 1e-3, 0.1],
    "amsgrad": [False, True],
    "rho": [0.9, 0.3],
    "lr_decay": [0, 0.1],
    "lambd": [1e-4, 0.1],
    "alpha": [0.99, 0.75],
    "t0": [1e6, 3, 12],
    "centered": [False, True],
    "momentum_decay": [4e-3, 0.2],
    "decoupled_weight_decay": [False, True],
    "etas": [(0.5, 1.2), (0.3, 1.5)],
    "step_sizes": [(1e-6, 50), (1e-2, 0.1)],
    "beta2_decay": [-0.8, -0.3],
    "d": [1.0, 2.0],
}
NAMES: dict[str, str] = {
    "SGD": "lr weight_decay maximize momentum dampening",
    "Adam": "lr weight_decay maximize betas eps amsgrad decoupled_weight_decay",
    "AdamW": "lr weight_decay maximize betas eps amsgrad",
    "Adadelta": "lr weight_decay maximize rho eps",
    "Adafactor": "lr weight_decay maximize beta2_decay d",
    "Adagrad": "lr weight_decay maximize lr_decay eps",
    "Adamax": "lr weight_decay maximize betas eps",
    "ASGD": "lr weight_decay maximize lambd alpha t0",
    "NAdam": "lr weight_decay maximize betas eps momentum_decay decoupled_weight_decay",
    "RAdam": "lr weight_decay maximize betas eps decoupled_weight_decay",
    "RMSprop": "lr weight_decay maximize alpha eps momentum centered",
    "Rprop": "lr maximize etas step_sizes",
}
SHAPES = [(3, 4), (4,), (), (2, 1, 3), (1,), (0, 2), (5,), (2, 3)]
ACTIONS = (
    "step step step step step skip zero freeze thaw rate option save copy pickle add halve data look poke hold twice "
    "nothing drop"
).split()


class Program:
    """A random program, the same for both libraries."""

    def __init__(self, name: str, seed: int, length: int = 40) -> None:
        self.rng = rng = np.random.default_rng([seed, *name.encode()])
        self.name = name
        self.groups = [self.options() for _ in range(rng.integers(1, 4))]
        count = int(rng.integers(2, 8))
        self.shapes = [SHAPES[i] for i in rng.integers(len(SHAPES), size=count)]
        if name == "Adafactor":  # PyTorch's divides by the number of elements
            self.shapes = [shape if 0 not in shape else (2, 2) for shape in self.shapes]
        self.homes = rng.integers(len(self.groups), size=count)
        self.homes[: len(self.groups)] = range(min(len(self.groups), count))
        self.groups = self.groups[: max(self.homes) + 1]
        self.starts = [rng.normal(size=shape) for shape in self.shapes]
        self.layouts = rng.integers(5, size=count)
        self.single = rng.random() < 0.2  # float32 for some parameters
        self.complex = name != "Adafactor" and rng.random() < 0.25
        self.actions = [(str(rng.choice(ACTIONS)), int(rng.integers(1 << 30))) for _ in range(length)]

    def options(self) -> dict[str, Any]:
        """Draw the options of a group."""
        options = {
            name: self.draw(name) for name in NAMES[self.name].split() if name == "lr" or self.rng.random() < 0.6
        }
        if self.name == "SGD" and options.get("momentum") and not options.get("dampening", 0):
            options["nesterov"] = bool(self.rng.random() < 0.5)
        return options

    def draw(self, name: str) -> Any:
        """Draw a value of an option."""
        return POOLS[name][self.rng.integers(len(POOLS[name]))]


class Runner:
    """Runs a program with a library; `history` is what can be seen of it."""

    def __init__(self, lib: Any, program: Program, move: bool = True) -> None:
        self.lib, self.program = lib, program
        self.params = [self.parameter(i) for i in range(len(program.shapes))]
        # Views keep parameters where they are: the way without arenas.
        self.kept: list[Any] = [] if move else [p.detach() for p in self.params]
        groups = [{"params": [], **options} for options in program.groups]
        for p, home in zip(self.params, program.homes, strict=True):
            groups[home]["params"].append(p)
        self.defaults = {"momentum": 0.1, "nesterov": False} if program.name == "SGD" else {}
        self.optimizer = getattr(lib.optim, program.name)(groups, **self.defaults)
        self.history: list[list[Any]] = []

    def parameter(self, i: int) -> Any:
        """Make a parameter, in one of several layouts and dtypes."""
        start, layout = self.program.starts[i], self.program.layouts[i]
        if self.program.complex and i % 3 == 1:
            start = start + 1j * start[..., ::-1] if start.ndim else start + 0.5j
        if self.program.single and i % 2:
            start = start.astype(np.complex64 if np.iscomplexobj(start) else np.float32)
        tensor = self.lib.tensor(start)
        if layout == 1 and start.ndim > 1:
            tensor = self.lib.tensor(np.ascontiguousarray(np.swapaxes(start, 0, -1))).transpose(0, -1)
        return self.lib.nn.Parameter(tensor)

    def backward(self, seed: int, missing: bool = False) -> None:
        """Compute gradients; some parameters have none."""
        rng = np.random.default_rng(seed)
        for p in self.params:
            weight, noise, left_out = rng.normal() ** 2 + 0.5, rng.normal(), rng.random() < 0.3
            if p.requires_grad and not (missing and left_out):
                distance = p - noise
                square = (distance * distance.conj()).real if p.is_complex() else distance**2
                (square.sum() * weight).backward()

    def run(self) -> list[list[Any]]:
        """Run the whole program."""
        for action, seed in self.program.actions:
            getattr(self, action)(seed)
            self.history.append([p.detach().numpy().copy() for p in self.params])
        return self.history

    def pick(self, seed: int) -> Any:
        """Return one of the parameters."""
        return self.params[seed % len(self.params)]

    def step(self, seed: int) -> None:
        self.optimizer.zero_grad()
        self.backward(seed)
        self.optimizer.step()

    def skip(self, seed: int) -> None:
        self.optimizer.zero_grad()
        self.backward(seed, missing=True)
        self.optimizer.step()

    def nothing(self, seed: int) -> None:
        self.optimizer.zero_grad()
        self.optimizer.step()

    def zero(self, seed: int) -> None:
        self.optimizer.zero_grad(set_to_none=False)
        if seed % 2:
            self.backward(seed)
        self.optimizer.step()

    def twice(self, seed: int) -> None:
        """Step twice with the same gradients, and add to them."""
        self.optimizer.step()
        self.backward(seed)
        self.optimizer.step()

    def freeze(self, seed: int) -> None:
        self.pick(seed).requires_grad_(False)

    def thaw(self, seed: int) -> None:
        for p in self.params:
            p.requires_grad_(True)

    def rate(self, seed: int) -> None:
        group = self.optimizer.param_groups[seed % len(self.optimizer.param_groups)]
        group["lr"] = group["lr"] * 0.7

    def option(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        group = self.optimizer.param_groups[seed % len(self.optimizer.param_groups)]
        names = [n for n in NAMES[self.program.name].split() if n not in ("dampening", "amsgrad", "centered")]
        if self.program.name == "RMSprop":
            names.remove("momentum")  # PyTorch makes a buffer in the first step only
        name = names[rng.integers(len(names))]
        group[name] = POOLS[name][rng.integers(len(POOLS[name]))]
        if group.get("nesterov") and not group["momentum"]:
            group["momentum"] = 0.3

    def fresh(self) -> Any:
        """Return a new optimizer of the same groups."""
        groups = [{"params": group["params"]} for group in self.optimizer.param_groups]
        return getattr(self.lib.optim, self.program.name)(groups, **self.defaults)

    def save(self, seed: int) -> None:
        saved = copy.deepcopy(self.optimizer.state_dict())
        self.optimizer = self.fresh()
        self.optimizer.load_state_dict(saved)

    def copy(self, seed: int) -> None:
        """Go on with copies of parameters and optimizer."""
        self.params, self.optimizer = copy.deepcopy((self.params, self.optimizer))
        self.kept = [p.detach() for p in self.params] if self.kept else []

    def pickle(self, seed: int) -> None:
        self.params, self.optimizer = pickle.loads(pickle.dumps((self.params, self.optimizer)))
        self.kept = [p.detach() for p in self.params] if self.kept else []

    def add(self, seed: int) -> None:
        """Add a group of a new parameter."""
        if self.program.name == "Adagrad" or len(self.params) > 9:
            return  # PyTorch's Adagrad has no state for parameters that join later
        shape = SHAPES[seed % len(SHAPES)]
        start = np.random.default_rng(seed).normal(size=(2, 2) if 0 in shape else shape)
        self.params.append(self.lib.nn.Parameter(self.lib.tensor(start)))
        if self.kept:
            self.kept.append(self.params[-1].detach())
        self.optimizer.add_param_group({"params": self.params[-1], "lr": 0.02})

    def halve(self, seed: int) -> None:
        with self.lib.no_grad():
            self.pick(seed).mul_(0.5)

    def data(self, seed: int) -> None:
        p = self.pick(seed)
        p.data = p.data * 0.9 + 0.1
        if self.kept:
            self.kept.append(p.detach())

    def look(self, seed: int) -> None:
        """Look at gradients and state, and keep a view of them for a while."""
        p = self.pick(seed)
        entry = self.optimizer.state.get(p, {})
        self.looked = [p.grad, dict(entry), p.detach() if self.kept else None]

    def poke(self, seed: int) -> None:
        """Write into the state."""
        p = self.pick(seed)
        if p in self.optimizer.state:
            for name, value in self.optimizer.state[p].items():
                if name not in ("step", "mu_product", "eta", "mu"):
                    value.mul_(0.5)

    def hold(self, seed: int) -> None:
        """Hold a gradient over the next steps, and write into it."""
        p = self.pick(seed)
        self.backward(seed)
        self.held = p.grad
        if p.grad is not None:
            p.grad.mul_(2)

    def drop(self, seed: int) -> None:
        """Forget the state of a parameter."""
        p = self.pick(seed)
        if self.program.name != "Adagrad" and self.optimizer.state.get(p):
            del self.optimizer.state[p]


def differences(ours: Runner, theirs: Runner, rtol: float = 1e-9, atol: float = 1e-11) -> str:
    """Run both; return where they first differ, or an empty string. Where numbers explode is no matter."""
    for t, (mine, other) in enumerate(zip(ours.run(), theirs.run(), strict=True)):
        for i, (a, b) in enumerate(zip(mine, other, strict=True)):
            if not (np.abs(b) < 1e5).all():
                return ""
            single = a.dtype in (np.float32, np.complex64)
            if a.dtype != b.dtype or a.shape != b.shape:
                return f"action {t}, parameter {i}: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}"
            if not np.allclose(a, b, rtol=2e-3 if single else rtol, atol=2e-4 if single else atol):
                return f"action {t} ({ours.program.actions[t][0]}), parameter {i}: {a}, expected {b}"
    return state_differences(ours.optimizer.state_dict(), theirs.optimizer.state_dict(), rtol, atol)


def state_differences(ours: Any, theirs: Any, rtol: float = 1e-9, atol: float = 1e-11) -> str:
    """Return where two state dicts first differ: keys and their order, shapes, dtypes, values; or an empty string."""
    # PyTorch's loading adds the default of "differentiable" also where an optimizer has no such option.
    mine, other = [
        [[(k, v) for k, v in group.items() if k != "differentiable"] for group in saved["param_groups"]]
        for saved in (ours, theirs)
    ]
    if mine != other:
        return f"param_groups: {mine}, expected {other}"
    # PyTorch makes an entry when someone looks for one; its entries come in the order of first use, ours by number.
    used = {number: entry for number, entry in theirs["state"].items() if entry}
    if list(ours["state"]) != sorted(used):
        return f"state of {list(ours['state'])}, expected {sorted(used)}"
    for number, entry in ours["state"].items():
        if list(entry) != list(used[number]):
            return f"state {number}: {list(entry)}, expected {list(used[number])}"
        for name, value in entry.items():
            a, b = (v.numpy() if hasattr(v, "numpy") else np.asarray(v) for v in (value, used[number][name]))
            if (a.dtype, a.shape) != (b.dtype, b.shape):
                return f"state {number} {name}: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}"
            single = a.dtype in (np.float32, np.complex64)
            if not np.allclose(a, b, rtol=5e-3 if single else rtol, atol=1e-3 if single else atol):
                return f"state {number} {name}: {a}, expected {b}"
    return ""
