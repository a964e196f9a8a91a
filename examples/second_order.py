"""Gradients of gradients: Newton's method, a Hessian's spectrum, the heat equation, learning to learn.

1. Newton's method divides by the curvature: a dozen steps where gradient descent takes thousands.
2. The Hessian of a trained network has few large eigenvalues: most directions do not matter.
3. A network is fitted to u_t = 0.1 u_xx, a physics-informed one: its error is the equation's, there are no data.
4. MAML finds a start from which one step of gradient descent on ten points learns another sine. The gradient
   goes through that step.

Each part is held to a number of its own; what is printed last is the largest share of what it is allowed::

    python examples/second_order.py

Goal: largest share of what is allowed <= 1 in a full run, <= 5 with --quick.

Ghorbani, Krishnan and Xiao: arXiv:1901.10159; Raissi, Perdikaris and Karniadakis: arXiv:1711.10561; Finn, Abbeel and
Levine: arXiv:1703.03400.
"""

from __future__ import annotations

import math
from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.autograd import grad
from tapeless.autograd.functional import hessian
from tapeless.datasets import moons


def rosenbrock(p: tl.Tensor) -> tl.Tensor:
    """A narrow curved valley; the least value is 0, at (1, 1)."""
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def descend(newton: bool, steps: int) -> list[list[float]]:
    """The way from (-1.2, 1) by Newton's steps or by gradient descent, until the gradient is nothing."""
    p = tl.tensor([-1.2, 1.0], dtype=tl.float64, requires_grad=True)
    way = [p.tolist()]
    while len(way) <= steps:
        (g,) = grad(rosenbrock(p), p)
        if g.norm() < 1e-6:
            break
        step = tl.linalg.solve(hessian(rosenbrock, p.detach()), g) if newton else 0.001 * g
        p = (p - step).detach().requires_grad_()
        way.append(p.tolist())
    return way


def spectrum(steps: int) -> tl.Tensor:
    """The eigenvalues of the loss's Hessian after a small network has learned the moons, largest first."""
    x, y = moons(200)
    shapes = [(2, 12), (12,), (12, 2), (2,)]

    def loss(flat: tl.Tensor) -> tl.Tensor:
        w1, b1, w2, b2 = (piece.view(shape) for piece, shape in zip(flat.split([math.prod(s) for s in shapes]), shapes))
        return nn.functional.cross_entropy((x @ w1 + b1).tanh() @ w2 + b2, y)

    flat = (0.5 * tl.randn(sum(math.prod(s) for s in shapes))).requires_grad_()
    optimizer = tl.optim.Adam([flat], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(flat).backward()
        optimizer.step()
    return tl.linalg.eigvalsh(hessian(loss, flat.detach())).flip(0)


def heat(steps: int) -> tuple[nn.Module, float]:
    """Fit u(x, t) with u(x, 0) = sin(pi x), ends held at 0; return it and its largest error on a grid."""
    network = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = tl.optim.Adam(network.parameters(), lr=0.005)
    scheduler = tl.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in tqdm(range(steps), desc="heat equation", unit="step"):
        point = tl.rand(256, 2).requires_grad_()
        (first,) = grad(temperature(network, point).sum(), point, create_graph=True)  # (u_x, u_t)
        (second,) = grad(first[:, 0].sum(), point, create_graph=True)  # (u_xx, u_xt)
        loss = ((first[:, 1] - 0.1 * second[:, 0]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    points = tl.cartesian_prod(tl.linspace(0, 1, 21), tl.linspace(0, 1, 21))
    exact = (math.pi * points[:, 0]).sin() * (-0.1 * math.pi**2 * points[:, 1]).exp()
    return network, (temperature(network, points) - exact).abs().max().item()


def temperature(network: nn.Module, point: tl.Tensor) -> tl.Tensor:
    """Built so that start and ends are right whatever the network says: only the equation is left to learn."""
    x, t = point.unbind(1)
    return (math.pi * x).sin() + t * x * (1 - x) * network(point).squeeze(1)


def sine_network(weights: list[tl.Tensor], x: tl.Tensor) -> tl.Tensor:
    w1, b1, w2, b2, w3, b3 = weights
    return ((x @ w1 + b1).tanh() @ w2 + b2).tanh() @ w3 + b3


def adapt(weights: list[tl.Tensor], x: tl.Tensor, y: tl.Tensor, training: bool) -> list[tl.Tensor]:
    """One step of gradient descent; in training the step itself can be differentiated."""
    gradients = grad(nn.functional.mse_loss(sine_network(weights, x), y), weights, create_graph=training)
    return [w - 0.05 * g for w, g in zip(weights, gradients)]


def sine_task(tasks: int) -> tuple[tl.Tensor, tl.Tensor]:
    """So many sines of random height and phase at 20 points each: the first ten to learn from, the others to test."""
    x = 10 * tl.rand(tasks, 20, 1) - 5
    return x, (0.5 + 2 * tl.rand(tasks, 1, 1)) * (x + math.pi * tl.rand(tasks, 1, 1)).sin()


def meta_learn(steps: int) -> tuple[list[tl.Tensor], float, float]:
    """Return the start, and the error of new sines before and after one step from it."""
    sizes = [(1, 40), (40,), (40, 40), (40,), (40, 1), (1,)]
    weights = [(tl.randn(s) / math.sqrt(s[0] if len(s) > 1 else 100)).requires_grad_() for s in sizes]
    optimizer = tl.optim.Adam(weights, lr=0.003)
    for _ in tqdm(range(steps), desc="learning to learn", unit="step"):
        optimizer.zero_grad()
        for x, y in zip(*sine_task(4)):
            adapted = adapt(weights, x[:10], y[:10], training=True)
            (nn.functional.mse_loss(sine_network(adapted, x[10:]), y[10:]) / 4).backward()
        optimizer.step()
    before = after = 0.0
    for x, y in zip(*sine_task(100)):
        before += nn.functional.mse_loss(sine_network(weights, x[10:]), y[10:]).item() / 100
        adapted = adapt(weights, x[:10], y[:10], training=False)
        after += nn.functional.mse_loss(sine_network(adapted, x[10:]), y[10:]).item() / 100
    return weights, before, after


def draw(plt: Any, ways: list, eigenvalues: tl.Tensor, network: nn.Module, weights: list[tl.Tensor]) -> Any:
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.6))
    for way, title in zip(ways, ("Newton", "gradient descent")):
        axes[0].plot(*zip(*way), "o-" if title == "Newton" else "-", markersize=3, label=f"{title}: {len(way) - 1}")
    axes[0].plot(1, 1, "k*", markersize=10)
    axes[0].set(title="Steps to the end of the valley")
    axes[0].legend()
    axes[1].semilogy(eigenvalues.abs().numpy(), ".")
    axes[1].set(title="Hessian: |eigenvalues|, sorted", xlabel="direction")
    for t in (0.0, 0.25, 0.5, 1.0):
        x = tl.linspace(0, 1, 50)
        with tl.no_grad():
            u = temperature(network, tl.stack([x, tl.full((50,), t)], 1))
        axes[2].plot(x.numpy(), u.numpy(), label=f"t = {t}")
    axes[2].set(title="Heat equation: u(x, t)", xlabel="x")
    axes[2].legend()
    x, y = (task[0] for task in sine_task(1))
    grid = tl.linspace(-5, 5, 100).unsqueeze(1)
    adapted = adapt(weights, x[:10], y[:10], training=False)
    for label, chosen in (("start", weights), ("after one step", adapted)):
        axes[3].plot(grid.numpy(), sine_network(chosen, grid).detach().numpy(), label=label)
    axes[3].plot(x[:10].numpy(), y[:10].numpy(), "ko", label="ten points")
    axes[3].set(title="Learning to learn")
    axes[3].legend()
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 300}, steps=(3000, "training steps of parts 3 and 4"))
    tl.manual_seed(options.seed)
    ways = [descend(newton=True, steps=100), descend(newton=False, steps=5 * options.steps)]
    eigenvalues = spectrum(options.steps)
    network, error = heat(options.steps)
    weights, before, after = meta_learn(options.steps)
    large = (eigenvalues > 0.01 * eigenvalues[0]).sum().item()
    print(f"Newton's method: {len(ways[0]) - 1} steps; gradient descent: {len(ways[1]) - 1}, not there yet")
    print(f"Hessian: {large} of {len(eigenvalues)} eigenvalues are above a hundredth of the largest")
    print(f"heat equation: largest error {error:.5f}")
    print(f"new sines: error {before:.3f}, after one step on ten points {after:.3f}")
    save_picture("second_order", draw, ways, eigenvalues, network, weights)
    shares = [(len(ways[0]) - 1) / 12, large / (0.5 * len(eigenvalues)), error / 0.005, after / before / 0.3]
    finish("largest share of what is allowed", max(shares))


if __name__ == "__main__":
    main()
