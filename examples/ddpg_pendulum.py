"""Actor and critic: DDPG swings a pendulum up and holds it there, with a torque that is too weak to lift it at once.

The critic learns what an action is worth, from moments of the past that a buffer keeps; the actor goes up the critic's
gradient. Both have a second, slower self that the critic's goals are made with: chasing one's own guesses would
not end well. A return is minus the sum of what each moment costs; -200 and above is a pendulum that is swung up
as soon as possible, and then stands::

    pip install gymnasium matplotlib
    python examples/ddpg_pendulum.py

Goal: mean return of the trained actor >= -200 in a full run, >= -1000 with --quick.

Lillicrap et al.: Continuous control with deep reinforcement learning (2015), arXiv:1509.02971. The environment is
Gymnasium's Pendulum-v1.
"""

from __future__ import annotations

import copy
from typing import Any

from _common import finish, parse, save_picture
from tqdm import tqdm

import tapeless as tl
from tapeless import nn

TORQUE = 2.0  # the most
DISCOUNT, SLOWNESS, BATCH, WARM_UP = 0.98, 0.01, 64, 1000


def network(inputs: int, *last: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), *last)


class Buffer:
    """The last `size` moments: state, action, reward, next state, a row of 8 numbers each."""

    def __init__(self, size: int = 20_000) -> None:
        self.rows, self.filled, self.next = tl.empty(size, 8), 0, 0

    def add(self, state: Any, action: float, reward: float, following: Any) -> None:
        """Keep a moment, in the place of the oldest if need be."""
        self.rows[self.next] = tl.tensor([*state, action, reward, *following])
        self.next = (self.next + 1) % len(self.rows)
        self.filled = max(self.filled, self.next)

    def draw(self, count: int) -> tuple[tl.Tensor, ...]:
        """Return so many moments from random places: states (n, 3), actions (n, 1), rewards (n, 1), states (n, 3)."""
        return self.rows[tl.randint(self.filled, (count,))].split([3, 1, 1, 3], dim=1)


class Agent:
    """Actor, critic and their slower selves."""

    def __init__(self) -> None:
        self.actor, self.critic = network(3, nn.Tanh()), network(4)
        self.slow_actor, self.slow_critic = copy.deepcopy(self.actor), copy.deepcopy(self.critic)
        self.actor_optimizer = tl.optim.Adam(self.actor.parameters(), lr=5e-4)
        self.critic_optimizer = tl.optim.Adam(self.critic.parameters(), lr=2e-3)

    def learn(self, states: tl.Tensor, actions: tl.Tensor, rewards: tl.Tensor, following: tl.Tensor) -> None:
        """One step of critic and actor, actions being in -1 .. 1, and a small one of their slower selves."""
        with tl.no_grad():  # the goal: the reward now, and what the next moment is worth
            goal = rewards + DISCOUNT * self.slow_critic(tl.cat([following, self.slow_actor(following)], 1))
        loss = nn.functional.mse_loss(self.critic(tl.cat([states, actions], 1)), goal)
        self.critic_optimizer.zero_grad()
        loss.backward()
        self.critic_optimizer.step()

        worth = self.critic(tl.cat([states, self.actor(states)], 1)).mean()
        self.actor_optimizer.zero_grad()
        (-worth).backward()
        self.actor_optimizer.step()

        with tl.no_grad():
            for slow, fast in ((self.slow_actor, self.actor), (self.slow_critic, self.critic)):
                for p, q in zip(slow.parameters(), fast.parameters()):
                    p.lerp_(q, SLOWNESS)


def play(env: Any, agent: Agent, noise: float, buffer: Buffer | None = None, seed: int | None = None) -> list[tuple]:
    """Play one episode and, with a buffer, learn at each moment; return (state, action, reward) of each."""
    state, _ = env.reset(seed=seed)
    moments, over = [], False
    while not over:
        if buffer is not None and buffer.filled < WARM_UP:
            action = 2 * tl.rand(()).item() - 1
        else:
            with tl.no_grad():
                action = agent.actor(tl.from_numpy(state)).item() + noise * tl.randn(()).item()
        action = min(max(action, -1.0), 1.0)
        following, reward, _, over, _ = env.step([TORQUE * action])
        moments.append((state, action, float(reward)))
        if buffer is not None:
            # Rewards are 0 .. -16: smaller numbers are easier to learn.
            buffer.add(state, action, reward / 10, following)
            if buffer.filled >= WARM_UP:
                agent.learn(*buffer.draw(BATCH))
        state = following
    return moments


def draw(plt: Any, history: list[float], trained: list[list[tuple]]) -> Any:
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    left.plot(history)
    left.axhline(-200, color="gray", linestyle=":", label="-200")
    left.set(xlabel="episode", ylabel="return", title="Pendulum: return while it learns")
    left.legend()
    for moments in trained[:5]:
        right.plot([state[0] for state, _, _ in moments])
    right.set(xlabel="moment", ylabel="cosine of the angle", title="Afterwards: 1 is upright, -1 hangs down")
    return figure


def main() -> None:
    options = parse(__doc__, {"episodes": 20}, episodes=(80, "episodes to learn from, of 200 moments each"))
    tl.manual_seed(options.seed)
    import gymnasium  # here, so that --help needs nothing

    env = gymnasium.make("Pendulum-v1")
    env.reset(seed=options.seed)
    agent, buffer, history = Agent(), Buffer(), []
    progress = tqdm(range(options.episodes), unit="episode")
    for _ in progress:
        history.append(sum(reward for _, _, reward in play(env, agent, 0.1, buffer)))
        progress.set_postfix_str(f"return {history[-1]:.0f}")
    trained = [play(env, agent, 0.0, seed=1000 + i) for i in range(20)]
    save_picture("ddpg_pendulum", draw, history, trained)
    finish("mean return of the trained actor", sum(r for moments in trained for _, _, r in moments) / len(trained))


if __name__ == "__main__":
    main()
