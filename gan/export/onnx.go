// Package export writes generators and their samples in formats that other programs read.
//
//   - [ONNX] writes a generator as one ONNX model: network and weights, to be run by onnxruntime and many others.
//     [ONNXNetwork] does so for any graph function, such as a critic.
//   - [WriteNPY] and [ReadNPY] write and read samples as a NumPy array, [n, height, width, channels] float32.
//   - [WritePNG] draws samples as a contact sheet.
//
// Weights alone, in the safetensors format, are written by train.Trainer.SaveWeights.
package export

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"gantry.local/gan/train"
)

// Input is a named input of an exported network.
type Input struct {
	Name  string
	Shape shapes.Shape
}

// ONNX writes generator as an ONNX model (opset 17) that makes batch images a run: input "z" [batch, latent] float32,
// for a conditional generator also "labels" [batch] int32, output "images" [batch, height, width, channels] float32. The
// network is recorded in inference mode, and its weights are part of the model.
//
// A network with an operation that the export does not know is an error that names it. Dense layers, convolutions,
// normalisations, activations, reshaping, slicing, padding, reductions and embeddings are known; random numbers, sorting
// and loops are not.
func ONNX(w io.Writer, generator *train.Generator, batch int) error {
	if batch <= 0 {
		return fmt.Errorf("cannot export a generator for batches of %d: want at least 1", batch)
	}
	inputs := []Input{{"z", shapes.Make(dtypes.Float32, batch, generator.Latent())}}
	if generator.Classes() > 0 {
		inputs = append(inputs, Input{"labels", shapes.Make(dtypes.Int32, batch)})
	}
	return ONNXNetwork(w, generator.Store(), inputs, "images", func(inputs []*graph.Node) *graph.Node {
		var labels *graph.Node
		if len(inputs) > 1 {
			labels = inputs[1]
		}
		return generator.Build(inputs[0], labels)
	})
}

// ONNXNetwork writes the graph that network builds from the inputs as an ONNX model, with the variables of store that it
// uses. The model's one output is called output.
func ONNXNetwork(w io.Writer, store *model.Store, inputs []Input, output string, network func(inputs []*graph.Node) *graph.Node) error {
	recorder := newRecorder(func(path string) ([]byte, bool, error) { return content(store, path) })
	err := exceptions.TryCatch[error](func() {
		g := graph.NewGraph(recorder, "network")
		var nodes []*graph.Node
		for _, input := range inputs {
			nodes = append(nodes, graph.Parameter(g, input.Name, input.Shape))
		}
		g.CurrentFunc().Return([]*graph.Node{network(nodes)}, nil)
	})
	if err != nil {
		return fmt.Errorf("cannot export to ONNX: %w", err)
	}
	main := recorder.main
	result := main.outputs[0]
	// The output gets its name through a node of its own: it may be an input or a variable as well.
	named := main.add("Identity", result.shape, []*value{result})
	named.name = output
	main.outputs = []*value{named}
	if _, err := w.Write(main.model("network")); err != nil {
		return fmt.Errorf("cannot write the ONNX model: %w", err)
	}
	return nil
}

// content returns the bytes of the variable at path, or false if there is none.
func content(store *model.Store, path string) ([]byte, bool, error) {
	variable := store.GetVariable(path)
	if variable == nil {
		return nil, false, nil
	}
	if !variable.HasValue() {
		return nil, true, errors.New("variable " + path + " has no value yet: run the network once before exporting it")
	}
	stored, err := variable.Value()
	if err != nil {
		return nil, true, fmt.Errorf("variable %s: %w", path, err)
	}
	var copied []byte
	err = stored.ConstBytes(func(bytes []byte) { copied = slices.Clone(bytes) })
	return copied, true, err
}
