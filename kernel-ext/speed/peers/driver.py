"""The part that all peers of `gantry bench speed` share: the conversation, the sizes of the networks, and the timing.

    python driver.py keras|torch|jax THREADS

Each line of standard input is a request in JSON and is answered by one line; the process ends with its input. What a
workload is (networks, batch, order, optimizer, data) comes with the request, so it is defined once, in workload.go.
"""
import json
import os
import pathlib
import struct
import sys
import time

import numpy as np


def parameters(work):
    """Name to shape of each trained parameter, in Gantry's layout: dense [in, out], convolution [height, width, in, out]."""
    shapes = {}

    def layer(name, *weights, bias=True):
        shapes[name + "/weights"] = weights
        if bias:
            shapes[name + "/biases"] = weights[-1:]

    def norm(name, features):
        shapes[name + "/scale"] = shapes[name + "/offset"] = (features,)

    size, channels, latent, pack = work["size"], work["channels"], work["latent"], work["pack"]
    kind = work["networks"]
    if kind in ("article", "mlp"):
        width = latent
        for i, out in enumerate((128, 256, 512, 1024)):
            layer(f"generator/dense_{i}", width, out)
            if kind == "mlp":
                norm(f"generator/norm_{i}", out)
            width = out
        layer("generator/output", width, 784)
    if kind == "article":
        layer("critic/conv_0", 3, 3, pack, 64)
        layer("critic/conv_1", 3, 3, 64, 128)
        layer("critic/logit", 3200, 1)
    if kind == "mlp":
        layer("critic/dense_0", 784 * pack, 512)
        layer("critic/dense_1", 512, 256)
        layer("critic/logit", 256, 1)
    if kind == "toy":
        for i, width in enumerate((latent, 128)):
            layer(f"generator/dense_{i}", width, 128)
        layer("generator/output", 128, 2)
        for i, width in enumerate((2 * pack, 128)):
            layer(f"critic/dense_{i}", width, 128)
        layer("critic/logit", 128, 1)
    if kind == "dcgan":
        times, side = halvings(size)
        width = work["width"] << (times - 1)
        layer("generator/project", latent, side * side * width, bias=False)
        norm("generator/norm_0", width)
        for i in range(1, times):
            layer(f"generator/up_{i}", 4, 4, width, width // 2, bias=False)
            width //= 2
            norm(f"generator/norm_{i}", width)
        layer("generator/output", 4, 4, width, channels)
        width = channels * pack
        for i in range(times):
            out = work["width"] << i
            layer(f"critic/down_{i}", 4, 4, width, out)
            if i > 0 and work["norm"] == "layer":
                norm(f"critic/norm_{i}", out)
            width = out
        layer("critic/logit", side * side * width, 1)
    return shapes


def halvings(size):
    """How often DCGAN halves an image, and what is left of its side."""
    times = 0
    while size >= 8 and size % 2 == 0:
        times, size = times + 1, size // 2
    return times, size


def features(shapes):
    """The normalised layers of the generator: name to number of features."""
    return {name.removesuffix("/scale"): shape[0] for name, shape in shapes.items()
            if name.startswith("generator/") and name.endswith("/scale")}


def initial(work):
    """Values to start from: small random weights, biases 0, scales 1."""
    rng, values = np.random.default_rng(0), {}
    for name, shape in parameters(work).items():
        if name.endswith("/weights"):
            limit = 0.035 if work["networks"] == "dcgan" else (6 / (np.prod(shape[:-1]) + shape[-1])) ** 0.5
            values[name] = rng.uniform(-limit, limit, shape).astype(np.float32)
        else:
            values[name] = np.full(shape, name.endswith("/scale"), np.float32)
    return values


def data(work):
    """The data set as it is kept: bytes of images, or floats of points; [n, height, width, channels]."""
    d = work["data"]
    kind = np.float32 if d["floats"] else np.uint8
    return np.fromfile(d["path"], kind).reshape(d["n"], d["height"], d["width"], d["channels"])


def given(work, folder):
    """What a check starts from: weights of both networks, latents, and the data as the one real batch."""
    values = {}
    for side in ("generator", "critic"):
        raw = (pathlib.Path(folder) / f"{side}.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", raw[:8])
        for name, entry in json.loads(raw[8:8 + length]).items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in entry["data_offsets"])
                values[f"{side}/{name}"] = np.frombuffer(raw[begin:end], np.float32).reshape(entry["shape"])
    kept = {name: value for name, value in values.items() if not name.endswith(("/mean", "/variance"))}
    shapes = parameters(work)
    differ = sorted(name for name in shapes.keys() | kept.keys()
                    if name not in shapes or name not in kept or tuple(shapes[name]) != kept[name].shape)
    if differ:
        raise ValueError("the networks are not the same: " + ", ".join(
            f"{name} {kept[name].shape if name in kept else None} and {shapes.get(name)}" for name in differ))
    z = np.fromfile(pathlib.Path(folder) / "latents", np.float32).reshape(work["batch"], work["latent"])
    return kept, z


def choose_batch(sampling):
    """Sets the batch of a workload that draws to the one of some that is fastest."""
    spent = {}
    for sampling.batch in (100, 500, 2000):
        sampling.run(sampling.batch)  # compiles
        begin = time.perf_counter()
        sampling.run(2000)
        spent[sampling.batch] = time.perf_counter() - begin
    sampling.batch = min(spent, key=spent.get)


def peak():
    """The most memory this process ever held, in bytes."""
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Timer:
    """Runs a prepared workload for about so many seconds, without looking at the clock meanwhile."""

    def __init__(self, prepared):
        self.prepared = prepared
        prepared.run(prepared.unit)  # compiles
        begin = time.perf_counter()
        prepared.run(prepared.unit)
        self.rate = prepared.unit / (time.perf_counter() - begin)
        self.measure(0.3)

    def measure(self, seconds):
        unit = self.prepared.unit
        count = max(1, round(self.rate * seconds / unit)) * unit
        begin = time.perf_counter()
        self.prepared.run(count)
        spent = time.perf_counter() - begin
        self.rate = count / spent
        return {"count": count, "seconds": spent}


def main():
    kind, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints is no answer
    peer = __import__("peer_" + kind).Peer(threads)
    prepared = {}

    def answer(request):
        key = request.get("mode"), (request.get("work") or {}).get("name")
        if request["do"] == "hello":
            return {"versions": peer.versions()}
        if request["do"] == "prepare":
            prepared[key] = Timer(peer.prepare(request["work"], request["mode"]))
            return {}
        if request["do"] == "measure":
            return prepared[key].measure(request["seconds"])
        if request["do"] == "forget":
            del prepared[key]
            peer.forget()
            return {}
        if request["do"] == "run":
            if key not in prepared:
                prepared[key] = peer.prepare(request["work"], request["mode"])
            prepared[key].run(request["steps"])
            return {"peak": peak()}
        if request["do"] == "check":
            values, z = given(request["work"], request["folder"])
            losses = peer.check(request["work"], values, z)
            return {"losses": [float(value) for value in losses], "parameters": int(sum(v.size for v in values.values()))}
        raise ValueError("unknown request " + request["do"])

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Exception as error:  # the table says what could not be measured
            reply = {"error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
