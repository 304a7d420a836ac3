"""A student as the hub's pages and servers see one: logs in by the form, gets the chapters by nbgitpuller and runs cells."""
import json
import pathlib
import re
import time

import requests
import websocket

from server import execute_request

PATIENCE = 900  # seconds that an answer may take, on a machine that does much else, too


class Student:
    def __init__(self, port, name, password, home):
        self.port, self.name, self.password, self.home = port, name, password, home
        self.hub, self.url = f"http://127.0.0.1:{port}/hub", f"http://127.0.0.1:{port}/user/{name}"
        self.session, self.link, self.kernel = requests.Session(), None, ""
        self.measured, self.begun = {}, time.monotonic()

    @staticmethod
    def answers(port):
        try:
            return requests.get(f"http://127.0.0.1:{port}/hub/health", timeout=5).ok
        except requests.RequestException:
            return False

    def note(self, what, since):
        self.measured.setdefault(what, round(time.monotonic() - since, 2))

    def login(self):
        self.begun = begin = time.monotonic()
        self.session.get(f"{self.hub}/login", timeout=PATIENCE)
        answer = self.session.post(f"{self.hub}/login", data={"username": self.name, "password": self.password,
                                   "_xsrf": self.cookie("/hub/")}, allow_redirects=False, timeout=PATIENCE)
        if answer.status_code != 302:
            raise AssertionError(f"cannot log in: {answer.status_code}")
        self.note("login", begin)

    def cookie(self, path):
        return next(c.value for c in self.session.cookies if c.name == "_xsrf" and c.path == path)

    def spawn(self):
        """Starts the server and is let in there."""
        begin = time.monotonic()
        page = self.session.get(f"{self.hub}/spawn/{self.name}", timeout=PATIENCE)
        while time.monotonic() < begin + PATIENCE:
            server = self.session.get(f"{self.hub}/api/users/{self.name}", timeout=PATIENCE).json()["servers"].get("", {})
            if server.get("ready"):
                page = self.session.get(f"{self.url}/lab", timeout=PATIENCE)
                if page.ok and page.url.startswith(self.url):
                    self.note("server", begin)
                    return
            time.sleep(1)
            if not server:  # the one before was still ending
                page = self.session.get(f"{self.hub}/spawn/{self.name}", timeout=PATIENCE)
        raise AssertionError(f"no server: {page.status_code} at {page.url}")

    def stop(self):
        self.session.get(f"{self.hub}/home", timeout=PATIENCE)
        self.session.delete(f"{self.hub}/api/users/{self.name}/server", headers={"X-XSRFToken": self.cookie("/hub/")}, timeout=PATIENCE)
        while self.session.get(f"{self.hub}/api/users/{self.name}", timeout=PATIENCE).json().get("servers"):
            time.sleep(0.5)

    def pull(self, repository, folder):
        """What the link in a course's page does."""
        begin = time.monotonic()
        answer = self.session.get(f"{self.url}/git-pull/api", params={"repo": repository, "targetpath": folder, "branch": "main",
                                  "_xsrf": self.cookie(f"/user/{self.name}/")}, timeout=PATIENCE)
        if '"phase": "finished"' not in answer.text:
            raise AssertionError(f"nbgitpuller: {answer.status_code} {answer.text[-800:]}")
        self.note("pull", begin)

    def ask(self, path, data=None):
        xsrf = {"X-XSRFToken": self.cookie(f"/user/{self.name}/")}
        if data is None:
            answer = self.session.get(self.url + path, timeout=PATIENCE)
        else:
            answer = self.session.post(self.url + path, json=data, headers=xsrf, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def connect(self):
        begin = time.monotonic()
        self.kernel = self.ask("/api/kernels", {"name": "gantry"})["id"]
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.session.cookies if c.path in ("/", f"/user/{self.name}/"))
        self.link = websocket.create_connection(f"ws://127.0.0.1:{self.port}/user/{self.name}/api/kernels/{self.kernel}/channels",
                                                cookie=cookies, timeout=PATIENCE)
        self.note("kernel", begin)

    def leave(self):
        """Closes the notebook and ends its kernel."""
        if self.link:
            self.link.close()
            self.session.delete(f"{self.url}/api/kernels/{self.kernel}", headers={"X-XSRFToken": self.cookie(f"/user/{self.name}/")}, timeout=PATIENCE)
            self.link = None

    def execute(self, code, fails=False):
        """Runs a cell and returns what it says and shows in words; an error is one, unless it may fail."""
        if not self.link:
            self.connect()
        begin, request, said, problem = time.monotonic(), execute_request(code), [], ""
        self.link.send(json.dumps(request))
        replied = idle = False
        while not (replied and idle):
            received = self.link.recv()
            if isinstance(received, bytes):
                continue  # pictures of widgets
            message = json.loads(received)
            if message.get("parent_header", {}).get("msg_id") != request["header"]["msg_id"]:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                said.append(content["text"])
            elif kind in ("display_data", "update_display_data", "execute_result"):
                said.append(content["data"].get("text/plain", ""))
                if "image/png" in content["data"] or "data:image/png" in content["data"].get("text/html", ""):
                    self.note("first picture", self.begun)
            elif kind == "error":
                problem = "\n".join(content["traceback"])
            replied = replied or kind == "execute_reply"
            idle = idle or kind == "status" and content["execution_state"] == "idle"
        self.note("first cell", begin)
        text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(said + [problem]))
        if problem and not fails:
            raise AssertionError(f"{code.strip().splitlines()[0]}: {text[-600:]}")
        return text

    def notebook(self, path, cells=None):
        """Runs the cells of a notebook, or its first few, one after the other."""
        begin = time.monotonic()
        content = self.ask(f"/api/contents/{path}")["content"]
        for cell in [c for c in content["cells"] if c["cell_type"] == "code"][:cells]:
            self.execute(cell["source"])
        self.note("03 begun" if cells else "00 to its end", begin)

    def cgroup(self):
        """What the student's processes took at most, and what the caches have written."""
        for path in (f"/sys/fs/cgroup/memory/gantry/{self.name}/memory.max_usage_in_bytes", f"/sys/fs/cgroup/gantry/{self.name}/memory.peak"):
            if pathlib.Path(path).exists():
                self.measured["memory MB"] = int(pathlib.Path(path).read_text()) // 1_000_000
        size = sum(f.lstat().st_blocks * 512 for f in self.home.rglob("*"))
        self.measured["disk MB"] = size // 1_000_000

    def direct(self, other, path):
        """How another student's server answers at its own port, past the proxy."""
        pids = [p for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()]
        for pid in pids:
            try:
                words = (pid / "cmdline").read_bytes().decode(errors="replace").split("\0")
                variables = (pid / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if f"JUPYTERHUB_USER={other.name}" in variables and any("singleuser" in w for w in words):
                port = next(v.rsplit(":", 1)[1].split("/")[0] for v in variables if v.startswith("JUPYTERHUB_SERVICE_URL="))
                return self.session.get(f"http://127.0.0.1:{port}/user/{other.name}{path}", allow_redirects=False, timeout=PATIENCE).status_code
        raise AssertionError(f"no server of {other.name} is found")
