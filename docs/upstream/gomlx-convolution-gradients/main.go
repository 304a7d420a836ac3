// The gradients of GoMLX's convolutions: by the image for even kernels, a second time, and of a transposed convolution, and
// how long the last one's gradient by the weights takes in each way there is to compute it.
package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/device"
)

func main() {
	backend, err := device.Open("xla:cpu")
	if err == nil {
		err = errors.Join(right(backend), fast(backend))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// values are numbers without a pattern.
func values(g *Graph, seed float64, dims ...int) *Node {
	return Sin(AddScalar(Square(MulScalar(IotaFull(g, shapes.Make(dtypes.Float32, dims...)), 0.37)), seed))
}

// right compares gradients along a direction u with the values of what was differentiated, which is linear: they are the same.
func right(backend compute.Backend) error {
	for _, c := range []struct {
		name        string
		size        int
		stride      int
		pad         [2]int
		transposed  bool
		byX, byBoth bool
	}{
		{name: "3×3 by the image", size: 3, stride: 1, pad: [2]int{1, 1}, byX: true},
		{name: "4×4 by the image", size: 4, stride: 1, pad: [2]int{1, 2}, byX: true},
		{name: "4×4, stride 2, by the image", size: 4, stride: 2, pad: [2]int{1, 1}, byX: true},
		{name: "3×3 by the image and then the weights", size: 3, stride: 1, pad: [2]int{1, 1}, byBoth: true},
		{name: "4×4 transposed, stride 2, by the image", size: 4, stride: 2, pad: [2]int{2, 2}, transposed: true, byX: true},
		{name: "4×4 transposed, stride 2, by the weights", size: 4, stride: 2, pad: [2]int{2, 2}, transposed: true},
	} {
		exec, err := NewExec(backend, func(g *Graph) []*Node {
			x, u := values(g, 1, 2, 8, 8, 3), values(g, 2, 2, 8, 8, 3)
			kernel, w := values(g, 3, c.size, c.size, 3, 5), values(g, 4, c.size, c.size, 3, 5)
			sum := func(x, kernel *Node) *Node {
				strides, dilations := []int{c.stride, c.stride}, []int{1, 1}
				if c.transposed {
					strides, dilations = dilations, strides
				} else {
					dilations = nil
				}
				y := ConvGeneral(x, kernel, images, strides, [][2]int{c.pad, c.pad}, dilations, nil, 1, 1)
				return ReduceAllSum(Mul(y, values(g, 5, y.Shape().Dimensions...)))
			}
			switch {
			case c.byX:
				return []*Node{ReduceAllSum(Mul(u, Gradient(sum(x, kernel), x)[0])), sum(u, kernel)}
			case c.byBoth:
				along := ReduceAllSum(Mul(u, Gradient(sum(x, kernel), x)[0]))
				return []*Node{ReduceAllSum(Mul(w, Gradient(along, kernel)[0])), sum(u, w)}
			}
			return []*Node{ReduceAllSum(Mul(w, Gradient(sum(x, kernel), kernel)[0])), sum(x, w)}
		})
		if err != nil {
			return err
		}
		results, err := exec.Call()
		if err != nil {
			fmt.Printf("%s: %s\n", c.name, reason(err))
			continue
		}
		got, want := results[0].Value().(float32), results[1].Value().(float32)
		verdict := "right"
		if math.Abs(float64(got-want)) > 1e-3*math.Abs(float64(want)) {
			verdict = "wrong"
		}
		fmt.Printf("%s: %s, %.3f, want %.3f\n", c.name, verdict, got, want)
	}
	return nil
}

// reason is why GoMLX cannot build a graph, without its explanations.
func reason(err error) string {
	_, why, _ := strings.Cut(err.Error(), "panicked: ")
	why, _, _ = strings.Cut(why, ",")
	return why
}

// images are the axes of images [batch, height, width, channels] and kernels [height, width, in, out].
var images = compute.ConvolveAxesConfig{InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
	KernelSpatial: []int{0, 1}, KernelInputChannels: 2, KernelOutputChannels: 3,
	OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3}

// fast times the ways to compute the gradient by the weights of DCGAN's transposed convolution: 4×4, stride 2, from 7×7 images
// of 128 channels to 14×14 of 64.
func fast(backend compute.Backend) error {
	const batch, small, big, in, out = 16, 7, 14, 128, 64
	one, two, pads := []int{1, 1}, []int{2, 2}, [][2]int{{2, 2}, {2, 2}}
	// The batch is summed over, so it takes the place of channels.
	correlation := compute.ConvolveAxesConfig{InputBatch: 3, InputSpatial: []int{1, 2}, InputChannels: 0,
		KernelSpatial: []int{1, 2}, KernelInputChannels: 0, KernelOutputChannels: 3,
		OutputBatch: 2, OutputSpatial: []int{0, 1}, OutputChannels: 3}
	swapped := correlation
	swapped.OutputBatch, swapped.OutputChannels = 3, 2
	ways := []struct {
		name  string
		build func(x, kernel, v *Node) *Node
		exec  *Exec
		times []float64
	}{
		{name: "GoMLX's gradient of Pad and Convolve", build: func(x, kernel, v *Node) *Node {
			between := PadAxis{Start: 2, End: 2, Interior: 1}
			y := Convolve(Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, between, between), kernel).Done()
			return Gradient(ReduceAllSum(Mul(y, v)), kernel)[0]
		}},
		{name: "GoMLX's gradient of ConvGeneral", build: func(x, kernel, v *Node) *Node {
			return Gradient(ReduceAllSum(Mul(ConvGeneral(x, kernel, images, one, pads, two, one, 1, 1), v)), kernel)[0]
		}},
		{name: "the image dilated", build: func(x, kernel, v *Node) *Node {
			return ConvGeneral(x, v, correlation, one, pads, two, one, 1, 1)
		}},
		{name: "operands swapped", build: func(x, kernel, v *Node) *Node {
			return Reverse(ConvGeneral(v, x, swapped, one, [][2]int{{1, 1}, {1, 1}}, one, two, 1, 1), 0, 1)
		}},
	}
	start, err := NewExec(backend, func(g *Graph) []*Node {
		return []*Node{values(g, 1, batch, small, small, in), values(g, 2, 4, 4, in, out), values(g, 3, batch, big, big, out)}
	})
	if err != nil {
		return err
	}
	operands, err := start.Call()
	if err != nil {
		return err
	}
	var sum float32
	for i := range ways {
		w := &ways[i]
		w.exec, err = NewExec(backend, func(x, kernel, v *Node) *Node { return w.build(x, kernel, v) })
		if err != nil {
			return err
		}
	}
	check, err := NewExec(backend, func(y *Node) *Node { return ReduceAllSum(Mul(y, values(y.Graph(), 4, y.Shape().Dimensions...))) })
	if err != nil {
		return err
	}
	const rounds = 9
	for round := range rounds + 1 {
		for i := range ways {
			w := &ways[i]
			if w.exec == nil {
				continue
			}
			begin := time.Now()
			y, err := w.exec.Call1(operands[0], operands[1], operands[2])
			if err != nil { // which this version does not have
				fmt.Printf("%s: %s\n", w.name, reason(err))
				w.exec = nil
				continue
			}
			if round > 0 { // the first compiles
				w.times = append(w.times, time.Since(begin).Seconds()*1000)
				continue
			}
			total, err := check.Call1(y)
			if err != nil {
				return err
			}
			if got := total.Value().(float32); sum == 0 {
				sum = got
			} else if math.Abs(float64(got-sum)) > 1e-2*math.Abs(float64(sum)) {
				return fmt.Errorf("%s: the gradient is another: %g and not %g", w.name, got, sum)
			}
		}
	}
	for _, w := range ways {
		if w.exec != nil {
			slices.Sort(w.times)
			fmt.Printf("%s: %.1f ms (%.1f to %.1f)\n", w.name, w.times[rounds/2], w.times[0], w.times[rounds-1])
		}
	}
	return nil
}
