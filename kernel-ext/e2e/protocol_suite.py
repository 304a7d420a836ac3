"""Widgets as the Jupyter protocol has them, from a front-end that is not JupyterLab: what VS Code's and others rely on.

Nothing here renders: the messages on the wire are all that a front-end gets.
"""
import time
import unittest
import uuid

from client import Kernel, of, until
from experiment import EXPERIMENT
from place import Place

WIDGET, CONTROL, VIEW = "jupyter.widget", "jupyter.widget.control", "application/vnd.jupyter.widget-view+json"
PANEL = '%%\nrun := lab.Open(experiment("wire", 3))\ncheck(lab.Panel(run))\ncheck(lab.Explore(run))'
# What stock front-ends show without running a kernel's code in the page.
PLAIN = {VIEW, "text/plain", "text/html", "image/png", "image/svg+xml"}


def setUpModule():
    global place, kernel, cell
    place = Place()
    place.enter()
    kernel = Kernel(place)
    kernel.run(EXPERIMENT, 120)
    cell = kernel.execute(PANEL)
    kernel.until_idle(cell, 120)


def tearDownModule():
    kernel.stop()
    place.close()


class Widgets(unittest.TestCase):
    asked = {}  # states that were asked for

    def models(self):
        """The widgets that were opened so far, by comm id, with their states as the messages since have changed them."""
        found = dict(self.asked)
        for message in kernel.said:
            content = message["content"]
            if message["msg_type"] == "comm_open" and content["target_name"] == WIDGET:
                found[content["comm_id"]] = dict(content["data"]["state"])
            elif message["msg_type"] == "comm_msg" and content["comm_id"] in found and content["data"].get("method") == "update":
                found[content["comm_id"]] |= content["data"]["state"]
            elif message["msg_type"] == "comm_close":
                found.pop(content["comm_id"], None)
        return found

    def find(self, kind, label):
        """The comm id of a widget by its model and label; the last one that was made."""
        found = [i for i, s in self.models().items() if s["_model_name"] == kind + "Model" and s.get("description") == label]
        self.assertTrue(found, f"no {kind} {label!r} among the widgets")
        return found[-1]

    def head(self):
        """The panel's first line."""
        return next(s["value"] for s in self.models().values() if s["_model_name"] == "HTMLModel" and "<b>wire</b>" in s["value"])

    def send(self, comm, data):
        message = kernel.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        kernel.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def click(self, label):
        return self.send(self.find("Button", label), {"method": "custom", "content": {"event": "click"}})

    def hear(self, condition, what, patience=10):
        return kernel.hear(lambda _: condition(), patience, what)

    def step(self):
        return int(self.head().split("step ")[1].split()[0])

    def test_1_what_the_cell_displays_is_plain(self):
        shown = [m["content"]["data"] for m in kernel.outputs(cell, "display_data", "update_display_data", "execute_result")]
        self.assertTrue(any(VIEW in data for data in shown), shown)
        for data in shown:
            self.assertLessEqual(set(data), PLAIN)
            self.assertNotIn("<script", data.get("text/html", ""))
            if VIEW in data:
                self.assertIn(data[VIEW]["model_id"], self.models())
                self.assertEqual(data[VIEW]["version_major"], 2)

    def test_2_opens_name_stock_models_in_order(self):
        known = set()
        for message in kernel.outputs(cell, "comm_open"):
            state = message["content"]["data"]["state"]
            self.assertIn(state["_model_module"], ("@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output"))
            self.assertRegex(message["metadata"]["version"], r"^2\.")
            for value in state.values():
                for name in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
                    if isinstance(name, str) and name.startswith("IPY_MODEL_"):
                        self.assertIn(name.removeprefix("IPY_MODEL_"), known, "a widget refers to one that is not open yet")
            known.add(message["content"]["comm_id"])

    def test_3_a_click_reaches_the_run(self):
        before = self.step()
        begin = time.monotonic()
        sent = self.click("one step")
        self.hear(lambda: self.step() == before + 1, "the step")
        print(f"       {(time.monotonic() - begin) * 1000:6.0f} ms  click to the new step, on the wire", flush=True)
        until_idle = [m for m in kernel.said if of(m, sent) and m["content"].get("execution_state") == "idle"]
        if not until_idle:
            kernel.until_idle(sent)

    def test_4_a_slider_reaches_the_run_and_is_echoed(self):
        slider = self.find("FloatLogSlider", "generator.rate")
        sent = self.send(slider, {"method": "update", "state": {"value": 0.00042}, "buffer_paths": []})
        kernel.until_idle(sent)
        kernel.run(EXPERIMENT)
        rate = '%%\nfmt.Println(must(must(lab.Attach("wire")).Settings())["generator.rate"])'
        until(lambda: kernel.run(rate).strip() == "0.00042", 10, "the rate of the run does not change")

    def test_5_an_image_comes_as_a_buffer(self):
        slider = self.find("FloatSlider", "A → B")
        count = len(kernel.said)
        self.send(slider, {"method": "update", "state": {"value": 0.5}, "buffer_paths": []})

        def picture():
            return [m for m in kernel.said[count:] if m["msg_type"] == "comm_msg" and m["buffers"]
                    and m["content"]["data"].get("buffer_paths") == [["value"]]]

        self.hear(picture, "the image")
        self.assertEqual(bytes(picture()[0]["buffers"][0][:8]), b"\x89PNG\r\n\x1a\n")

    def test_6_a_second_front_end_gets_all_states(self):
        reply = kernel.reply(self.ask("comm_info_request", {"target_name": WIDGET}))
        self.assertLessEqual(set(self.models()), set(reply["content"]["comms"]))
        begin = time.monotonic()
        states = self.states()
        print(f"       {(time.monotonic() - begin) * 1000:6.0f} ms  the states of all widgets", flush=True)
        self.assertLessEqual(set(self.models()), set(states))

    def states(self):
        """What a page that was loaded anew asks for: all widgets at once."""
        control = uuid.uuid4().hex
        kernel.client.shell_channel.send(kernel.client.session.msg(
            "comm_open", {"comm_id": control, "target_name": CONTROL, "data": {}}, metadata={"version": "1.0.0"}))
        self.send(control, {"method": "request_states"})
        answer = kernel.hear(lambda m: m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == control, 10, "the states")
        data = answer["content"]["data"]
        self.assertEqual(data["method"], "update_states")
        for path in data["buffer_paths"]:
            self.assertIn(path[0], data["states"])
        self.assertEqual(len(data["buffer_paths"]), len(answer["buffers"]))
        return {i: s["state"] | {"_model_name": s["model_name"]} for i, s in data["states"].items()}

    def test_7_a_single_state_can_be_asked_for(self):
        slider = self.find("FloatSlider", "A → B")
        count = len(kernel.said)
        self.send(slider, {"method": "request_state"})
        self.hear(lambda: any(m["msg_type"] == "comm_msg" and m["content"]["comm_id"] == slider and "_model_name" in m["content"]["data"].get("state", {})
                              for m in kernel.said[count:]), "the state")

    def test_8_a_click_while_a_cell_runs(self):
        busy = kernel.execute('%%\nfmt.Println("runs")\ntime.Sleep(time.Hour)')
        kernel.until_says(busy, "runs")
        before = self.step()
        begin = time.monotonic()
        self.click("one step")
        self.hear(lambda: self.step() == before + 1, "the step while a cell runs")
        print(f"       {(time.monotonic() - begin) * 1000:6.0f} ms  the same while a cell runs", flush=True)
        kernel.control("interrupt_request")
        kernel.until_idle(busy)

    def test_9_the_widgets_outlive_a_restart(self):
        views = [m["content"]["data"][VIEW]["model_id"] for m in kernel.outputs(cell, "display_data") if VIEW in m["content"]["data"]]
        before = self.step()
        kernel.restart()
        kernel.said.clear()  # a front-end forgets all widgets when its kernel is restarted
        Widgets.asked = until(lambda: s if set(views) <= set(s := self.states()) else None, 10,
                              f"not all of what is displayed, {views}, comes back after the restart")
        inside, look = set(), list(views)
        while look:
            inside.add(i := look.pop())
            look += [c.removeprefix("IPY_MODEL_") for c in self.asked[i].get("children", ())]
        button = self.find("Button", "one step")
        self.assertIn(button, inside, "the button is not in what is displayed")
        self.assertEqual(self.step(), before)
        self.send(button, {"method": "custom", "content": {"event": "click"}})
        self.hear(lambda: self.step() == before + 1, "the step after the restart")

    def ask(self, kind, content):
        message = kernel.client.session.msg(kind, content)
        kernel.client.shell_channel.send(message)
        return message["header"]["msg_id"]
