"""Runs side by side in JupyterLab, in Chromium, on its light and its dark theme: lab.Compare of four runs, and of two that share little."""
import subprocess
import unittest

from desk import Desk, notebook
from place import BINARY, ROOT

PATIENCE = 600  # seconds a single test may take: the runs are trained and measured first
RUNS = {"ring": ["--recipe", "toy"], "small": ["--recipe", "toy", "--batch", "32"], "other": ["--recipe", "toy", "--seed", "7"],
        "packed": ["--recipe", "toy-packed"]}
IMPORTS = 'import "gantry.local/kernel-ext/lab"'
FOUR = 'lab.Compare("ring", "small", "other", "packed")'
CELLS = IMPORTS, FOUR, 'lab.Compare(must(lab.Find("ring")), "waves")'

# In the page: the least difference in lightness, 0 to 1, between the text of a cell's output and what is behind it.
CONTRAST = """
output => {
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number); return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return light(colour);
    }
    return 1;
  };
  return Math.min(...[...output.querySelectorAll("td, th, p, figcaption")].map(e => Math.abs(light(getComputedStyle(e).color) - behind(e))));
}
"""


def train(place):
    """Trains the runs that are compared."""
    environment = place.env | {"GANTRY_ROOT": str(ROOT)}
    for name, settings in (RUNS | {"waves": ["--recipe", "sines"]}).items():
        steps = "5" if name == "waves" else "400"
        subprocess.run([BINARY, "train", *settings, "--steps", steps, "--out", str(place.dir / "runs" / name)], env=environment, check=True, stdout=subprocess.DEVNULL)
    for name in ("ring", "packed"):
        subprocess.run([BINARY, "measure", "--run", str(place.dir / "runs" / name), "--samples", "500"], env=environment, check=True, stdout=subprocess.DEVNULL)


def setUpModule():
    global desk
    desk = Desk({"GANTRY_FAST": "1"}, train)
    desk.page.set_default_timeout(240_000)  # the pages are large, and nothing here is about time


def tearDownModule():
    desk.close()


class Compared(unittest.TestCase):
    def setUp(self):
        desk.errors.clear()

    def tearDown(self):
        self.assertEqual(desk.errors, [], "errors of JavaScript in the page")

    def theme(self, name):
        desk.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        desk.page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")

    def test_runs_are_shown_side_by_side_on_both_themes(self):
        desk.open("compared.ipynb", notebook(*CELLS))
        for index in range(len(CELLS)):
            desk.run(index, patience=120)
        four, two = desk.cell(1), desk.cell(2)
        for word in ("Settings that differ", "batch size", "pack", "Curves", "Samples", "Measured", "95 % interval", *RUNS):
            self.assertIn(word, four.text_content())
        self.assertEqual(4, four.locator("figure img").count(), "samples of each run")
        self.assertIn("samples of different shapes do not compare: ring 1×1×2, waves 32×1×1", two.text_content())
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            self.theme(theme)
            for number, cell in enumerate((four, two)):
                with self.subTest(theme=theme, cell=number):
                    self.assertGreater(cell.locator(".jp-OutputArea-output").first.evaluate(CONTRAST), 0.4, "text can be read")
                    for image in cell.locator("img:visible").all():
                        self.assertGreater(desk.pixels(image)["colours"], 4, "a picture shows something")
                cell.scroll_into_view_if_needed()
                desk.shot(f"compared-{number}-{theme.split()[-1].lower()}")


if __name__ == "__main__":
    unittest.main()
