"""Runs the named test modules, a line for each test, and the totals at the end.

What kernels and servers write to standard error is kept apart, in a log, and its end is shown when something fails.
"""
import contextlib
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest

PATIENCE = 90  # seconds a single test may take, where its module does not name its own PATIENCE


class Result(unittest.TestResult):
    """Prints what happens and counts each test once, however many of its parts fail."""

    def __init__(self):
        super().__init__()
        self.passed, self.skips, self.problems = 0, 0, {}

    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()
        patience = getattr(sys.modules[type(test).__module__], "PATIENCE", PATIENCE)
        signal.setitimer(signal.ITIMER_REAL, patience)

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
        name = ".".join(test.id().split(".")[-3:])
        if test.id() in self.problems:
            verdict = "FAIL"
        elif any(t.id() == test.id() for t, _ in self.skipped):
            verdict, self.skips = "skip", self.skips + 1
        else:
            verdict, self.passed = "pass", self.passed + 1
        print(f"{verdict} {time.monotonic() - self.begin:7.1f} s  {name}", flush=True)

    def note(self, test, error, part=""):
        text = self._exc_info_to_string(error, test)
        self.problems.setdefault(test.id(), []).append(f"{part}{text}")

    def addError(self, test, err):
        self.note(test, err)
        if not isinstance(test, unittest.TestCase):  # set-up of a class or module: its tests do not run
            print(f"FAIL            {test.id()}", flush=True)

    def addFailure(self, test, err):
        self.note(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, err, subtest._subDescription() + "\n")


def out_of_time(*_):
    raise TimeoutError("the test did not end within its patience")


def main(modules):
    signal.signal(signal.SIGALRM, out_of_time)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    log = tempfile.TemporaryFile()
    if keep := os.environ.get("GANTRY_E2E_KEEP"):
        pathlib.Path(keep).mkdir(parents=True, exist_ok=True)
        log = open(pathlib.Path(keep) / "kernels.log", "w+b")
    terminal = os.dup(2)
    os.dup2(log.fileno(), 2)
    result = Result()
    begin = time.monotonic()
    try:
        with contextlib.redirect_stderr(sys.stdout):
            unittest.defaultTestLoader.loadTestsFromNames(modules).run(result)
    finally:
        os.dup2(terminal, 2)
    if result.problems:
        log.seek(max(0, log.seek(0, 2) - 6000))
        print("\n--- the end of what kernels and servers wrote\n" + log.read().decode(errors="replace"))
    for name, texts in result.problems.items():
        print(f"\n--- {name}")
        for text in texts:
            print(text)
    print(f"{result.passed} passed, {len(result.problems)} failed, {result.skips} skipped in {time.monotonic() - begin:.0f} s: "
          + " ".join(modules))
    return 1 if result.problems or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
