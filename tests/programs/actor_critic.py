"""Actor and critic share a network; a walk on a line with a prize at one end."""
# final loss agrees within 1e-3 relative

from collections import namedtuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical

SavedAction = namedtuple("SavedAction", ["log_prob", "value"])


class Walk:
    """Nine places; the walk starts in the middle and ends at either side, with 1 on the right and 0 on the left."""

    def reset(self):
        self.place, self.steps = 4, 0
        return self.observe()

    def observe(self):
        state = np.zeros(9, dtype=np.float32)
        state[self.place] = 1
        return state

    def step(self, action):
        self.place += 1 if action == 1 else -1
        self.steps += 1
        done = self.place in (0, 8) or self.steps >= 40
        return self.observe(), float(self.place == 8) - 0.01, done, {}


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(9, 32)
        self.action_head = nn.Linear(32, 2)
        self.value_head = nn.Linear(32, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


torch.manual_seed(7)
env, model = Walk(), Policy()
optimizer = optim.Adam(model.parameters(), lr=1e-2)
eps = np.finfo(np.float32).eps.item()


def select_action(state):
    probs, state_value = model(torch.from_numpy(state).float())
    m = Categorical(probs)
    action = m.sample()
    model.saved_actions.append(SavedAction(m.log_prob(action), state_value))
    return action.item()


def finish_episode():
    R, policy_losses, value_losses, returns = 0, [], [], []
    for r in model.rewards[::-1]:
        R = r + 0.98 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    for (log_prob, value), R in zip(model.saved_actions, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss.backward()
    optimizer.step()
    del model.rewards[:]
    del model.saved_actions[:]
    return loss.item()


losses = []
for i_episode in range(40):
    state, ep_reward, done = env.reset(), 0, False
    while not done:
        state, reward, done, _ = env.step(select_action(state))
        model.rewards.append(reward)
        ep_reward += reward
    losses.append(finish_episode())
    if i_episode % 10 == 9:
        print(f"Episode {i_episode}\tLast reward: {ep_reward:.2f}")
print("final loss:", sum(abs(loss) for loss in losses) / len(losses))
