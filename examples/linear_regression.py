"""The smallest training loop: a straight line through five points of a parabola.

The points are x = 0, 1, 2, 3, 4 with y = x**2. Of all lines ``y = W x + b``, the one with the least mean squared
error has W = 4, b = -2 and an error of 2.8. After 1000 epochs Adam is on its way; the same run then goes on until the
gradient is nothing any more::

    python examples/linear_regression.py

Goal: distance from the best line <= 0.001 in a full run, <= 0.2 with --quick.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn


def draw(plt: Any, x: tl.Tensor, y: tl.Tensor, losses: list[float], lines: list[tuple[int, float, float]]) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    grid = tl.linspace(-0.3, 4.3, 50)
    for epoch, weight, bias in lines:
        left.plot(grid.numpy(), (weight * grid + bias).numpy(), label=f"after {epoch} epochs")
    left.plot(x.flatten().numpy(), y.flatten().numpy(), "ko", label="the points")
    left.set(xlabel="x", ylabel="y", title="The line on its way")
    left.legend()
    right.plot(range(1, len(losses) + 1), losses)
    right.axhline(2.8, color="gray", linestyle=":", label="2.8, the least that a line can reach")
    right.set(xlabel="epoch", ylabel="loss", yscale="log", title="Loss")
    right.legend()
    return figure


def main() -> None:
    options = parse(__doc__, {"gradient": 0.1}, gradient=(1e-4, "go on until the gradient is as small"))
    tl.manual_seed(options.seed)
    x = tl.arange(5.0).unsqueeze(1)  # shape (5, 1): five samples of one feature
    y = x**2

    model = nn.Linear(1, 1)
    loss_function = nn.MSELoss()
    optimizer = tl.optim.Adam(model.parameters(), lr=0.01)

    losses, lines, epoch, steepest = [], [], 0, float("inf")
    progress = tqdm(unit="epoch")
    while epoch < 1000 or steepest > options.gradient:
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        steepest = max(model.weight.grad.abs().item(), model.bias.grad.abs().item())
        epoch += 1
        progress.update()
        if epoch % 100 == 0 and epoch <= 1000:
            tqdm.write(f"epoch {epoch:4}  loss {loss.item():.4f}")
        if epoch in (100, 300, 1000):
            lines.append((epoch, model.weight.item(), model.bias.item()))
    progress.close()
    weight, bias = model.weight.item(), model.bias.item()
    lines.append((epoch, weight, bias))

    print(f"after {epoch} epochs: W = {weight:.4f}, b = {bias:.4f} (exact: 4 and -2), loss {loss.item():.6f}")
    save_picture("linear_regression", draw, x, y, losses, lines)
    finish("distance from the best line", max(abs(weight - 4), abs(bias + 2)))


if __name__ == "__main__":
    main()
