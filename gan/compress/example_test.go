package compress_test

import (
	"fmt"
	"log"

	"gantry.local/gan/compress"
)

// Prune, quantise and store what is left: the recipe of "Deep compression".
func Example() {
	pruned, mask, err := compress.Prune(weights(), 0.75, compress.PerLayer)
	if err != nil {
		log.Fatal(err)
	}
	// Here Tune would train the weights that are left.
	packed, err := compress.Int8(pruned)
	if err != nil {
		log.Fatal(err)
	}
	small, err := compress.Sparse(packed)
	if err != nil {
		log.Fatal(err)
	}
	back, err := compress.Expand(small)
	if err != nil {
		log.Fatal(err)
	}
	stored, _ := small.Tensor("output/weights.values")
	whole, _ := back.Tensor("output/weights")
	fmt.Printf("%.2f pruned; %d of %d output weights stored, as %s\n", mask.Share(), stored.Shape[0], len(whole.Data)/4, stored.DType)
	// Output:
	// 0.75 pruned; 288 of 1152 output weights stored, as I8
}
