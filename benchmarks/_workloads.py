"""The rows of the suite: one table that says what each one is, who runs it, and what we want to reach.

A ratio is a peer's time over ours: above 1, tapeless is faster. Those to reach come from the project's goals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

OURS, NUMBA, TORCH, FUSED, COMPILE = "tapeless", "tapeless (numba)", "torch", "torch (fused)", "torch.compile"
JAX, SKLEARN, AUTOGRAD, MYGRAD, BORCH = "jax.jit", "scikit-learn", "autograd", "MyGrad", "pyborch"
HAND, GEMMS, TAKE, COPY = "hand-written NumPy", "bare GEMMs", "bare take", "sequential copy"

LEARNING_RATE = 1e-3
ENGINES = (OURS, NUMBA, TORCH, FUSED, COMPILE)


@dataclass(frozen=True)
class Workload:
    """One row: the `task` is what a peer builds, of these `sizes`; `targets` are the ratios to reach.

    Before anything is timed, the values of the first `steps` steps have to agree within ``atol + rtol * |value|``.
    Reported is the time of a step divided by `parts`, called a `unit`.
    """

    id: str
    what: str
    task: str
    sizes: dict[str, Any]
    peers: tuple[str, ...]
    targets: dict[str, float]
    numba_targets: dict[str, float] = field(default_factory=dict)
    steps: int = 50
    # float32 sums in another order differ in the last place, which Adam magnifies where gradients are near 0.
    rtol: float = 1e-3
    atol: float = 1e-5
    parts: int = 1
    unit: str = "step"

    @property
    def trains(self) -> bool:
        """Whether a step is one of training: then its memory has a goal, too."""
        return self.unit == "step"


def _mlp(id: str, layers: list[int], batch: int, targets: dict[str, float], **options: Any) -> Workload:
    what = f"{'-'.join(map(str, layers))}, batch {batch:,}: ReLU, cross-entropy, Adam; a training step"
    peers = (*ENGINES, JAX, SKLEARN, AUTOGRAD, MYGRAD, BORCH, HAND, GEMMS)
    # scikit-learn makes one output of two classes: another network. And the epsilon of its Adam is not that of the
    # others, which shows where gradients are as small as in a large network: another loss by the fourth step.
    if layers[-1] in (2, 1000):
        peers = tuple(name for name in peers if name != SKLEARN)
    sizes = {"layers": layers, "batch": batch}
    return Workload(id, what, "mlp", sizes, peers, targets, numba_targets=FASTEST, **options)


TOY = {"layers": [2, 16, 16, 2], "batch": 100}
SMALL = {"layers": [64, 64, 10], "batch": 32}
FASTEST = dict.fromkeys((TORCH, FUSED, COMPILE, JAX), 1.0)
TINY_TARGETS = {TORCH: 4.0, FUSED: 2.7, JAX: 1.5, HAND: 0.75}

WORKLOADS = [
    _mlp("mlp-toy", **TOY, targets=TINY_TARGETS),
    _mlp("mlp-small", **SMALL, targets=TINY_TARGETS),
    _mlp("mlp-mnist", [784, 128, 10], 64, {TORCH: 1.4, FUSED: 1.0, JAX: 1.1}),
    _mlp("mlp-wide", [784, 512, 512, 10], 128, {TORCH: 1.5, FUSED: 0.85, JAX: 1.3}, steps=20),
    _mlp("mlp-big", [1024, 2048, 2048, 1000], 256, {TORCH: 1.0, FUSED: 0.85}, steps=4),
    Workload(
        "simplechains",
        "4-32-16-4 with tanh, 10,000 rows as one batch: mean squared error, Adam; a training step",
        "mlp",
        {"layers": [4, 32, 16, 4], "batch": 10_000, "tanh": True},
        (*ENGINES, JAX, AUTOGRAD, MYGRAD, BORCH, HAND, GEMMS),
        {TORCH: 1.5},
        numba_targets=FASTEST,
    ),
    Workload(
        "lenet",
        "LeNet-5 with ReLU and max pooling on 28x28 images, batch 64: cross-entropy, Adam; a training step",
        "lenet",
        {"batch": 64},
        (*ENGINES, JAX),
        {TORCH: 0.7},
        numba_targets={TORCH: 0.9},
        steps=10,
    ),
    Workload(
        "resnet",
        "3 residual blocks of 64 channels (3x3, batch norm) on 32x32 images, batch 32: cross-entropy, "
        "SGD with momentum; a training step",
        "resnet",
        {"batch": 32, "channels": 64, "blocks": 3, "side": 32},
        ENGINES,
        {TORCH: 0.5},
        numba_targets={TORCH: 0.9},
        steps=3,
    ),
    Workload(
        "lstm",
        "LSTM of 1 layer, 64 features to 128, 64 steps, batch 32, a Linear on the last state: cross-entropy, Adam; "
        "a training step",
        "lstm",
        {"batch": 32, "features": 64, "hidden": 128, "length": 64},
        (*ENGINES, JAX),
        {TORCH: 0.8},
        numba_targets={TORCH: 0.9},
        steps=10,
    ),
    Workload(
        "gpt",
        "GPT of 4 layers, 4 heads, 128 wide, context 64, 65 characters, batch 12: "
        "cross-entropy, AdamW; a training step",
        "gpt",
        {"batch": 12, "layers": 4, "heads": 4, "width": 128, "context": 64, "vocabulary": 65},
        ENGINES,
        {TORCH: 0.8},
        numba_targets={TORCH: 0.9},
        steps=5,
    ),
    Workload(
        "chain",
        "1,000 elementwise operations on 64 numbers, forward and backward; an operation",
        "chain",
        {"length": 64, "cycles": 100},
        (OURS, NUMBA, TORCH, COMPILE, JAX, AUTOGRAD, MYGRAD, BORCH),
        {TORCH: 1.3},
        steps=1,
        rtol=1e-4,
        parts=1000,
        unit="operation",
    ),
    Workload(
        "loader",
        "shuffled DataLoader over a TensorDataset of 60,000 x 784, batch 64; an epoch",
        "loader",
        {"samples": 60_000, "features": 784, "batch": 64},
        (OURS, TORCH, TAKE, COPY),
        {TORCH: 20.0},
        steps=2,
        unit="epoch",
    ),
    Workload(
        "cold",
        "a new process: import, 500 steps of mlp-toy, exit; a process",
        "cold",
        {**TOY, "steps": 500},
        (OURS, TORCH, JAX),
        {TORCH: 5.0, JAX: 4.0},
        steps=1,
        unit="process",
    ),
    Workload(
        "hvp",
        "Hessian-vector product of mlp-small's loss; a product",
        "hvp",
        SMALL,
        (OURS, NUMBA, TORCH, JAX),
        {TORCH: 2.0},
        steps=1,
        rtol=1e-4,
        unit="product",
    ),
]
BY_ID = {work.id: work for work in WORKLOADS}


def make_batch(work: Workload) -> tuple[Any, Any]:
    """Return the inputs and targets that all peers of a training row work on."""
    random, sizes = np.random.default_rng(0), work.sizes
    if work.task == "gpt":
        shape = (sizes["batch"], sizes["context"] + 1)
        text = random.integers(0, sizes["vocabulary"], shape)
        return text[:, :-1].copy(), text[:, 1:].copy()
    shapes = {
        "lenet": lambda: (sizes["batch"], 1, 28, 28),
        "resnet": lambda: (sizes["batch"], 3, sizes["side"], sizes["side"]),
        "lstm": lambda: (sizes["length"], sizes["batch"], sizes["features"]),
    }
    shape = shapes.get(work.task, lambda: (sizes["batch"], sizes["layers"][0]))()
    x = random.standard_normal(shape).astype(np.float32)
    if sizes.get("tanh"):
        return x, random.random((sizes["batch"], sizes["layers"][-1]), dtype=np.float32)
    return x, random.integers(0, sizes["layers"][-1] if "layers" in sizes else 10, sizes["batch"])


def make_chain(work: Workload) -> list[Any]:
    """Return where the chain starts and its three constants: such that values and gradients keep their size."""
    random, n = np.random.default_rng(0), work.sizes["length"]
    start, small = random.standard_normal(n), 0.1 * random.standard_normal(n)
    factor, near_one = 0.45 + 0.02 * random.random(n), 1 + 0.05 * random.standard_normal(n)
    return [a.astype(np.float32) for a in (start, small, factor, near_one)]


def make_rows(work: Workload) -> tuple[Any, Any]:
    """Return the data set of the loader row."""
    random, sizes = np.random.default_rng(0), work.sizes
    x = random.random((sizes["samples"], sizes["features"]), dtype=np.float32)
    return x, random.integers(0, 10, sizes["samples"])


def make_vector(start: list[Any]) -> list[Any]:
    """Return the vector that the Hessian is multiplied with: one array per parameter."""
    random = np.random.default_rng(1)
    return [random.standard_normal(w.shape).astype(np.float32) for w in start]
