"""Does what a page of docs says: its blocks of sh, one after the other, in an empty folder."""
import os
import re
import subprocess

from place import ROOT


def follow(page, folder, environment):
    """What the page's commands print. The error is theirs."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text())
    assert blocks, f"{page} has no commands"
    folder.mkdir(parents=True)
    home = {"GANTRY_ROOT": str(ROOT), "PATH": f"{ROOT}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-euc", "\n".join(blocks)], cwd=folder, env=os.environ | home | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{page}: code {done.returncode}: {done.stderr}"
    return done.stdout
