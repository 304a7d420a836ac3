"""Measures the kernel and resident runs as a front-end sees them, and prints a table: figure, median, maximum, bar.

Run by `make measure-kernel`; names of parts on the command line choose among them.
"""
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from client import Kernel, age, descriptors, until
from experiment import EXPERIMENT
from place import BINARY, Place

rows = []


def row(figure, values, bar=None, unit="s", judged=max):
    """Takes down a figure. Without a bar it is only shown; one whose maximum, or what else is judged, is above its bar fails
    the run."""
    median, worst = statistics.median(values), max(values)
    above = bar is not None and judged(values) > bar
    rows.append((figure, above))
    verdict = "" if bar is None else ("ABOVE THE BAR" if above else "ok")
    print(f"{figure:58}{len(values):5}{median:11.3f}{worst:11.3f}{'' if bar is None else f'{bar:g}':>9} {unit:6} {verdict}", flush=True)


@contextlib.contextmanager
def kernel(place, **options):
    k = Kernel(place, **options)
    try:
        yield k
    finally:
        k.stop()


def answers_while_a_cell_runs(place):
    with kernel(place) as k:
        cell = k.execute('%%\nfmt.Println("runs")\nfor { time.Sleep(time.Second) }')
        k.until_says(cell, "runs")
        row("kernel_info on control while a cell runs", [k.control("kernel_info_request")[1] for _ in range(50)], 0.2)
        k.control("interrupt_request")
        k.until_idle(cell)


def interrupt(k, code, begun, patience=60):
    """Interrupts a cell once begun says that it is at work; returns the seconds until it has ended, and its reply."""
    cell = k.execute(code)
    begun(cell)
    begin = time.monotonic()
    k.control("interrupt_request")
    reply = k.reply(cell, patience)["content"]
    k.until_idle(cell, patience)
    return time.monotonic() - begin, reply


def interrupts(place):
    with kernel(place) as k:
        says = lambda text: lambda cell: k.until_says(cell, text)
        row("interrupt of a program", [interrupt(k, '%%\nfmt.Println("runs")\nfor {}', says("runs"))[0] for _ in range(5)], 1)
        row("interrupt of a program that ignores it",
            [interrupt(k, 'import "os/signal"\n%%\nsignal.Ignore(os.Interrupt)\nfmt.Println("runs")\nfor {}', says("runs"))[0] for _ in range(2)], None)
        row("interrupt of a shell line", [interrupt(k, "!echo runs; sleep 100", says("runs"))[0] for _ in range(5)], 1)
        row("interrupt of a shell line that starts others",
            [interrupt(k, '!echo runs; (sleep 100 | cat) & sleep 100; echo "not reached"', says("runs"))[0] for _ in range(5)], 1)
        assert "not reached" not in k.text(), "the shell line went on after the interrupt"
    # A build is slow where nothing is compiled yet.
    with tempfile.TemporaryDirectory(dir=place.dir) as cache, kernel(place, environment={"GOCACHE": cache}) as k:
        def builds(cell):
            until(lambda: any("/compile" in line for line in place.processes().values()), 60, "no compiler was started")

        seconds = []
        for _ in range(3):
            seconds.append(interrupt(k, 'import "net/http"\n%%\nfmt.Println(http.StatusText(200))', builds)[0])
            until(lambda: not any("/compile" in line for line in place.processes().values()), 5, "a compiler still runs after the interrupt")
        row("interrupt of a build", seconds, 1)


def interrupt_of_training(place):
    with kernel(place) as k:
        k.run(EXPERIMENT, 120)
        code = '%%\nrun := lab.Open(experiment("stopped", 1))\ncheck(run.Train(1_000_000))'

        def trains(cell):
            k.hear(lambda m: m["msg_type"] in ("display_data", "update_display_data"), 120, "the figure")

        seconds = []
        for _ in range(5):
            took, reply = interrupt(k, code, trains)
            seconds.append(took)
        row("interrupt of Train", seconds, 1)
        print("   it says:", (k.text()[-200:].strip().splitlines() or ["nothing"])[-1], "| reply:", reply["status"], reply.get("evalue", "")[:80])
        k.run('%%\ncheck(must(lab.Attach("stopped")).Stop())')


def large_output(place):
    piece = "Ωμέγα → 日本語 😀 wörk "
    code = f'%%\nw := bufio.NewWriterSize(os.Stdout, 1000)\nfor n := 0; n < 10<<20; {{\n\tm, _ := w.WriteString("{piece}")\n\tn += m\n}}\nw.Flush()'
    with kernel(place) as k:
        k.run("%%\nfmt.Println(1)")
        seconds = []
        for _ in range(3):
            k.said.clear()
            begin = time.monotonic()
            text = k.run(code)
            seconds.append(time.monotonic() - begin)
            size = len(piece.encode())
            whole = -(-(10 << 20) // size)
            assert text == piece * whole, f"{len(text.encode())} bytes came, {text.count(chr(0xfffd))} broken characters; want {whole * size} bytes intact"
        row("10 MB of multi-byte text, intact", seconds, 10)
        row("  messages it came in", [len(k.said)], None, "")


def restarts(place):
    with kernel(place) as k:
        k.run("fmt.Println(1)")
        until(lambda: not any(" warm " in line for line in place.processes().values()), 120, "how cells are built is not learned")
        seconds, begun = [], []
        for _ in range(5):
            begin = time.monotonic()
            k.restart()
            seconds.append(time.monotonic() - begin)
        for _ in range(5):  # Jupyter itself waits for 0.2 s and more, after a kernel's end and for a silence
            k.restart(wait=False)
            k.reply(k.client.kernel_info())
            k.reply(k.execute("fmt.Println(1)"))
            begun.append(age(k.pid))
        row("restart of the kernel, as Jupyter's client has it", seconds, None)
        row("  from the new process to its first cell's reply (bar: median)", begun, 0.45, judged=statistics.median)


def two_notebooks(place):
    with contextlib.ExitStack() as stack:
        kernels = [stack.enter_context(kernel(place)) for _ in range(2)]
        for i, k in enumerate(kernels):
            k.run(EXPERIMENT, 120)
            for j in range(2):
                k.run(f'%%\ncheck(lab.Open(experiment("n{i}r{j}", {i * 2 + j})).TrainAsync(1_000_000))', 180)
        step = '%%\nfmt.Println(must(must(lab.Attach("{name}")).Status()).Step)'
        read = lambda k, name: int(k.run(step.format(name=name)).split()[-1])
        names = [(kernels[i], f"n{i}r{j}") for i in range(2) for j in range(2)]
        first = {name: read(k, name) for k, name in names}
        second = {name: read(k, name) for k, name in names}
        for name in first:
            assert second[name] > first[name], f"run {name} stands still at step {first[name]}"
        # Each notebook sees the other's runs too, as it should: they lie in the same folder.
        for k, name in names:
            k.run(f'%%\ncheck(must(lab.Attach("{name}")).Stop())')
        print(f"two notebooks with two runs each: all four advance, {first} → {second}")


def attachments(place):
    with kernel(place) as k:
        k.run(EXPERIMENT, 120)
        k.run('%%\nrun := lab.Open(experiment("forty", 1))\ncheck(run.Train(20))', 180)
        attach = '%%\nrun := must(lab.Attach("forty"))\ns := must(run.Status())\nfmt.Println(s.Pid, len(must(run.Metrics())))'
        pid = int(k.run(attach).split()[-2])
        seconds, open_before = [], None
        for cycle in range(40):
            begin = time.monotonic()
            cell = k.execute(attach)
            k.hear(lambda m: m["msg_type"] == "stream", 60, "the first output")
            seconds.append(time.monotonic() - begin)
            k.until_idle(cell)
            if cycle == 4:
                open_before = descriptors(pid), descriptors(k.pid), len(place.processes()), len(place.left())
        open_after = descriptors(pid), descriptors(k.pid), len(place.processes()), len(place.left())
        row("first output of a cell that talks to a run (bar: median)", seconds, 0.6, judged=statistics.median)
        for what, before, after in zip(("descriptors of the run", "descriptors of the kernel", "processes", "temporary files"), open_before, open_after):
            row(f"  {what} after 40 attachments, beyond those after 5", [after - before], 2, "more")
        k.run('%%\ncheck(must(lab.Attach("forty")).Stop())')


WEIGHTS = """%%
run := must(lab.Attach("{name}"))
if must(run.Status()).Step < {step} {{
	check(run.Wait(context.Background(), {step}))
}}
images := must(run.Sample(64, 3))
fmt.Printf("%x\\n", sha256.Sum256(fmt.Append(nil, images.Values)))
for i, m := range must(run.Metrics()) {{
	if m.Step != i+1 {{
		fmt.Println("gap at", i, m.Step)
		break
	}}
}}
check(run.Stop())
"""


def restarts_in_training(place, times=20):
    with kernel(place) as k:
        k.run(EXPERIMENT, 120)
        k.run('%%\ncheck(lab.Open(experiment("shaken", 5)).TrainAsync(100_000_000))', 180)
        status = '%%\ns := must(must(lab.Attach("shaken")).Status())\nfmt.Println(s.Pid, s.Step, s.State)'
        seen = []
        for _ in range(times):
            k.restart()
            k.run(EXPERIMENT, 120)
            seen.append(k.run(status).split()[-3:])
        assert len({pid for pid, _, _ in seen}) == 1, f"the run's process changed: {seen}"
        assert all(state == "training" for _, _, state in seen), f"the run stopped: {seen}"
        counts = [int(step) for _, step, _ in seen]
        assert all(a < b for a, b in zip(counts, counts[1:])), f"the step counter does not grow: {counts}"
        k.run('%%\ncheck(must(lab.Attach("shaken")).Pause())')
        steps = int(k.run(status).split()[-2])
        shaken = k.run(WEIGHTS.format(name="shaken", step=steps), 600)
        k.run(f'%%\ncheck(lab.Open(experiment("quiet", 5)).TrainAsync({steps}))', 180)
        quiet = k.run(WEIGHTS.format(name="quiet", step=steps), 600)
        assert "gap" not in shaken, shaken
        assert quiet == shaken, f"the samples differ after {times} restarts: {quiet} {shaken}"
        print(f"{times} restarts during TrainAsync: one process, no gap in {steps} steps, samples equal an undisturbed run's; steps seen {counts}")


def kills(place, times=20):
    with kernel(place) as k:
        k.run(EXPERIMENT, 120)
        lost, reopened, said = [], [], ""
        opens = '%%\nrun := must(lab.OpenWith(experiment("killed", 5), lab.RunOptions{Checkpoint: time.Second}))\n' \
            's := must(run.Status())\nfmt.Println("AT", s.Pid, s.Step, s.Notice)\ncheck(run.TrainAsync(1_000_000))'
        at = re.compile(r"AT (\d+) (\d+) ?(.*)")
        pid, _, _ = at.search(k.run(opens, 180)).groups()
        for _ in range(times):
            step = '%%\nrun := must(lab.Attach("killed"))\nn := must(run.Status()).Step\ncheck(run.Wait(context.Background(), n+100))\n' \
                'for must(run.Status()).Checkpointed <= n {\n\ttime.Sleep(20 * time.Millisecond)\n}\ns := must(run.Status())\nfmt.Println("AT", s.Pid, s.Step, s.StepsPerSecond)'
            pid, before, rate = at.search(k.run(step)).groups()
            os.kill(int(pid), signal.SIGKILL)
            begin = time.monotonic()
            _, after, said = at.search(k.run(opens, 120)).groups()
            reopened.append(time.monotonic() - begin)
            lost.append(max(0, int(before) - int(after)) / max(1.0, float(rate)))
        row("training lost by kill -9 (checkpoint each second)", lost, 2)
        row("  re-opening, build included", reopened, None)
        print("   it says:", said)
        k.run('%%\ncheck(must(lab.Attach("killed")).Stop())')


PARTS = [answers_while_a_cell_runs, interrupts, interrupt_of_training, large_output, restarts, two_notebooks, attachments,
         restarts_in_training, kills]


def main(chosen):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the place is left in order
    print(f"{'figure':58}{'n':>5}{'median':>11}{'max':>11}{'bar':>9}")
    failed = []
    for part in PARTS:
        if chosen and part.__name__ not in chosen:
            continue
        place = Place()
        place.enter()
        begin = time.monotonic()
        try:
            part(place)
            subprocess.run([str(BINARY), "stop", "--all"], cwd=place.work, env=place.env | {"GANTRY_ROOT": os.environ.get("GANTRY_ROOT", "")},
                           capture_output=True, check=False)
            until(lambda: not place.processes(), 10, f"these processes are left: {place.processes()}")
            if left := place.left():
                raise AssertionError(f"left in the temporary folder: {left}")
        except Exception as error:
            failed.append(part.__name__)
            print(f"{part.__name__}: {type(error).__name__}: {error}", flush=True)
        finally:
            place.close()
        print(f"   ({part.__name__}: {time.monotonic() - begin:.0f} s)", flush=True)
    above = [figure for figure, above in rows if above]
    print(f"{len(rows)} figures, {len(above)} above their bar, {len(failed)} parts failed: {' '.join(failed)}")
    return 1 if above or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
