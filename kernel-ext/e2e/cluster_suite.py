"""The same sweep on this machine, on Ray and on Slurm, with workers killed. `make cluster-test` runs it, and is no part of `make e2e`: it wants
Ray (`make ray`) and, as root, Slurm with a controller and a node on loopback (cluster_slurm.py)."""
import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import cluster_slurm
import howto
from place import BINARY, ROOT

PATIENCE = 400  # seconds a single test may take: Ray starts a Python for each trial
SPEC = {
    "train": {"recipe": "toy", "backend": "go", "batch": 16}, "grid": {"data": ["ring", "grid", "moons", "swiss-roll"]}, "seeds": 3,
    "steps": 400, "metric": "critic_loss", "best": "greatest", "slots": 2,
}
READ_MLFLOW = """
import json, sys
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
runs = client.search_runs([client.get_experiment_by_name("local").experiment_id])
print(json.dumps([{"name": r.info.run_name, "status": r.info.status, "params": r.data.params, "critic_loss": r.data.metrics["critic_loss"],
                   "records": len(client.get_metric_history(r.info.run_id, "critic_loss"))} for r in runs]))
"""
RANKED = {"train": {"backend": "go", "data": "ring"}, "grid": {"recipe": ["toy", "toy-r1r2", "toy-packed"], "batch": [64, 128]}, "seeds": 2}  # the best at the end is among the best early
CLOCKS = ("seconds", "trial_seconds", "steps_per_second")  # columns that no two sweeps have in common


def table(folder):
    """The results, without what a clock said."""
    with open(folder / "results.csv", newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k not in CLOCKS} for row in csv.DictReader(file)]


def attempts(folder):
    return sum(json.loads(file.read_text())["attempts"] for file in folder.glob("*/trial.json"))


class Sweeps(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.place.name)
        cls.spec = cls.folder / "spec.json"
        cls.spec.write_text(json.dumps(SPEC))
        cls.environment = os.environ | {"GANTRY_ROOT": str(ROOT)}
        cls.sweep(cls, "local")
        cls.want = table(cls.folder / "local")

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def start(self, out, *flags, spec=None):
        return subprocess.Popen([BINARY, "sweep", str(spec or self.spec), "--out", str(self.folder / out), *flags], env=self.environment,
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def sweep(self, out, *flags, spec=None, code=0):
        process = self.start(self, out, *flags, spec=spec) if isinstance(self, type) else self.start(out, *flags, spec=spec)
        stdout, stderr = process.communicate()
        assert process.returncode == code, f"exit code {process.returncode}, want {code}: {stderr}"
        return stdout, stderr

    def same(self, out):
        self.assertEqual(self.want, table(self.folder / out))

    def kill(self, find, times, process):
        """Kills so many different workers while the sweep goes on."""
        killed = set()
        while len(killed) < times and process.poll() is None:
            time.sleep(0.2)
            for pid in find():
                if pid not in killed and len(killed) < times:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
                    time.sleep(3)
                    break
        self.assertEqual(times, len(killed), "the sweep was over too soon")

    def again(self, out, *flags, spec=None):
        """A repeated sweep does nothing."""
        before = attempts(self.folder / out)
        begin = time.monotonic()
        self.sweep(out, *flags, spec=spec)
        self.assertEqual(before, attempts(self.folder / out))
        self.assertLess(time.monotonic() - begin, 3)

    def test_overhead(self):
        """What a trial takes beside the bare command."""
        spec = self.folder / "overhead.json"
        spec.write_text(json.dumps(SPEC | {"slots": 1, "steps": 100}))
        begin = time.monotonic()
        self.sweep("overhead", spec=spec)
        swept = time.monotonic() - begin
        begin = time.monotonic()
        for row in table(self.folder / "overhead"):
            settings = [f"--{name}={row[name]}" for name in ("recipe", "backend", "batch", "data", "seed")]
            subprocess.run([BINARY, "train", "--json", "--steps", "100", "--out", self.folder / "bare" / row["name"], *settings], env=self.environment, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        bare = time.monotonic() - begin
        each = (swept - bare) / len(self.want)
        print(f"     {len(self.want)} trials took {swept:.1f} s, and {bare:.1f} s by the bare command: {each:+.2f} s a trial", flush=True)
        self.assertLessEqual(each, 0.5)

    def test_ray(self):
        self.sweep("ray", "--engine", "ray")
        self.same("ray")
        self.again("ray", "--engine", "ray")

    def test_ray_killed(self):
        process = self.start("ray-killed", "--engine", "ray")
        while not (workers := pids("ray::ResourceTrainable")):
            time.sleep(0.2)
        self.assertEqual(set(), {a for pid in [*pids("gcs_server"), *pids("raylet/raylet"), *workers] for a in listens(pid)} - {"loopback"})
        self.kill(lambda: pids("ray::ResourceTrainable"), 2, process)
        _, stderr = process.communicate()
        self.assertEqual(0, process.returncode, stderr)
        self.same("ray-killed")

    def test_ray_interrupted(self):
        process = self.start("ray-interrupted", "--engine", "ray")
        while not pids("ray::ResourceTrainable"):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
        self.assertEqual(130, process.returncode, stderr)
        self.assertEqual([], pids(str(self.folder / "ray-interrupted")), "trials go on")
        self.sweep("ray-interrupted", "--engine", "ray")
        self.same("ray-interrupted")

    def test_ray_dies(self):
        """Ray itself dies while trials train: the sweep ends in one line, nothing goes on behind it, and the same command does."""
        spec = self.folder / "long.json"  # trials that begun workers cannot end before it is seen that Ray is dead
        spec.write_text(json.dumps(SPEC | {"grid": {"data": ["ring", "moons"]}, "seeds": 2, "steps": 20_000}))
        self.sweep("long", spec=spec)
        for out, name in (("ray-dies", "raylet/raylet"), ("ray-dies-whole", "gcs/gcs_server")):
            with self.subTest(name):
                process = self.start(out, "--engine", "ray", spec=spec)
                while not pids("train --json"):
                    time.sleep(0.2)
                begin = time.monotonic()
                for pid in pids(name):
                    os.kill(pid, signal.SIGKILL)
                _, stderr = process.communicate()
                print(f"     {name} killed: the sweep ended after {time.monotonic() - begin:.0f} s", flush=True)
                self.assertEqual(5, process.returncode, stderr)
                self.assertRegex(stderr.splitlines()[-1], "Ray has failed: .*; the same command goes on$")
                self.assertNotIn("Traceback", stderr)
                end = time.monotonic() + 20  # workers see a moment later that Ray is dead
                while left := [*pids(str(self.folder / out)), *pids(name), *pids("ray::")]:
                    self.assertLess(time.monotonic(), end, f"trials or Ray go on: {left}")
                    time.sleep(0.2)
                self.sweep(out, "--engine", "ray", spec=spec)
                self.assertEqual(table(self.folder / "long"), table(self.folder / out))

    def test_ray_not_there(self):
        _, stderr = self.sweep("none", "--engine", "ray", "--python", "/nowhere/python", code=5)
        self.assertIn("there is no Ray: run `make ray`", stderr)
        _, stderr = self.sweep("none", "--engine", "ray", "--python", sys.executable, code=5)
        self.assertIn("python has no Ray: run `make ray`", stderr)

    def test_halving(self):
        """Fewer steps and seconds than the full sweep, and the same best trial."""
        spec = self.folder / "halving.json"
        took, rows = {}, {}
        for name, halving in (("full", {}), ("halved", {"halving": {"first": 100, "factor": 2}})):
            spec.write_text(json.dumps(SPEC | RANKED | halving))
            begin = time.monotonic()
            self.sweep(name, "--engine", "ray", spec=spec)
            took[name], rows[name] = time.monotonic() - begin, table(self.folder / name)
        states = [row["state"] for row in rows["halved"]]
        self.assertEqual({"done", "stopped"}, set(states))
        self.assertTrue(all(int(row["step"]) in (100, 200) for row in rows["halved"] if row["state"] == "stopped"), rows["halved"])
        steps = {name: sum(int(row["step"]) for row in of) for name, of in rows.items()}
        best = {name: max((r for r in of if r["state"] == "done"), key=lambda r: float(r["critic_loss"]))["name"] for name, of in rows.items()}
        print(f"     halving: {steps['halved']} steps of {steps['full']}, {states.count('done')} of {len(states)} trials to the end, {took['halved']:.0f} s of {took['full']:.0f} s; "
              f"best {best['halved']}, of the full sweep {best['full']}", flush=True)
        self.assertLess(steps["halved"], steps["full"])
        self.assertEqual(best["full"], best["halved"])
        self.again("halved", "--engine", "ray", spec=spec)

    def test_mlflow(self):
        """MLflow's own client reads what was logged, once however often it is logged."""
        flags = ["--table", "--mlflow", f"sqlite:///{self.folder}/mlflow.db"]
        self.sweep("local", *flags)
        self.sweep("local", *flags)
        read = subprocess.run([ROOT / ".venv/mlflow/bin/python", "-c", READ_MLFLOW, flags[-1]], check=True, capture_output=True, text=True)
        runs = {r["name"]: r for r in json.loads(read.stdout)}
        self.assertEqual({row["name"] for row in self.want}, set(runs))
        for row in self.want:
            run = runs[row["name"]]
            records = (self.folder / "local" / row["name"] / "progress.jsonl").read_text().splitlines()
            self.assertEqual(("FINISHED", float(row["critic_loss"]), len(records)), (run["status"], run["critic_loss"], run["records"]))
            self.assertEqual({k: row[k] for k in ("recipe", "backend", "batch", "data", "seed")}, run["params"])

    def test_mlflow_not_there(self):
        for flags, want in ((["x", "--python", "/nowhere/python"], "there is no MLflow: run `make mlflow`"), (["x", "--python", "/usr/bin/python3"], "has no MLflow"),
                            (["nonsense://x"], "nonsense://x: ")):
            _, stderr = self.sweep("local", "--table", "--mlflow", *flags, code=5)
            self.assertIn(want, stderr)
            self.assertEqual(1, len(stderr.splitlines()), stderr)

    def test_ray_page(self):
        self.assertIn("best is trial", howto.follow("many-runs/ray.md", self.folder / "ray-page", {}))

    def test_slurm_page(self):
        with cluster_slurm.cluster(self.folder / "page-cluster") as environment:
            environment["PATH"] = f"{ROOT}/bin:" + environment["PATH"]
            self.assertEqual(2, howto.follow("many-runs/slurm.md", self.folder / "slurm-page", environment).count("4 trials to step 200: 4 done"))

    def test_slurm(self):
        with cluster_slurm.cluster(self.folder / "slurm-cluster") as environment:
            self.environment = self.environment | environment
            self.sweep("slurm", "--engine", "slurm")
            self.same("slurm")
            self.again("slurm", "--engine", "slurm")

            process = self.start("slurm-killed", "--engine", "slurm")
            self.kill(lambda: pids("--trial index"), 2, process)
            _, stderr = process.communicate()
            self.assertEqual(0, process.returncode, stderr)
            self.same("slurm-killed")

            process = self.start("slurm-interrupted", "--engine", "slurm")
            while not pids("train --json"):
                time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate()
            self.assertEqual(130, process.returncode, stderr)
            self.assertEqual([], pids(str(self.folder / "slurm-interrupted")), "trials go on")
            self.sweep("slurm-interrupted", "--engine", "slurm")
            self.same("slurm-interrupted")

    def test_slurm_dies(self):
        """The controller dies while trials train: the sweep ends in one line, and the same command goes on when there is one again."""
        with cluster_slurm.cluster(self.folder / "dying-cluster") as environment:
            self.environment = self.environment | environment
            process = self.start("slurm-dies", "--engine", "slurm")
            while not pids("train --json"):
                time.sleep(0.2)
            for pid in pids("slurmctld -D"):
                os.kill(pid, signal.SIGKILL)
            begin = time.monotonic()
            _, stderr = process.communicate()
            print(f"     slurmctld killed: the sweep ended after {time.monotonic() - begin:.0f} s", flush=True)
            self.assertEqual(5, process.returncode, stderr)
            self.assertRegex(stderr.splitlines()[-1], "Slurm does not answer: .*; the same command goes on$")
        with cluster_slurm.cluster(self.folder / "next-cluster") as environment:
            self.environment = self.environment | environment
            self.sweep("slurm-dies", "--engine", "slurm")
            self.same("slurm-dies")

    def test_slurm_not_there(self):
        self.environment = self.environment | {"PATH": "/nowhere"}
        _, stderr = self.sweep("none", "--engine", "slurm", code=5)
        self.assertIn("there is no sbatch", stderr)


def listens(pid):
    """Where a process listens for TCP: "loopback", or an address in hexadecimal."""
    try:
        own = {os.readlink(fd) for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()}
    except OSError:
        return  # it has ended
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:  # it listens
                address = fields[1].split(":")[0]
                yield "loopback" if address.endswith("0100007F") or address == "00000000000000000000000001000000" else address


def pids(words):
    """The processes whose command line has the words."""
    found = []
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        if words in line and "cluster_suite" not in line:
            found.append(int(file.parent.name))
    return found
