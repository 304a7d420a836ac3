package safetensors_test

import (
	"bytes"
	"errors"
	"fmt"

	"gantry.local/gan/safetensors"
)

func ExampleFile_WriteTo() {
	file := safetensors.File{
		Metadata: map[string]string{"step": "1000"},
		Tensors: []safetensors.Tensor{
			{Name: "dense_0/weights", DType: "F32", Shape: []int{1, 2}, Data: []byte{0, 0, 128, 63, 0, 0, 0, 64}},
		},
	}
	var content bytes.Buffer
	if _, err := file.WriteTo(&content); err != nil {
		fmt.Println(err)
		return
	}

	read, err := safetensors.Parse(content.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	weights, found := read.Tensor("dense_0/weights")
	fmt.Println(found, weights.DType, weights.Shape, len(weights.Data), "bytes, step", read.Metadata["step"])
	// Output: true F32 [1 2] 8 bytes, step 1000
}

func ExampleParse_damaged() {
	file := safetensors.File{Tensors: []safetensors.Tensor{{Name: "w", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}}}}
	var content bytes.Buffer
	if _, err := file.WriteTo(&content); err != nil {
		fmt.Println(err)
		return
	}

	content.Bytes()[content.Len()-1] ^= 1 // one bit of the last weight
	_, err := safetensors.Parse(content.Bytes())
	fmt.Println(err)
	fmt.Println(errors.Is(err, safetensors.ErrDamaged))
	// Output:
	// damaged file: its checksum is wrong
	// true
}
