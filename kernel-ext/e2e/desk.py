"""JupyterLab in a private place, and Chromium in front of it: what a person does, and what a person sees, as functions."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import nbformat
from playwright.sync_api import Error, sync_playwright

from place import KERNEL, ROOT, VENV, Place

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]
CELL, OUTPUT = ".jp-Notebook .jp-CodeCell", ".jp-Cell-outputArea"

# In the page: when the person acted last, and when a condition came true after that. The condition is looked at after every
# change of the document and at every frame, so the figure is good to a frame.
WATCH = """
([condition, argument]) => {
  const holds = eval(condition), state = window.e2e = {acted: null, seen: null};
  const act = event => { if (state.acted === null && event.isTrusted) state.acted = performance.now(); };
  for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, act, {capture: true});
  const look = () => {
    if (state !== window.e2e) { observer.disconnect(); return; }
    if (state.acted !== null && state.seen === null && holds(argument)) state.seen = performance.now();
    if (state.seen !== null) { observer.disconnect(); for (const name of ["pointerdown", "keydown"]) document.removeEventListener(name, act, {capture: true}); }
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true});
  const frame = () => { look(); if (state === window.e2e && state.seen === null) requestAnimationFrame(frame); };
  frame();
}
"""

# In the page: what an image shows, as numbers.
PIXELS = """
async image => {
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  let hash = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    const colour = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    colours.add(colour);
    hash = (Math.imul(hash, 31) + colour) | 0;
  }
  return {width: canvas.width, height: canvas.height, colours: colours.size, hash};
}
"""


def notebook(*sources):
    """A notebook of these code cells."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    made.metadata["kernelspec"] = {"name": KERNEL, "display_name": "Go (Gantry)", "language": "go"}
    return made


class Desk:
    """A running JupyterLab and a browser at it."""

    idle = re.compile(r"\| Idle")  # what the status bar says once the kernel can be used

    def __init__(self, environment=None, before=None):
        """environment is added to the server's, and so to the kernels'; before is called with the place first."""
        if CHROMIUM is None:
            raise RuntimeError("Chromium is not installed (Debian: apt install chromium)")
        self.place = Place()
        if before is not None:
            before(self.place)
        for chapter in (ROOT / "notebooks").glob("*.ipynb"):
            copy = nbformat.read(chapter, as_version=4)
            for cell in copy.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            nbformat.write(copy, self.place.work / chapter.name)
        self.errors = []
        self.server = self.playwright = self.browser = None
        try:
            self.start_server(environment or {})
            self.start_browser()
        except BaseException:
            self.close()
            raise

    def start_server(self, environment):
        args = [
            str(VENV / "bin" / "jupyter-lab"), "--no-browser", "--log-level=WARN", "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0", f"--ServerApp.root_dir={self.place.work}", "--LabApp.extension_manager=readonly",
            "--LabApp.expose_app_in_browser=True",  # to read the outputs of cells as they will be saved
        ]
        if os.geteuid() == 0:
            args.append("--allow-root")
        self.server = subprocess.Popen(args, cwd=self.place.work, env=self.place.env | environment, start_new_session=True)
        runtime = self.place.dir / "jupyter" / "runtime"
        self.address = self.until(lambda: self.find_server(runtime), 60, "JupyterLab does not answer")

    def find_server(self, runtime):
        if self.server.poll() is not None:
            raise RuntimeError("JupyterLab ended at once; its messages are in the log")
        try:
            address = json.loads((runtime / f"jpserver-{self.server.pid}.json").read_text())["url"].rstrip("/")
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return address
        except (OSError, ValueError):
            return None

    def start_browser(self):
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch_persistent_context(
            str(self.place.dir / "browser"), executable_path=CHROMIUM, headless=True, args=FLAGS, env=self.place.env,
            viewport={"width": 1280, "height": 1000})
        self.page = self.browser.pages[0]
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def api(self, method, path, body=None):
        """Asks the server, as JupyterLab does."""
        request = urllib.request.Request(
            f"{self.address}/api/{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.place.token}"})
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None

    clock = staticmethod(time.monotonic)

    @staticmethod
    def until(condition, patience, complaint):
        """Waits until the condition gives something true, and returns that."""
        end = time.monotonic() + patience
        while not (found := condition()):
            if time.monotonic() > end:
                raise TimeoutError(complaint() if callable(complaint) else complaint)
            time.sleep(0.02)  # between two looks at the outside world
        return found

    def open(self, name, made=None):
        """Opens a notebook, written first if it is given, in a workspace of its own, and waits for its kernel."""
        if made is not None:
            nbformat.write(made, self.place.work / name)
        self.page.goto(f"{self.address}/lab/workspaces/{name.removesuffix('.ipynb')}/tree/{name}?token={self.place.token}")
        self.ready()

    def ready(self):
        """Waits until the notebook is drawn and its kernel idle."""
        self.page.locator(CELL).first.wait_for()
        self.page.locator("#jp-main-statusbar", has_text=self.idle).wait_for()

    def cell(self, index):
        return self.page.locator(CELL).nth(index)

    def prompt(self, index):
        return self.cell(index).locator(".jp-InputPrompt").text_content().strip()

    def start(self, index):
        """Runs a cell with Shift+Enter and does not wait."""
        before = self.prompt(index)
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        self.until(lambda: self.prompt(index) != before, 10, f"cell {index} does not start")

    def run(self, index, patience=60):
        """Runs a cell and waits until it has ended; returns its output area."""
        self.start(index)
        return self.done(index, patience)

    def wait_end(self, index, patience):
        self.until(lambda: re.fullmatch(r"\[\d+\]:", self.prompt(index)), patience,
                   lambda: f"cell {index} did not end within {patience} s; it shows {self.text(index)[-500:]!r}")

    def done(self, index, patience=60):
        self.wait_end(index, patience)
        if problem := self.problem(index):
            raise AssertionError(f"cell {index} failed: {problem}")
        return self.cell(index).locator(OUTPUT)

    def outputs(self, index):
        """The outputs of a cell as the notebook will keep them."""
        return self.page.evaluate(
            """index => window.jupyterapp.shell.currentWidget.content.widgets
                .filter(widget => widget.model.type === "code")[index].model.outputs.toJSON()""", index)

    def problem(self, index):
        return "\n".join("\n".join([o["evalue"], *o["traceback"]]) for o in self.outputs(index) if o["output_type"] == "error")

    def text(self, index):
        return self.cell(index).locator(OUTPUT).text_content()

    def run_all(self, patience):
        """Run > Run All Cells, and the wait for the end of the last."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        cells = self.page.locator(CELL).count()
        for index in range(cells):
            self.done(index, patience)
        return cells

    def pixels(self, image):
        """What an <img> shows: its size, the number of its colours, and a sum over its pixels."""
        return image.evaluate(PIXELS)

    def effect(self, act, condition, argument=None, patience=10):
        """Seconds between the person's act and the condition, a JavaScript function, coming true in the page."""
        self.page.evaluate(WATCH, [condition, argument])
        act()
        try:
            self.page.wait_for_function("window.e2e.seen !== null", timeout=patience * 1000)
        except Error as error:
            acted = self.page.evaluate("window.e2e.acted !== null")
            raise AssertionError(f"{'no effect' if acted else 'the page saw no act'} within {patience} s: {condition}") from error
        acted, seen = self.page.evaluate("[window.e2e.acted, window.e2e.seen]")
        return (seen - acted) / 1000

    def restart_kernel(self):
        """The restart button, and its dialogue; waits for the new kernel."""
        self.page.locator('.jp-ToolbarButtonComponent[data-command="notebook:restart-kernel"], '
                          'jp-button[data-command="notebook:restart-kernel"]').first.click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.ready()

    def save(self):
        self.page.keyboard.press("Control+s")
        self.page.locator(".lm-DockPanel-tabBar .jp-mod-dirty").wait_for(state="detached")

    def reload(self):
        """Saves the notebook and loads the page anew."""
        self.save()
        self.page.reload()
        self.ready()

    def shut_kernels(self):
        """Shuts all kernels down, as a person does in the list of running ones."""
        for kernel in self.api("GET", "kernels"):
            self.api("DELETE", f"kernels/{kernel['id']}")

    def shot(self, name):
        """Keeps a picture of the page."""
        self.page.screenshot(path=str(self.place.keep / f"{name}.png"))

    def close(self):
        for end in (self.browser and self.browser.close, self.playwright and self.playwright.stop):
            if end:
                try:
                    end()
                except Exception as error:
                    print(f"the browser did not close: {error}", file=sys.stderr)
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        self.place.close()
