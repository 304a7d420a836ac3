// How long a process waits for the first call of a compiled graph when it has to compile it, and when an executable that was
// serialised by an earlier process is loaded, as gan/device/compilecache does it today.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/device"
	"gantry.local/gan/device/compilecache"
	"gantry.local/gan/net"
)

func main() {
	work := compare
	if os.Getenv("UPSTREAM_FIRST_CALL") != "" {
		work = firstCall
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// compare starts processes, the first of each round with an empty folder.
func compare() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for range 3 {
		dir, err := os.MkdirTemp("", "compiled")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		for _, what := range []string{"compiled", "loaded"} {
			fmt.Printf("%s: ", what)
			child := exec.Command(self)
			child.Env = append(os.Environ(), "UPSTREAM_FIRST_CALL=1", compilecache.Env+"="+dir)
			child.Stdout, child.Stderr = os.Stdout, os.Stderr
			if err := child.Run(); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstCall builds the pass of a pair of networks, forward and backward, and says how long its first call takes.
func firstCall() error {
	backend, err := device.Open("xla:cpu")
	if err != nil {
		return err
	}
	store := model.NewStore()
	pass, err := model.NewExec(backend, store, func(scope *model.Scope, z *Node) []*Node {
		store.SetTraining(z.Graph(), true)
		y := net.MLPCritic(scope.In("critic"), net.NormMLPGenerator(scope.In("generator"), z))
		var weights []*Node
		for v := range store.IterVariables() {
			if v.Trainable {
				weights = append(weights, v.NodeValue(z))
			}
		}
		return Gradient(ReduceAllSum(Square(y)), weights...)
	})
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, err := pass.Call(tensors.FromScalarAndDimensions(float32(1), 64, 100)); err != nil {
		return err
	}
	fmt.Printf("first call after %.2f s\n", time.Since(begin).Seconds())
	return nil
}
