"""JAX's side of `gantry bench speed`: jit, a call a step, and scan, many steps a call. State stays on the device and is donated."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from driver import choose_batch, data, features, halvings, initial, parameters

jax.config.update("jax_default_prng_impl", "rbg")  # cheaper than the default on a CPU


def leaky(x):
    return jnp.where(x > 0, x, 0.2 * x)


def dense(p, name, x):
    return x @ p[name + "/weights"] + p[name + "/biases"]


def conv(x, kernel, stride, padding):
    return jax.lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def pool(x):
    n, h, w, c = x.shape  # twice as fast as reduce_window and its gradient
    return x[:, :h // 2 * 2, :w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def generate(work, p, stats, z, training):
    """Images and the new running statistics."""
    kept = dict(stats)

    def norm(name, x):
        axes = tuple(range(x.ndim - 1))
        if training:
            mean = x.mean(axes)
            variance = jnp.square(x - mean).mean(axes)
            kept[name] = 0.9 * stats[name] + 0.1 * jax.lax.stop_gradient(jnp.stack([mean, variance]))
        else:
            mean, variance = stats[name]
        return (x - mean) * (p[name + "/scale"] * jax.lax.rsqrt(variance + 1e-5)) + p[name + "/offset"]

    kind = work["networks"]
    if kind == "toy":
        x = jax.nn.relu(dense(p, "generator/dense_1", jax.nn.relu(dense(p, "generator/dense_0", z))))
        return dense(p, "generator/output", x).reshape(-1, 1, 1, 2), kept
    if kind in ("article", "mlp"):
        x = z
        for i in range(4):
            x = dense(p, f"generator/dense_{i}", x)
            x = jax.nn.relu(x) if kind == "article" else leaky(norm(f"generator/norm_{i}", x))
        return jnp.tanh(dense(p, "generator/output", x)).reshape(-1, 28, 28, 1), kept
    times, side = halvings(work["size"])
    x = (z @ p["generator/project/weights"]).reshape(len(z), side, side, -1)
    x = jax.nn.relu(norm("generator/norm_0", x))
    up = functools.partial(jax.lax.conv_transpose, strides=(2, 2), padding="SAME", transpose_kernel=True,
                           dimension_numbers=("NHWC", "HWIO", "NHWC"))
    for i in range(1, times):
        x = jax.nn.relu(norm(f"generator/norm_{i}", up(x, p[f"generator/up_{i}/weights"].transpose(0, 1, 3, 2))))
    x = up(x, p["generator/output/weights"].transpose(0, 1, 3, 2)) + p["generator/output/biases"]
    return jnp.tanh(x), kept


def judge(work, p, x):
    """Logits [batch/pack, 1] of images that are packed already."""
    kind = work["networks"]
    if kind == "article":
        for i in range(2):
            x = pool(jax.nn.relu(conv(x, p[f"critic/conv_{i}/weights"], 1, "VALID") + p[f"critic/conv_{i}/biases"]))
    elif kind == "dcgan":
        for i in range(halvings(work["size"])[0]):
            x = conv(x, p[f"critic/down_{i}/weights"], 2, ((1, 1), (1, 1))) + p[f"critic/down_{i}/biases"]
            if f"critic/norm_{i}/scale" in p:
                x = x - x.mean((1, 2, 3), keepdims=True)
                x = x * jax.lax.rsqrt(jnp.square(x).mean((1, 2, 3), keepdims=True) + 1e-5)
                x = x * p[f"critic/norm_{i}/scale"] + p[f"critic/norm_{i}/offset"]
            x = leaky(x)
    else:
        act = jax.nn.relu if kind == "toy" else leaky
        x = x.reshape(len(x), -1)
        for i in range(2):
            x = act(dense(p, f"critic/dense_{i}", x))
    return dense(p, "critic/logit", x.reshape(len(x), -1))


def pack(work, x):
    n = work["pack"]
    if n == 1:
        return x
    b, h, w, c = x.shape
    return x.reshape(b // n, n, h, w, c).transpose(0, 2, 3, 1, 4).reshape(b // n, h, w, n * c)


def softplus(x):
    return jnp.logaddexp(x, 0)


def critic_loss(kind, real, fake):
    if kind == "wasserstein":
        return fake.mean() - real.mean()
    if kind == "paired":
        return softplus(fake - real).mean()
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(kind, real, fake):
    if kind == "wasserstein":
        return -fake.mean()
    if kind == "paired":
        return softplus(real - fake).mean()
    return softplus(-fake).mean()


def penalty(work, p, real, fake, key):
    def slopes(x):
        g = jax.grad(lambda x: judge(work, p, x).sum())(x)
        return jnp.square(g).reshape(len(x), -1).sum(1)

    total = 0.0
    for term in work["penalties"] or ():
        if term["name"] == "wgan-gp":
            mix = jax.random.uniform(key, (len(real), 1, 1, 1))
            total += term["weight"] * jnp.square(jnp.sqrt(slopes(mix * real + (1 - mix) * fake) + 1e-12) - 1).mean()
        else:
            total += term["weight"] * 0.5 * slopes(real if term["name"] == "r1" else fake).mean()
    return total


def adam(work, state, gradients):
    a = work["adam"]
    t = state["t"] + 1
    m = {k: a["beta1"] * state["m"][k] + (1 - a["beta1"]) * g for k, g in gradients.items()}
    v = {k: a["beta2"] * state["v"][k] + (1 - a["beta2"]) * g * g for k, g in gradients.items()}
    rate, scale = a["rate"] / (1 - a["beta1"] ** t), 1 / jnp.sqrt(1 - a["beta2"] ** t)
    p = {k: state["p"][k] - rate * m[k] / (jnp.sqrt(v[k]) * scale + a["epsilon"]) for k in gradients}
    return {"p": p, "m": m, "v": v, "t": t}


def begin(values, side):
    p = {k: jnp.array(v) for k, v in values.items() if k.startswith(side)}
    zeros = lambda: {k: jnp.zeros_like(v) for k, v in p.items()}
    return {"p": p, "m": zeros(), "v": zeros(), "t": jnp.float32(0)}


def start(work, values):
    stats = {n: jnp.stack([jnp.zeros(f), jnp.ones(f)]) for n, f in features(parameters(work)).items()}
    state = {"g": begin(values, "generator"), "d": begin(values, "critic"), "stats": stats, "key": jax.random.key(1), "n": jnp.float32(0)}
    if work["ema"]:
        state["average"] = {k: jnp.array(v) for k, v in values.items() if k.startswith("generator")}
    return state


def step(work, images, state, fixed=None):
    """One whole step. fixed: latents in the place of random ones, and the whole data set as the real batch."""
    key, *keys = jax.random.split(state["key"], 3 * work["critic_steps"] + 2)
    keys = iter(keys)
    g, d, stats = state["g"], state["d"], state["stats"]
    loss = work["loss"]

    def real_batch():
        rows = jax.random.randint(next(keys), (work["batch"],), 0, len(images))
        x = images if fixed is not None else images[rows]
        return pack(work, x if x.dtype == jnp.float32 else x.astype(jnp.float32) * (1 / 127.5) - 1)

    def latents(key):
        return fixed if fixed is not None else jax.random.normal(key, (work["batch"], work["latent"]))

    def fake_batch(p, stats, z):
        x, stats = generate(work, p, stats, z, True)
        return pack(work, x), stats

    penalties = jnp.float32(0)
    for update in range(work["critic_steps"]):
        real, z = real_batch(), latents(next(keys))
        last = update == work["critic_steps"] - 1
        if work["order"] == "simultaneous" and last:
            def of_generator(p):
                fake, kept = fake_batch(p, stats, z)
                return generator_loss(loss, judge(work, d["p"], real) if loss == "paired" else None, judge(work, d["p"], fake)), (fake, kept)
            (gl, (fake, stats)), gg = jax.value_and_grad(of_generator, has_aux=True)(g["p"])
            dl, dg = jax.value_and_grad(lambda p: critic_loss(loss, judge(work, p, real), judge(work, p, fake)))(d["p"])
            d, g = adam(work, d, dg), adam(work, g, gg)
            continue
        fake, stats = fake_batch(g["p"], stats, z)
        if work["order"] == "halves":
            rl, dg = jax.value_and_grad(lambda p: softplus(-judge(work, p, real)).mean())(d["p"])
            d = adam(work, d, dg)
            fl, dg = jax.value_and_grad(lambda p: softplus(judge(work, p, fake)).mean())(d["p"])
            d, dl = adam(work, d, dg), (rl + fl) / 2
        else:
            noise = next(keys)
            def of_critic(p):
                plain = critic_loss(loss, judge(work, p, real), judge(work, p, fake))
                extra = penalty(work, p, real, fake, noise)
                return plain + extra, (plain, extra)
            dg, (dl, term) = jax.grad(of_critic, has_aux=True)(d["p"])
            d, penalties = adam(work, d, dg), penalties + term
    if work["order"] != "simultaneous":
        z = latents(next(keys))
        def of_generator(p):
            fake, kept = fake_batch(p, stats, z)
            return generator_loss(loss, judge(work, d["p"], real) if loss == "paired" else None, judge(work, d["p"], fake)), kept
        (gl, stats), gg = jax.value_and_grad(of_generator, has_aux=True)(g["p"])
        g = adam(work, g, gg)
    new = {"g": g, "d": d, "stats": stats, "key": key, "n": state["n"] + 1}
    if work["ema"]:
        decay = jnp.minimum((1 + state["n"]) / (10 + state["n"]), work["ema"])
        new["average"] = {k: decay * v + (1 - decay) * g["p"][k] for k, v in state["average"].items()}
    return new, (dl, gl, penalties)


class Training:
    def __init__(self, work, mode):
        self.state, self.images = start(work, initial(work)), jnp.array(data(work))
        one = functools.partial(step, work)
        if mode == "scan":
            self.unit = 100 if work["networks"] == "toy" else 10
            many = lambda images, state: jax.lax.scan(lambda s, _: one(images, s), state, length=self.unit)
            self.call = jax.jit(many, donate_argnums=1)
        else:
            self.unit, self.call = 1, jax.jit(one, donate_argnums=1)

    def run(self, n):
        for _ in range(-(-n // self.unit)):
            self.state, losses = self.call(self.images, self.state)
        jax.block_until_ready(losses)


class Sampling:
    """Draws work["draw"] images, in the batch that is fastest of some."""

    def __init__(self, work):
        values = start(work, initial(work))
        self.work, self.unit, self.key = work, work["draw"], jax.random.key(2)

        def draw(key, batch):
            key, of_z = jax.random.split(key)
            z = jax.random.normal(of_z, (batch, work["latent"]))
            return key, generate(work, values["g"]["p"], values["stats"], z, False)[0]

        self.call = jax.jit(draw, static_argnums=1)
        choose_batch(self)

    def run(self, n):
        images = []
        for _ in range(-(-n // self.batch)):
            self.key, x = self.call(self.key, self.batch)
            images.append(x)
        np.concatenate([np.asarray(x) for x in images])


class Peer:
    def __init__(self, threads):
        pass  # XLA takes as many threads as it may use processors

    def versions(self):
        return {"JAX": jax.__version__}

    def prepare(self, work, mode):
        return Sampling(work) if work["draw"] else Training(work, mode)

    def forget(self):
        jax.clear_caches()

    def check(self, work, values, z):
        call = jax.jit(functools.partial(step, work))
        return call(jnp.array(data(work)), start(work, values), jnp.array(z))[1]
