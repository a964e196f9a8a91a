"""The chain rule by hand: every partial derivative of a small network written out, beside what autograd says.

Four points X go through two layers, tanh and sigmoid, to a probability p each, and the loss is the cross entropy with
their classes (XOR). From the loss backwards each derivative is one line, made of the one before it. Then the network
is trained with these lines alone, and a twin of it with autograd: after all steps they still are the same::

    python examples/chain_rule_by_hand.py

Goal: largest difference <= 1e-12 in a full run, <= 1e-12 with --quick.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl

X = tl.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=tl.float64)
Y = tl.tensor([[0.0], [1.0], [1.0], [0.0]], dtype=tl.float64)
PARAMETERS = ("W1", "b1", "W2", "b2")


def make_parameters(hidden: int) -> dict[str, tl.Tensor]:
    """Two layers: (2, hidden) and (hidden, 1), with their biases."""
    shapes = {"W1": (2, hidden), "b1": (hidden,), "W2": (hidden, 1), "b2": (1,)}
    return {name: tl.randn(shape, dtype=tl.float64) for name, shape in shapes.items()}


def forward(v: dict[str, tl.Tensor]) -> dict[str, tl.Tensor]:
    """Return all values from the inputs to the loss, by name."""
    v = dict(v)
    v["Z1"] = v["X"] @ v["W1"] + v["b1"]  # (4, hidden)
    v["H"] = tl.tanh(v["Z1"])
    v["Z2"] = v["H"] @ v["W2"] + v["b2"]  # (4, 1)
    v["P"] = tl.sigmoid(v["Z2"])
    v["L"] = -(Y * tl.log(v["P"]) + (1 - Y) * tl.log(1 - v["P"])).mean()
    return v


# What stands in the picture and in the table, and the line of `by_hand` that computes it.
RULES = {
    "P": "dL/dP = (P - Y) / (P (1 - P)) / 4",
    "Z2": "dL/dZ2 = dL/dP * P (1 - P)",
    "W2": "dL/dW2 = H^T @ dL/dZ2",
    "b2": "dL/db2 = sum of dL/dZ2 over the points",
    "H": "dL/dH = dL/dZ2 @ W2^T",
    "Z1": "dL/dZ1 = dL/dH * (1 - H^2)",
    "W1": "dL/dW1 = X^T @ dL/dZ1",
    "b1": "dL/db1 = sum of dL/dZ1 over the points",
    "X": "dL/dX = dL/dZ1 @ W1^T",
}


def by_hand(v: dict[str, tl.Tensor]) -> dict[str, tl.Tensor]:
    """Return the derivative of the loss by each value, from the last to the first: the chain rule, line by line."""
    v, d = forward(v), {}
    d["P"] = (v["P"] - Y) / (v["P"] * (1 - v["P"])) / len(Y)  # of -(y log p + (1 - y) log(1 - p)), a mean of 4
    d["Z2"] = d["P"] * v["P"] * (1 - v["P"])  # sigmoid' = p (1 - p): together P - Y, over 4
    d["W2"] = v["H"].T @ d["Z2"]  # each weight meets each point once
    d["b2"] = d["Z2"].sum(0)  # it was added to every row
    d["H"] = d["Z2"] @ v["W2"].T
    d["Z1"] = d["H"] * (1 - v["H"] ** 2)  # tanh' = 1 - tanh^2
    d["W1"] = v["X"].T @ d["Z1"]
    d["b1"] = d["Z1"].sum(0)
    d["X"] = d["Z1"] @ v["W1"].T
    return d


def by_autograd(v: dict[str, tl.Tensor]) -> dict[str, tl.Tensor]:
    """Return the same from `autograd.grad`, which is told nothing but the forward pass."""
    leaves = {name: value.clone().requires_grad_() for name, value in v.items()}
    values = forward(leaves)
    return dict(zip(RULES, tl.autograd.grad(values["L"], [values[name] for name in RULES])))


def difference(a: dict[str, tl.Tensor], b: dict[str, tl.Tensor]) -> float:
    """Return the largest difference between two sets of tensors."""
    return max((a[name] - b[name]).abs().max().item() for name in a)


def train(v: dict[str, tl.Tensor], gradients: Any, steps: int) -> tuple[dict[str, tl.Tensor], list[float]]:
    """Descend; return the parameters at the end, and the loss before each step."""
    losses = []
    for _ in tqdm(range(steps), unit="step"):
        losses.append(forward(v)["L"].item())
        d = gradients(v)
        v = {name: value - d[name] if name in PARAMETERS else value for name, value in v.items()}
    return v, losses


def draw(plt: Any, rows: dict[str, dict[str, tl.Tensor]], curves: dict[str, list[float]]) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), width_ratios=[2.4, 1])
    for down, (title, tensors) in enumerate(rows.items()):
        left.text(-0.4, 5.2 * down + 2, title, ha="right", va="center")
        x, reach = 0.0, 0.4 if down else 3.0  # what is drawn in full colour
        for name in RULES:
            value = tensors[name].reshape(-1, tensors[name].shape[-1]).numpy()
            (height, width), top = value.shape, 5.2 * down + (4 - len(value)) / 2
            left.imshow(value, cmap="RdBu_r", vmin=-reach, vmax=reach, extent=(x, x + width, top + height, top))
            for i, j in [(i, j) for i in range(height) for j in range(width)]:
                ink = "white" if abs(value[i, j]) > 0.6 * reach else "black"
                left.text(
                    x + j + 0.5, top + i + 0.5, f"{value[i, j]:.2f}", ha="center", va="center", fontsize=6, color=ink
                )
            left.text(x + width / 2, top - 0.15, f"dL/d{name}" if down else name, ha="center", va="bottom", fontsize=8)
            x += width + 0.9
    left.set(xlim=(-4, x), ylim=(5.2 * len(rows) - 1, -0.8), title="Each value of the network, and its derivative")
    left.axis("off")
    for (name, losses), style in zip(curves.items(), ["C1-", "C0--"]):
        right.semilogy(losses, style, label=name, linewidth=2)
    right.set(xlabel="step", title="Loss of two twins in training")
    right.legend()
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 200}, steps=(1000, "of gradient descent"), hidden=(3, "units of layer one"))
    tl.manual_seed(options.seed)
    start = {"X": X, **make_parameters(options.hidden)}

    hand, auto = by_hand(start), by_autograd(start)
    print(f"{'derivative':46} {'shape':8} {'by hand':>11} {'autograd':>11}   largest difference")
    for name, rule in RULES.items():
        shape, first, other = tuple(hand[name].shape), hand[name].flatten()[0].item(), auto[name].flatten()[0].item()
        off = (hand[name] - auto[name]).abs().max().item()
        print(f"{rule:46} {shape!s:8} {first:11.8f} {other:11.8f}   {off:.1e}")
    print("(of each the first number)\n")

    (v, losses), (twin, others) = train(start, by_hand, options.steps), train(start, by_autograd, options.steps)
    probabilities = [round(p, 3) for p in forward(v)["P"].flatten().tolist()]
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f} by hand, {others[0]:.4f} -> {others[-1]:.4f} by autograd")
    print(f"XOR of 00, 01, 10, 11: {probabilities}")
    rows = {"value": forward(start), "by hand": hand, "by autograd": auto}
    save_picture("chain_rule_by_hand", draw, rows, {"by hand": losses, "by autograd": others})
    finish("largest difference", max(difference(hand, auto), difference(v, twin)))


if __name__ == "__main__":
    main()
