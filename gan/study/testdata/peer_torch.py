"""Trains a GAN of PyTorch's world on MNIST for a given time and writes samples, for `gantry bench mnist`.

    python peer_torch.py dcgan|mlp SECONDS SAMPLES OUT.npy IMAGES SEED

dcgan: PyTorch's DCGAN tutorial (nz 100, ngf = ndf = 64, N(0, 0.02), Adam 2e-4 with beta1 0.5, BCE), its networks cut to
28x28 by the usual first kernel of 7. mlp: PyTorch-GAN's gan.py (generator 128-256-512-1024 with batch norm, here with
eps 1e-5; discriminator 512-256), the same optimizer. Both with batch 64. The time counts from the start of this process,
imports included, and ends before the samples are drawn (in batches, in evaluation mode). IMAGES are raw bytes of 28x28.
"""
import time

began = time.monotonic()
import sys

import numpy as np
import torch
from torch import nn

kind, seconds, samples, out, path, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:6], int(sys.argv[6])
torch.manual_seed(seed)
images = torch.from_numpy(np.fromfile(path, np.uint8).reshape(-1, 1, 28, 28))
batch, nz = 64, 100


def dcgan():
    g = nn.Sequential(
        nn.ConvTranspose2d(nz, 256, 7, 1, 0, bias=False), nn.BatchNorm2d(256), nn.ReLU(True),
        nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(True),
        nn.ConvTranspose2d(128, 1, 4, 2, 1, bias=False), nn.Tanh())
    d = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2, True),
        nn.Conv2d(128, 1, 7, 1, 0, bias=False), nn.Sigmoid(), nn.Flatten())

    def weights(m):
        if "Conv" in type(m).__name__:
            nn.init.normal_(m.weight, 0.0, 0.02)
        elif "BatchNorm" in type(m).__name__:
            nn.init.normal_(m.weight, 1.0, 0.02)
            nn.init.zeros_(m.bias)
    return g.apply(weights), d.apply(weights), lambda n: torch.randn(n, nz, 1, 1)


def mlp():
    def block(a, b, norm=True):
        return [nn.Linear(a, b)] + ([nn.BatchNorm1d(b, 1e-5)] if norm else []) + [nn.LeakyReLU(0.2, True)]
    g = nn.Sequential(*block(nz, 128, False), *block(128, 256), *block(256, 512), *block(512, 1024),
                      nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))
    d = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2, True), nn.Linear(512, 256),
                      nn.LeakyReLU(0.2, True), nn.Linear(256, 1), nn.Sigmoid())
    return g, d, lambda n: torch.randn(n, nz)


generator, critic, latents = {"dcgan": dcgan, "mlp": mlp}[kind]()
loss = nn.BCELoss()
optimizers = [torch.optim.Adam(m.parameters(), lr=2e-4, betas=(0.5, 0.999)) for m in (generator, critic)]
ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
steps = 0
while time.monotonic() - began < seconds:
    for rows in torch.randperm(len(images))[: len(images) // batch * batch].view(-1, batch):
        if time.monotonic() - began >= seconds:
            break
        real = images[rows].float() / 127.5 - 1
        fake = generator(latents(batch))
        optimizers[1].zero_grad()
        (loss(critic(real), ones) + loss(critic(fake.detach()), zeros)).backward()
        optimizers[1].step()
        optimizers[0].zero_grad()
        loss(critic(fake), ones).backward()
        optimizers[0].step()
        steps += 1
generator.eval()
with torch.no_grad():
    drawn = torch.cat([generator(latents(100)) for _ in range(samples // 100)])
np.save(out, drawn.permute(0, 2, 3, 1).contiguous().numpy())
print(f"{steps} steps; torch {torch.__version__}, {torch.get_num_threads()} threads")
