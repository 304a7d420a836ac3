"""A front-end without a page: a kernel in a private place, spoken to over its five sockets."""
import os
import pathlib
import queue
import time
import uuid

from jupyter_client.manager import KernelManager

from place import KERNEL

PATIENCE = 60


class Kernel:
    """A running kernel, and what it said on iopub to each request."""

    def __init__(self, place, name=KERNEL, environment=None, folder=None):
        runtime = place.dir / "jupyter" / "runtime"
        runtime.mkdir(parents=True, exist_ok=True)
        self.manager = KernelManager(kernel_name=name, connection_file=str(runtime / f"kernel-{uuid.uuid4()}.json"))
        self.manager.start_kernel(env=place.env | (environment or {}), cwd=str(folder or place.work))
        self.said = []
        self.connect()

    def connect(self):
        self.attach()
        try:
            self.client.wait_for_ready(PATIENCE)
        except BaseException:
            self.stop()
            raise

    def attach(self):
        self.client = self.manager.client()
        self.client.session.session = uuid.uuid4().hex  # else each client begins with the message ids of the one before
        self.client.start_channels()

    @property
    def pid(self):
        return self.manager.provisioner.process.pid

    def execute(self, code, **options):
        """Sends a cell and returns its message id."""
        return self.client.execute(code, **options)

    def hear(self, until, patience=PATIENCE, what="what was waited for"):
        """Reads iopub until a message fulfils a condition; returns it. All of them are kept in said."""
        end = time.monotonic() + patience
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{what} did not come within {patience} s; the last outputs: {self.text()[-500:]!r}") from None
            self.said.append(message)
            if until(message):
                return message

    def until_idle(self, request, patience=PATIENCE):
        return self.hear(lambda m: of(m, request) and m["content"].get("execution_state") == "idle", patience, "the end of the cell")

    def until_says(self, request, text, patience=PATIENCE):
        return self.hear(lambda m: of(m, request) and text in m["content"].get("text", ""), patience, f"{text!r}")

    def reply(self, request, patience=PATIENCE):
        return self.answer(self.client.get_shell_msg, request, patience)

    def control(self, kind, content=None, patience=PATIENCE):
        """Asks on the control socket; returns the reply's content and the seconds until it came."""
        message = self.client.session.msg(kind, content or {})
        begin = time.monotonic()
        self.client.control_channel.send(message)
        answer = self.answer(self.client.get_control_msg, message["header"]["msg_id"], patience)
        return answer["content"], time.monotonic() - begin

    @staticmethod
    def answer(get, request, patience):
        end = time.monotonic() + patience
        while True:
            try:
                message = get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no reply within {patience} s") from None
            if of(message, request):
                return message

    def run(self, code, patience=PATIENCE, fails=False):
        """Runs a cell to its end; returns what it printed. A cell that fails is an error, unless it is to."""
        request = self.execute(code)
        self.until_idle(request, patience)
        content = self.reply(request, patience)["content"]
        if not fails and content["status"] != "ok":
            raise AssertionError("\n".join([f"the cell failed: {content.get('evalue')}", *content.get("traceback", []), self.text(request)]))
        return self.text(request)

    def text(self, request=None, name=None):
        """What a request's cell printed; of all cells without a request."""
        return "".join(m["content"]["text"] for m in self.said if m["msg_type"] == "stream"
                       and (request is None or of(m, request)) and name in (None, m["content"]["name"]))

    def outputs(self, request, *kinds):
        return [m for m in self.said if of(m, request) and m["msg_type"] in kinds]

    def restart(self, now=False, wait=True):
        self.client.stop_channels()
        self.manager.restart_kernel(now=now)
        self.connect() if wait else self.attach()

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


def of(message, request):
    return message["parent_header"].get("msg_id") == request


def age(pid):
    """The seconds since a process began."""
    ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    """The number of open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def until(condition, patience, complaint):
    """Waits until the condition gives something true; returns it."""
    end = time.monotonic() + patience
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(complaint() if callable(complaint) else complaint)
        time.sleep(0.02)  # between two looks
    return found
