"""Writes events.bin beside it: the events of writer_test.go, as TensorBoard's own writer has them. Run it by the Python of `make tensorboard`."""
import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_SCALAR, DATA_CLASS_TENSOR, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

AT = 1700000000.25


def metadata(plugin, kind):
    return SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin), data_class=kind)


def value(**fields):
    return Summary(value=[Summary.Value(**fields)])


text = TensorProto(dtype=DT_STRING, tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]), string_val=["| é |".encode()])
EVENTS = [
    Event(wall_time=AT, file_version="brain.Event:2"),
    Event(wall_time=AT, step=7, summary=value(tag="critic loss", simple_value=-0.5, metadata=metadata("scalars", DATA_CLASS_SCALAR))),
    Event(wall_time=AT, step=300, summary=value(tag="samples", image=Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=b"\x89PNG"))),
    Event(wall_time=AT, step=1 << 40, summary=value(tag="settings", tensor=text, metadata=metadata("text", DATA_CLASS_TENSOR))),
]

with open(pathlib.Path(__file__).parent / "events.bin", "wb") as file:
    writer = RecordWriter(file)
    for event in EVENTS:
        writer.write(event.SerializeToString())
