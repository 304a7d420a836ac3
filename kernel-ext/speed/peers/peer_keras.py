"""Keras' side of `gantry bench speed`, on TensorFlow: one step inside tf.function, the same compiled by XLA
(jit_compile), and the article's own loops, their defects mended: the first with predict and train_on_batch, the second with
two tapes run eagerly.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from driver import choose_batch, data, halvings, initial, parameters

softplus = tf.nn.softplus


class LayerNorm(layers.Layer):
    """Over all of a sample, with a scale and an offset for each feature."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")
        self.offset = self.add_weight(shape=(shape[-1],), initializer="zeros", name="offset")

    def call(self, x):
        x = x - tf.reduce_mean(x, (1, 2, 3), keepdims=True)
        return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), (1, 2, 3), keepdims=True) + 1e-5) * self.scale + self.offset


def networks(work, values):
    """Both networks as Keras models, with the given values."""
    kind, size, channels = work["networks"], work["size"], work["channels"] * work["pack"]
    shapes = parameters(work)
    order = {"generator": [], "critic": []}  # of (layer, names of its parameters)

    def layer(name, of, *kinds):
        order[name.split("/")[0]].append((of, [f"{name}/{k}" for k in kinds if f"{name}/{k}" in shapes]))
        return of

    def dense(name, x, activation=None):
        out = shapes[name + "/weights"][-1]
        return layer(name, layers.Dense(out, activation, use_bias=name + "/biases" in shapes), "weights", "biases")(x)

    def norm(name, x):
        return layer(name, layers.BatchNormalization(momentum=0.9, epsilon=1e-5), "scale", "offset")(x)

    leaky = lambda x: layers.LeakyReLU(negative_slope=0.2)(x)
    z = x = layers.Input((work["latent"],))
    if kind == "toy":
        for i in range(2):
            x = dense(f"generator/dense_{i}", x, "relu")
        x = layers.Reshape((1, 1, 2))(dense("generator/output", x))
    elif kind in ("article", "mlp"):
        for i in range(4):
            x = dense(f"generator/dense_{i}", x, "relu" if kind == "article" else None)
            if kind == "mlp":
                x = leaky(norm(f"generator/norm_{i}", x))
        x = layers.Reshape((28, 28, 1))(dense("generator/output", x, "tanh"))
    else:
        times, side = halvings(size)
        x = layers.Reshape((side, side, -1))(dense("generator/project", x))
        x = layers.ReLU()(norm("generator/norm_0", x))
        for i in range(1, times):
            out = shapes[f"generator/up_{i}/weights"][-1]
            x = layer(f"generator/up_{i}", layers.Conv2DTranspose(out, 4, 2, "same", use_bias=False), "weights")(x)
            x = layers.ReLU()(norm(f"generator/norm_{i}", x))
        x = layer("generator/output", layers.Conv2DTranspose(work["channels"], 4, 2, "same", activation="tanh"), "weights", "biases")(x)
    g = keras.Model(z, x)
    image = x = layers.Input((1, 1, channels) if kind == "toy" else (size, size, channels))
    if kind == "article":
        for i, out in enumerate((64, 128)):
            x = layers.MaxPooling2D(2)(layer(f"critic/conv_{i}", layers.Conv2D(out, 3, activation="relu"), "weights", "biases")(x))
    elif kind == "dcgan":
        for i in range(halvings(size)[0]):
            out = shapes[f"critic/down_{i}/weights"][-1]
            x = layer(f"critic/down_{i}", layers.Conv2D(out, 4, 2, "same"), "weights", "biases")(x)
            if f"critic/norm_{i}/scale" in shapes:
                x = layer(f"critic/norm_{i}", LayerNorm(), "scale", "offset")(x)
            x = leaky(x)
    else:
        x = layers.Flatten()(x)
        for i in range(2):
            x = dense(f"critic/dense_{i}", x, "relu" if kind == "toy" else None)
            x = x if kind == "toy" else leaky(x)
    d = keras.Model(image, dense("critic/logit", layers.Flatten()(x)))
    for side, model in (("generator", g), ("critic", d)):
        names = [name for _, names in order[side] for name in names]
        if [k for k in shapes if k.startswith(side)] != names or len(names) != len(model.trainable_variables):
            raise ValueError(f"Keras' {side} has other parameters")
        for of, names in order[side]:
            for variable, name in zip(of.trainable_variables, names):
                value = values[name]
                up = isinstance(of, layers.Conv2DTranspose) and value.ndim == 4
                variable.assign(value.transpose(0, 1, 3, 2) if up else value)
    return g, d


def optimizer(work):
    a = work["adam"]
    return keras.optimizers.Adam(a["rate"], a["beta1"], a["beta2"], a["epsilon"])


def pack(work, x):
    n = work["pack"]
    if n == 1:
        return x
    h, w, c = x.shape[1:]
    x = tf.reshape(x, (-1, n, h, w, c))
    return tf.reshape(tf.transpose(x, (0, 2, 3, 1, 4)), (-1, h, w, n * c))


def critic_loss(kind, real, fake):
    if kind == "wasserstein":
        return tf.reduce_mean(fake) - tf.reduce_mean(real)
    if kind == "paired":
        return tf.reduce_mean(softplus(fake - real))
    return tf.reduce_mean(softplus(-real)) + tf.reduce_mean(softplus(fake))


def generator_loss(kind, real, fake):
    if kind == "wasserstein":
        return -tf.reduce_mean(fake)
    if kind == "paired":
        return tf.reduce_mean(softplus(real - fake))
    return tf.reduce_mean(softplus(-fake))


class Training:
    unit = 1

    def __init__(self, work, mode, values=None):
        self.work, self.fixed = work, None
        self.g, self.d = networks(work, initial(work) if values is None else values)
        self.g_adam, self.d_adam = optimizer(work), optimizer(work)
        self.g_adam.build(self.g.trainable_variables)
        self.d_adam.build(self.d.trainable_variables)
        self.count = tf.Variable(0.0)
        self.average = [tf.Variable(v) for v in self.g.trainable_variables] if work["ema"] else []
        self.images = data(work)
        if mode != "article's loop":
            self.images = tf.constant(self.images)
            self.call = tf.function(self.step, jit_compile=mode == "jit_compile")
        elif work["order"] == "simultaneous":
            self.call = self.tapes
        else:
            self.call = self.batches
            self.d.compile(self.d_adam, keras.losses.BinaryCrossentropy(from_logits=True))
            judged = tf.keras.Sequential([self.g, self.d])
            self.d_trainable = self.d.trainable
            self.d.trainable = False
            judged.compile(self.g_adam, keras.losses.BinaryCrossentropy(from_logits=True))
            self.judged = judged

    def real(self):
        x = self.images
        if self.fixed is None:
            x = tf.gather(x, tf.random.uniform([self.work["batch"]], 0, len(x), tf.int32))
        if x.dtype == tf.uint8:
            x = tf.cast(x, tf.float32) * (1 / 127.5) - 1
        return pack(self.work, x)

    def latents(self):
        return tf.random.normal([self.work["batch"], self.work["latent"]]) if self.fixed is None else self.fixed

    def slopes(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = tf.reduce_sum(self.d(x, training=True))
        return tf.reduce_sum(tf.square(tape.gradient(logits, x)), (1, 2, 3))

    def penalty(self, real, fake):
        total = tf.zeros(())
        for term in self.work["penalties"] or ():
            if term["name"] == "wgan-gp":
                mix = tf.random.uniform([real.shape[0], 1, 1, 1])
                slope = tf.sqrt(self.slopes(mix * real + (1 - mix) * fake) + 1e-12)
                total += term["weight"] * tf.reduce_mean(tf.square(slope - 1))
            else:
                total += term["weight"] * 0.5 * tf.reduce_mean(self.slopes(real if term["name"] == "r1" else fake))
        return total

    def update(self, adam, model, tape, loss):
        adam.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))

    def both(self, real, z):
        """Both networks by gradients at the same weights."""
        loss = self.work["loss"]
        with tf.GradientTape() as of_g, tf.GradientTape() as of_d:
            fake = self.d(pack(self.work, self.g(z, training=True)), training=True)
            logits = self.d(real, training=True)
            critic, generator = critic_loss(loss, logits, fake), generator_loss(loss, logits, fake)
        by_g = of_g.gradient(generator, self.g.trainable_variables)
        by_d = of_d.gradient(critic, self.d.trainable_variables)
        self.g_adam.apply_gradients(zip(by_g, self.g.trainable_variables))
        self.d_adam.apply_gradients(zip(by_d, self.d.trainable_variables))
        return critic, generator

    def step(self):
        work, g, d = self.work, self.g, self.d
        loss, penalties = work["loss"], tf.zeros(())
        for update in range(work["critic_steps"]):
            real, z = self.real(), self.latents()
            if work["order"] == "simultaneous":
                critic, generator = self.both(real, z)
                continue
            fake = pack(work, g(z, training=True))
            if work["order"] == "halves":
                with tf.GradientTape() as tape:
                    of_real = tf.reduce_mean(softplus(-d(real, training=True)))
                self.update(self.d_adam, d, tape, of_real)
                with tf.GradientTape() as tape:
                    of_fake = tf.reduce_mean(softplus(d(fake, training=True)))
                self.update(self.d_adam, d, tape, of_fake)
                critic = (of_real + of_fake) / 2
            else:
                with tf.GradientTape() as tape:
                    critic = critic_loss(loss, d(real, training=True), d(fake, training=True))
                    term = self.penalty(real, fake)
                    whole = critic + term
                self.update(self.d_adam, d, tape, whole)
                penalties += term
        if work["order"] != "simultaneous":
            z = self.latents()
            with tf.GradientTape() as tape:
                logits = d(real, training=True) if loss == "paired" else None
                generator = generator_loss(loss, logits, d(pack(work, g(z, training=True)), training=True))
            self.update(self.g_adam, g, tape, generator)
        if self.average:
            decay = tf.minimum((1 + self.count) / (10 + self.count), work["ema"])
            for kept, v in zip(self.average, g.trainable_variables):
                kept.assign(decay * kept + (1 - decay) * v)
        self.count.assign_add(1)
        return critic, generator, penalties

    def host_batch(self):
        n = self.work["batch"]
        self.at = (getattr(self, "at", -n) + n) % (len(self.images) - n)
        return self.images[self.at:self.at + n].astype("float32") / 127.5 - 1

    def batches(self):
        """The article's first loop."""
        n = self.work["batch"]
        noise = np.random.normal(0, 1, (n, self.work["latent"])).astype("float32")
        fake = self.g.predict(noise, verbose=0, batch_size=n)
        self.d.trainable = True
        self.d.train_on_batch(self.host_batch(), np.ones((n, 1), "float32"))
        self.d.train_on_batch(fake, np.zeros((n, 1), "float32"))
        self.d.trainable = False
        self.judged.train_on_batch(noise, np.ones((n, 1), "float32"))

    def tapes(self):
        """The article's second loop."""
        noise = np.random.normal(0, 1, (self.work["batch"], self.work["latent"])).astype("float32")
        self.both(tf.constant(self.host_batch()), tf.constant(noise))

    def run(self, n):
        for _ in range(n):
            losses = self.call()
        if losses is not None:
            float(losses[0])


class Sampling:
    """Draws work["draw"] images, in the batch that is fastest of some."""

    def __init__(self, work, mode):
        self.work, self.unit = work, work["draw"]
        g, _ = networks(work, initial(work))

        def draw(batch):
            return g(tf.random.normal([batch, work["latent"]]), training=False)

        self.call = tf.function(draw, jit_compile=mode == "jit_compile")
        choose_batch(self)

    def run(self, n):
        np.concatenate([self.call(self.batch).numpy() for _ in range(-(-n // self.batch))])


class Peer:
    def __init__(self, threads):
        tf.config.threading.set_intra_op_parallelism_threads(threads)

    def versions(self):
        return {"Keras": keras.__version__, "TensorFlow": tf.__version__}

    def prepare(self, work, mode):
        return Sampling(work, mode) if work["draw"] else Training(work, mode)

    def forget(self):
        keras.backend.clear_session()

    def check(self, work, values, z):
        training = Training(work, "tf.function", values)
        training.fixed = tf.constant(z)
        return training.call()
