"""Event files that `gantry log` writes, read by TensorBoard's own reader. Run by the Python of `make tensorboard`, which has it."""
import csv
import io
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import time
import unittest

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from place import BINARY, ROOT

PATIENCE = 240  # seconds a single test may take
ALL = {"scalars": 0, "images": 0, "tensors": 0}


class Logs(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)
        self.runs, self.logs = self.folder / "runs", self.folder / "logs"
        self.environment = os.environ | {"GANTRY_ROOT": str(ROOT), "GANTRY_RUNS": str(self.runs)}

    def gantry(self, *args, code=0):
        done = subprocess.run([BINARY, *args], env=self.environment, text=True, capture_output=True)
        self.assertEqual(code, done.returncode, done.stderr)
        return done

    def read(self, run):
        reader = EventAccumulator(str(self.logs / run), size_guidance=ALL)
        reader.Reload()
        return reader

    def test_a_run_that_has_ended(self):
        self.gantry("train", "--recipe", "toy", "--backend", "go", "--steps", "60", "--measure-every", "20", "--out", str(self.runs / "ring"))
        self.gantry("log", "ring", "--tensorboard", str(self.logs), "--csv", str(self.folder / "ring.csv"))
        rows = list(csv.DictReader(io.StringIO((self.folder / "ring.csv").read_text())))
        self.assertEqual(60, len(rows))
        reader = self.read("ring")
        names = {name for name in rows[0] if name not in ("call", "step", "alone", "epoch", "seconds")}
        self.assertEqual(names, {tag.replace(" ", "_") for tag in reader.Tags()["scalars"]})
        for tag in reader.Tags()["scalars"]:
            want = [(int(row["step"]), struct.unpack("f", struct.pack("f", float(cell)))[0]) for row in rows if (cell := row[tag.replace(" ", "_")])]
            self.assertEqual(want, [(e.step, e.value) for e in reader.Scalars(tag)], tag)
        self.assertIn(60, [e.step for e in reader.Scalars("kernel distance")])
        seconds = [e.wall_time for e in reader.Scalars("critic loss")]
        self.assertAlmostEqual(float(rows[-1]["seconds"]) - float(rows[0]["seconds"]), seconds[-1] - seconds[0], 3, "time as the run took it")
        images = reader.Images("samples")
        self.assertEqual(60, images[-1].step)
        for image in images:
            self.assertEqual(b"\x89PNG", image.encoded_image_string[:4])
            self.assertEqual(struct.unpack(">II", image.encoded_image_string[16:24]), (image.width, image.height))
        settings = reader.Tensors("settings")[0].tensor_proto.string_val[0].decode()
        self.assertIn("| recipe | toy |", settings)
        self.assertIn("| batch size | 128 |", settings)

    def test_logging_twice_is_refused(self):
        self.gantry("train", "--recipe", "toy", "--backend", "go", "--steps", "3", "--out", str(self.runs / "ring"))
        self.gantry("log", "ring", "--tensorboard", str(self.logs))
        again = self.gantry("log", "ring", "--tensorboard", str(self.logs), code=1)
        self.assertIn("has event files already", again.stderr)
        self.assertEqual(1, again.stderr.count("\n"), again.stderr)

    def test_a_run_that_trains_is_followed(self):
        out = self.runs / "ring"
        train = subprocess.Popen([BINARY, "train", "--recipe", "toy", "--backend", "go", "--steps", "1000000", "--json", "--out", str(out)],
                                 env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(train.wait)
        self.addCleanup(train.kill)
        train.stdout.readline()
        log = subprocess.Popen([BINARY, "log", "ring", "--tensorboard", str(self.logs), "--follow"], env=self.environment, stderr=subprocess.PIPE, text=True)
        self.addCleanup(log.kill)
        last, end = 0, time.monotonic() + 120
        steps = []
        while time.monotonic() < end and (not last or len(steps) < last + 50):
            train.stdout.readline()
            if not list(self.logs.glob("ring/events*")):
                continue
            steps = [e.step for e in self.read("ring").Scalars("critic loss")] if "critic loss" in self.read("ring").Tags()["scalars"] else []
            last = last or len(steps)
        self.assertEqual(list(range(1, len(steps) + 1)), steps, "each step once, while it trains")
        train.send_signal(signal.SIGINT)
        train.communicate()
        self.assertEqual(0, log.wait(60), log.stderr.read())
        self.gantry("log", "ring", "--csv", str(self.folder / "ring.csv"))
        made = len((self.folder / "ring.csv").read_text().splitlines()) - 1
        self.assertEqual(list(range(1, made + 1)), [e.step for e in self.read("ring").Scalars("critic loss")], "up to the last step")


if __name__ == "__main__":
    unittest.main()
