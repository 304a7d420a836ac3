"""A class on one machine: JupyterHub, which starts a server for each student as that user of the machine, beside one
installation of this project that all read. Root runs it: `make hub-start`. docs/many-runs/hub.md is the way from nothing.

What a school changes stands in a file of its own, which $GANTRY_HUB_CONFIG names and which is read last.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from jupyterhub.spawner import LocalProcessSpawner

c = get_config()  # noqa: F821

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]
venv = root / ".venv"
state = pathlib.Path(os.environ.get("GANTRY_HUB_STATE", "/var/lib/gantry-hub"))
if os.geteuid() != 0:
    raise SystemExit("the hub starts servers as other users, and so must be started by root")
go = shutil.which("go") or sys.exit("Go is not on PATH: the hub hands its cache and modules to the students")


def of_go(name):
    return subprocess.run([go, "env", name], check=True, capture_output=True, text=True, cwd=root).stdout.strip()


def check_shared(path):
    """Students come to what they share, or the hub does not start."""
    path = pathlib.Path(path)
    closed = next((p for p in (path, *path.parents) if not p.stat().st_mode & 0o001), None)
    if closed:
        raise SystemExit(f"students cannot come to {path}, for {closed} is closed to them: set all up where they can, see docs/many-runs/hub.md")


for shared in (root, of_go("GOROOT"), of_go("GOCACHE"), of_go("GOMODCACHE"), sys.base_prefix):
    check_shared(shared)


class Student(LocalProcessSpawner):
    """Starts a server by `start-student`, which makes the user's namespaces and then becomes the user."""

    def make_preexec_fn(self, name):
        return None

    async def _signal(self, sig):
        """Tells the first process in the student's namespace to end, and that lets the runs save."""
        if sig in (0, signal.SIGKILL):
            return await super()._signal(sig)
        try:
            children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except FileNotFoundError:
            return False
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        return True


state.mkdir(mode=0o711, parents=True, exist_ok=True)
(state / "students").mkdir(mode=0o711, exist_ok=True)
private = state / "hub"
private.mkdir(mode=0o700, exist_ok=True)

c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # a web server in front of it does TLS
c.JupyterHub.hub_ip = "127.0.0.1"
c.ConfigurableHTTPProxy.command = [str(venv / "hub" / "node_modules" / ".bin" / "configurable-http-proxy")]
c.ConfigurableHTTPProxy.pid_file = str(private / "proxy.pid")
c.JupyterHub.cookie_secret_file = str(private / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{private}/hub.sqlite"
c.Authenticator.allow_all = True  # whoever the machine lets log in

c.JupyterHub.spawner_class = Student
c.Spawner.cmd = [str(here / "start-student"), str(root / "bin" / "gantry"), "container", "--", str(venv / "hub" / "bin" / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.mem_limit = "3G"
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.LocalProcessSpawner.interrupt_timeout = 60  # for a student's runs to be saved; the runs know it as GANTRY_GRACE
c.Spawner.environment = {
    "GANTRY_ROOT": str(root), "GANTRY_HUB_STATE": str(state), "GANTRY_HUB_SEED": str(state / "seed"), "GANTRY_GRACE": "50s",
    "GANTRY_RUNS": lambda spawner: os.path.expanduser(f"~{spawner.user.name}/runs"),
    "GOEXPERIMENT": "simd", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOCACHE": of_go("GOCACHE"), "GOMODCACHE": of_go("GOMODCACHE"),
    "JUPYTER_PATH": str(venv / "share" / "jupyter"), "JUPYTER_CONFIG_PATH": str(venv / "etc" / "jupyter"), "PYTHONNOUSERSITE": "1",
    "PATH": os.pathsep.join([str(root / "bin"), str(venv / "hub" / "bin"), str(venv / "bin"), os.path.dirname(go), "/usr/local/bin:/usr/bin:/bin"]),
}

# A server that nobody has used for an hour ends, and its runs are saved: they go on where they are opened next.
c.JupyterHub.load_roles = [{"name": "idle-culler", "services": ["idle-culler"],
                            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"]}]
c.JupyterHub.services = [{"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]}]

own = os.environ.get("GANTRY_HUB_CONFIG")
if own:
    load_subconfig(own)  # noqa: F821
