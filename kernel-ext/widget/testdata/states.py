"""Writes the state of ipywidgets' own widgets: `.venv/bin/python kernel-ext/widget/testdata/states.py`."""
import json
import pathlib

import ipywidgets as w
from ipywidgets.widgets.widget import _remove_buffers

label = w.Label("x")
shown = [
    w.Button(description="b"),
    w.IntSlider(description="i", min=1, max=9, step=2, value=5),
    w.FloatSlider(description="f", min=-1, max=1, step=0.01, value=0.5),
    w.FloatLogSlider(description="l", min=-4, max=-1, value=0.001),
    w.Dropdown(description="d", options=["a", "b"]),
    w.Checkbox(description="c", value=True),
    w.Text(description="t", value="x"),
    label,
    w.HTML("<b>x</b>"),
    w.FloatProgress(description="p", min=0, max=10, value=0),
    w.Image(value=b""),
    w.HBox([label]),
    w.VBox([label]),
    w.Tab([label], titles=["one"], selected_index=0),
    w.Output(),
]
models = shown + [widget.style for widget in shown if hasattr(widget, "style")] + [label.layout]
names = {"IPY_MODEL_" + m.model_id: "IPY_MODEL_" + m._model_name for widget in shown for m in [widget, widget.layout, getattr(widget, "style", widget)]}


def named(value):
    if isinstance(value, (list, tuple)):
        return [named(v) for v in value]
    return names.get(value, value) if isinstance(value, str) else value


states = {}
for model in models:
    state, paths, _ = _remove_buffers(model.get_state())
    states[model._model_name] = {"state": {k: named(v) for k, v in state.items()}, "buffer_paths": paths}
out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(states, indent=1, sort_keys=True) + "\n")
