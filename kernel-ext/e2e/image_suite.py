"""The container image, stopped twenty times while it trains: `make image-test` builds it before (image_build).

There is no daemon here: the image's file system is mounted by buildah, and its own command runs in it, as its own user, as the
first process of a PID namespace, with a folder in the place of the volume. Needs root.
"""
import json
import os
import pathlib
import random
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error

from client import until
from experiment import EXPERIMENT
from server import Server, free_port

IMAGE = "localhost/gantry-test"
STOPS = 20
GRACE = 10  # seconds that docker stop allows

OPEN = EXPERIMENT.replace('"fmt"', '"fmt"\n\t"time"') + """
%%
run := must(lab.OpenWith(experiment("stopped", 1), lab.RunOptions{Checkpoint: 100 * time.Hour}))
fmt.Println("notice:", run.Notice())
check(run.TrainAsync(100_000_000))
fmt.Println("training")
"""


def buildah(*args):
    return subprocess.run(["buildah", *args], env=os.environ | {"STORAGE_DRIVER": "vfs"}, check=True, capture_output=True, text=True).stdout.strip()


class Image:
    """The image, mounted, and a volume that outlives its containers."""

    def __init__(self):
        self.config = json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
        self.working = buildah("from", "--pull-never", IMAGE)
        self.root = pathlib.Path(buildah("mount", self.working))
        self.volume = pathlib.Path(tempfile.mkdtemp(prefix="gantry-volume-"))
        os.chown(self.volume, *map(int, self.config["User"].split(":")))

    def close(self):
        buildah("rm", self.working)
        shutil.rmtree(self.volume)


class Container(Server):
    """The image's command with arguments of ours, running."""

    def __init__(self, image):
        super().__init__(free_port(), secrets.token_hex(16))
        self.image = image
        config = image.config
        self.environment = [*config["Env"], f"JUPYTER_TOKEN={self.token}"]
        command = [*config["Entrypoint"], *config["Cmd"], f"--ServerApp.port={self.port}", "--ServerApp.ip=127.0.0.1"]
        home = image.root / next(iter(config["Volumes"])).lstrip("/")
        script = f'mount --rbind /dev "{image.root}/dev" && mount --bind "{image.volume}" "{home}" && mount -t proc proc "{image.root}/proc" && exec "$@"'
        self.log = tempfile.TemporaryFile()
        self.outer = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", script, "sh",
             "chroot", f"--userspec={config['User']}", str(image.root), "/usr/bin/env", "-i", f"--chdir={config['WorkingDir']}",
             *self.environment, *command],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        self.first = int(until(lambda: children.read_text().split(), 10, "no process")[0])
        try:
            until(self.answers, 60, lambda: f"JupyterLab does not answer: {self.said()}")
        except BaseException:
            self.close()
            raise

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-3000:]

    def answers(self):
        if self.outer.poll() is not None:
            raise AssertionError(f"the container ended: {self.said()}")
        try:
            return self.ask("/api/status")
        except (urllib.error.URLError, ConnectionError):
            return False

    def command(self, *args):
        """What docker exec starts: a process that is no descendant of the first one."""
        user, group = self.image.config["User"].split(":")
        return ["nsenter", "--target", str(self.first), "--mount", "--pid", "--root", "--wd", "--setuid", user, "--setgid", group,
                "/usr/bin/env", "-i", *self.environment, *args]

    def runs(self):
        said = subprocess.run(self.command("gantry", "runs", "--json"), check=True, capture_output=True, text=True).stdout
        return {r["name"]: r for r in map(json.loads, said.splitlines())}

    def trained(self, name, step):
        """Waits until a run reports a step, and returns the one that it reported."""
        def at():
            run = self.runs().get(name)
            return run if run and run["living"] and run["step"] >= step else None
        return until(at, 60, lambda: f"{name} does not come to step {step}: {self.runs()}\n{self.said()}")["step"]

    def stop(self):
        """docker stop; returns the exit code and how long it took."""
        begin = time.monotonic()
        os.kill(self.first, signal.SIGTERM)
        try:
            code = self.outer.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.kill(self.first, signal.SIGKILL)
            raise AssertionError(f"it did not end within {GRACE} s: {self.said()}") from None
        return code, time.monotonic() - begin

    def close(self):
        if self.outer.poll() is None:
            os.kill(self.first, signal.SIGKILL)
            self.outer.wait()
        self.log.close()


def saved(folder):
    """The step of the newest checkpoint."""
    return max((int(re.search(r"(\d+)", f.name)[1]) for f in folder.glob("checkpoint-*.safetensors")), default=0)


class Stops(unittest.TestCase):
    """The container is stopped at any moment; what the run had reported is in its checkpoint, and the next container goes on."""

    @classmethod
    def setUpClass(cls):
        cls.image, cls.random, cls.steps, cls.slowest = Image(), random.Random(1), 0, 0.0
        cls.addClassCleanup(cls.image.close)
        cls.addClassCleanup(lambda: print(f"     {STOPS} stops, {cls.steps} steps, 0 lost; the slowest took {cls.slowest:.1f} s"))

    def stop(self):
        container = Container(self.image)
        self.addCleanup(container.close)
        self.assertNotIn("lost", container.cell(OPEN, "training"))
        reported = container.trained("stopped", type(self).steps + self.random.randint(1, 300))
        code, took = container.stop()
        step = saved(self.image.volume / "runs" / "stopped" / "checkpoints")
        self.assertGreaterEqual(step, reported, container.said())
        self.assertEqual(0, code, container.said())
        type(self).steps, type(self).slowest = step, max(self.slowest, took)


for n in range(STOPS):
    setattr(Stops, f"test_{n + 1:02}", Stops.stop)


class Contents(unittest.TestCase):
    """What the image says of itself, and what is in it."""

    @classmethod
    def setUpClass(cls):
        cls.image = Image()
        cls.addClassCleanup(cls.image.close)

    def test_user_and_volume(self):
        self.assertRegex(self.image.config["User"], r"^\d+:\d+$")
        self.assertEqual(["/home/learner"], list(self.image.config["Volumes"]))

    def test_notices_and_bill(self):
        notices = (self.image.root / "gantry/bin/THIRD-PARTY-NOTICES").read_text()
        bill = json.loads((self.image.root / "gantry/bin/sbom.cdx.json").read_text())
        self.assertIn("pkg:pypi/jupyterhub@", " ".join(c["purl"] for c in bill["components"]))
        for component in bill["components"]:
            self.assertIn(component["name"] + " " + component["version"], notices)

    def test_notebooks(self):
        """A chapter that was changed stays as it is, and one that was removed stays away."""
        container = Container(self.image)
        self.addCleanup(container.close)
        notebooks = self.image.volume / "notebooks"
        chapters = sorted(f.name for f in notebooks.glob("*.ipynb"))
        self.assertEqual(sorted(f.name for f in (self.image.root / "gantry/notebooks").glob("*.ipynb")), chapters)
        self.assertEqual(chapters, sorted(e["name"] for e in container.ask("/api/contents")["content"]))
        container.stop()
        (notebooks / chapters[0]).write_text("mine")
        (notebooks / chapters[1]).unlink()
        again = Container(self.image)
        self.addCleanup(again.close)
        again.stop()
        self.assertEqual("mine", (notebooks / chapters[0]).read_text())
        self.assertFalse((notebooks / chapters[1]).exists())

    def test_training_from_outside(self):
        """gantry train by docker exec, in a folder of its own, is told too."""
        container = Container(self.image)
        self.addCleanup(container.close)
        log = tempfile.TemporaryFile()
        training = subprocess.Popen(container.command("gantry", "train", "--recipe", "toy-r1r2", "--steps", "100000000", "--json", "--out", "/home/learner/elsewhere"),
                                    stdout=log, stderr=subprocess.STDOUT)

        def reported():
            log.seek(0)
            steps = re.findall(r'"step": ?(\d+)', log.read().decode())
            return int(steps[-1]) if len(steps) > 3 else None
        step = until(reported, 60, "it does not train")
        code, took = container.stop()
        training.wait(10)
        self.assertEqual(0, code, container.said())
        self.assertGreaterEqual(saved(self.image.volume / "elsewhere" / "checkpoints"), step)
