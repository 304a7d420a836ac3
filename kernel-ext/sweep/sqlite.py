"""Writes the results of a sweep into a file of SQLite. `gantry sweep --sqlite` gives the sweep on standard input, and given.py before this."""
import json
import os
import pathlib
import sqlite3
import sys

OURS = 0x47414E54  # application_id: "GANT"

TABLES = """
CREATE TABLE sweep (name TEXT, metric TEXT, best TEXT, steps INTEGER, spec TEXT);
CREATE TABLE trials (trial INTEGER PRIMARY KEY, name TEXT UNIQUE, state TEXT, problem TEXT, step INTEGER, seconds REAL, attempts INTEGER, ended TEXT, best INTEGER);
CREATE TABLE settings (trial INTEGER REFERENCES trials, name TEXT, value NUMERIC, PRIMARY KEY (trial, name)) WITHOUT ROWID;
CREATE TABLE metrics (trial INTEGER REFERENCES trials, step INTEGER, name TEXT, value REAL, PRIMARY KEY (trial, step, name)) WITHOUT ROWID;
"""


def check(path):
    """A file that is there is one of ours."""
    if not path.exists():
        return
    try:
        with open(path, "rb") as file:
            head = file.read(100)
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}; name another file")
    if not head.startswith(b"SQLite format 3\0") or int.from_bytes(head[68:72], "big") != OURS:
        sys.exit(f"{path} is there and is no result of a sweep; name another file")


def quoted(name, mark):
    return mark + name.replace(mark, 2 * mark) + mark


def view(given, metrics):
    """A line for each trial, with the columns that results.csv has. A metric of a setting's name has `metric ` before it: SQLite's names know no case."""
    settings = sorted({name for t in given["trials"] for name in t["settings"]})
    columns = ["trial", "name"] + [f"(SELECT value FROM settings s WHERE s.trial = t.trial AND s.name = {quoted(n, chr(39))}) AS {quoted(n, chr(34))}" for n in settings]
    columns += ["state", "problem", "step", "seconds AS trial_seconds", "best"]
    taken = {n.lower() for n in settings} | {"trial", "name", "state", "problem", "step", "trial_seconds", "best"}
    for n in metrics:
        shown = "metric " + n if n.lower() in taken else n
        columns.append(f"(SELECT value FROM metrics m WHERE m.trial = t.trial AND m.step = t.step AND m.name = {quoted(n, chr(39))}) AS {quoted(shown, chr(34))}")
    return f"CREATE VIEW results AS SELECT {', '.join(columns)} FROM trials t"


def write(path, given):
    names = set()
    base = sqlite3.connect(path)
    base.executescript(TABLES)
    spec = given["spec"]
    with base:
        base.execute("INSERT INTO sweep VALUES (?, ?, ?, ?, ?)", (given["sweep"], spec["metric"], spec["best"], spec["steps"], json.dumps(spec)))
        for t in given["trials"]:
            base.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (t["trial"], t["name"], t["state"], t["problem"], t["step"], t["seconds"],
                                                                                  t["attempts"], t["ended"], int(t["best"])))
            base.executemany("INSERT INTO settings VALUES (?, ?, ?)", [(t["trial"], *pair) for pair in t["settings"].items()])
            for record in records(t["records"]):
                step = record.pop("step")
                numbers = {k: v for k, v in record.items() if isinstance(v, (int, float))}
                names |= numbers.keys()
                base.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?)", [(t["trial"], step, *pair) for pair in numbers.items()])
        base.execute(view(given, sorted(names)))
        base.execute(f"PRAGMA application_id = {OURS}")
    base.close()


def main():
    given = json.load(sys.stdin)
    path = pathlib.Path(given["to"])
    check(path)
    os.umask(0o077)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(new, given)
        os.replace(new, path)
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"{path} cannot be written: {error}")
    finally:
        new.unlink(missing_ok=True)


main()
