"""A policy by its gradient: REINFORCE keeps a pole upright on a cart that it can push to the left or to the right.

Nobody says which push is right: there is a reward of 1 for each moment that the pole stands. So the policy draws its
pushes, and those after which more came than was to be expected are made more probable. What was to be expected
is the guess of a second network, the baseline. 500 moments are the most; 475 on average count as solved::

    pip install gymnasium matplotlib
    python examples/reinforce_cartpole.py

Goal: mean return of the trained policy >= 475 in a full run, >= 50 with --quick.

Williams: Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992). The
environment is Gymnasium's CartPole-v1, after Barto, Sutton and Anderson (1983).
"""

from __future__ import annotations

from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn
from tapeless.distributions import Categorical

DISCOUNT = 0.99


def network(outputs: int) -> nn.Sequential:
    """From the cart's place and speed and the pole's angle and speed to so many numbers."""
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, outputs))


@tl.no_grad()
def play(env: Any, policy: nn.Module, seed: int | None = None, greedy: bool = False) -> tuple[list, list, float]:
    """Play one episode; return what was seen (4 numbers a moment), the pushes, and the sum of the rewards."""
    seen, pushes, total = [], [], 0.0
    state, _ = env.reset(seed=seed)
    over = False
    while not over:
        scores = policy(tl.from_numpy(state))
        push = scores.argmax().item() if greedy else Categorical(logits=scores).sample().item()
        seen.append(state)
        pushes.append(push)
        state, reward, fallen, too_long, _ = env.step(push)
        total += reward
        over = fallen or too_long
    return seen, pushes, total


def returns(length: int) -> tl.Tensor:
    """The discounted sum of rewards from each moment on: rewards are 1, so a geometric series."""
    left = tl.arange(length, 0, -1)
    return (1 - DISCOUNT**left) / (1 - DISCOUNT)


def learn(env: Any, policy: nn.Module, episodes: int) -> list[float]:
    """Train on one episode after the other; return what each brought."""
    baseline = network(1)
    optimizer = tl.optim.Adam(policy.parameters(), lr=0.003)
    baseline_optimizer = tl.optim.Adam(baseline.parameters(), lr=0.01)
    history: list[float] = []
    progress = tqdm(range(episodes), unit="episode")
    for _ in progress:
        seen, pushes, total = play(env, policy)
        states, pushes = tl.stack([tl.from_numpy(state) for state in seen]), tl.tensor(pushes)
        target = returns(len(seen))

        expected = baseline(states).squeeze(1)
        baseline_optimizer.zero_grad()
        nn.functional.smooth_l1_loss(expected, target).backward()
        baseline_optimizer.step()

        advantage = target - expected.detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        distribution = Categorical(logits=policy(states))
        loss = -(distribution.log_prob(pushes) * advantage).mean() - 0.01 * distribution.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        optimizer.step()

        history.append(total)
        progress.set_postfix_str(f"mean return of the last 20: {sum(history[-20:]) / len(history[-20:]):.0f}")
    return history


def draw(plt: Any, history: list[float], trained: list[float]) -> Any:
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot(history, ".", markersize=3, alpha=0.5, label="an episode")
    smooth = tl.tensor(history).unfold(0, 20, 1).mean(1)
    axes.plot(range(19, len(history)), smooth.numpy(), label="mean of 20")
    axes.axhline(475, color="gray", linestyle=":", label="solved")
    mean = sum(trained) / len(trained)
    axes.plot(len(history), mean, "k*", markersize=12, label=f"afterwards, without chance: {mean:.0f}")
    axes.set(xlabel="episode", ylabel="return", ylim=(0, 520), title="CartPole: moments that the pole stands")
    axes.legend(loc="lower right")
    return figure


def main() -> None:
    options = parse(__doc__, {"episodes": 100}, episodes=(500, "episodes to learn from"))
    tl.manual_seed(options.seed)
    import gymnasium  # here, so that --help needs nothing

    env = gymnasium.make("CartPole-v1")
    env.reset(seed=options.seed)
    policy = network(2)
    history = learn(env, policy, options.episodes)
    trained = [play(env, policy, seed=1000 + i, greedy=True)[2] for i in range(20)]
    save_picture("reinforce_cartpole", draw, history, trained)
    finish("mean return of the trained policy", sum(trained) / len(trained))


if __name__ == "__main__":
    main()
