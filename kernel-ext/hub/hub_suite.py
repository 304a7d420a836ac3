"""A class on trial: `make hub-test`. A real JupyterHub with its proxy on loopback, a user of the machine for each student, all at once.

It needs root, and leaves nothing behind: users, homes and mounts are in a mount namespace of its own, over an overlay of /etc.

--students N  so many (10)
--full        the chapters' own budgets, not the small ones of tests
--cold        students begin without the caches that a first student's kernel has learnt
--seed DIR    what kernels have learnt already (another ~/.cache/gantry), in the place of a first student
--only A,B    some of: work, hidden, updated, values, quota, culled
--memory M    of each student (3G)
--image       students' servers run in the container image (`make image-test` builds it), one container each with the home as its volume
--keep-log F  where the hub's log goes
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import jsonschema
import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "kernel-ext" / "e2e"))

from server import free_port  # noqa: E402
from student import Student  # noqa: E402

VENV = ROOT / ".venv"
NEEDED = ["go", "unshare", "useradd", "setpriv", "runuser", "mount", "git", "node"]
PASSWORD = "trial-of-a-class"
CELLS_OF_03 = 5  # up to the experiment
IMAGE = "localhost/gantry-test"


class Trial:
    def __init__(self, options):
        self.options, self.failed, self.passed = options, 0, 0
        self.names = [f"student{n:02d}" for n in range(options.students)]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-hub-test-", dir="/var/lib"))
        self.folder.chmod(0o755)
        self.state = self.folder / "state"
        self.port, self.git_port = free_port(), free_port()
        self.started, self.students = [], {}
        self.log = self.folder / "hub.log"

    # What the machine must have, and what is made on it.

    def machine(self):
        """Users, homes and a place from which all can read Go, its caches and Python, in this process's mounts alone."""
        for name in ("upper", "work"):
            (self.folder / "etc" / name).mkdir(parents=True)
        run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/etc,upperdir={self.folder}/etc/upper,workdir={self.folder}/etc/work", "/etc")
        caches = [subprocess.check_output(["go", "env", name], text=True).strip() for name in ("GOCACHE", "GOMODCACHE")]
        common = caches + [sys.base_prefix, os.path.dirname(os.path.dirname(os.path.realpath(shutil.which("go"))))]
        closed = next((p for p in pathlib.Path(caches[0]).parents if not p.stat().st_mode & 0o001), None)
        if closed:  # such as root's home: it is replaced by a folder that has these alone
            kept = [(path, self.folder / f"common{n}") for n, path in enumerate(common) if pathlib.Path(path).is_relative_to(closed)]
            for path, at in kept:
                at.mkdir()
                run("mount", "--bind", path, at)
                run("mount", "-o", "remount,bind,ro", at)
            run("mount", "-t", "tmpfs", "-o", "mode=755,size=1m", "tmpfs", closed)
            for path, at in kept:
                os.makedirs(path)
                run("mount", "--bind", at, path)
        os.environ.update(GOCACHE=caches[0], GOMODCACHE=caches[1], HOME=str(self.folder), GOFLAGS="")
        (self.folder / "home").mkdir()
        for name in self.names + ["seed"]:
            run("useradd", "--create-home", "-K", "HOME_MODE=0700", "--home-dir", self.folder / "home" / name, "--shell", "/bin/bash", name)

    def course(self):
        """The chapters as a git repository, served on loopback."""
        self.repository = self.folder / "course"
        self.repository.mkdir()
        for chapter in sorted((ROOT / "notebooks").glob("*.ipynb")):
            shutil.copy(chapter, self.repository)
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "chapters"]):
            self.git(*command)
        self.start("git", "daemon", "--listen=127.0.0.1", f"--port={self.git_port}", "--reuseaddr", "--export-all", f"--base-path={self.folder}",
                   "--", str(self.repository))

    def git(self, *command):
        run("git", "-C", self.repository, "-c", "user.name=teacher", "-c", "user.email=teacher@localhost", *command)

    def hub(self):
        self.state.mkdir(mode=0o711)
        config = self.folder / "trial_config.py"
        config.write_text("\n".join([
            f"c.JupyterHub.bind_url = 'http://127.0.0.1:{self.port}'",
            f"c.JupyterHub.hub_port = {free_port()}",
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{free_port()}'",
            "c.JupyterHub.authenticator_class = 'shared-password'",
            f"c.SharedPasswordAuthenticator.user_password = {PASSWORD!r}",
            f"c.Spawner.mem_limit = {self.options.memory!r}",
            f"c.JupyterHub.services.append({{'name': 'trial', 'api_token': {self.token!r}}})",
            "c.JupyterHub.load_roles.append({'name': 'trial', 'services': ['trial'], 'scopes': ['admin:users', 'admin:servers', 'list:users', "
            "'read:users:activity', 'read:servers', 'delete:servers']})",
            "c.JupyterHub.concurrent_spawn_limit = 100",
            "c.Spawner.start_timeout = c.Spawner.http_timeout = 900",  # on a machine that does much else, too
            "c.JupyterHub.log_level = 'INFO'",
            *(self.in_image() if self.options.image else []),
            *([] if self.options.full else ["c.Spawner.environment.update({'GANTRY_FAST': '1'})"]), ""]))
        environment = {**os.environ, "GANTRY_HUB_STATE": str(self.state), "GANTRY_HUB_CONFIG": str(config)}
        self.start(sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py"), environment=environment, log=self.log)
        self.until(lambda: Student.answers(self.port) or self.started[-1].poll() is not None, 180, lambda: f"the hub does not answer: {self.log.read_text()[-2000:]}")
        if self.started[-1].poll() is not None:
            raise AssertionError(f"the hub ended: {self.log.read_text()[-2000:]}")

    def in_image(self):
        """The lines of a configuration by which a student's server is a container of the image, with the image's variables and first process."""
        config = json.loads(self.buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
        self.working = self.buildah("from", "--pull-never", IMAGE)
        words = [str(HERE / "start-student"), "env", f"--chdir={config['WorkingDir']}", *config["Env"], *config["Entrypoint"], "jupyterhub-singleuser"]
        return [f"c.Spawner.cmd = {words!r}",
                f"c.Spawner.environment = {{'GANTRY_HUB_STATE': {str(self.state)!r}, 'GANTRY_HUB_IMAGE': {self.buildah('mount', self.working)!r}, "
                f"'GANTRY_HUB_IMAGE_USER': {config['User']!r}, 'GANTRY_GRACE': '50s'}}"]

    @staticmethod
    def buildah(*words):
        return subprocess.run(["buildah", *words], env=os.environ | {"STORAGE_DRIVER": "vfs", "HOME": "/root"}, check=True, capture_output=True, text=True).stdout.strip()

    working = ""
    token = os.urandom(16).hex()

    def start(self, *command, environment=None, log=None):
        out = open(log, "wb") if log else subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=self.folder)
        self.started.append(process)

    @staticmethod
    def until(met, patience, otherwise):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            got = met()
            if got:
                return got
            time.sleep(0.2)
        raise AssertionError(otherwise())

    # The trial.

    def check(self, what, do, *arguments):
        begin = time.monotonic()
        try:
            do(*arguments)
            self.passed += 1
            print(f"pass {time.monotonic() - begin:7.1f} s  {what}", flush=True)
        except Exception as problem:  # noqa: BLE001 each is told, and the others go on
            self.failed += 1
            print(f"FAIL {time.monotonic() - begin:7.1f} s  {what}: {problem}", flush=True)

    def student(self, name):
        if name not in self.students:
            self.students[name] = Student(self.port, name, PASSWORD, self.folder / "home" / name)
        return self.students[name]

    def at_once(self, do):
        """Does something as each student at once; the error of any is the error of all."""
        problems = []

        def one(name):
            try:
                do(self.student(name))
            except Exception as problem:  # noqa: BLE001
                problems.append(f"{name}: {problem}")
        threads = [threading.Thread(target=one, args=[name]) for name in self.names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise AssertionError("; ".join(problems))

    def begin(self, student):
        student.login()
        student.spawn()
        tracker = student.ask("/lab/api/settings/@jupyterlab/notebook-extension:tracker")
        assert tracker["schema"]["properties"]["kernelShutdown"]["default"] is True, "JupyterLab has not the project's settings"
        student.pull(f"git://127.0.0.1:{self.git_port}/course", "course")

    def learn(self):
        """The first student's caches become the seed of the others'."""
        first = self.student("seed")
        self.begin(first)
        first.notebook("course/00-start.ipynb")
        first.notebook("course/03-first-gan.ipynb", CELLS_OF_03)
        first.leave()
        first.stop()
        self.plant(first.home / ".cache" / "gantry")

    def plant(self, learnt):
        shutil.copytree(learnt, self.state / "seed")
        run("chown", "-R", "root:", self.state / "seed")
        run("chmod", "-R", "a+rX", self.state / "seed")

    def work(self, student):
        student.notebook("course/00-start.ipynb")
        student.execute(f'mine := "{student.name}"')
        student.leave()
        student.notebook("course/03-first-gan.ipynb", CELLS_OF_03)
        if student.name in student.execute("mine", fails=True):
            raise AssertionError("a value of another notebook's kernel is seen")
        runs = student.execute('import "gantry.local/kernel-ext/lab"\n\nlab.Runs()')
        if "start" not in runs or len(re.findall(r"lab\.Open or lab\.Attach goes on", runs)) not in (1, 2):
            raise AssertionError(f"its runs are {runs!r}, want its own one alone")
        student.cgroup()

    def test_hidden(self):
        """One student can neither list, read nor reach what is another's: from a cell, by the machine outside of namespaces, and over HTTP."""
        a, b = self.student(self.names[0]), self.student(self.names[1])
        b.execute('import "gantry.local/kernel-ext/lab"\nimport "gantry.local/gan/recipe"\n\nb := recipe.Toy()\nb.Name = "secret"\nlab.Open(b)')
        run_folder = b.home / "runs" / "secret"
        if not (run_folder / "socket").is_socket():
            raise AssertionError("there is no run to look for")
        (self.hidden_in_image if self.options.image else self.hidden_by_users)(a, b, run_folder)
        for path in ("/api/contents", "/api/kernels", "/lab"):
            code = a.session.get(f"{b.url}{path}", allow_redirects=False, timeout=30).status_code
            if code not in (302, 403, 404):
                raise AssertionError(f"the other's server answers {path} with {code}")
            code = a.direct(b, path)
            if code not in (302, 403):
                raise AssertionError(f"the other's port answers {path} with {code}")

    def hidden_by_users(self, a, b, run_folder):
        """Each student is a user of the machine."""
        inside = a.execute(f"!ls {b.home} {run_folder}; cat {run_folder}/run.json; ls /tmp /var/tmp /dev/shm; ps -eo user:20,comm; "
                           f"ls {self.state}/students/{b.name}/ {self.state}/hub; cat /proc/*/environ | tr '\\0' '\\n' | grep ^JUPYTERHUB_USER | sort -u; true")
        if inside.count("Permission denied") < 3 or b.name in re.sub(r"(ls|cat): .*", "", inside) or "secret" in re.sub(r"(ls|cat): .*", "", inside):
            raise AssertionError(f"a cell sees of another: {inside}")
        attach = a.execute(f'import "gantry.local/kernel-ext/lab"\n\nother, err := lab.Attach("{run_folder}")\nfmt.Println(other == nil, err)', fails=True)
        if "true" not in attach and "ermission" not in attach and "no such run" not in attach:
            raise AssertionError(f"a cell attaches to another's run: {attach}")
        sockets = [str(p) for p in self.folder.glob(f"home/{b.name}/runs/*/socket")] + [
            str(p) for p in (self.state / "students" / b.name / "tmp").rglob("*") if p.is_socket()]
        if len(sockets) < 3:
            raise AssertionError(f"only {sockets} to be tried")
        knock = subprocess.run(["runuser", "-u", a.name, "--", sys.executable, "-c",
                                "import socket, sys\nfor path in sys.argv[1:]:\n try:\n  s = socket.socket(socket.AF_UNIX); s.connect(path); print('REACHED', path)\n"
                                " except OSError as problem: print(problem)"] + [s for s in sockets if len(s) < 107], capture_output=True, text=True, cwd="/")
        if "REACHED" in knock.stdout or "denied" not in knock.stdout:
            raise AssertionError(f"outside of the namespaces: {knock.stdout} {knock.stderr}")
        looks = subprocess.run(["runuser", "-u", a.name, "--", "sh", "-c",
                                f"ls {b.home}; cat {run_folder}/run.json; ls {self.state}/students/{b.name}/tmp {self.state}/students/{b.name}/build {self.state}/hub; "
                                f"cat {self.state}/hub/hub.sqlite"], capture_output=True, text=True, cwd="/")
        if looks.stderr.count("Permission denied") < 6:
            raise AssertionError(f"outside of the namespaces {a.name} sees {looks.stdout[:500]} {looks.stderr}")

    def hidden_in_image(self, a, b, _):
        """In a container nothing of another's is there: no file, no process, no run."""
        inside = a.execute(f"!ls -a {self.folder} {b.home} /home /home/learner/runs /tmp /var/tmp /dev/shm; ps -eo args; cat /proc/*/environ | tr '\\0' '\\n' | "
                           "grep ^JUPYTERHUB_USER | sort -u; find / -path /proc -prune -o -path '*/runs/secret' -print 2>/dev/null; true")
        seen = re.sub(r"ls: .*", "", inside)
        if a.name not in seen or b.name in seen or "secret" in seen:
            raise AssertionError(f"a cell sees of another: {inside}")

    def test_quota(self):
        """A cell that takes more than the student may have ends with one line; the student's server and the others go on."""
        a = self.student(self.names[0])
        said = a.execute('import "fmt"\n\nhoard := [][]byte{}\nfor range 4000 {\n\tpart := make([]byte, 1<<24)\n\tfor i := range part { part[i] = 1 }\n'
                         '\thoard = append(hoard, part)\n}\nfmt.Println(len(hoard))', fails=True)
        line = next((line for line in said.splitlines() if "needs more memory than there is" in line), "")
        if not line:
            raise AssertionError(f"it says {said[-600:]!r}")
        print(f"     what it says: {line}")
        if "2" not in a.execute("1 + 1"):
            raise AssertionError("the kernel does not go on")

    def test_culled(self):
        """A server that the culler ends saves its student's run, which goes on where it is opened next."""
        a = self.student(self.names[-1])
        open_run = ('import "fmt"\nimport "time"\nimport "gantry.local/kernel-ext/lab"\nimport "gantry.local/gan/recipe"\n\n'
                    'long := recipe.Toy()\nlong.Name = "long"\nrun := must(lab.OpenWith(long, lab.RunOptions{Checkpoint: 100 * time.Hour}))\n'
                    'fmt.Println("notice:", run.Notice())\nfmt.Println("at step", must(run.Status()).Step)\ncheck(run.TrainAsync(100_000_000))')
        a.execute(open_run)
        said = self.until(lambda: self.trained(a), 120, lambda: "the run does not train")
        a.leave()
        environment = {**os.environ, "JUPYTERHUB_API_TOKEN": self.token, "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.port}/hub/api"}
        culler = subprocess.Popen([sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=10", "--cull-every=5"], env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            self.until(lambda: not self.alive(a.name), 180, lambda: "its processes live on")
        finally:
            culler.terminate()
            culler.wait()
        a.spawn()
        again = a.execute(open_run)
        step = int(re.search(r"at step (\d+)", again)[1])
        if step < said or "lost" in again:
            raise AssertionError(f"it was at step {said}, and goes on with {again!r}")
        print(f"     at step {said} when it was last asked; it goes on at step {step}")
        a.execute("check(run.Stop())")

    def trained(self, student):
        step = int(re.search(r"step (\d+)", student.execute("run.Status()"))[1])
        return step if step > 200 else 0

    @staticmethod
    def alive(name):
        """The processes of a student's cgroup, which those in a container are in too, and those of the user."""
        groups = [pathlib.Path(f"/sys/fs/cgroup/{kind}gantry/{name}/cgroup.procs") for kind in ("memory/", "")]
        return [pid for group in groups if group.exists() for pid in group.read_text().split()] + subprocess.run(
            ["ps", "-o", "pid=", "-u", name], capture_output=True, text=True).stdout.split()

    def test_updated(self):
        """A newer course brings what is new and keeps what the student has changed."""
        a = self.student(self.names[2])
        mine = a.home / ("notebooks" if self.options.image else "") / "course" / "00-start.ipynb"
        text = mine.read_text().replace("heights", "altitudes")
        mine.write_text(text)
        ours = self.repository / "01-new.ipynb"
        ours.write_text((self.repository / "00-start.ipynb").read_text())
        theirs = self.repository / "00-start.ipynb"
        theirs.write_text(theirs.read_text().replace("wave", "ripple"))
        self.git("add", ".")
        self.git("commit", "-qm", "a new chapter")
        a.pull(f"git://127.0.0.1:{self.git_port}/course", "course")
        if not (mine.parent / "01-new.ipynb").exists():
            raise AssertionError("the new chapter is not there")
        if "altitudes" not in mine.read_text():
            raise AssertionError("the student's own changes are gone")

    def test_values(self):
        """values.yaml against the schema of the chart (kernel-ext/hub/values.schema.json), which must see a misspelt key."""
        schema = json.loads((HERE / "values.schema.json").read_text())
        values = yaml.safe_load((HERE / "values.yaml").read_text())
        jsonschema.validate(values, schema)
        values["singleuser"]["memroy"] = {}
        try:
            jsonschema.validate(values, schema)
        except jsonschema.ValidationError:
            return
        raise AssertionError("a misspelt key is not seen")

    def table(self):
        users = [self.students[name] for name in self.names if name in self.students]
        loads = os.getloadavg()
        print(f"\n{len(users)} students at once, {os.cpu_count()} cores, load {loads[0]:.0f} (5 minutes: {loads[1]:.0f}); "
              f"{'the chapters in full' if self.options.full else 'small budgets'}, {'cold' if self.options.cold else 'seeded'} caches")
        print("                         median   most")
        for what in ("login", "server", "pull", "kernel", "first cell", "first picture", "00 to its end", "03 begun", "memory MB", "disk MB"):
            values = sorted(u.measured[what] for u in users if what in u.measured)
            if values:
                print(f"  {what:20}  {values[len(values) // 2]:9.1f}  {values[-1]:9.1f}")
        print(json.dumps({"load": loads, "cores": os.cpu_count(), "students": {u.name: u.measured for u in users}}))

    def end(self):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.started):
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for kind in ("memory", "cpu", ""):
            for name in self.names + ["seed"]:
                group = pathlib.Path("/sys/fs/cgroup") / kind / "gantry" / name
                for pid in (group / "cgroup.procs").read_text().split() if group.exists() else []:
                    os.kill(int(pid), signal.SIGKILL)
        self.until(lambda: not any(self.alive(name) for name in self.names + ["seed"]), 60, lambda: "processes of students live on")
        for kind in ("memory", "cpu", ""):
            for name in self.names + ["seed"]:
                subprocess.run(["rmdir", f"/sys/fs/cgroup/{kind}/gantry/{name}"], stderr=subprocess.DEVNULL)
            subprocess.run(["rmdir", f"/sys/fs/cgroup/{kind}/gantry"], stderr=subprocess.DEVNULL)
        if self.working:
            self.buildah("rm", self.working)
        os.chdir("/")
        for at in self.mounts():
            run("umount", "--lazy", at)
        if self.mounts():  # what is mounted there is not the trial's to remove
            raise SystemExit(f"{self.folder} still has mounts in it, and is left")
        shutil.rmtree(self.folder, ignore_errors=True)

    def mounts(self):
        """Where something is mounted in the trial's folder, the deepest first."""
        places = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
        return sorted((at for at in places if at.startswith(str(self.folder))), key=len, reverse=True)


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


def needs():
    missing = [name for name in NEEDED if not shutil.which(name)]
    if os.geteuid() != 0:
        return "the trial makes users and namespaces: run it as root"
    if missing:
        return f"the trial needs {', '.join(missing)}: install them"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode:
        return "the trial needs a system in which root may make namespaces, such as a virtual machine or a privileged container"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--students", type=int, default=10)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--seed", default="")
    parser.add_argument("--only", default="work,hidden,updated,values,quota,culled")
    parser.add_argument("--memory", default="3G")
    parser.add_argument("--image", action="store_true")
    parser.add_argument("--keep-log", default="")
    options = parser.parse_args()
    if options.image:
        options.cold = True  # what an image's students begin with lies in the image
    if problem := needs():
        raise SystemExit(problem)
    if options.students < 3:
        raise SystemExit("the trial needs at least 3 students")
    if os.environ.get("GANTRY_HUB_TRIAL") != "inside":
        os.environ["GANTRY_HUB_TRIAL"] = "inside"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--", sys.executable] + sys.argv)
    trial = Trial(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the trial was told to end"))
    try:
        trial.machine()
        trial.course()
        trial.hub()
        if options.seed:
            trial.plant(options.seed)
        elif not options.cold:
            trial.check("a first student's kernel learns for all", trial.learn)
        trial.check("all log in, get a server and the chapters", trial.at_once, trial.begin)
        for name, what, do in (
            ("work", "all work through 00 and begin 03", lambda: trial.at_once(trial.work)),
            ("hidden", "one student's runs, values and sockets are hidden from another", trial.test_hidden),
            ("updated", "a newer course keeps a student's changes", trial.test_updated),
            ("values", "the values for Kubernetes are what the chart takes", trial.test_values),
            ("quota", "a cell that takes too much memory", trial.test_quota),
            ("culled", "a culled run is saved and goes on", trial.test_culled),
        ):
            if name in options.only.split(","):
                trial.check(what, do)
        trial.table()
    finally:
        if options.keep_log and trial.log.exists():
            shutil.copy(trial.log, options.keep_log)
        trial.end()
    print(f"{trial.passed} passed, {trial.failed} failed")
    sys.exit(trial.failed > 0)


main()
