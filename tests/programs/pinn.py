"""A physics-informed network: u'' = 2 - pi^2 sin(pi x) with u(-1) = u(1) = 1, by derivatives of the network itself."""
# final loss agrees within 1e-2 relative

import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(1234)
torch.set_default_dtype(torch.float32)


class PINN(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.linears = nn.ModuleList([nn.Linear(i, o) for i, o in zip(layers[:-1], layers[1:])])
        for m in self.linears:
            nn.init.xavier_normal_(m.weight.data, gain=1.0)
            nn.init.zeros_(m.bias.data)
        self.activation = nn.Tanh()

    def forward(self, x):
        for layer in self.linears[:-1]:
            x = self.activation(layer(x))
        return self.linears[-1](x)


def residual(model, x):
    x = x.clone().requires_grad_(True)
    u = model(x)
    u_x = torch.autograd.grad(u, x, torch.ones_like(u), retain_graph=True, create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, torch.ones_like(u_x), create_graph=True)[0]
    return u_xx + np.pi**2 * torch.sin(np.pi * x) - 2


model = PINN([1, 20, 20, 1])
x_f = torch.linspace(-1, 1, 64).view(-1, 1)
x_b = torch.tensor([[-1.0], [1.0]])
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.995)
mse = nn.MSELoss(reduction="mean")

for step in range(300):
    optimizer.zero_grad()
    f = residual(model, x_f)
    loss = mse(f, torch.zeros_like(f)) + 10 * mse(model(x_b), torch.ones(2, 1))
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 100 == 0:
        print(f"step {step}: loss {loss.item():.6f}")

with torch.no_grad():
    error = (model(x_f) - (torch.sin(np.pi * x_f) + x_f**2)).abs().max().item()
print("largest error against sin(pi x) + x^2: %.4f" % error)
print("final loss:", loss.item())
