"""The private place in which a test runs: an empty home, Jupyter's folders, temporary files, and the kernel under test.

Nothing of the person who runs the tests is read or written: what a kernel leaves behind is seen in Place.left().
"""
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
KERNEL = "gantry"
# Another built kernel than bin/gantry, for trying a change out.
BINARY = pathlib.Path(os.environ.get("GANTRY_E2E_BINARY", ROOT / "bin" / "gantry")).absolute()
# Where screenshots and logs are kept; without it they go with the place.
KEEP = os.environ.get("GANTRY_E2E_KEEP", "")


def kernelspec():
    """The kernelspec that set-up wrote, for the binary under test."""
    path = VENV / "share" / "jupyter" / "kernels" / KERNEL / "kernel.json"
    if not path.exists() or not BINARY.exists():
        sys.exit("not set up yet; run `make setup`")
    spec = json.loads(path.read_text())
    spec["argv"][0] = str(BINARY)
    return spec


def go_folders():
    """Go's caches, which lie in the home that the place replaces."""
    names = ["GOPATH", "GOMODCACHE", "GOCACHE"]
    said = subprocess.run(["go", "env", *names], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return dict(zip(names, said.splitlines()))


class Place:
    """A folder that goes with the test, and the environment of the processes in it."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gantry-e2e-", dir="/tmp"))  # short: Unix sockets lie in it
        self.tmp, self.work = self.dir / "tmp", self.dir / "work"
        self.keep = pathlib.Path(KEEP).absolute() if KEEP else self.dir / "keep"
        self.token = secrets.token_hex(16)
        self.former = None  # environment and working directory of this process before enter
        for folder in (self.tmp, self.work, self.dir / "home", self.keep):
            folder.mkdir(parents=True, exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "GANTRY", "GONB", "XDG_", "PYTHON"))}
        self.env = kept | go_folders() | {
            "HOME": str(self.dir / "home"), "TMPDIR": str(self.tmp), "GOTOOLCHAIN": "local",
            "JUPYTER_PATH": str(self.dir / "jupyter" / "data"),  # comes before .venv/share/jupyter
            "JUPYTER_PLATFORM_DIRS": "1", "JUPYTER_TOKEN": self.token, "PYTHONNOUSERSITE": "1",
            "GANTRY_RUNS": str(self.dir / "runs"),
            "GANTRY_E2E_PLACE": str(self.dir),  # marks every process of the place, see processes
        }
        for name in ("CONFIG", "DATA", "RUNTIME"):
            self.env[f"JUPYTER_{name}_DIR"] = str(self.dir / "jupyter" / name.lower())
        for name in ("SETTINGS", "WORKSPACES"):
            self.env[f"JUPYTERLAB_{name}_DIR"] = str(self.dir / "jupyter" / name.lower())
        self.add_kernel(KERNEL, kernelspec())

    def add_kernel(self, name, spec):
        folder = self.dir / "jupyter" / "data" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kernel.json").write_text(json.dumps(spec))

    def enter(self):
        """Makes this process one of the place: for clients that start kernels themselves."""
        self.former = dict(os.environ), os.getcwd()
        self.become(self.env, self.work)

    @staticmethod
    def become(environment, folder):
        os.environ.clear()
        os.environ.update(environment)
        tempfile.tempdir = None
        os.chdir(folder)

    def processes(self):
        """The running processes that were started in the place: {pid: command line}. This one is not among them."""
        found = {}
        mark = f"GANTRY_E2E_PLACE={self.dir}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            except OSError:
                continue  # ended meanwhile, or another user's
        return {pid: line for pid, line in found.items() if line}  # a zombie has no command line

    def left(self):
        """What lies in the temporary folder: sockets, folders, files."""
        return sorted(str(p.relative_to(self.tmp)) for p in self.tmp.iterdir())

    def close(self):
        """Ends what still runs in the place and removes it."""
        end = time.monotonic() + 10
        while (running := self.processes()) and time.monotonic() < end:  # what is being started while others are killed
            for pid in running:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        if self.former:
            self.become(*self.former)
        shutil.rmtree(self.dir, ignore_errors=True)
