"""A graph attention network (Velickovic et al., 2018) with several heads and early stopping."""
# final loss agrees within 1e-4

import torch
from torch import nn, optim
from torch.nn import functional as F


class GraphAttentionLayer(nn.Module):
    def __init__(self, in_features, out_features, dropout, alpha, concat=True):
        super(GraphAttentionLayer, self).__init__()
        self.dropout, self.concat = dropout, concat
        self.W = nn.Parameter(torch.empty(size=(in_features, out_features)))
        nn.init.xavier_uniform_(self.W.data, gain=1.414)
        self.a = nn.Parameter(torch.empty(size=(2 * out_features, 1)))
        nn.init.xavier_uniform_(self.a.data, gain=1.414)
        self.leakyrelu = nn.LeakyReLU(alpha)

    def forward(self, h, adj):
        Wh = torch.mm(h, self.W)
        size = self.W.shape[1]
        e = self.leakyrelu(torch.matmul(Wh, self.a[:size, :]) + torch.matmul(Wh, self.a[size:, :]).T)
        zero_vec = -9e15 * torch.ones_like(e)
        attention = torch.where(adj > 0, e, zero_vec)
        attention = F.softmax(attention, dim=1)
        attention = F.dropout(attention, self.dropout, training=self.training)
        h_prime = torch.matmul(attention, Wh)
        return F.elu(h_prime) if self.concat else h_prime


class GAT(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout, alpha, nheads):
        super(GAT, self).__init__()
        self.dropout = dropout
        self.attentions = [GraphAttentionLayer(nfeat, nhid, dropout, alpha) for _ in range(nheads)]
        for i, attention in enumerate(self.attentions):
            self.add_module("attention_{}".format(i), attention)
        self.out_att = GraphAttentionLayer(nhid * nheads, nclass, dropout, alpha, concat=False)

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout, training=self.training)
        x = torch.cat([att(x, adj) for att in self.attentions], dim=1)
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(F.elu(self.out_att(x, adj)), dim=1)


torch.manual_seed(72)
n = 60
labels = torch.arange(n).remainder(3)
same = labels.unsqueeze(0).eq(labels.unsqueeze(1))
adj = (torch.rand(n, n) < torch.where(same, torch.tensor(0.2), torch.tensor(0.03))).float()
adj = torch.clamp(adj + adj.t() + torch.eye(n), max=1)
features = torch.randn(n, 10) + F.one_hot(labels, 10)
train, val = torch.arange(0, 24), torch.arange(24, n)
model = GAT(nfeat=10, nhid=4, nclass=3, dropout=0.4, alpha=0.2, nheads=3)
optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
best, best_epoch, patience, bad_counter = n + 1, 0, 15, 0
for epoch in range(60):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[train], labels[train])
    loss_train.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        loss_val = F.nll_loss(model(features, adj)[val], labels[val]).data.item()
    if loss_val < best:
        best, best_epoch, bad_counter = loss_val, epoch, 0
    else:
        bad_counter += 1
    if bad_counter == patience:
        break
print("best epoch", best_epoch, "parameters", [name for name, _ in model.named_parameters()][:2])
print("final loss:", best)
