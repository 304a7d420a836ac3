"""GoNB's own notebooks on stock GoNB and on our kernel, cell by cell, and a table of what differs.

Those that talk to JavaScript in the page run in JupyterLab, the others through a plain client. Run by `make gonb-notebooks`;
names on the command line choose notebooks, -v shows the outputs of cells that differ.
"""
import concurrent.futures
import difflib
import html
import json
import multiprocessing
import os
import pathlib
import queue
import re
import subprocess
import sys
import time
import uuid

import nbformat
from jupyter_client.manager import KernelManager

from place import KERNEL, ROOT, VENV, Place, go_folders

STOCK, PATIENCE = "gonb", 120
ERROR_BOX = "gonb-err-location"  # in the HTML with which stock GoNB shows a compile error
# Notebooks whose cells wait for JavaScript in a page.
BROWSER = ("comms", "dom", "widgets", "wasm")
NOT_RUN = {
    "google_colab_demo": "installs Go and GoNB into the machine with apt, wget and `go install …@latest`, for Google Colab only",
}
# Cells that are left out, with the reason: {notebook: {cell index: reason}}.
LEFT_OUT = {
    "tutorial": {
        23: "needs a module that can no longer be had: stock GoNB fails as well",
        49: "waits for a person at a slider in the page; `widgets` runs the same widgets",
        64: "needs a clone of GoNB in ~/Projects", 66: "needs a clone of GoNB in ~/Projects",
    },
    "wasm_demo": {2: "needs a clone of GoNB in ~/Projects"},
}
ANSWERS = {"input_boxes": ["foo", "bar", "42", "123456"]}

# What must differ between two runs of the same notebook, and what it is replaced by.
VARYING = [
    (r"\x1b\[[0-9;?]*[A-Za-z]", ""),
    (r"/tmp/gantry-e2e-\w+/tmp/gantry-kernel-[\w-]+", "TMP"),
    (r"/tmp/gantry-e2e-[\w]+/tmp", "TMP"),
    (r"/tmp/gantry-e2e-[\w]+/work", "WORK"),
    (r"/tmp/gantry-e2e-[\w]+", "PLACE"),
    (r"gonb_tests_gowork_\w{8}", "gonb_tests_gowork_X"),
    (r"gonb_[0-9a-f]{8}", "gonb_ID"),
    (r"jupyter_files/[0-9a-f-]{8,36}", "jupyter_files/ID"),
    (r"(dom\.transient_div_|gonb_(wasm_div|dom|id|html|widget)\w*_|sin_plot|wasm_div_|gonb_)[0-9a-f]{8,}", r"\1ID"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\bid_[0-9a-f]{6,}|\b[0-9a-f]{16,32}\b", "ID"),
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"(?<![\w.])\d+(\.\d+)?(e-\d+)?\s*(ns|µs|us|ms|s|m)(/op)?\b", "TIME"),
    (r"\d+(\.\d+)? (it|its|steps)/(s|min)", "RATE"),
    (r"\(\d+(/\d+)?, ", "(N, "),
    (r"Benchmark(\w+?)(-\d+)?[ \t]+\d+[ \t]+", r"Benchmark\1 N "),
    (r"(?<![0-9a-z])(go_)?[0-9a-f]{8}(?![0-9a-z])", r"\1ID"),
    (r"\d\d:\d\d:\d\d(\.\d+)?", "CLOCK"),
    (r"\d{4}[-/]\d\d[-/]\d\d", "DATE"),
    (r"_~\d+", "_~N"),
    (r"goroutine \d+", "goroutine N"),
    (r"^([-dls][rwx-]{9})\s+\d+ .*? (\S+)$", r"\1 \2"),  # ls -l
    (r"^total \d+$", "total N"),
    (r"^go 1\.\d+(\.\d+)?$", "go VERSION"),
    (r"(NonCachedValue|CachedValue)=\d+", r"\1=N"),
    (r"[ \t]+$", ""),
]

# What differs by intent: {(notebook, cell index): why it is no loss}. A cell named here must differ, or the table says so.
JUSTIFIED = {
    **{("gowork", cell): "the cell module requires the project's modules from the start, and GoNB tracks the project's folders" for cell in (8, 10, 11, 12)},
    ("errors", 2): "the exit status is in the error, and is not printed on stderr as well",
    ("tutorial", 27): "a shell line that fails is an error",
    ("tutorial", 54): "the listing has the cell's program under a name of its own",
    ("wasm_demo", 7): "a cell that fails at %wasm does not make the next one a WebAssembly cell",
    ("goflags", 14): "the compiler speaks of the file beside the program too, and of main's statements as a function",
    ("tutorial", 11): "a variable lives on, and is initialised only in the cell that declares it",
    ("vartuple", 1): "what a cell gives to _ is a statement of it, and not remembered",
    ("vartuple", 3): "each variable of a tuple is one of its own",
    ("tutorial", 71): "the help says first what this kernel adds",
}
# Cells that draw random numbers: only what kinds of output they have is compared.
RANDOM = {("tutorial", 28), ("tutorial", 30), ("tutorial", 32), ("tutorial", 34)}


def normal(text):
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def module():
    """The folder of GoNB's module at the version that go.mod pins."""
    said = subprocess.run(["go", "list", "-m", "-f", "{{.Dir}}", "github.com/janpfeifer/gonb"], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout.strip()
    return pathlib.Path(said)


def notebooks(chosen):
    examples = module() / "examples"
    found = {p.stem: p for p in [*sorted((examples / "tests").glob("*.ipynb")), *sorted(examples.glob("*.ipynb"))]}
    return {name: path for name, path in found.items() if name not in NOT_RUN and (not chosen or name in chosen)}


def prepare(place):
    """What GoNB's own tests set in the environment, and the stock kernel as `gonb --install` would describe it."""
    gonb = ROOT / "bin" / "gonb"
    place.env |= {
        "GONB_GIT_ROOT": str(module()), "TEST_DIR": f"{place.work}/", "GOCOVERDIR": str(place.dir / "coverage"),
        # Some version lists cannot be read where this runs, and stock GoNB always asks for the newest: what is here counts first.
        "GOPROXY": f"file://{go_folders()['GOMODCACHE']}/cache/download,{place.env.get('GOPROXY', 'https://proxy.golang.org,direct')}",
        "PATH": f"{ROOT / 'bin'}{os.pathsep}{VENV / 'bin'}{os.pathsep}{place.env['PATH']}",
    }
    (place.dir / "coverage").mkdir()
    place.add_kernel(STOCK, {
        "argv": [str(gonb), "--kernel", "{connection_file}", "--logtostderr"], "display_name": "Go (gonb)", "language": "go",
        "interrupt_mode": "message", "env": {},
    })


class Gathered:
    """The outputs of one cell, in the order of a notebook: neighbouring pieces of a stream joined, updates in place."""

    def __init__(self):
        self.items, self.by_display, self.clear = [], {}, False

    def take(self, kind, content):
        if kind == "clear_output":
            self.items.clear()
        elif kind == "stream":
            if self.items and self.items[-1][0] == content["name"]:
                self.items[-1][1] += content["text"]
            else:
                self.items.append([content["name"], content["text"]])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            name = content.get("transient", {}).get("display_id")
            if name in self.by_display:
                self.by_display[name][1] = content["data"]
            else:
                self.items.append([kind.removeprefix("update_"), content["data"]])
                if name:
                    self.by_display[name] = self.items[-1]
        elif kind == "error":
            self.items.append(["error", content["evalue"]])  # ours has a traceback that names the cell and the line

    def message(self):
        """All that an error says: its value, and GoNB's box around a compile error."""
        boxes = [b.get("text/html", "") for _, b in self.items if isinstance(b, dict)]
        return normal(html.unescape(re.sub("<[^>]*>", "", "\n".join([*boxes, *(b for k, b in self.items if k == "error")]))))

    def lines(self, status):
        out = [f"status: {status}"]
        for kind, body in self.items:
            if isinstance(body, dict) and ERROR_BOX in body.get("text/html", ""):
                continue  # see message
            if isinstance(body, dict):
                for mime, data in sorted(body.items()):
                    text = data if isinstance(data, str) else json.dumps(data, sort_keys=True)
                    if mime.startswith("image/") and mime != "image/svg+xml":
                        text = f"{len(text)} characters"
                    out += [f"{kind} {mime}: {line}" for line in normal(text).splitlines()]
            else:
                body = re.sub(r"[^\n]*\r(?!\n)", "", body)  # a line that was overwritten
                out += [f"{kind}: {line}" for line in normal(body).splitlines()]
        # The two streams and the displays come over separate pipes, so only the order within each is sure.
        order = {"status": 0, "stdout": 1, "stderr": 2}
        return sorted(out, key=lambda line: order.get(line.split(":")[0], 3))


def client_run(kernel, name, path):
    """Runs a notebook's cells one after another; [(lines, seconds)] or None for a cell left out, by cell index."""
    place = Place()
    prepare(place)
    place.enter()
    log = os.open(place.keep / f"{kernel}-{name}.log", os.O_WRONLY | os.O_CREAT)
    file = place.dir / "jupyter" / "runtime" / f"kernel-{uuid.uuid4()}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    manager = KernelManager(kernel_name=kernel, connection_file=str(file))
    results, answers = {}, list(ANSWERS.get(name, []))
    try:
        manager.start_kernel(stderr=log, stdout=log, env=place.env)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(60)
        for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type != "code" or not cell.source.strip() or index in LEFT_OUT.get(name, {}):
                continue
            gathered, begin = Gathered(), time.monotonic()
            try:
                reply = client.execute_interactive(
                    cell.source, allow_stdin=True, stop_on_error=False, timeout=PATIENCE,
                    stdin_hook=lambda m: client.input(answers.pop(0) if answers else ""),
                    output_hook=lambda m: gathered.take(m["msg_type"], m["content"]))
                status = reply["content"]["status"]
            except (TimeoutError, queue.Empty):
                status = f"no end within {PATIENCE} s"
                manager.interrupt_kernel()
            results[index] = gathered.lines(status), time.monotonic() - begin, gathered.message()
    finally:
        try:
            manager.shutdown_kernel(now=False)
        finally:
            place.close()
    return results


def browser_run(kernel, name, path):
    """The same in JupyterLab: the outputs are those that the notebook is saved with."""
    from desk import Desk

    desk = Desk(before=prepare)
    if kernel == STOCK:  # which answers no history_request, so that JupyterLab never learns that it is idle
        desk.idle = re.compile(r"\| (Idle|Unknown)")
    results, seconds = {}, {}
    try:
        made = nbformat.read(path, as_version=4)
        made.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "go"}
        left_out, kept = LEFT_OUT.get(name, {}), []
        for index, cell in enumerate(made.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if index not in left_out and cell.source.strip():
                    kept.append(index)
        made.cells = [made.cells[i] for i in kept]
        desk.open(f"{name}.ipynb", made)
        for position, index in enumerate(kept):
            begin = time.monotonic()
            desk.start(position)
            desk.wait_end(position, PATIENCE)
            seconds[index] = time.monotonic() - begin
        desk.save()
        for index, cell in zip(kept, nbformat.read(desk.place.work / f"{name}.ipynb", as_version=4).cells):
            gathered, status = Gathered(), "ok"
            for output in cell.outputs:
                gathered.take(output.output_type, output)
                status = "error" if output.output_type == "error" else status
            results[index] = gathered.lines(status), seconds[index], gathered.message()
    finally:
        desk.close()
    return results


def both(name, path):
    """The two one after the other, for some notebooks write into a fixed folder."""
    run = browser_run if name in BROWSER else client_run
    return run(STOCK, name, path), run(KERNEL, name, path)


def compare(name, stock, ours, verbose):
    """Prints the differing cells and returns (cells, same, justified, different, seconds on stock, seconds on ours)."""
    same, justified, different = 0, [], []
    for index in stock:
        a, _, told = stock[index]
        b = ours[index][0]
        if all(any(line.startswith("error: ") for line in lines) for lines in (a, b)):
            # Stock GoNB says it in a box, ours in the error itself: what ours says first must be in what stock says.
            first = next(line for line in b if line.startswith("error: ")).removeprefix("error: ").split(" (and ")[0]
            if first in told:
                a, b = ([line for line in lines if not line.startswith("error: ")] for lines in (a, b))
        if (name, index) in RANDOM:
            a, b = (sorted({line.split(": ")[0] for line in lines}) for lines in (a, b))
        reason = JUSTIFIED.get((name, index))
        if a == b and reason is None:
            same += 1
        elif a != b and reason is not None:
            justified.append(f"{name} cell {index}: {reason}")
        else:
            different.append(index)
            print(f"\n{name} cell {index}: " + ("differs" if a != b else "is listed as differing, and does not"))
            print("\n".join(list(difflib.unified_diff(a, b, "stock GoNB", "our kernel", lineterm="", n=1))[: 200 if verbose else 14]))
    return len(stock), same, justified, different, sum(r[1] for r in stock.values()), sum(r[1] for r in ours.values())


def main(arguments):
    verbose = "-v" in arguments
    found = notebooks([a for a in arguments if a != "-v"])
    rows, reasons = [], []
    # A process of its own for each: it becomes one of the notebook's place.
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        started = {name: pool.submit(both, name, path) for name, path in found.items()}
        for name, job in started.items():
            try:
                cells, same, justified, different, slow, quick = compare(name, *job.result(), verbose)
            except Exception as error:
                print(f"\n{name}: could not be run: {type(error).__name__}: {error}")
                cells, same, justified, different, slow, quick = 0, 0, [], ["all"], 0, 0
            rows.append((name, cells, same, len(justified), len(different), slow, quick))
            reasons += justified
    print(f"\n{'notebook':20}{'cells':>6}{'same':>6}{'by intent':>11}{'different':>11}{'stock s':>9}{'ours s':>8}")
    for name, *numbers, slow, quick in rows:
        print(f"{name:20}{numbers[0]:6}{numbers[1]:6}{numbers[2]:11}{numbers[3]:11}{slow:9.1f}{quick:8.1f}")
    print(f"{'all':20}" + "".join(f"{sum(r[i] for r in rows):{w}}" for i, w in ((1, 6), (2, 6), (3, 11), (4, 11))))
    for title, listed in (("different by intent", reasons),
                          ("not run", [f"{n}: {why}" for n, why in NOT_RUN.items()]
                           + [f"{n} cell {i}: {why}" for n, cells in LEFT_OUT.items() for i, why in cells.items()])):
        print(f"\n{title}:\n" + "\n".join(f"  {line}" for line in listed))
    return 1 if any(r[4] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
