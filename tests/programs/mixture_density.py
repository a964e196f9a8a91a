"""A mixture density network (Bishop, 1994): the inverse of a function that has none."""
# final loss agrees within 1e-4

import math

import torch
import torch.nn as nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

oneDivSqrtTwoPI = 1.0 / math.sqrt(2.0 * math.pi)


class MDN(nn.Module):
    def __init__(self, n_hidden, n_gaussians):
        super(MDN, self).__init__()
        self.z_h = nn.Sequential(nn.Linear(1, n_hidden), nn.Tanh())
        self.z_pi = nn.Linear(n_hidden, n_gaussians)
        self.z_mu = nn.Linear(n_hidden, n_gaussians)
        self.z_sigma = nn.Linear(n_hidden, n_gaussians)

    def forward(self, x):
        z_h = self.z_h(x)
        pi = nn.functional.softmax(self.z_pi(z_h), -1)
        return pi, torch.exp(self.z_sigma(z_h)), self.z_mu(z_h)


def gaussian_distribution(y, mu, sigma):
    result = (y.expand_as(mu) - mu) * torch.reciprocal(sigma)
    result = -0.5 * (result * result)
    return (torch.exp(result) * torch.reciprocal(sigma)) * oneDivSqrtTwoPI


def mdn_loss_fn(pi, sigma, mu, y):
    result = torch.sum(gaussian_distribution(y, mu, sigma) * pi, dim=1)
    return torch.mean(-torch.log(result))


torch.manual_seed(8)
y = torch.linspace(-10, 10, 300).view(-1, 1)
x = 7 * torch.sin(0.75 * y) + 0.5 * y + torch.randn(300, 1)
network = MDN(n_hidden=20, n_gaussians=5)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for epoch in range(300):
    pi, sigma, mu = network(x)
    loss = mdn_loss_fn(pi, sigma, mu, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 100 == 0:
        print(epoch, "%.4f" % loss.data.item())

with torch.no_grad():
    pi, sigma, mu = network(torch.linspace(-15, 15, 5).view(-1, 1))
    mixture = MixtureSameFamily(Categorical(pi), Independent(Normal(mu.unsqueeze(-1), sigma.unsqueeze(-1)), 1))
    print("mean", [round(v, 2) for v in mixture.mean.flatten().tolist()], mixture.sample((3,)).shape)
    k = torch.multinomial(pi, 1).view(-1)
    print("drawn", torch.normal(mu, sigma)[range(5), k].shape)
print("final loss:", loss.item())
