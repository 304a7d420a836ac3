"""A Jupyter server under `gantry container`, the first process of a PID namespace, as in a container: it is stopped while it trains."""
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import time
import urllib.error

from client import until
from experiment import EXPERIMENT
from server import Server

GRACE = 10  # seconds that docker stop allows

OPEN = EXPERIMENT.replace('"fmt"', '"fmt"\n\t"time"') + """
%%
run := must(lab.OpenWith(experiment("stopped", 1), lab.RunOptions{Checkpoint: 100 * time.Hour}))
fmt.Println("notice:", run.Notice())
check(run.TrainAsync(100_000_000))
fmt.Println("training")
"""


class Contained(Server):
    """Started by a command that begins with unshare, whose child is the first process. Who derives of it defines runs."""

    def __init__(self, port, token, command, environment=None):
        super().__init__(port, token)
        self.log = tempfile.TemporaryFile()
        self.outer = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        self.first = int(until(lambda: children.read_text().split(), 10, "no process")[0])
        try:
            until(self.answers, 80, lambda: f"JupyterLab does not answer: {self.said()}")
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
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

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
            self.outer.kill()  # and with it, by unshare's --kill-child, the first process and all others
            self.outer.wait()
        self.log.close()


def saved(folder):
    """The step of the newest checkpoint."""
    return max((int(re.search(r"(\d+)", f.name)[1]) for f in folder.glob("checkpoint-*.safetensors")), default=0)


class Tally:
    """Stops containers at any moment of one run, and counts."""

    def __init__(self):
        self.random, self.stops, self.killed, self.steps, self.slowest = random.Random(1), 0, 0, 0, 0.0

    def train_and_stop(self, test, container, runs):
        test.assertNotIn("lost", container.cell(OPEN, "training"))
        reported = container.trained("stopped", self.steps + self.random.randint(1, 300))
        code, took = container.stop()
        self.stops, self.slowest, self.killed = self.stops + 1, max(self.slowest, took), self.killed + (code != 0)
        self.steps = saved(runs / "stopped" / "checkpoints")
        test.assertGreaterEqual(self.steps, reported, container.said())

    def tell(self):
        print(f"     {self.stops} stops, up to step {self.steps}; the slowest took {self.slowest:.1f} s; JupyterLab was killed in {self.killed}")
