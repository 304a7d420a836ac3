package translate

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
)

const (
	networkScope = "/network"
	criticScope  = "/critic"
	adamScope    = "/adam"
	dataPath     = "/data/images" // the variable that no step changes
)

// builder builds the graph of one step.
type builder struct {
	Experiment
	store  *model.Store
	images *model.Variable // [n, height, width, channels] uint8 or float32, on the device
}

// step is one update of the critic, then one of the network. rows: [batch, 1] int32; the result: critic loss, network
// loss and mean absolute difference, [3] float32.
func (b *builder) step(rows *Node) *Node {
	g := rows.Graph()
	b.store.SetTraining(g, true)
	good := Gather(b.images.NodeValue(rows), rows)
	if good.DType() == dtypes.Uint8 {
		good = AddScalar(MulScalar(ConvertDType(good, dtypes.Float32), 1/127.5), -1)
	}
	damaged := b.Degrade.Apply(good, random{b.store, g})
	restored := b.Network(b.store.Scope(networkScope), damaged)
	if !restored.Shape().Equal(good.Shape()) {
		panic(fmt.Errorf("the network makes %s of damaged images %s, want %s", restored.Shape(), damaged.Shape(), good.Shape()))
	}
	difference := ReduceAllMean(Abs(Sub(restored, good)))
	objective, criticLoss := MulScalar(difference, b.L1Weight), ScalarZero(g, dtypes.Float32)
	if b.Critic != nil {
		criticLoss = b.Loss.Critic(b.judge(damaged, good), b.judge(damaged, StopGradient(restored)))
		b.CriticAdam.Minimise(b.store.Scope(adamScope+criticScope), criticLoss, b.trainable(criticScope))
		var goodLogits *Node // only a loss whose halves do not separate compares restored with good images here
		if _, separable := b.Loss.(loss.Halves); !separable {
			goodLogits = b.judge(damaged, good)
		}
		objective = Add(objective, b.Loss.Generator(goodLogits, b.judge(damaged, restored)))
	}
	b.NetworkAdam.Minimise(b.store.Scope(adamScope+networkScope), objective, b.trainable(networkScope))
	return Stack([]*Node{criticLoss, objective, difference}, 0)
}

// judge is the critic's logit of a damaged image with a good or restored one. A smaller damaged image is enlarged by
// repeating its pixels.
func (b *builder) judge(damaged, image *Node) *Node {
	d, s := image.Shape().Dimensions, damaged.Shape().Dimensions
	if d[1]%s[1] != 0 || d[2]%s[2] != 0 {
		panic(fmt.Errorf("images of %d×%d are no multiple of the damaged ones of %d×%d", d[1], d[2], s[1], s[2]))
	}
	rows, columns := d[1]/s[1], d[2]/s[2]
	if rows > 1 || columns > 1 {
		damaged = Reshape(damaged, s[0], s[1], 1, s[2], 1, s[3])
		damaged = BroadcastToShape(damaged, shapes.Make(image.DType(), s[0], s[1], rows, s[2], columns, s[3]))
		damaged = Reshape(damaged, s[0], d[1], d[2], s[3])
	}
	return b.Critic(b.store.Scope(criticScope), Concatenate([]*Node{damaged, image}, -1))
}

// trainable lists the trainable variables of a network in the order of their creation.
func (b *builder) trainable(scope string) []*model.Variable {
	var variables []*model.Variable
	for v := range b.store.IterVariables() {
		if v.Trainable && strings.HasPrefix(v.Path(), scope+"/") {
			variables = append(variables, v)
		}
	}
	return variables
}

// random draws from the random state in a store; it implements loss.Random.
type random struct {
	store *model.Store
	g     *Graph
}

// Uniform implements loss.Random.
func (r random) Uniform(shape shapes.Shape) *Node { return r.store.RandomUniform(r.g, shape) }

// Normal implements loss.Random.
func (r random) Normal(shape shapes.Shape) *Node { return r.store.RandomNormal(r.g, shape) }
