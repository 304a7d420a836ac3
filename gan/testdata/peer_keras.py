"""Times the article's networks in Keras: steps a second of one alternating step inside tf.function.

    python3 gan/testdata/peer_keras.py [STEPS]        (needs tensorflow-cpu, see peer.in; prints one JSON line)

The step is the one of gan.AlternatingHalves: train on the real half, on the fake half, then the generator; Adam with
Keras' defaults, batch 32, logits, the data set in memory. The first ten steps are not counted.
"""
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

BATCH = 32


def generator():
    z = layers.Input(shape=(100,))
    x = z
    for width in (128, 256, 512, 1024):
        x = layers.Dense(width, activation="relu")(x)
    x = layers.Dense(784, activation="tanh")(x)
    return tf.keras.Model(z, layers.Reshape((28, 28, 1))(x))


def critic():
    image = layers.Input(shape=(28, 28, 1))
    x = layers.Conv2D(64, 3, activation="relu")(image)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(128, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    return tf.keras.Model(image, layers.Dense(1)(layers.Flatten()(x)))


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    g, d = generator(), critic()
    g_adam, d_adam = tf.keras.optimizers.Adam(), tf.keras.optimizers.Adam()
    g_adam.build(g.trainable_variables)
    d_adam.build(d.trainable_variables)
    data = tf.constant(np.random.default_rng(0).uniform(-1, 1, (60000, 28, 28, 1)).astype("float32"))
    bce = tf.nn.sigmoid_cross_entropy_with_logits

    def update(adam, variables, tape, loss):
        adam.apply_gradients(zip(tape.gradient(loss, variables), variables))

    @tf.function
    def step():
        real = tf.gather(data, tf.random.uniform([BATCH], 0, 60000, tf.int32))
        fake = g(tf.random.normal([BATCH, 100]), training=True)
        with tf.GradientTape() as tape:
            logits = d(real, training=True)
            real_loss = tf.reduce_mean(bce(tf.ones_like(logits), logits))
        update(d_adam, d.trainable_variables, tape, real_loss)
        with tf.GradientTape() as tape:
            logits = d(fake, training=True)
            fake_loss = tf.reduce_mean(bce(tf.zeros_like(logits), logits))
        update(d_adam, d.trainable_variables, tape, fake_loss)
        with tf.GradientTape() as tape:
            logits = d(g(tf.random.normal([BATCH, 100]), training=True), training=True)
            loss = tf.reduce_mean(bce(tf.ones_like(logits), logits))
        update(g_adam, g.trainable_variables, tape, loss)
        return (real_loss + fake_loss) / 2, loss

    for _ in range(10):
        step()[0].numpy()
    begin = time.perf_counter()
    for _ in range(steps):
        losses = [value.numpy() for value in step()]
    seconds = time.perf_counter() - begin
    print(json.dumps({"peer": "keras " + tf.keras.__version__, "steps_per_second": round(steps / seconds, 2),
                      "losses": [float(value) for value in losses]}))


if __name__ == "__main__":
    main()
