package export_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/export"
	"gantry.local/gan/sample"
)

// Any graph function can be exported, with the variables it uses.
func ExampleONNXNetwork() {
	store := model.NewStore()
	if _, err := store.CreateVariable("/scale", tensors.FromValue(float32(3))); err != nil {
		log.Fatal(err)
	}
	inputs := []export.Input{{Name: "x", Shape: shapes.Make(dtypes.Float32, 2)}}
	var file bytes.Buffer
	err := export.ONNXNetwork(&file, store, inputs, "y", func(inputs []*Node) *Node {
		return Mul(inputs[0], store.GetVariable("/scale").NodeValue(inputs[0]))
	})
	fmt.Println(file.Len() > 0, err)

	err = export.ONNXNetwork(&file, store, inputs, "y", func(inputs []*Node) *Node { return Sort(inputs[0], 0, true) })
	fmt.Println(err)
	// Output:
	// true <nil>
	// cannot export to ONNX: failed to create new closure: ONNX export knows no operation with a function of its own, such as Sort, While and If: op not implemented
}

// Samples as numpy.load reads them.
func ExampleWriteNPY() {
	var file bytes.Buffer
	if err := export.WriteNPY(&file, sample.Images{Values: []float32{-1, 1}, N: 2, Height: 1, Width: 1, Channels: 1}); err != nil {
		log.Fatal(err)
	}
	images, err := export.ReadNPY(&file)
	fmt.Println(images.N, "samples:", images.Values, err)
	// Output:
	// 2 samples: [-1 1] <nil>
}

// Two pictures side by side.
func ExampleWritePNG() {
	var file bytes.Buffer
	err := export.WritePNG(&file, sample.Images{Values: []float32{-1, 1}, N: 2, Height: 1, Width: 1, Channels: 1}, 2)
	fmt.Println(bytes.HasPrefix(file.Bytes(), []byte("\x89PNG")), err)
	// Output:
	// true <nil>
}
