"""The way to a trial's records. It stands in front of sqlite.py and mlflow.py when these are run: see given.go."""
import json


def records(path, after=-1):
    """The records of a trial behind a step."""
    try:
        lines = open(path, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return  # it has not begun
    with lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # half of one, of a process that was killed
            if isinstance(record, dict) and isinstance(record.get("step"), int) and record["step"] > after:
                yield record
