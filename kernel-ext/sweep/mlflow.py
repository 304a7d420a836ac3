"""Logs the results of a sweep to MLflow by its own client. `gantry sweep --mlflow` gives the sweep on standard input, and given.py before this."""
import datetime
import json
import os
import sys

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # who is not there is said soon
try:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
except ImportError as error:
    sys.exit(f"{sys.executable} has no MLflow ({error}): run `make mlflow`")

TRIAL, LOGGED, PROBLEM = "gantry.trial", "gantry.logged_step", "gantry.problem"
STATUS = {"done": "FINISHED", "stopped": "FINISHED", "interrupted": "KILLED", "begun": "KILLED"}  # all other ends: FAILED
LIVING = ("waiting", "training")
BATCH = 1000  # metrics that MLflow takes at once


def log(client, experiment, trial, known):
    """One trial as a run."""
    ended = datetime.datetime.now(datetime.timezone.utc)
    if trial["ended"]:
        ended = datetime.datetime.fromisoformat(trial["ended"][:19] + "+00:00")
    end = int(ended.timestamp() * 1000)
    begin = end - int(trial["seconds"] * 1000)
    if trial["name"] in known:
        run = known[trial["name"]]
    else:
        run = client.create_run(experiment, start_time=begin, run_name=trial["name"], tags={TRIAL: trial["name"]})
        client.log_batch(run.info.run_id, params=[Param(k, v) for k, v in trial["settings"].items()])
    logged, metrics = int(run.data.tags.get(LOGGED, 0)), []
    for record in records(trial["records"], logged):
        step = record["step"]
        logged = max(logged, step)
        at = begin + int(1000 * record.get("seconds", 0))
        metrics += [Metric(k, v, at, step) for k, v in record.items() if k != "step" and isinstance(v, (int, float))]
    for i in range(0, len(metrics), BATCH):
        client.log_batch(run.info.run_id, metrics=metrics[i:i + BATCH])
    client.log_batch(run.info.run_id, tags=[RunTag(LOGGED, str(logged)), RunTag(PROBLEM, trial["problem"])])
    if trial["state"] not in LIVING:
        client.set_terminated(run.info.run_id, STATUS.get(trial["state"], "FAILED"), end)


def main():
    given = json.load(sys.stdin)
    try:
        client = MlflowClient(given["to"])
        experiment = client.get_experiment_by_name(given["sweep"])
        experiment = experiment.experiment_id if experiment else client.create_experiment(given["sweep"])
        known, page = {}, None
        while True:
            runs = client.search_runs([experiment], max_results=1000, page_token=page)
            known |= {r.data.tags[TRIAL]: r for r in runs if TRIAL in r.data.tags}
            if not (page := runs.token):
                break
        for trial in given["trials"]:
            log(client, experiment, trial, known)
    except MlflowException as error:
        sys.exit(f"{given['to']}: {' '.join(str(error).split())[:300]}")


main()
