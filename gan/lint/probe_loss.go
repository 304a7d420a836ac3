package lint

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
)

// probeLoss tries the loss at chosen logits, so that it is known by what it does and not by its name.
func probeLoss(e Subject, seen *probed, backend compute.Backend) error {
	exec, err := NewExec(backend, func(real, fake *Node) []*Node {
		defer tracing.PanicWithError()
		ofGenerator := real
		if _, separable := e.Pair.Loss.(loss.Halves); separable {
			ofGenerator = nil
		}
		slope := Gradient(e.Pair.Loss.Generator(ofGenerator, fake), fake)[0]
		return []*Node{e.Pair.Loss.Critic(real, fake), ReduceAllMax(Abs(slope))}
	})
	if err != nil {
		return err
	}
	defer exec.Finalize()
	at := func(real, fake float32) (critic, slope float64) {
		if err != nil {
			return 0, 0
		}
		var out []*tensors.Tensor
		if out, err = exec.Call([][]float32{{real}, {real}}, [][]float32{{fake}, {fake}}); err != nil {
			return 0, 0
		}
		return float64(tensors.ToScalar[float32](out[0])), float64(tensors.ToScalar[float32](out[1]))
	}
	const sure, further, furthest = 30, 1e3, 1e4
	_, undecided := at(0, 0)
	right, decided := at(sure, -sure)
	if wrong, other := at(-sure, sure); wrong < right { // it wants low logits of real images
		decided = other
	}
	seen.saturating = undecided > 0 && decided < undecided/1000
	for _, sign := range []float32{1, -1} {
		near, _ := at(sign*further, -sign*further)
		far, _ := at(sign*furthest, -sign*furthest)
		seen.unbounded = seen.unbounded || far < near-1
	}
	return err
}

// probePenalties looks whether a penalty grows with the critic's slope. It is tried on a critic whose logits are all 0,
// whatever its slope, so that what a penalty asks of logits does not count. images: of the data, [n, height, width, depth].
func probePenalties(e Subject, seen *probed, backend compute.Backend, images *tensors.Tensor) error {
	values := images.Shape().Size() / images.Shape().Dim(0)
	if e.Pair.Augment != nil {
		exec, err := NewExec(backend, func(x, strength, state *Node) *Node {
			defer tracing.PanicWithError()
			return e.Pair.ApplyAugment(x, strength, method.NewRandom(state))
		})
		if err != nil {
			return err
		}
		defer exec.Finalize()
		if _, err := exec.Compile(images.Shape(), shapes.Make(dtypes.Float32), RNGStateShape); err != nil {
			return err
		}
	}
	for _, p := range e.Pair.Penalties {
		exec, err := NewExec(backend, func(x, slope, state *Node) *Node {
			defer tracing.PanicWithError()
			real := method.Packed(x, e.Pair.Pack)
			packs, source := real.Shape().Dim(0), method.NewRandom(state)
			fake := Mul(real, source.Uniform(real.Shape()))
			critic := func(images *Node) *Node {
				rows := Reshape(images, packs, -1)
				direction := BroadcastToDims(slope, rows.Shape().Dim(1), 1)
				return MatMul(Sub(rows, StopGradient(rows)), direction)
			}
			return p.Term(loss.Judged{Critic: critic, FakeCritic: critic, Real: real, Fake: fake, RealLogits: critic(real),
				FakeLogits: critic(fake), Random: source})
		})
		if err != nil {
			return err
		}
		defer exec.Finalize()
		term := func(norm float64) (value float64) {
			if err != nil {
				return 0
			}
			var out *tensors.Tensor
			slope := float32(norm / math.Sqrt(float64(values*e.Pair.Pack)))
			if out, err = exec.Call1(images, slope, method.RandomState(1, 0, 0)); err != nil {
				return 0
			}
			return float64(tensors.ToScalar[float32](out))
		}
		if gentle, steep := term(10), term(100); p.Weight() > 0 && steep > gentle+1 {
			seen.slopes = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}
