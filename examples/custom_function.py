"""An operation with a gradient of your own: `autograd.Function`, and how to be sure that it is right.

`SoftClip` limits numbers smoothly to ``-limit .. limit``: ``limit * tanh(x / limit)``. Its backward rule keeps the
result instead of the input, which saves computing tanh again. `gradcheck` compares the rule with finite
differences; a rule that is wrong by 1 % does not get past it. Then a small network learns through it::

    python examples/custom_function.py

Goal: loss <= 0.01 in a full run, <= 0.1 with --quick.
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.autograd import Function, gradcheck, gradgradcheck


class SoftClip(Function):
    """``limit * tanh(x / limit)``."""

    @staticmethod
    def forward(ctx: Any, x: tl.Tensor, limit: float) -> tl.Tensor:
        """Compute the result from plain tensors; nothing is recorded in here."""
        result = limit * tl.tanh(x / limit)
        ctx.save_for_backward(result)  # tensors go here; they are checked for in-place writes
        ctx.limit = limit  # anything else is an attribute
        return result

    @staticmethod
    def backward(ctx: Any, grad: tl.Tensor) -> tuple[tl.Tensor, None]:
        """Return one gradient for each argument of forward; a Python number has none."""
        (result,) = ctx.saved_tensors
        return grad * (1 - (result / ctx.limit) ** 2), None


class Wrong(SoftClip):
    """The same with a gradient that is 1 % too large."""

    @staticmethod
    def backward(ctx: Any, grad: tl.Tensor) -> tuple[tl.Tensor, None]:
        """Return what `gradcheck` will refuse."""
        return SoftClip.backward(ctx, grad * 1.01)


class Net(nn.Module):
    """A network whose output stays within -2 .. 2."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x: tl.Tensor) -> tl.Tensor:
        """Return one number for each row."""
        return SoftClip.apply(self.layers(x), 2.0)


def draw(plt: Any, x: tl.Tensor, y: tl.Tensor, learned: tl.Tensor) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    grid = tl.linspace(-5, 5, 201, requires_grad=True)
    clipped = SoftClip.apply(grid, 2.0)
    (slope,) = tl.autograd.grad(clipped.sum(), grid)
    left.plot(grid.detach().numpy(), clipped.detach().numpy(), label="soft clip to -2 .. 2")
    left.plot(grid.detach().numpy(), slope.numpy(), label="its gradient, by our rule")
    left.set(xlabel="x", title="The function and its gradient")
    left.legend()
    right.plot(x.numpy(), y.numpy(), "k:", label="2 sin x")
    right.plot(x.numpy(), learned.numpy(), label="the network")
    right.set(xlabel="x", title="Learned through it")
    right.legend()
    return figure


def main() -> None:
    options = parse(__doc__, {"steps": 300}, steps=(1000, "training steps"))
    tl.manual_seed(options.seed)
    x = tl.randn(5, dtype=tl.float64, requires_grad=True)  # float64: differences need the digits
    print("gradcheck:", gradcheck(SoftClip.apply, (x, 1.5)))
    # The rule is written in tensor operations, so it can be differentiated as well.
    print("gradgradcheck:", gradgradcheck(SoftClip.apply, (x, 1.5)))
    print("gradcheck of the wrong rule:", gradcheck(Wrong.apply, (x, 1.5), raise_exception=False))

    model, loss_function = Net(), nn.MSELoss()
    optimizer = tl.optim.Adam(model.parameters(), lr=0.01)
    x = tl.linspace(-3, 3, 100).unsqueeze(1)
    y = 2 * tl.sin(x)
    for _ in tqdm(range(options.steps), unit="step"):
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with tl.no_grad():
        learned = model(x)
    save_picture("custom_function", draw, x, y, learned)
    finish("loss", loss.item())


if __name__ == "__main__":
    main()
