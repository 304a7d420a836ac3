"""PyTorch's side of `gantry bench speed`: eager, channels-last, and torch.compile (on channels-last).

The optimizer is the fused Adam, denormals are flushed, and gradients are taken by what is updated alone.
"""

import numpy as np
import torch
import torch._functorch.config
import torch.nn.functional as F

from driver import choose_batch, data, features, halvings, initial, parameters


class Networks:
    """Both networks as functions of their parameters, which are leaves in PyTorch's layouts."""

    def __init__(self, work, values, mode):
        self.work, self.last = work, mode != "eager"
        self.p = {k: self.leaf(k, v) for k, v in values.items()}
        self.stats = {n: (torch.zeros(f), torch.ones(f)) for n, f in features(parameters(work)).items()}
        self.g = [v for k, v in self.p.items() if k.startswith("generator")]
        self.d = [v for k, v in self.p.items() if k.startswith("critic")]

    def leaf(self, name, value):
        t = torch.from_numpy(np.array(value))
        if t.ndim == 4:
            t = t.permute(2, 3, 0, 1) if name.startswith("generator") else t.permute(3, 2, 0, 1)
            t = t.contiguous(memory_format=torch.channels_last if self.last else torch.contiguous_format)
        elif t.ndim == 2:
            t = t.t().contiguous()
        return t.requires_grad_()

    def dense(self, name, x):
        return F.linear(x, self.p[name + "/weights"], self.p.get(name + "/biases"))

    def norm(self, name, x, training):
        mean, variance = self.stats[name]
        return F.batch_norm(x, mean, variance, self.p[name + "/scale"], self.p[name + "/offset"], training, 0.1, 1e-5)

    def image(self, x):
        return x.contiguous(memory_format=torch.channels_last) if self.last else x.contiguous()

    def generate(self, z, training=True):
        """Images [batch, channels, height, width]."""
        kind = self.work["networks"]
        if kind == "toy":
            x = torch.relu(self.dense("generator/dense_1", torch.relu(self.dense("generator/dense_0", z))))
            return self.dense("generator/output", x).reshape(-1, 2, 1, 1)
        if kind in ("article", "mlp"):
            x = z
            for i in range(4):
                x = self.dense(f"generator/dense_{i}", x)
                x = torch.relu(x) if kind == "article" else F.leaky_relu(self.norm(f"generator/norm_{i}", x, training), 0.2)
            return torch.tanh(self.dense("generator/output", x)).reshape(-1, 1, 28, 28)
        times, side = halvings(self.work["size"])
        x = self.image(self.dense("generator/project", z).reshape(len(z), side, side, -1).permute(0, 3, 1, 2))
        x = torch.relu(self.norm("generator/norm_0", x, training))
        for i in range(1, times):
            x = F.conv_transpose2d(x, self.p[f"generator/up_{i}/weights"], None, 2, 1)
            x = torch.relu(self.norm(f"generator/norm_{i}", x, training))
        return torch.tanh(F.conv_transpose2d(x, self.p["generator/output/weights"], self.p["generator/output/biases"], 2, 1))

    def judge(self, x):
        """Logits [batch/pack, 1] of images that are packed already."""
        p, kind = self.p, self.work["networks"]
        if kind == "article":
            for i in range(2):
                x = F.max_pool2d(torch.relu(F.conv2d(x, p[f"critic/conv_{i}/weights"], p[f"critic/conv_{i}/biases"])), 2)
        elif kind == "dcgan":
            for i in range(halvings(self.work["size"])[0]):
                x = F.conv2d(x, p[f"critic/down_{i}/weights"], p[f"critic/down_{i}/biases"], 2, 1)
                if f"critic/norm_{i}/scale" in p:
                    x = F.group_norm(x, 1, p[f"critic/norm_{i}/scale"], p[f"critic/norm_{i}/offset"], 1e-5)
                x = F.leaky_relu(x, 0.2)
        else:
            x = x.permute(0, 2, 3, 1).flatten(1)
            for i in range(2):
                x = self.dense(f"critic/dense_{i}", x)
                x = torch.relu(x) if kind == "toy" else F.leaky_relu(x, 0.2)
        return self.dense("critic/logit", x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x)

    def pack(self, x):
        n = self.work["pack"]
        if n > 1:  # images follow each other along the channels
            x = x.reshape(len(x) // n, n * x.shape[1], *x.shape[2:])
        return self.image(x)

    def fake(self, z):
        return self.pack(self.generate(z))

    # The objectives, each a function of batches, so that they can be compiled one by one.

    def real_half(self, real):
        return F.softplus(-self.judge(real)).mean()

    def fake_half(self, fake):
        return F.softplus(self.judge(fake)).mean()

    def critic(self, real, fake, mix):
        plain = self.critic_loss(self.judge(real), self.judge(fake))
        extra = torch.zeros(())
        for term in self.work["penalties"] or ():
            if term["name"] == "wgan-gp":
                slopes = self.slopes(mix * real + (1 - mix) * fake)
                extra = extra + term["weight"] * (torch.sqrt(slopes + 1e-12) - 1).square().mean()
            else:
                extra = extra + term["weight"] * 0.5 * self.slopes(real if term["name"] == "r1" else fake).mean()
        return plain, extra

    def critic_loss(self, real, fake):
        loss = self.work["loss"]
        if loss == "wasserstein":
            return fake.mean() - real.mean()
        if loss == "paired":
            return F.softplus(fake - real).mean()
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator_loss(self, real, fake):
        loss = self.work["loss"]
        if loss == "wasserstein":
            return -fake.mean()
        if loss == "paired":
            return F.softplus(real - fake).mean()
        return F.softplus(-fake).mean()

    def slopes(self, x):
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(self.judge(x).sum(), x, create_graph=True)
        return g.square().flatten(1).sum(1)

    def generator(self, real, z):
        fake = self.judge(self.fake(z))
        with torch.no_grad():
            logits = self.judge(real) if self.work["loss"] == "paired" else None
        return self.generator_loss(logits, fake)

    def both(self, real, z):
        fake = self.fake(z)
        logits = self.judge(fake)
        of_real = self.judge(real)
        return self.critic_loss(of_real, logits), self.generator_loss(of_real, logits)


class Training:
    unit = 1

    def __init__(self, work, mode, values=None):
        self.work, self.n = work, 0
        self.net = n = Networks(work, initial(work) if values is None else values, mode)
        a = work["adam"]
        betas = float(a["beta1"]), float(a["beta2"])
        self.adams = {id(p): torch.optim.Adam(p, a["rate"], betas, a["epsilon"], fused=True) for p in (n.g, n.d)}
        self.average = [v.detach().clone() for v in n.g] if work["ema"] else None
        self.images = torch.from_numpy(data(work)).permute(0, 3, 1, 2).contiguous()
        self.fixed = None
        if mode == "compile":
            torch._functorch.config.donated_buffer = False  # or no graph may be kept for a second gradient
            for name in ("fake", "real_half", "fake_half", "critic", "generator", "both"):
                if name != "critic" or not work["penalties"]:  # AOTAutograd knows no gradients of gradients
                    setattr(n, name, torch.compile(getattr(n, name)))

    def real(self):
        if self.fixed is None:
            x = self.images[torch.randint(len(self.images), (self.work["batch"],))]
        else:
            x = self.images
        if x.dtype == torch.uint8:
            x = x.float().mul_(1 / 127.5).sub_(1)
        return self.net.pack(x)

    def latents(self):
        return torch.randn(self.work["batch"], self.work["latent"]) if self.fixed is None else self.fixed

    def update(self, parameters, objective):
        # backward gives gradients the layout of their parameters, which the fused Adam relies on
        objective.backward(inputs=parameters)
        self.descend(parameters)

    def descend(self, parameters):
        adam = self.adams[id(parameters)]
        adam.step()
        adam.zero_grad()

    def step(self):
        n, work = self.net, self.work
        penalties = torch.zeros(())
        for update in range(work["critic_steps"]):
            real, z = self.real(), self.latents()
            if work["order"] == "simultaneous" and update == work["critic_steps"] - 1:
                critic, generator = n.both(real, z)
                critic.backward(inputs=n.d, retain_graph=True)
                generator.backward(inputs=n.g)
                self.descend(n.d)
                self.descend(n.g)
                continue
            with torch.no_grad():
                fake = n.fake(z)
            if work["order"] == "halves":
                of_real = n.real_half(real)
                self.update(n.d, of_real)
                of_fake = n.fake_half(fake)
                self.update(n.d, of_fake)
                critic = (of_real + of_fake) / 2
            else:
                mix = torch.rand(len(real), 1, 1, 1) if work["penalties"] else None
                critic, term = n.critic(real, fake, mix)
                self.update(n.d, critic + term)
                penalties += term.detach()
        if work["order"] != "simultaneous":
            generator = n.generator(real, self.latents())
            self.update(n.g, generator)
        if self.average:
            decay = min((1 + self.n) / (10 + self.n), work["ema"])
            with torch.no_grad():
                torch._foreach_lerp_(self.average, n.g, 1 - decay)
        self.n += 1
        return critic, generator, penalties

    def run(self, n):
        for _ in range(n):
            self.step()


class Sampling:
    """Draws work["draw"] images, in the batch that is fastest of some."""

    def __init__(self, work, mode):
        self.work, self.unit = work, work["draw"]
        net = Networks(work, initial(work), mode)
        self.call = torch.compile(net.generate) if mode == "compile" else net.generate
        choose_batch(self)

    def run(self, n):
        with torch.inference_mode():
            images = [self.call(torch.randn(self.batch, self.work["latent"]), False) for _ in range(-(-n // self.batch))]
            torch.cat(images).permute(0, 2, 3, 1).contiguous().numpy()


class Peer:
    def __init__(self, threads):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)

    def versions(self):
        return {"PyTorch": torch.__version__}

    def prepare(self, work, mode):
        return Sampling(work, mode) if work["draw"] else Training(work, mode)

    def forget(self):
        torch.compiler.reset()

    def check(self, work, values, z):
        training = Training(work, "channels-last", values)
        training.fixed = torch.from_numpy(z)
        return [value.item() for value in training.step()]
