package method

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/loss"
)

// Random draws from a state that each draw replaces. It implements loss.Random.
type Random struct{ state *Node }

// NewRandom draws from a state, of graph.RNGStateShape.
func NewRandom(state *Node) *Random { return &Random{state} }

// Uniform returns numbers in [0, 1).
func (r *Random) Uniform(shape shapes.Shape) (values *Node) {
	r.state, values = RandomUniform(r.state, shape)
	return values
}

// Normal returns numbers from N(0,1).
func (r *Random) Normal(shape shapes.Shape) (values *Node) {
	r.state, values = RandomNormal(r.state, shape)
	return values
}

// recorded draws as another source does when it is asked for the first time, and the same again each time it is begun anew,
// which is by setting next to 0. It implements loss.Random.
type recorded struct {
	from  loss.Random
	drawn []*Node
	next  int
}

// Uniform returns numbers in [0, 1).
func (r *recorded) Uniform(shape shapes.Shape) *Node { return r.draw(shape, r.from.Uniform) }

// Normal returns numbers from N(0,1).
func (r *recorded) Normal(shape shapes.Shape) *Node { return r.draw(shape, r.from.Normal) }

func (r *recorded) draw(shape shapes.Shape, fresh func(shapes.Shape) *Node) *Node {
	if r.next == len(r.drawn) {
		r.drawn = append(r.drawn, fresh(shape))
	}
	values := r.drawn[r.next]
	if !values.Shape().Equal(shape) {
		panic(fmt.Errorf("an augmentation drew %s where it had drawn %s: what it draws must depend on the images' shape alone",
			shape, values.Shape()))
	}
	r.next++
	return values
}

// RandomState is the random state of one call of a compiled graph. It depends on the seed, the number of the call and the
// part of it alone, so a resumed run and every branch of a fork see the latents they would have seen.
func RandomState(seed int64, call, part int) *tensors.Tensor {
	source := rand.NewPCG(uint64(seed), uint64(call)<<24|uint64(part))
	return tensors.FromValue([]uint64{source.Uint64(), source.Uint64(), source.Uint64()})
}

// Normals fills what it is given with standard normal numbers that depend on the seed alone, as the latents of samples are.
func Normals(seed int64) func(z []float32) {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	return func(z []float32) {
		for i := range z {
			z[i] = float32(random.NormFloat64())
		}
	}
}
