// The gradients of Pad and Reverse, and that of a slice's gradient, which is a Pad: what GoMLX makes of them.
package main

import (
	"fmt"
	"os"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/device"
)

func main() {
	backend, err := device.Open("")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, c := range []struct {
		name, want string
		gradient   func(x *Node) *Node
	}{
		{"Pad", "[1 3 5]", func(x *Node) *Node {
			y := Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{Start: 1, End: 1, Interior: 1})
			return Gradient(ReduceAllSum(Mul(y, IotaFull(x.Graph(), y.Shape()))), x)[0]
		}},
		{"Reverse", "[2 1 0]", func(x *Node) *Node {
			return Gradient(ReduceAllSum(Mul(Reverse(x, 0), IotaFull(x.Graph(), x.Shape()))), x)[0]
		}},
		{"Slice, twice", "[0 16 0]", func(x *Node) *Node {
			y := Slice(x, AxisRange(1, 2))
			once := Gradient(ReduceAllSum(Square(y)), x)[0]
			return Gradient(ReduceAllSum(Square(once)), x)[0]
		}},
	} {
		exec, err := NewExec(backend, c.gradient)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if y, err := exec.Call1([]float32{1, 2, 3}); err != nil {
			_, why, _ := strings.Cut(err.Error(), "for which ") // after the whole node
			fmt.Printf("%s: %s, want %s\n", c.name, why, c.want)
		} else {
			fmt.Printf("%s: %v, want %s\n", c.name, y.Value(), c.want)
		}
	}
}
