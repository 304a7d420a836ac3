"""A Jupyter server, spoken to by HTTP and web sockets as its page does."""
import json
import socket
import urllib.request
import uuid

import websocket


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def execute_request(code):
    """The message that runs a cell."""
    return {"header": {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex, "version": "5.3"},
            "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
            "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}}


class Server:
    """Knows a server's port and token."""

    def __init__(self, port, token):
        self.port, self.token = port, token

    def ask(self, path, data=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", None if data is None else json.dumps(data).encode(),
                                         {"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def connect(self, kernel, **options):
        return websocket.create_connection(f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels", timeout=60, **options)

    def cell(self, code, until_says):
        """Runs a cell in a new kernel until it has printed something; returns all that it printed."""
        kernel = self.ask("/api/kernels", {"name": "gantry"})["id"]
        link = self.connect(kernel, header={"Authorization": f"token {self.token}"})
        link.send(json.dumps(execute_request(code)))
        said = ""
        while until_says not in said:
            message = json.loads(link.recv())
            if message["msg_type"] == "stream":
                said += message["content"]["text"]
            if message["msg_type"] == "error":
                raise AssertionError("\n".join(message["content"]["traceback"]))
        link.close()
        return said
