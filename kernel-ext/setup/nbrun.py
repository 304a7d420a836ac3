"""Executes notebooks cell by cell; run by `gantry nbrun`. Standard error gets one line, and only on failure."""
import argparse
import os
import pathlib
import re
import signal
import sys
import tempfile
import time
import uuid

import nbformat
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


class PrivateSockets(AsyncKernelManager):
    """A kernel at Unix sockets, see labconfig.py."""

    def __init__(self, **options):
        super().__init__(**options)
        temporary = tempfile.gettempdir()
        if len(temporary) > 60:
            temporary = "/tmp"
        self.connection_file = os.path.join(jupyter_runtime_dir(), f"kernel-{uuid.uuid4()}.json")
        self.transport, self.ip = "ipc", os.path.join(temporary, f"gantry-{uuid.uuid4().hex[:16]}", "k")


def write(path, text):
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def first_line(cell):
    lines = [line for line in cell.source.splitlines() if line.strip() and line.strip() != "%%"]
    return lines[0].strip()[:60] if lines else ""


def run(path, out, html, timeout):
    notebook = nbformat.read(path, as_version=4)
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    client = NotebookClient(notebook, kernel_name="gantry", kernel_manager_class=PrivateSockets, timeout=timeout,
                            resources={"metadata": {"path": str(path.parent)}})
    client.reset_execution_trackers()
    for i in code:
        notebook.cells[i].outputs, notebook.cells[i].execution_count = [], None
    failure, begin = None, time.monotonic()
    try:
        with client.setup_kernel():
            for number, i in enumerate(code, 1):
                start = time.monotonic()
                try:
                    client.execute_cell(notebook.cells[i], i, execution_count=number)
                except CellExecutionError as error:
                    text = re.sub(r"\x1b\[[0-9;]*m", "", f"{error.ename}: {error.evalue}".strip())
                    failure = f"{path.name}: cell {number} of {len(code)} failed ({first_line(notebook.cells[i])}): " + " | ".join(
                        line.strip() for line in text.splitlines() if line.strip())[:400]
                except CellTimeoutError:
                    failure = (f"{path.name}: cell {number} of {len(code)} ({first_line(notebook.cells[i])}) did not end within "
                               f"{timeout} s; --timeout gives it more")
                except DeadKernelError:
                    failure = f"{path.name}: cell {number} of {len(code)} ({first_line(notebook.cells[i])}): the kernel died"
                print(f"{path.name}  cell {number:2}/{len(code)}  {time.monotonic() - start:6.1f} s  {first_line(notebook.cells[i])}", flush=True)
                if failure:
                    break
    except Exception as error:  # the kernel would not start
        failure = failure or f"{path.name}: {type(error).__name__}: {error}; run `gantry doctor`"
    notebook.metadata["kernelspec"] = {"name": "gantry", "display_name": "Go (Gantry)", "language": "go"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):  # widgets end with their kernel; their pictures stay
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    write(out / path.name, nbformat.writes(notebook) + "\n")
    if html:
        from nbconvert import HTMLExporter
        write(out / (path.stem + ".html"), HTMLExporter().from_notebook_node(notebook)[0])
    if not failure:
        print(f"{path.name}  done in {time.monotonic() - begin:.1f} s", flush=True)
    return failure


parser = argparse.ArgumentParser()
parser.add_argument("--out", type=pathlib.Path)
parser.add_argument("--html", action="store_true")
parser.add_argument("--timeout", type=int)
parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
options = parser.parse_args()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
for path in options.notebooks:
    if problem := run(path, options.out, options.html, options.timeout):
        print(problem, file=sys.stderr)
        sys.exit(1)
