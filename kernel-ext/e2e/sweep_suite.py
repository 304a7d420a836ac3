"""Sweeps for Kubernetes: the manifests against the published schemas, and an Indexed Job's environment from its first pod to its last."""
import csv
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

import jsonschema
import yaml

import howto

PATIENCE = 240  # seconds a single test may take
ROOT = pathlib.Path(__file__).resolve().parents[2]
GANTRY = os.environ.get("GANTRY_E2E_BINARY", str(ROOT / "bin" / "gantry"))
SCHEMAS = ROOT / "kernel-ext" / "sweep" / "testdata"  # kubernetes_schemas.py writes them
GRACE = 30  # seconds between a pod's SIGTERM and its end, as the manifest says
SPEC = {"train": {"recipe": "toy", "backend": "go", "batch": 16}, "grid": {"data": ["ring", "grid"]}, "seeds": 2, "steps": 5000,
        "metric": "critic_loss", "best": "greatest", "slots": 2}


def strict(schema):
    """A schema that takes no field which it does not name, as `kubectl apply --validate=strict` does."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: {name: strict(s) for name, s in v.items()} if k in ("properties", "schemas") else strict(v) for k, v in schema.items()}
    if "properties" in made and "additionalProperties" not in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    return made


class Place(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)
        self.spec = self.folder / "spec.json"
        self.spec.write_text(json.dumps(SPEC))

    def sweep(self, *args, **more):
        environment = os.environ | {"GANTRY_ROOT": str(ROOT)} | more
        return subprocess.Popen([GANTRY, "sweep", str(self.spec), *args], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Manifests(Place):
    def documents(self, file):
        process = self.sweep("--export", "kubernetes", "--image", "registry.example/gantry:1", "--claim", "shared", "--out", str(self.folder / "My Sweep'\"_1"))
        out, err = process.communicate()
        self.assertEqual(0, process.returncode, err)
        path = next(p for p in out.splitlines() if p.endswith(file))
        return list(yaml.safe_load_all(pathlib.Path(path).read_text()))

    def check(self, document):
        kind = document["apiVersion"] + "/" + document["kind"]
        core = strict(json.loads((SCHEMAS / "kubernetes.json").read_text()))
        names = {"v1/ConfigMap": "io.k8s.api.core.v1.ConfigMap", "batch/v1/Job": "io.k8s.api.batch.v1.Job"}
        if kind in names:
            schema = core | {"$ref": "#/components/schemas/" + names[kind]}
        else:
            schema = strict(json.loads((SCHEMAS / "kubeflow-trainer.json").read_text()))["schemas"][kind]
            schema["properties"]["metadata"] = core["components"]["schemas"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]
            schema["components"] = core["components"]
        jsonschema.Draft7Validator(schema).validate(document)

    def test_job(self):
        settings, job = self.documents("kubernetes.yaml")
        for document in (settings, job):
            self.check(document)
        self.assertEqual(SPEC["grid"], json.loads(settings["data"]["spec.json"])["grid"])
        self.assertEqual((4, 2, "Indexed"), (job["spec"]["completions"], job["spec"]["parallelism"], job["spec"]["completionMode"]))
        self.assertEqual(GRACE, job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"])
        self.assertRegex(job["metadata"]["name"], "^gantry-my-sweep-[a-z0-9-]*[a-z0-9]$")

    def test_trainjobs(self):
        documents = self.documents("trainjobs.yaml")
        for document in documents:
            self.check(document)
        self.assertEqual(["ConfigMap", "TrainingRuntime"] + 4 * ["TrainJob"], [d["kind"] for d in documents])
        self.assertEqual(["0", "1", "2", "3"], [d["spec"]["trainer"]["args"][-1] for d in documents[2:]])

    def test_schemas_refuse(self):
        """The schemas would say so."""
        settings, job = self.documents("kubernetes.yaml")
        job["spec"]["backofLimitPerIndex"] = 1
        with self.assertRaisesRegex(jsonschema.ValidationError, "backofLimitPerIndex"):
            self.check(job)
        job = self.documents("kubernetes.yaml")[1]
        job["spec"]["template"]["spec"]["containers"][0]["image"] = 5
        with self.assertRaises(jsonschema.ValidationError):
            self.check(job)
        runtime = self.documents("trainjobs.yaml")[1]
        runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["nam"] = "x"
        with self.assertRaises(jsonschema.ValidationError):
            self.check(runtime)


class Results(Place):
    """The results in SQLite are those of results.csv, and every record of every trial besides."""

    def setUp(self):
        super().setUp()
        self.spec.write_text(json.dumps(SPEC | {"steps": 50}))
        self.out, self.base = self.folder / "runs", self.folder / "results.db"

    def end(self, process, code=0):
        _, err = process.communicate()
        self.assertEqual(code, process.returncode, err)
        return err

    def rows(self, query):
        base = sqlite3.connect(f"file:{self.base}?mode=ro", uri=True)
        self.addCleanup(base.close)
        base.row_factory = sqlite3.Row
        return [dict(row) for row in base.execute(query)]

    def test_sqlite(self):
        self.end(self.sweep("--out", str(self.out), "--sqlite", str(self.base)))
        self.assertEqual(0o600, self.base.stat().st_mode & 0o777)
        with open(self.out / "results.csv", newline="", encoding="utf-8") as file:
            want = list(csv.DictReader(file))
        got = self.rows("SELECT * FROM results ORDER BY trial")
        self.assertEqual(len(want), len(got))
        for a, b in zip(want, got):
            for name, text in a.items():
                value = b[name]
                if isinstance(value, float) and name != "trial_seconds":  # which results.csv has to the millisecond
                    self.assertEqual(float(text), value, name)
                elif not isinstance(value, float):
                    self.assertEqual(text, str(value), name)
        lines = [json.loads(line) for f in self.out.glob("*/progress.jsonl") for line in f.read_text().splitlines()]
        self.assertEqual([{"n": sum(len(line) - 1 for line in lines)}], self.rows("SELECT count(*) AS n FROM metrics"))
        self.assertEqual([{"trial": 1}], self.rows("SELECT trial FROM settings s JOIN trials USING (trial) GROUP BY trial HAVING trial = 1"))
        first = self.base.read_bytes()
        self.end(self.sweep("--out", str(self.out), "--table", "--sqlite", str(self.base)))
        self.assertEqual(first[100:], self.base.read_bytes()[100:], "written again, it is another")

    def test_failures(self):
        """What failed is there, with why."""
        self.spec.write_text(json.dumps(SPEC | {"grid": {"data": ["ring", "ring,n=3"]}, "seeds": 1, "steps": 20}))
        self.end(self.sweep("--out", str(self.out), "--sqlite", str(self.base)), 3)
        done, refused = self.rows("SELECT * FROM results ORDER BY trial")
        self.assertEqual(("done", "", 20), (done["state"], done["problem"], done["step"]))
        self.assertEqual(("refused", None), (refused["state"], refused["critic_loss"]))
        self.assertIn("a step takes 16 samples", refused["problem"])

    def test_not_ours(self):
        """A file that is no sweep's stays as it is."""
        self.base.write_text("mine")
        err = self.end(self.sweep("--out", str(self.out), "--table", "--sqlite", str(self.base)), 1)
        self.assertIn("is there and is no result of a sweep; name another file", err)
        self.assertEqual("mine", self.base.read_text())
        self.base.unlink()
        sqlite3.connect(self.base).execute("CREATE TABLE mine (x)").connection.close()
        self.assertIn("is no result of a sweep", self.end(self.sweep("--out", str(self.out), "--table", "--sqlite", str(self.base)), 1))
        self.assertEqual([{"name": "mine"}], self.rows("SELECT name FROM sqlite_schema"))
        err = self.end(self.sweep("--out", str(self.out), "--table", "--sqlite", str(self.folder / "nowhere" / "x.db")), 1)
        self.assertIn("cannot be written", err)
        self.assertEqual(1, len(err.splitlines()), err)


class Pages(Place):
    def test_own_machine(self):
        self.assertIn("9 trials to step 300: 9 done", howto.follow("many-runs/own-machine.md", self.folder / "page", {}))

    def test_kubernetes(self):
        self.assertIn("kubernetes.yaml", howto.follow("many-runs/kubernetes.md", self.folder / "page", {}))


class IndexedJob(Place):
    """Pods as the manifest's Job makes them: an index each, a signal with a grace, another pod in its place, and what the exit code decides."""

    def pod(self, index, disturbed=None):
        process = self.sweep("--out", str(self.folder / "runs"), "--trial", "index", JOB_COMPLETION_INDEX=str(index))
        if disturbed is not None:
            process.stdout.readline()  # it has trained
            process.send_signal(disturbed)
        begin = time.monotonic()
        _, err = process.communicate()
        self.assertLess(time.monotonic() - begin, GRACE)
        return process.returncode, err

    def rows(self, out):
        process = self.sweep("--table", "--json", "--out", str(self.folder / out))
        text, err = process.communicate()
        self.assertEqual(0, process.returncode, err)
        return [json.loads(line) for line in text.splitlines()]

    def test_job(self):
        whole = self.sweep("--out", str(self.folder / "whole"))
        _, err = whole.communicate()
        self.assertEqual(0, whole.returncode, err)
        want = [row["metric"] for row in self.rows("whole")]
        self.assertEqual((130, 1), (self.pod(0, signal.SIGTERM)[0], len({self.rows("runs")[0]["step"] > 0})))
        interrupted = self.rows("runs")[0]
        self.assertEqual("interrupted", interrupted["state"])
        self.assertTrue(0 < interrupted["step"] < SPEC["steps"], interrupted)
        code, err = self.pod(0)  # the pod in its place
        self.assertEqual(0, code, err)
        self.assertIn("resuming at step", err)
        self.assertEqual(-signal.SIGKILL, self.pod(1, signal.SIGKILL)[0])  # as for want of memory
        for index in (1, 2, 3, 3):  # the last twice: Kubernetes may do so
            code, err = self.pod(index)
            self.assertEqual(0, code, err)
        rows = self.rows("runs")
        self.assertEqual(want, [row["metric"] for row in rows])
        self.assertEqual(4 * ["done"], [row["state"] for row in rows])

    def test_codes(self):
        """A trial that no pod can train has the code for which the manifest fails its index."""
        self.spec.write_text(json.dumps(SPEC | {"grid": {"data": ["ring,n=3"]}, "seeds": 1}))
        code, err = self.pod(0)
        self.assertEqual(2, code, err)
        self.assertIn("a step takes 16 samples", err)
