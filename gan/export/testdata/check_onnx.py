"""Runs an exported generator in onnxruntime and compares its images with Gantry's.

    check_onnx.py MODEL.onnx Z.npy IMAGES.npy [LABELS.npy]

Z.npy holds the latents, [n, 1, 1, latent], IMAGES.npy what Gantry made of them, and LABELS.npy, for a conditional
generator, the classes, [n, 1, 1, 1]; export.WriteNPY writes all three. n is the batch that the model was exported for.
Prints the largest absolute difference; fails where it is above 1e-4. Needs: numpy onnx onnxruntime.
"""

import sys

import numpy
import onnx
import onnxruntime

model, z, images = sys.argv[1:4]
onnx.checker.check_model(onnx.load(model), full_check=True)
latents = numpy.load(z)
inputs = {"z": latents.reshape(len(latents), -1)}
if len(sys.argv) > 4:
    inputs["labels"] = numpy.load(sys.argv[4]).reshape(-1).astype(numpy.int32)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
(got,) = session.run(["images"], inputs)
want = numpy.load(images)
assert got.shape == want.shape, f"{got.shape} here and {want.shape} there"
difference = float(numpy.abs(got - want).max())
print(f"largest difference {difference:.2e} over {want.shape}")
sys.exit(difference > 1e-4)
