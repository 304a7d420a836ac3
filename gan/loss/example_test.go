package loss_test

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan/device"
	"gantry.local/gan/loss"
)

// A fresh critic says 0 of everything, so its cross-entropy is 2·log 2.
func ExampleLoss() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()

	logits := [][]float32{{0}, {0}}
	for _, l := range loss.All() {
		critic := graph.MustNewExec(backend, l.Critic).MustCall1(logits, logits)
		fmt.Printf("%s: %.4f\n", l, critic.Value())
	}
	// Output:
	// non-saturating: 1.3863
	// saturating: 1.3863
	// wasserstein: 0.0000
	// least squares: 0.5000
	// hinge: 2.0000
	// relativistic paired: 0.6931
	// relativistic average: 1.3863
}

func ExampleNamed() {
	l, err := loss.Named("wasserstein")
	fmt.Println(l, err)
	_, err = loss.Named("minimax")
	fmt.Println(err)
	// Output:
	// wasserstein <nil>
	// unknown loss "minimax": use one of non-saturating, saturating, wasserstein, least squares, hinge, relativistic paired, relativistic average
}
