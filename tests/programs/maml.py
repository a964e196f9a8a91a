"""MAML (Finn et al., 2017) on sine waves: the gradient of a step of gradient descent, to second order."""
# final loss agrees within 1e-4

from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            OrderedDict(
                [("l1", nn.Linear(1, 20)), ("relu1", nn.ReLU()), ("l2", nn.Linear(20, 20)), ("tanh", nn.Tanh())]
                + [("l3", nn.Linear(20, 1))]
            )
        )

    def argforward(self, x, weights):
        x = F.relu(F.linear(x, weights[0], weights[1]))
        x = torch.tanh(F.linear(x, weights[2], weights[3]))
        return F.linear(x, weights[4], weights[5])


class Sine:
    def __init__(self):
        self.amplitude = torch.rand(1) * 4.9 + 0.1
        self.phase = torch.rand(1) * torch.pi

    def sample(self, K):
        x = torch.rand((K, 1)) * 10 - 5
        return x, self.amplitude * torch.sin(x + self.phase)


class MAML:
    def __init__(self, model, inner_lr, meta_lr, K=10, inner_steps=1, tasks_per_meta_batch=4):
        self.model, self.weights = model, list(model.parameters())
        self.criterion = nn.MSELoss()
        self.meta_optimiser = torch.optim.Adam(self.weights, meta_lr)
        self.inner_lr, self.K, self.inner_steps, self.tasks = inner_lr, K, inner_steps, tasks_per_meta_batch

    def inner_loop(self, task):
        temp_weights = [w.clone() for w in self.weights]
        X, y = task.sample(self.K)
        for step in range(self.inner_steps):
            loss = self.criterion(self.model.argforward(X, temp_weights), y) / self.K
            grad = torch.autograd.grad(loss, temp_weights, create_graph=True)
            temp_weights = [w - self.inner_lr * g for w, g in zip(temp_weights, grad)]
        X, y = task.sample(self.K)
        return self.criterion(self.model.argforward(X, temp_weights), y) / self.K

    def main_loop(self, num_iterations):
        epoch_loss = 0
        for iteration in range(1, num_iterations + 1):
            meta_loss = 0
            for i in range(self.tasks):
                meta_loss += self.inner_loop(Sine())
            meta_grads = torch.autograd.grad(meta_loss, self.weights)
            for w, g in zip(self.weights, meta_grads):
                w.grad = g
            self.meta_optimiser.step()
            epoch_loss += meta_loss.item() / self.tasks
            if iteration % 20 == 0:
                print(f"{iteration}/{num_iterations}. loss: {epoch_loss / 20:.5f}")
                last, epoch_loss = epoch_loss / 20, 0
        return last


torch.manual_seed(9)
maml = MAML(Net(), inner_lr=0.1, meta_lr=0.005, inner_steps=2)
print("final loss:", maml.main_loop(num_iterations=80))
