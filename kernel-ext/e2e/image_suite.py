"""The container image, stopped twenty times while it trains: `make image-test` builds it before (image_build).

There is no daemon here: the image's file system is mounted by buildah, and its own command runs in it, as its own user, as the
first process of a PID namespace, with a folder in the place of the volume. Needs root.
"""
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile
import unittest

from client import until
from contained import Contained, Tally, saved
from server import free_port

PATIENCE = 300  # seconds a single test may take: a chapter is executed
IMAGE = "localhost/gantry-test"
STOPS = 20


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


class Container(Contained):
    """The image's command with arguments of ours, running."""

    def __init__(self, image):
        self.image, port, token = image, free_port(), secrets.token_hex(16)
        config = image.config
        self.environment = [*config["Env"], f"JUPYTER_TOKEN={token}"]
        home = image.root / next(iter(config["Volumes"])).lstrip("/")
        script = f'mount --rbind /dev "{image.root}/dev" && mount --bind "{image.volume}" "{home}" && mount -t proc proc "{image.root}/proc" && exec "$@"'
        super().__init__(port, token, [
            "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", script, "sh",
            "chroot", f"--userspec={config['User']}", str(image.root), "/usr/bin/env", "-i", f"--chdir={config['WorkingDir']}", *self.environment,
            *config["Entrypoint"], *config["Cmd"], f"--ServerApp.port={port}"])

    def command(self, *args):
        """What docker exec starts: a process that is no descendant of the first one."""
        user, group = self.image.config["User"].split(":")
        return ["nsenter", "--target", str(self.first), "--mount", "--pid", "--root", "--wd", "--setuid", user, "--setgid", group,
                "/usr/bin/env", "-i", *self.environment, *args]

    def runs(self):
        said = subprocess.run(self.command("gantry", "runs", "--json"), check=True, capture_output=True, text=True).stdout
        return {r["name"]: r for r in map(json.loads, said.splitlines())}


def alone(image, *command):
    """The words that run a command as docker run --network none does."""
    config = image.config
    home = image.root / next(iter(config["Volumes"])).lstrip("/")
    script = (f'ip link set lo up && mount --rbind /dev "{image.root}/dev" && mount --bind "{image.volume}" "{home}" && '
              f'mount -t proc proc "{image.root}/proc" && exec "$@"')
    return ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child=KILL", "sh", "-c", script, "sh", "chroot", f"--userspec={config['User']}", str(image.root),
            "/usr/bin/env", "-i", f"--chdir={config['WorkingDir']}", *config["Env"], *config["Entrypoint"], *command]


class Stops(unittest.TestCase):
    """The container is stopped at any moment; what the run had reported is in its checkpoint, and the next container goes on."""

    @classmethod
    def setUpClass(cls):
        cls.image, cls.tally = Image(), Tally()
        cls.addClassCleanup(cls.image.close)
        cls.addClassCleanup(cls.tally.tell)

    def stop(self):
        container = Container(self.image)
        self.addCleanup(container.close)
        self.tally.train_and_stop(self, container, self.image.volume / "runs")


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

    def test_size(self):
        """What fills it, in MB."""
        places = ["usr/local/go", "gocache/pkg", "gocache/build", "gantry/.venv", "gantry/bin", "gantry", "usr", "."]
        said = subprocess.run(["du", "-xcm", "--max-depth=0", "--apparent-size", *places], cwd=self.image.root, check=True, capture_output=True, text=True).stdout
        sizes = {name: int(size) for size, name in (line.split("\t") for line in said.splitlines())}
        print("     " + ", ".join(f"{name} {size}" for name, size in sizes.items()), flush=True)
        self.assertLess(sizes["total"], 1430)  # 1.5 GB

    def test_chapter_without_network(self):
        """Chapter 03, by the image's first process, with a loopback and nothing else."""
        out = self.image.volume / "executed"
        done = subprocess.run(alone(self.image, "gantry", "nbrun", "--fast", "03-first-gan.ipynb", "--out", "/home/learner/executed"), capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["03-first-gan.ipynb"], [f.name for f in out.glob("*.ipynb")])

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
        self.assertEqual(chapters, sorted(e["name"] for e in container.ask("/api/contents")["content"] if e["type"] == "notebook"))
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
