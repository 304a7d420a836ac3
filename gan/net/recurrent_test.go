package net

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// dense is [x…]·w + b for w: [len(x), len(b)], by the definition.
func dense(w, b []float64, x ...float64) []float64 {
	y := slices.Clone(b)
	for i, v := range x {
		for o := range y {
			y[o] += v * w[i*len(y)+o]
		}
	}
	return y
}

func sigmoid(a float64) float64 { return 1 / (1 + math.Exp(-a)) }

// TestRecurrence compares every state of both layers with loops over the formulas.
func TestRecurrence(t *testing.T) {
	const batch, steps, in, hidden = 2, 5, 3, 4
	x := random64(1, batch*steps*in)
	type weights map[string][]float64
	for name, c := range map[string]struct {
		layer  network
		shapes map[string][]int
		step   func(w weights, x, h, c []float64) // moves the state h, and c where there is one
	}{
		"LSTM": {func(s *model.Scope, x *Node) *Node { return LSTM(s, x, hidden) },
			map[string][]int{"/weights": {in + hidden, 4 * hidden}, "/biases": {4 * hidden}},
			func(w weights, x, h, c []float64) {
				gates := dense(w["/weights"], w["/biases"], slices.Concat(x, h)...)
				for k := range hidden {
					i, f, g, o := gates[k], gates[hidden+k], gates[2*hidden+k], gates[3*hidden+k]
					c[k] = sigmoid(f+1)*c[k] + sigmoid(i)*math.Tanh(g)
					h[k] = sigmoid(o) * math.Tanh(c[k])
				}
			}},
		"GRU": {func(s *model.Scope, x *Node) *Node { return GRU(s, x, hidden) },
			map[string][]int{"/gates/weights": {in + hidden, 2 * hidden}, "/gates/biases": {2 * hidden},
				"/candidate/weights": {in + hidden, hidden}, "/candidate/biases": {hidden}},
			func(w weights, x, h, _ []float64) {
				gates := dense(w["/gates/weights"], w["/gates/biases"], slices.Concat(x, h)...)
				reset := slices.Clone(h)
				for k := range hidden {
					reset[k] *= sigmoid(gates[k])
				}
				candidate := dense(w["/candidate/weights"], w["/candidate/biases"], slices.Concat(x, reset)...)
				for k, n := range candidate {
					u := sigmoid(gates[hidden+k])
					h[k] = u*h[k] + (1-u)*math.Tanh(n)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				store, w := newStore(t), weights{}
				for path, dims := range c.shapes {
					size := 1
					for _, dim := range dims {
						size *= dim
					}
					w[path] = random64(uint64(len(path)), size)
					if _, err := store.CreateVariable(path, tensor64(w[path], dims...)); err != nil {
						t.Fatal(err)
					}
				}
				var want []float64
				for b := range batch {
					h, memory := make([]float64, hidden), make([]float64, hidden)
					for step := range steps {
						at := (b*steps + step) * in
						c.step(w, x[at:at+in], h, memory)
						want = append(want, h...)
					}
				}
				got := call(backend, store, true, tensor64(x, batch, steps, in), c.layer)
				if dims := got.Shape().Dimensions; !slices.Equal(dims, []int{batch, steps, hidden}) {
					t.Errorf("shape %v, want [batch, T, hidden]", dims)
				}
				requireNear64(t, name, got, want)
				if store.NumVariables() != len(c.shapes)+1 { // and the random state
					t.Errorf("%d variables, want one set of weights for all steps", store.NumVariables())
				}
			})
		})
	}
}
