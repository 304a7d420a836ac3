"""Runs the trials of a sweep on Ray. `gantry sweep --engine ray` gives the plan on standard input.

Each trial is `gantry sweep DIR --trial N --until STEP`, once for each rung of the halving. What becomes of it stands in its folder, so all that
Ray has to do is to place it, to start it again where a worker dies, and to choose who goes on: by its ASHA scheduler.
"""
import ctypes
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

LOOK_EACH = 5  # seconds: how often Ray is asked whether it lives
FINAL = (0, 2, 3, 4)  # exit codes of a trial that another worker would not end otherwise


def end_with_parent():
    """A trial is told to save when its worker is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Trial(tune.Trainable):
    def setup(self, config):
        self.plan, self.index, self.rung, self.process = config["plan"], config["index"], 0, None

    def reset_config(self, config):
        """Another trial takes over this worker."""
        self.setup(config)
        return True

    def step(self):
        plan = self.plan
        until = plan["rungs"][self.rung]
        self.process = subprocess.Popen([*plan["command"], "--trial", str(self.index), "--until", str(until)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | plan["env"], cwd=plan["cwd"],
                                        preexec_fn=end_with_parent)
        code = self.process.wait()
        if code not in FINAL:
            raise RuntimeError(f"trial {self.index} was ended (code {code})")
        self.rung += 1
        value = self.value(until) if code == 0 else math.nan
        if math.isnan(value):  # its folder says why; here it must not look good
            value = math.inf if plan["mode"] == "min" else -math.inf
        return {"step": until, "value": value, "done": code != 0 or self.rung == len(plan["rungs"])}

    def value(self, step):
        """The metric at a step, which the trial has reported."""
        value = math.nan
        with open(pathlib.Path(self.plan["folders"][self.index], "progress.jsonl"), encoding="utf-8") as lines:
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # half of one, of a process that was killed
                if record.get("step") == step:
                    value = record.get(self.plan["metric"], math.nan)
        return value

    def cleanup(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def save_checkpoint(self, _):
        return {"rung": self.rung}

    def load_checkpoint(self, checkpoint):
        self.rung = checkpoint["rung"]


def end_with_ray():
    """Ends this process when Ray's part on this machine has died, for which tuner.fit() would wait for ever; what is returned is set when it need not."""
    node, over = ray.get_runtime_context().get_node_id(), threading.Event()

    def lives():
        try:
            return any(n["NodeID"] == node and n["Alive"] for n in ray.nodes())
        except Exception:  # of which kind depends on what has died
            return False

    def look():
        while not over.wait(LOOK_EACH):
            if not lives() and not over.is_set():
                print("its processes on this machine have died", file=sys.stderr, flush=True)
                os._exit(1)  # who started this process ends what is left of Ray

    threading.Thread(target=look, daemon=True).start()
    return over


def main():
    plan = json.load(sys.stdin)
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False, logging_level="error")
    else:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error", num_cpus=plan["slots"])
    over = end_with_ray()
    scheduler = FIFOScheduler()
    if len(plan["rungs"]) > 1:
        scheduler = ASHAScheduler(time_attr="step", max_t=plan["rungs"][-1], grace_period=plan["rungs"][0], reduction_factor=plan["factor"])
    missing = plan.pop("missing")
    plan["command"] = [str(word) for word in plan["command"]]
    tuner = tune.Tuner(
        tune.with_resources(Trial, {"cpu": 1}),
        param_space={"plan": plan, "index": tune.grid_search(missing)},
        tune_config=tune.TuneConfig(metric="value", mode=plan["mode"], scheduler=scheduler, max_concurrent_trials=plan["slots"], reuse_actors=True),
        run_config=tune.RunConfig(name="tune", storage_path=plan["storage"], verbose=0, failure_config=tune.FailureConfig(max_failures=plan["retries"])))
    tuner.fit()
    over.set()


main()
