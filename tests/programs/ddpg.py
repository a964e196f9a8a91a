"""DDPG (Lillicrap et al., 2016): a deterministic actor and a critic; a point is pushed to the origin."""
# final loss agrees within 1e-3 relative

import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Point:
    def __init__(self, seed):
        self.rng = np.random.RandomState(seed)

    def reset(self):
        self.state, self.t = self.rng.uniform(-1, 1, 2), 0
        return self.state

    def step(self, action):
        x, v = self.state
        v = np.clip(v + 0.2 * float(action[0]), -1, 1)
        self.state, self.t = np.array([x + 0.2 * v, v]), self.t + 1
        return self.state, -float(self.state @ self.state), self.t >= 25


class ReplayBuffer(object):
    def __init__(self, state_dim, action_dim, max_size=2000):
        self.max_size, self.ptr, self.size = max_size, 0, 0
        self.state, self.next_state = np.zeros((max_size, state_dim)), np.zeros((max_size, state_dim))
        self.action = np.zeros((max_size, action_dim))
        self.reward, self.not_done = np.zeros((max_size, 1)), np.zeros((max_size, 1))

    def add(self, state, action, next_state, reward, done):
        i = self.ptr
        self.state[i], self.action[i], self.next_state[i] = state, action, next_state
        self.reward[i], self.not_done[i] = reward, 1.0 - done
        self.ptr, self.size = (i + 1) % self.max_size, min(self.size + 1, self.max_size)

    def sample(self, batch_size):
        ind = np.random.randint(0, self.size, size=batch_size)
        parts = (self.state, self.action, self.next_state, self.reward, self.not_done)
        return tuple(torch.FloatTensor(part[ind]).to(device) for part in parts)


class Actor(nn.Module):
    def __init__(self, state_dim, action_dim, max_action):
        super(Actor, self).__init__()
        self.l1, self.l2 = nn.Linear(state_dim, 32), nn.Linear(32, action_dim)
        self.max_action = max_action

    def forward(self, state):
        return self.max_action * torch.tanh(self.l2(F.relu(self.l1(state))))


class Critic(nn.Module):
    def __init__(self, state_dim, action_dim):
        super(Critic, self).__init__()
        self.l1, self.l2, self.l3 = nn.Linear(state_dim, 32), nn.Linear(32 + action_dim, 32), nn.Linear(32, 1)

    def forward(self, state, action):
        q = F.relu(self.l1(state))
        return self.l3(F.relu(self.l2(torch.cat([q, action], 1))))


class DDPG(object):
    def __init__(self, discount=0.95, tau=0.01):
        self.actor = Actor(2, 1, 1.0).to(device)
        self.actor_target = copy.deepcopy(self.actor)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=1e-3)
        self.critic = Critic(2, 1).to(device)
        self.critic_target = copy.deepcopy(self.critic)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=2e-3, weight_decay=1e-2)
        self.discount, self.tau = discount, tau

    def select_action(self, state):
        state = torch.FloatTensor(state.reshape(1, -1)).to(device)
        return self.actor(state).cpu().data.numpy().flatten()

    def train(self, replay_buffer, batch_size=32):
        state, action, next_state, reward, not_done = replay_buffer.sample(batch_size)
        target_Q = self.critic_target(next_state, self.actor_target(next_state))
        target_Q = reward + (not_done * self.discount * target_Q).detach()
        critic_loss = F.mse_loss(self.critic(state, action), target_Q)
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        actor_loss = -self.critic(state, self.actor(state)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()
        for net, target in ((self.critic, self.critic_target), (self.actor, self.actor_target)):
            for param, target_param in zip(net.parameters(), target.parameters()):
                target_param.data.copy_(self.tau * param.data + (1 - self.tau) * target_param.data)
        return critic_loss.item(), actor_loss.item()


torch.manual_seed(0)
np.random.seed(0)
env, agent, memory = Point(0), DDPG(), ReplayBuffer(2, 1)
state = env.reset()
for t in range(400):
    action = np.random.uniform(-1, 1, 1) if t < 50 else agent.select_action(state) + np.random.normal(0, 0.1, 1)
    action = action.clip(-1, 1)
    next_state, reward, done = env.step(action)
    memory.add(state, action, next_state, reward, float(done))
    state = env.reset() if done else next_state
    if t >= 50:
        losses = agent.train(memory)
    if t % 100 == 99:
        print(f"step {t}: critic {losses[0]:.4f} actor {losses[1]:.4f}")
print("final loss:", losses[0] + losses[1])
