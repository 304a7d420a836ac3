"""Sweeps for Kubernetes: the manifests against the published schemas, and an Indexed Job's environment from its first pod to its last; results in SQLite; pages of docs."""
import csv
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

import jsonschema
import yaml

import howto
from place import BINARY, ROOT

PATIENCE = 240  # seconds a single test may take
GANTRY = str(BINARY)
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


def collected(log, metrics, filters):
    """What Katib's collector finds in a log, by parseLogsInTextFormat of its file-metricscollector.go (v0.19.0)."""
    found = {m: [] for m in metrics}
    for line in log.split("\n"):
        if any(m in line for m in metrics):
            for filter in filters:
                for match in re.finditer(filter, line):
                    name, value = match[1].strip(), match[2].strip()
                    if name in found:
                        found[name].append(float(value))
    return found


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


class Exports(Place):
    def documents(self, file, export="kubernetes"):
        process = self.sweep("--export", export, "--image", "registry.example/gantry:1", "--claim", "shared", "--out", str(self.folder / "My Sweep'\"_1"))
        out, err = process.communicate()
        self.assertEqual(0, process.returncode, err)
        path = next(p for p in out.splitlines() if p.endswith(file))
        return list(yaml.safe_load_all(pathlib.Path(path).read_text()))


class Manifests(Exports):
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

    def test_page(self):
        """What the page has people apply besides."""
        core = strict(json.loads((SCHEMAS / "kubernetes.json").read_text()))
        applied = re.findall(r"(?ms)^kubectl apply -f - <<'EOF'\n(.*?)^EOF", (ROOT / "docs" / "many-runs" / "kubernetes.md").read_text())
        claim, pod = map(yaml.safe_load, applied)
        for document, kind in ((claim["spec"], "PersistentVolumeClaimSpec"), (pod["spec"], "PodSpec")):
            jsonschema.Draft7Validator(core | {"$ref": f"#/components/schemas/io.k8s.api.core.v1.{kind}"}).validate(document)
        job = self.documents("kubernetes.yaml")[1]["spec"]["template"]["spec"]
        container, = pod["spec"]["containers"]
        self.assertEqual([v for v in job["volumes"] if v["name"] == "runs"], pod["spec"]["volumes"])
        self.assertEqual([m for m in job["containers"][0]["volumeMounts"] if m["name"] == "runs"], container["volumeMounts"])
        self.assertEqual(job["securityContext"], pod["spec"]["securityContext"] | {"runAsNonRoot": True})

    def test_katib(self):
        experiment, = self.documents("katib.yaml", "katib")
        core = strict(json.loads((SCHEMAS / "katib.json").read_text()))
        job = experiment["spec"]["trialTemplate"]["trialSpec"]
        jsonschema.Draft7Validator(core | {"$ref": "#/components/schemas/v1beta1.ExperimentSpec"}).validate(experiment["spec"])
        self.check(job)
        names = [p["name"] for p in experiment["spec"]["parameters"]]
        self.assertEqual((["data", "seed"], 4), (names, experiment["spec"]["maxTrialCount"]))
        experiment["spec"]["parallelTrials"] = 1
        with self.assertRaisesRegex(jsonschema.ValidationError, "parallelTrials"):
            jsonschema.Draft7Validator(core | {"$ref": "#/components/schemas/v1beta1.ExperimentSpec"}).validate(experiment["spec"])

    def test_katib_collects(self):
        """Katib's collector of standard output finds in a trial what the trial has reported. A trial is started as Katib starts one."""
        self.spec.write_text(json.dumps(SPEC | {"steps": 200, "train": {"recipe": "toy", "backend": "go"}, "grid": {"data": ["ring,n=500"], "batch": [16, 32]}}))
        spec = self.documents("katib.yaml", "katib")[0]["spec"]
        values = {p["name"]: p["feasibleSpace"]["list"][0] for p in spec["parameters"]} | {"trial": "gantry-x1"}
        words = " ".join(spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]["command"])
        for name, value in values.items():
            words = words.replace("${trialParameters.%s}" % name, value)
        words = words.replace("/gantry/bin/gantry", GANTRY).replace("/sweep/runs", str(self.folder / "claim"))
        self.assertNotIn("${", words)
        log = self.folder / "metrics.log"
        subprocess.run(["sh", "-c", f"{words} 1>{log} 2>&1 && echo completed >{self.folder}/pid"], check=True, env=os.environ | {"GANTRY_ROOT": str(ROOT)})
        self.assertTrue((self.folder / "pid").exists())
        progress, = (self.folder / "claim").glob("*/gantry-x1/progress.jsonl")
        records = [json.loads(line) for line in progress.read_text().splitlines()]
        wanted = [spec["objective"]["objectiveMetricName"], *spec["objective"]["additionalMetricNames"]]
        found = collected(log.read_text(), wanted, spec["metricsCollectorSpec"]["source"]["filter"]["metricsFormat"])
        for name in wanted:
            self.assertEqual([r[name] for r in records if name in r], found[name], name)

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


def mount(volume, context):
    """What the kubelet does to a volume before a pod has it, by SetVolumeOwnership of its volume_linux.go: all of it becomes writable by the pod's group, each
    time, or, by the policy OnRootMismatch, once."""
    if context.get("fsGroupChangePolicy") == "OnRootMismatch" and volume.stat().st_mode & 0o2770 == 0o2770:
        return
    for path in [volume, *volume.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o7777 | (0o2770 if path.is_dir() else 0o660))


class Pod:
    """A pod of the manifest's Job: its command, with what the manifest mounts at places of the test."""

    def __init__(self, job, index, folder):
        container, = job["spec"]["template"]["spec"]["containers"]
        mount(folder / "claim", job["spec"]["template"]["spec"]["securityContext"])
        mounts = {"/gantry/bin/gantry": GANTRY, "/sweep/spec": str(folder / "config"), "/sweep/runs": str(folder / "claim")}
        words = [*container["command"], *container["args"]]
        for place, here in mounts.items():
            words = [here + w[len(place):] if w.startswith(place) else w for w in words]
        self.index, self.name, self.said = index, container["name"], ""
        self.grace = job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        self.process = subprocess.Popen(words, env=os.environ | {"GANTRY_ROOT": str(ROOT), "JOB_COMPLETION_INDEX": str(index)}, text=True, start_new_session=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.disrupted = False

    def has_trained(self):
        self.process.stdout.readline()

    def evict(self):
        """The node is drained: the pod is told to end, and is killed when its grace is over."""
        self.disrupted = True
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(self.grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """All processes of the pod at once, as for want of memory."""
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(fields[3]) == self.process.pid:
                os.kill(int(stat.parent.name), signal.SIGKILL)

    def code(self):
        """As the kubelet says it."""
        _, self.said = self.process.communicate()
        return self.process.returncode if self.process.returncode >= 0 else 128 - self.process.returncode


def decide(job, pod, code):
    """What the Job's controller makes of a pod that has ended: "done", "fail" (its index), "ignore", or "count" (to backoffLimitPerIndex)."""
    if code == 0:
        return "done"
    for rule in job["spec"]["podFailurePolicy"]["rules"]:  # the first that fits
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        fits = codes and codes["containerName"] == pod.name and codes["operator"] == "In" and code in codes["values"] or \
            conditions and pod.disrupted and any(c["type"] == "DisruptionTarget" for c in conditions)
        if fits:
            return {"FailIndex": "fail", "Ignore": "ignore", "Count": "count"}[rule["action"]]
    return "count"


class IndexedJob(Exports):
    """The Job of the manifest, end to end, by a controller that does to its pods what batch/v1 says: an index each, so many at once, another pod in the place of one
    that is lost, and what exit codes decide."""

    def control(self, job, disturb):
        """Runs the job. disturb(pod, tries) may do something to a pod. Returns how often each index failed, and which have."""
        waiting, running, failures, failed, told = list(range(job["spec"]["completions"])), [], {}, [], []
        while waiting or running:
            while waiting and len(running) < job["spec"]["parallelism"]:
                index = waiting.pop(0)
                pod = Pod(job, index, self.folder)
                running.append(pod)
                disturb(pod, told.count(index))
                told.append(index)
            pod = running.pop(0)
            verdict = decide(job, pod, pod.code())
            if verdict == "count":
                failures[pod.index] = failures.get(pod.index, 0) + 1
                verdict = "fail" if failures[pod.index] > job["spec"]["backoffLimitPerIndex"] else "ignore"
            if verdict == "fail":
                failed.append(pod.index)
            elif verdict == "ignore":
                waiting.insert(0, pod.index)
        return failures, failed

    def job(self):
        settings, job = self.documents("kubernetes.yaml")
        config = self.folder / "config"
        (config / "..1").mkdir(parents=True)
        (config / "..data").symlink_to("..1")  # as the kubelet lays a ConfigMap
        (self.folder / "claim").mkdir()
        for name, text in settings["data"].items():
            (config / "..1" / name).write_text(text)
            (config / name).symlink_to(f"..data/{name}")
        return job

    def rows(self):
        out, = (self.folder / "claim").iterdir()
        process = self.sweep("--table", "--json", "--out", str(out))
        text, err = process.communicate()
        self.assertEqual(0, process.returncode, err)
        return [json.loads(line) for line in text.splitlines()]

    def test_job(self):
        """Index 0 is evicted, 1 is killed twice, 2 is killed too often, 3 goes its way: what is trained is as without all that."""
        whole = self.sweep("--json", "--out", str(self.folder / "whole"))
        out, err = whole.communicate()
        self.assertEqual(0, whole.returncode, err)
        want = [json.loads(line)["metric"] for line in out.splitlines()]
        job, steps, grace = self.job(), [], []

        def disturb(pod, tries):
            if (pod.index, tries) == (0, 0):
                pod.has_trained()
                begin = time.monotonic()
                pod.evict()
                grace.append(time.monotonic() - begin)
                steps.append(self.rows()[0]["step"])
            elif pod.index == 1 and tries < 2 or pod.index == 2:
                pod.has_trained()
                pod.kill()
        failures, failed = self.control(job, disturb)
        self.assertEqual(({1: 2, 2: 1 + job["spec"]["backoffLimitPerIndex"]}, [2]), (failures, failed))
        rows = self.rows()
        print(f"     an evicted pod saved step {steps[0]} of {SPEC['steps']} in {grace[0]:.1f} s", flush=True)
        self.assertTrue(0 < steps[0] < SPEC["steps"], steps)
        self.assertLess(grace[0], GRACE)
        self.assertEqual([(m, "done") for i, m in enumerate(want) if i != 2], [(r["metric"], r["state"]) for i, r in enumerate(rows) if i != 2])
        self.assertEqual({}, self.control(job, lambda pod, tries: None)[0])  # the Job is applied again: index 2 is trained, and no other
        self.assertEqual(want, [row["metric"] for row in self.rows()])

    def test_saved(self):
        """A pod that follows one that was told to end goes on where that was, and none is begun again."""
        job, said = self.job(), []

        def disturb(pod, tries):
            if tries == 0:
                pod.has_trained()
                pod.evict()
            else:
                said.append(pod)
        failures, failed = self.control(job, disturb)
        self.assertEqual(({}, []), (failures, failed))
        for pod in said:
            self.assertIn("resuming at step", pod.said)

    def test_codes(self):
        """A trial that no pod can train fails its index at once, and the others go on."""
        self.spec.write_text(json.dumps(SPEC | {"grid": {"data": ["ring,n=3", "ring"]}, "seeds": 1, "steps": 50}))
        job, pods = self.job(), []
        failures, failed = self.control(job, lambda pod, tries: pods.append(pod))
        self.assertEqual(({}, [0], 2), (failures, failed, len(pods)))
        self.assertIn("a step takes 16 samples", pods[0].said)
        self.assertEqual("done", self.rows()[1]["state"])
