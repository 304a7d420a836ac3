"""Makes parity.safetensors: values and gradients of every loss and penalty of package loss, from PyTorch.

    python3 gan/loss/testdata/parity.py        (PyTorch 2 on the CPU and numpy)

Logits, weights, images and random draws come from a hash of their position (see `hashed`), which the Go test computes too,
so the fixture holds only results: for each loss "NAME/critic" and "NAME/generator", and their gradients by the real and
the fake logits; for each penalty its value without weight, and its gradient by every weight of a perceptron of three
layers. Inputs are rounded to float32 and then computed with in float64, so that the results carry no rounding but that of
their storage. It was made with PyTorch 2.15.0. Test: gan/loss/parity_test.go.
"""
import json
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F

IMAGES = (4, 5, 4, 2)  # batch, height, width, channels
WIDTHS = (40, 8, 4, 1)
REACH = 2


def hashed(stream, count):
    """`count` numbers in [0, 1), the i-th from splitmix64 of (stream << 32) + i."""
    with np.errstate(over="ignore"):
        x = (np.uint64(stream) << np.uint64(32)) + np.arange(count, dtype=np.uint64)
        x += np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(40)).astype(np.float64) / 2**24


def uniform(stream, *shape):
    return torch.from_numpy(hashed(stream, int(np.prod(shape))).reshape(shape))


def between(stream, limit, *shape):
    values = (hashed(stream, int(np.prod(shape))) * 2 - 1) * limit
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def cross_entropy(real_label=1.0, fake_label=0.0, saturating=False):
    return (lambda real, fake: bce(real, real_label) + bce(fake, fake_label),
            lambda real, fake: -bce(fake, 0.0) if saturating else bce(fake, 1.0))


def average(real, fake):
    return bce(real - fake.mean(), 1.0) + bce(fake - real.mean(), 0.0)


LOSSES = {
    "non-saturating": cross_entropy(),
    "saturating": cross_entropy(saturating=True),
    "smoothed": cross_entropy(0.9),
    "smoothed real 0.8 fake 0.1 saturating": cross_entropy(0.8, 0.1, True),
    "wasserstein": (lambda real, fake: -(real - fake).mean(), lambda real, fake: -fake.mean()),
    "least squares": (lambda real, fake: (F.mse_loss(real, torch.ones_like(real)) + fake.square().mean()) / 2,
                      lambda real, fake: F.mse_loss(fake, torch.ones_like(fake)) / 2),
    "hinge": (lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda real, fake: -fake.mean()),
    "relativistic paired": (lambda real, fake: bce(real - fake, 1.0), lambda real, fake: bce(fake - real, 1.0)),
    "relativistic average": (average, lambda real, fake: average(fake, real)),
}


def parameters():
    p = []
    for layer, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        p += [between(100 + layer, 2 / inputs**0.5, inputs, outputs), between(200 + layer, 0.1, outputs)]
    return [value.requires_grad_() for value in p]


def criticise(p, x):
    x = torch.tanh(x.flatten(1) @ p[0] + p[1])
    x = F.leaky_relu(x @ p[2] + p[3], 0.2)
    return x @ p[4] + p[5]


def slopes(p, x):
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(criticise(p, x).sum(), x, create_graph=True)
    return gradient.flatten(1).norm(2, dim=1)


def moved(x, draws):
    padded = F.pad(x.permute(0, 3, 1, 2), (REACH,) * 4, mode="replicate").permute(0, 2, 3, 1)
    images = []
    for image, draw in zip(padded, draws):
        down, right = (int(np.floor(d * (2 * REACH + 1))) - REACH for d in draw.numpy())
        top, left = REACH - down, REACH - right
        images.append(image[top:top + IMAGES[1], left:left + IMAGES[2]])
    return torch.stack(images)


def penalties():
    real, fake, noise = between(1, 1, *IMAGES), between(2, 1, *IMAGES), between(3, 1.5, *IMAGES)
    mix, moves = uniform(4, IMAGES[0], 1, 1, 1), uniform(5, IMAGES[0], 2)
    line = mix * real + (1 - mix) * fake
    around = real + noise * real.std(unbiased=False) / 2

    def inconsistency(p, x):
        return (criticise(p, x) - criticise(p, moved(x, moves))).square().mean()

    above = slopes(parameters(), line) > 1
    assert above.any() and not above.all(), "the one-sided penalty needs slopes on both sides of one"
    return {
        "wgan-gp": lambda p: (slopes(p, line) - 1).square().mean(),
        "one-sided gp": lambda p: F.relu(slopes(p, line) - 1).square().mean(),
        "r1": lambda p: slopes(p, real).square().mean() / 2,
        "r2": lambda p: slopes(p, fake).square().mean() / 2,
        "dragan": lambda p: (slopes(p, around) - 1).square().mean(),
        "consistency": lambda p: inconsistency(p, real),
        "balanced consistency": lambda p: inconsistency(p, real) + inconsistency(p, fake),
    }


def main():
    results = {}
    extremes = torch.tensor([[-100.0], [100.0], [0.0], [1.5]], dtype=torch.float64)
    real = torch.cat([between(10, 5, 12, 1), extremes]).requires_grad_()
    fake = torch.cat([between(11, 5, 12, 1), -extremes]).requires_grad_()
    for name, objectives in LOSSES.items():
        for side, objective in zip(("critic", "generator"), objectives):
            value = objective(real, fake)
            gradients = torch.autograd.grad(value, (real, fake), allow_unused=True)
            results[f"{name}/{side}"] = value
            for kind, gradient in zip(("real", "fake"), gradients):
                if gradient is not None:
                    results[f"{name}/{side} by {kind}"] = gradient
    for name, penalty in penalties().items():
        p = parameters()
        value = penalty(p)
        results[name] = value
        for i, gradient in enumerate(torch.autograd.grad(value, p, allow_unused=True)):
            results[f"{name}/{i}"] = torch.zeros_like(p[i]) if gradient is None else gradient
    header, body = {}, b""
    for name, value in results.items():
        value = value.detach().numpy().astype(np.float32)
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(body), len(body) + value.nbytes]}
        body += value.tobytes()
    header["__metadata__"] = {"made by": "gan/loss/testdata/parity.py, PyTorch " + torch.__version__}
    text = json.dumps(header).encode()
    path = pathlib.Path(__file__).with_name("parity.safetensors")
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


if __name__ == "__main__":
    main()
