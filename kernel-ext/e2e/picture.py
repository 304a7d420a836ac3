"""Takes docs/panel.png: chapter 00 in JupyterLab in Chromium, its run trained until digits have formed, in front of its panel."""
import re
import sys

from desk import Desk
from place import ROOT

STEPS = 5000  # about three minutes on two cores
TRAIN, PANEL, SAMPLE = 10, 11, 12  # cells of the chapter


def main(to):
    desk = Desk()
    try:
        desk.open("00-start.ipynb")
        for index in range(TRAIN):
            desk.run(index, patience=120)
        desk.run(TRAIN, patience=600)
        panel = desk.run(PANEL, patience=120)
        panel.locator("button.widget-button", has_text=re.compile(r"^\s*train\s*$")).click()
        desk.until(lambda: int(re.search(r"step (\d+)", panel.text_content())[1]) >= STEPS, 1800, lambda: panel.text_content()[:200])
        desk.run(SAMPLE, patience=120)
        desk.cell(PANEL).scroll_into_view_if_needed()
        desk.page.mouse.move(640, 990)
        desk.cell(PANEL).evaluate("cell => cell.scrollIntoView({block: 'center'})")
        desk.page.wait_for_timeout(3000)  # a figure of the panel is at most some seconds old
        desk.page.screenshot(path=to)
    finally:
        desk.shut_kernels()
        desk.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "docs" / "panel.png"))
