"""The smallest training loop: a straight line through five points of a parabola.

The points are x = 0, 1, 2, 3, 4 with y = x**2. Of all lines ``y = W x + b``, the one with the least mean squared
error has W = 4, b = -2 and an error of 2.8; Adam finds it within 1000 epochs::

    python examples/linear_regression.py
"""

from __future__ import annotations

import argparse

import tapeless as tl
from tapeless import nn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer epochs, for tests")
    epochs = 700 if parser.parse_args().quick else 1000

    tl.manual_seed(0)
    x = tl.arange(5.0).unsqueeze(1)  # shape (5, 1): five samples of one feature
    y = x**2

    model = nn.Linear(1, 1)
    loss_function = nn.MSELoss()
    optimizer = tl.optim.Adam(model.parameters(), lr=0.05)

    for epoch in range(1, epochs + 1):
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 100 == 0:
            print(f"epoch {epoch:4}  loss {loss.item():.4f}")

    print(f"W = {model.weight.item():.3f}, b = {model.bias.item():.3f}  (exact: 4 and -2)")
    print(f"loss: {loss.item():.4f}")


if __name__ == "__main__":
    main()
