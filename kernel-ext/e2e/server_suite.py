"""What `gantry lab` lets in over HTTP, and what it leaves running when it ends."""
import http.client
import json
import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import unittest
import urllib.parse

import websocket

from client import until
from contained import Contained, Tally
from experiment import EXPERIMENT
from place import BINARY, ROOT, VENV, Place
from server import Server, free_port

OPEN = EXPERIMENT + """
%%
run := must(lab.OpenWith(experiment("left", 1), lab.RunOptions{}))
check(run.TrainAsync(100_000_000))
fmt.Println("training")
"""


class Lab(Server):
    """gantry lab in a private place."""

    def __init__(self):
        super().__init__(free_port(), secrets.token_hex(16))
        self.place = Place()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(BINARY), "lab", "--no-browser", "--port", str(self.port)], cwd=ROOT, stdin=subprocess.DEVNULL,
                                        env=self.place.env | {"GANTRY_ROOT": str(ROOT), "JUPYTER_TOKEN": self.token}, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            until(lambda: "JupyterLab: http" in self.said(), 60, lambda: f"it does not serve: {self.said()}")
        except BaseException:
            self.close()
            raise

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def runs(self):
        said = subprocess.run([str(BINARY), "runs", "--json"], env=self.place.env | {"GANTRY_ROOT": str(ROOT)}, check=True, capture_output=True, text=True).stdout
        return [json.loads(line) for line in said.splitlines()]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.place.close()
        self.log.close()

    def get(self, path, method="GET", body=None, at="127.0.0.1", **headers):
        """A bare request; returns its status, headers and body."""
        link = http.client.HTTPConnection(at, self.port, timeout=20)
        try:
            link.putrequest(method, path, skip_host="Host" in headers)
            for name, value in headers.items():
                link.putheader(name.replace("_", "-"), value)
            if body is not None:
                link.putheader("Content-Length", str(len(body)))
            link.endheaders(body)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()


class Leaving(unittest.TestCase):
    """Ending the lab leaves the runs alone: they outlive the page by design. A container's first process is another matter."""

    def end(self, how):
        lab = Lab()
        self.addCleanup(lab.close)
        lab.cell(OPEN, "training")
        lab.process.send_signal(how)
        lab.process.wait(30)
        [run] = lab.runs()
        self.assertTrue(run["living"], run)
        until(lambda: lab.runs()[0]["step"] > run["step"], 30, "the run trains no more")

    def test_interrupt(self):
        self.end(signal.SIGINT)

    def test_terminate(self):
        self.end(signal.SIGTERM)


class Container(Contained):
    """What the image runs, on this machine's own files."""

    def __init__(self, place):
        self.place, port = place, free_port()
        root = [] if os.getuid() == 0 else ["--map-root-user"]
        super().__init__(port, place.token, [
            "unshare", *root, "--mount-proc", "--pid", "--fork", "--kill-child=KILL", str(BINARY), "container", "--course", str(place.work / "notebooks"), "--",
            str(ROOT / "kernel-ext" / "setup" / "docker-start"), f"--ServerApp.port={port}", "--allow-root"],
            place.env | {"GANTRY_ROOT": str(ROOT), "PATH": f"{BINARY.parent}:{VENV}/bin:{place.env['PATH']}"})

    def runs(self):
        said = subprocess.run([str(BINARY), "runs", "--json"], env=self.place.env | {"GANTRY_ROOT": str(ROOT)}, check=True, capture_output=True, text=True).stdout
        return {r["name"]: r for r in map(json.loads, said.splitlines())}


class Stopping(unittest.TestCase):
    """What a container runs is stopped while it trains: what the run had reported is in its checkpoint, and the next goes on."""

    @classmethod
    def setUpClass(cls):
        cls.place, cls.tally = Place(), Tally()
        cls.addClassCleanup(cls.place.close)
        cls.addClassCleanup(cls.tally.tell)

    def stop(self):
        container = Container(self.place)
        self.addCleanup(container.close)
        self.tally.train_and_stop(self, container, self.place.dir / "runs")


for n in range(int(os.environ.get("GANTRY_E2E_STOPS", 3))):
    setattr(Stopping, f"test_{n + 1:02}", Stopping.stop)


class HTTP(unittest.TestCase):
    """Who may ask the server for what."""

    PATHS = "/api/contents", "/api/kernels", "/api/sessions", "/api/terminals", "/files/00-start.ipynb", "/lab", "/nbconvert/html/00-start.ipynb"

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.auth = {"Authorization": f"token {cls.lab.token}"}

    def test_loopback_only(self):
        """Every address of 127.0.0.0/8 reaches a server that listens at all addresses."""
        with self.assertRaises(ConnectionRefusedError):
            self.lab.get("/api", at="127.0.0.2")

    def test_token(self):
        for wrong in ({}, {"Authorization": "token " + "0" * 32}, {"Authorization": f"Bearer {self.lab.token[:-1]}"}, {"Cookie": "username-127-0-0-1=admin"}):
            for path in self.PATHS:
                status, headers, _ = self.lab.get(path, **wrong)
                self.assertIn(status, (302, 403), (path, wrong))
                if status == 302:
                    self.assertTrue(headers["Location"].startswith("/login"), headers["Location"])
            status, _, _ = self.lab.get("/api/kernels", "POST", b"{}", **wrong)
            self.assertEqual(403, status)
        self.assertEqual([], self.lab.ask("/api/kernels"))
        status, _, _ = self.lab.get("/api/contents", **self.auth)
        self.assertEqual(200, status)

    def test_settings(self):
        """JupyterLab has the project's settings: no news is fetched, and a closed notebook's kernel ends."""
        for plugin, key, want in (("apputils-extension:notification", "fetchNews", "false"), ("notebook-extension:tracker", "kernelShutdown", True)):
            schema = self.lab.ask(f"/lab/api/settings/@jupyterlab/{plugin}")["schema"]
            self.assertEqual(want, schema["properties"][key]["default"], plugin)

    def test_other_names(self):
        """A page whose name was made to point at this machine (DNS rebinding) is not answered."""
        for path in ("/api/contents", "/lab"):
            status, _, _ = self.lab.get(path, Host=f"evil.example:{self.lab.port}", **self.auth)
            self.assertEqual(403, status)

    def test_other_pages(self):
        """What another page of the browser may do: nothing that needs more than a cookie, and it cannot read the answers."""
        _, headers, _ = self.lab.get("/lab?token=" + urllib.parse.quote(self.lab.token))
        cookies = "; ".join(c.split(";")[0] for c in headers.get_all("Set-Cookie"))
        self.assertIn("127-0-0-1", cookies)
        status, headers, _ = self.lab.get("/api/contents", Cookie=cookies, Origin="http://evil.example")
        self.assertNotIn("Access-Control-Allow-Origin", headers)
        for method, path, body in (("POST", "/api/kernels", b"{}"), ("PUT", "/api/contents/x.txt", b'{"type":"file","format":"text","content":"x"}'),
                                   ("DELETE", "/api/contents/none.ipynb", None), ("POST", "/api/terminals", b"{}"), ("POST", "/api/shutdown", b"")):
            status, _, answer = self.lab.get(path, method, body, Cookie=cookies, Origin="http://evil.example")
            self.assertIn(status, (403, 404), (path, answer))  # to another origin Jupyter says that there is nothing
            status, _, answer = self.lab.get(path, method, body, Cookie=cookies)  # a form that says no origin
            self.assertEqual(403, status, (path, answer))
        self.assertEqual([], self.lab.ask("/api/kernels"))
        self.assertEqual([], self.lab.ask("/api/terminals"))
        self.assertFalse((ROOT / "notebooks" / "x.txt").exists())
        kernel = self.lab.ask("/api/kernels", {"name": "gantry"})["id"]
        with self.assertRaises(websocket.WebSocketBadStatusException) as refused:
            self.lab.connect(kernel, cookie=cookies, origin="http://evil.example")
        self.assertEqual(403, refused.exception.status_code)
        with self.assertRaises(websocket.WebSocketBadStatusException) as refused:
            self.lab.connect(kernel)
        self.assertEqual(403, refused.exception.status_code)
        self.lab.get(f"/api/kernels/{kernel}", "DELETE", **self.auth)

    def test_only_the_notebooks(self):
        """Files outside of the notebooks' folder, and hidden ones in it, are not served."""
        hidden = ROOT / "notebooks" / f".hidden-{secrets.token_hex(4)}"
        self.addCleanup(hidden.unlink)
        hidden.write_text("secret")
        outside = [f"/{kind}/{path}" for kind in ("api/contents", "files") for path in
                   ("../go.mod", "%2e%2e/go.mod", "..%2fgo.mod", "....//go.mod", "//etc/passwd", "%2fetc%2fpasswd", "x/../../go.mod", hidden.name, "../.venv/jupyter/runtime")]
        for path in outside:
            status, _, answer = self.lab.get(path, **self.auth)
            self.assertGreaterEqual(status, 400, (path, answer[:200]))
            self.assertNotIn(b"gantry.local", answer)
            self.assertNotIn(b"secret", answer)
        status, _, _ = self.lab.get(f"/api/contents/{hidden.name}", "PUT", b'{"type":"file","format":"text","content":"x"}', **self.auth)
        self.assertGreaterEqual(status, 400)
        self.assertEqual("secret", hidden.read_text())

    def test_files_are_not_the_lab(self):
        """A page among the notebooks opens in a sandbox: its script is not the lab's."""
        page = ROOT / "notebooks" / f"page-{secrets.token_hex(4)}.html"
        self.addCleanup(page.unlink)
        page.write_text("<script>1</script>")
        status, headers, _ = self.lab.get(f"/files/{page.name}", **self.auth)
        self.assertEqual(200, status)
        self.assertIn("sandbox", headers["Content-Security-Policy"])
        self.assertIn("frame-ancestors 'self'", headers["Content-Security-Policy"])
        self.assertEqual("nosniff", headers["X-Content-Type-Options"])

    def test_runtime_files(self):
        """The file with the token, and the kernels' with their keys, are their owner's alone."""
        folder = pathlib.Path(ROOT / ".venv" / "jupyter" / "runtime")
        self.assertEqual(0o700, folder.stat().st_mode & 0o777)
        kernel = self.lab.ask("/api/kernels", {"name": "gantry"})["id"]
        files = [f for f in folder.glob(f"*{kernel}*.json")] + [f for f in folder.glob("jpserver-*.json")]
        self.assertGreaterEqual(len(files), 2)
        for file in files:
            self.assertEqual(0, file.stat().st_mode & 0o077, file)
        self.lab.get(f"/api/kernels/{kernel}", "DELETE", **self.auth)
