"""Does what a page of docs says: its blocks of sh, one after the other, in an empty folder."""
import os
import re
import subprocess

from place import ROOT


def follow(page, folder, environment):
    """What the page's commands print, in an empty home and with nothing of this project in the environment but bin/gantry on PATH. The error is theirs."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text())
    assert blocks, f"{page} has no commands"
    folder.mkdir(parents=True)
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("GANTRY_", "GOEXPERIMENT", "XDG_"))}
    bare |= {"PATH": f"{ROOT}/bin:{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(["sh", "-euc", "\n".join(blocks)], cwd=folder, env=bare | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{page}: code {done.returncode}: {done.stderr}"
    return done.stdout
