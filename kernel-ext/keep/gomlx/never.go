package keepgomlx

import (
	"fmt"
	"reflect"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors/dtensor"

	"gantry.local/kernel-ext/keep"
)

// never lists what cannot be kept, which would else be looked into.
func never() []keep.Foreign {
	return []keep.Foreign{
		refused[graph.Graph]("a graph, which lives while it is built: build it in the cell that uses it, or keep its function in an Exec"),
		refused[graph.Node]("a node of a graph, which lives while the graph is built: build it in the cell that uses it"),
		refused[graph.Function]("a function of a graph, which lives while the graph is built"),
		refused[dtensor.Tensor]("a tensor that is spread over several devices: keep its parts"),
		refused[xla.Buffer]("a buffer of a device: keep it as a tensor"),
		refused[xla.Executable]("a program of a device: keep its function in an Exec"),
	}
}

// refused is an adapter of values that cannot be kept, and why.
func refused[T any](why string) keep.Adapter {
	return keep.Adapter{Type: reflect.TypeFor[*T](), Kept: func(any) (any, error) { return nil, fmt.Errorf("%s", why) }}
}

func errFinalized(what string) error { return fmt.Errorf("a %s that was finalized", what) }
