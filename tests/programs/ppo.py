"""PPO (Schulman et al., 2017): several environments, generalized advantages, clipped objective, continuous actions."""
# final loss agrees within 1e-2 relative

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions.normal import Normal


class Targets:
    """Four points on a line at once, each to be moved to its target."""

    def __init__(self, seed):
        self.rng, self.n = np.random.RandomState(seed), 4
        self.t = 0

    def reset(self):
        self.place, self.target, self.t = self.rng.uniform(-1, 1, self.n), self.rng.uniform(-1, 1, self.n), 0
        return self.observe()

    def observe(self):
        return np.stack([self.place, self.target], 1).astype(np.float32)

    def step(self, action):
        self.place = self.place + 0.2 * np.clip(action[:, 0], -1, 1)
        self.t += 1
        reward = -np.abs(self.place - self.target)
        done = self.t >= 16
        return (self.reset() if done else self.observe()), reward, np.full(self.n, done)


def layer_init(layer, std=np.sqrt(2), bias_const=0.0):
    torch.nn.init.orthogonal_(layer.weight, std)
    torch.nn.init.constant_(layer.bias, bias_const)
    return layer


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(2, 32)), nn.Tanh(), layer_init(nn.Linear(32, 1), std=1.0))
        self.actor_mean = nn.Sequential(layer_init(nn.Linear(2, 32)), nn.Tanh(), layer_init(nn.Linear(32, 1), std=0.01))
        self.actor_logstd = nn.Parameter(torch.zeros(1, 1))

    def get_value(self, x):
        return self.critic(x)

    def get_action_and_value(self, x, action=None):
        action_mean = self.actor_mean(x)
        action_std = torch.exp(self.actor_logstd.expand_as(action_mean))
        probs = Normal(action_mean, action_std)
        if action is None:
            action = probs.sample()
        return action, probs.log_prob(action).sum(1), probs.entropy().sum(1), self.critic(x)


np.random.seed(1)
torch.manual_seed(1)
torch.backends.cudnn.deterministic = True
envs, agent = Targets(1), Agent()
optimizer = optim.Adam(agent.parameters(), lr=3e-3, eps=1e-5)
num_steps, gamma, gae_lambda, clip_coef = 16, 0.9, 0.95, 0.2
obs, actions = torch.zeros((num_steps, 4, 2)), torch.zeros((num_steps, 4, 1))
logprobs, rewards, dones, values = (torch.zeros((num_steps, 4)) for _ in range(4))
next_obs, next_done = torch.Tensor(envs.reset()), torch.zeros(4)

for update in range(1, 9):
    optimizer.param_groups[0]["lr"] = (1.0 - (update - 1.0) / 8) * 3e-3
    for step in range(num_steps):
        obs[step], dones[step] = next_obs, next_done
        with torch.no_grad():
            action, logprob, _, value = agent.get_action_and_value(next_obs)
            values[step] = value.flatten()
        actions[step], logprobs[step] = action, logprob
        next_obs, reward, done = envs.step(action.cpu().numpy())
        rewards[step] = torch.tensor(reward).view(-1)
        next_obs, next_done = torch.Tensor(next_obs), torch.Tensor(done)
    with torch.no_grad():
        next_value = agent.get_value(next_obs).reshape(1, -1)
        advantages, lastgaelam = torch.zeros_like(rewards), 0
        for t in reversed(range(num_steps)):
            nonterminal = 1.0 - (next_done if t == num_steps - 1 else dones[t + 1])
            nextvalues = next_value if t == num_steps - 1 else values[t + 1]
            delta = rewards[t] + gamma * nextvalues * nonterminal - values[t]
            advantages[t] = lastgaelam = delta + gamma * gae_lambda * nonterminal * lastgaelam
        returns = advantages + values
    b_obs, b_actions = obs.reshape((-1, 2)), actions.reshape((-1, 1))
    b_logprobs, b_advantages, b_returns = logprobs.reshape(-1), advantages.reshape(-1), returns.reshape(-1)
    b_inds = np.arange(64)
    for epoch in range(4):
        np.random.shuffle(b_inds)
        for start in range(0, 64, 16):
            mb_inds = b_inds[start : start + 16]
            _, newlogprob, entropy, newvalue = agent.get_action_and_value(b_obs[mb_inds], b_actions[mb_inds])
            logratio = newlogprob - b_logprobs[mb_inds]
            ratio = logratio.exp()
            mb_advantages = b_advantages[mb_inds]
            mb_advantages = (mb_advantages - mb_advantages.mean()) / (mb_advantages.std() + 1e-8)
            pg_loss1 = -mb_advantages * ratio
            pg_loss2 = -mb_advantages * torch.clamp(ratio, 1 - clip_coef, 1 + clip_coef)
            pg_loss = torch.max(pg_loss1, pg_loss2).mean()
            v_loss = 0.5 * ((newvalue.view(-1) - b_returns[mb_inds]) ** 2).mean()
            loss = pg_loss - 0.01 * entropy.mean() + v_loss * 0.5
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    if update % 4 == 0:
        print(f"update {update}: value loss {v_loss.item():.4f}, mean reward {rewards.mean().item():.4f}")
print("final loss:", v_loss.item())
