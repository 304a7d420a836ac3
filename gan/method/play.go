package method

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
	"gantry.local/gan/setting"
)

// Play is a step while its graph is built: what an Objective sees of it. Its methods build nodes and panic on what does not
// fit, as GoMLX's graph functions do.
type Play struct {
	*step
	turn *turnState
	row  int // of rows: the real batch of this repetition of the turn
	part int // of the batch
	lazy int // LazyEvery where the phase is in its lazy variant, else 0
}

// Batch is a number of samples.
type Batch struct {
	Images *Node // [batch, height, width, depth] float32, as networks see them
	Labels *Node // [batch] int32; nil where the game has no Classes
}

// Real is the real batch of this turn.
func (p *Play) Real() Batch { return p.Beside(0) }

// Beside is the batch of the game's data set number i, from 0.
func (p *Play) Beside(i int) Batch {
	if i < 0 || i >= len(p.ground.Sets) {
		panic(fmt.Errorf("there is no data set number %d: the game has %d", i, len(p.ground.Sets)))
	}
	set, size := p.ground.Sets[i], p.Size()
	row := i*p.game.Draws() + p.row
	rows := Reshape(Slice(p.rows, AxisElem(row), AxisRange(p.part*size, (p.part+1)*size)), size, 1)
	images := Gather(set.Images.NodeValue(p.rows), rows)
	switch {
	case set.OneHot:
		images = OneHot(ConvertDType(Squeeze(images, -1), dtypes.Int32), set.Depth, dtypes.Float32)
	case images.DType() == dtypes.Uint8:
		images = AddScalar(MulScalar(ConvertDType(images, dtypes.Float32), 1/127.5), -1)
	}
	b := Batch{Images: images}
	if set.Labels != nil {
		b.Labels = Gather(set.Labels.NodeValue(p.rows), rows)
	}
	return b
}

// Size is the number of samples in a batch, or in each of the game's Parts of it.
func (p *Play) Size() int { return p.game.BatchSize / p.game.Parts }

// Latents draws z for a batch: [batch, Sampler.Latent] float32 from N(0,1).
func (p *Play) Latents() *Node { return p.latents(p.rows.Graph()) }

// Random draws for all but latents, so that an objective that draws leaves the latents as they are.
func (p *Play) Random() loss.Random { return p.noise }

// Net calls a network and returns its first output.
func (p *Play) Net(name string, inputs ...*Node) *Node { return p.Nets(name, inputs...)[0] }

// NetIn is Net with weights that lie in another scope, such as averaged ones, see Game.AverageScope.
func (p *Play) NetIn(scope, name string, inputs ...*Node) *Node {
	return p.call(scope, name, inputs)[0]
}

// NetAveraged is Net with the averaged weights, where the game keeps such of this network.
func (p *Play) NetAveraged(name string, inputs ...*Node) *Node {
	return p.NetIn(p.game.BestScope(name), name, inputs...)
}

// Nets calls a network and returns all of its outputs.
func (p *Play) Nets(name string, inputs ...*Node) []*Node { return p.call("/"+name, name, inputs) }

func (p *Play) call(scope, name string, inputs []*Node) []*Node {
	network, found := p.game.Network(name)
	if !found {
		panic(fmt.Errorf("there is no network %q in game %q", name, p.game.Name))
	}
	outputs := network.Build(p.ground.Store.Scope(scope), inputs...)
	if len(outputs) == 0 {
		panic(fmt.Errorf("network %q has no output", name))
	}
	return outputs
}

// Setting is the present value of one of the game's settings, a scalar.
func (p *Play) Setting(name string) *Node {
	place := slices.IndexFunc(p.known, func(s setting.Setting) bool { return s.Name == name })
	if place < 0 {
		panic(fmt.Errorf("there is no setting %q in game %q", name, p.game.Name))
	}
	return Squeeze(Slice(p.settings, AxisElem(place)))
}

// Lazy tells whether this step has what the phase adds each LazyEvery-th step only, and by what it is multiplied then.
func (p *Play) Lazy() (times int, due bool) { return p.lazy, p.lazy > 0 }

// Shared returns what make makes, the same node for all that ask for this name in one repetition of the turn: so the phases of
// a Together turn look at one fake batch.
func (p *Play) Shared(name string, make func() *Node) *Node {
	key := fmt.Sprintf("%s %d", name, p.part)
	if p.turn.shared[key] == nil {
		p.turn.shared[key] = make()
	}
	return p.turn.shared[key]
}

// Report makes a scalar one of the numbers that the step reports, such as "critic loss". Of several updates in a step the last
// one counts; of the parts of a batch, the mean.
func (p *Play) Report(name string, value *Node) {
	if p.game.Parts > 1 {
		value = MulScalar(value, 1/float64(p.game.Parts))
		if before := p.reports[name]; before != nil && p.part > 0 {
			value = Add(before, value)
		}
	}
	p.report(name, value)
}

// ReportMean is Report where the mean over all updates of a step counts.
func (p *Play) ReportMean(name string, value *Node) {
	p.counts[name]++
	if before := p.reports[name]; before != nil {
		value = Add(before, value)
	}
	p.report(name, value)
}

// Keep notes the values of the variables of networks. restore brings them back, whatever was made of them meanwhile: weights,
// batch statistics, vectors of spectral normalisation. Without a name it is all variables.
func (p *Play) Keep(networks ...string) (restore func()) {
	return keep(p.ground.Store, p.rows.Graph(), networks...)
}

// Constant is a batch through which no gradient flows.
func (b Batch) Constant() Batch { return Batch{StopGradient(b.Images), b.Labels} }

// Variables lists the trainable variables of networks, in the order of their creation.
func (p *Play) Variables(networks ...string) []*model.Variable {
	return Trainable(p.ground.Store, networks...)
}

// turnState is what the phases of one repetition of a turn share.
type turnState struct{ shared map[string]*Node }

// keep is Play.Keep.
func keep(store *model.Store, g *Graph, networks ...string) (restore func()) {
	before := map[*model.Variable]*Node{}
	for v := range store.IterVariables() {
		if len(networks) == 0 || slices.ContainsFunc(networks, func(name string) bool {
			return v.Path() == "/"+name || strings.HasPrefix(v.Path(), "/"+name+"/")
		}) {
			before[v] = v.NodeValue(g)
		}
	}
	return func() {
		for v, value := range before {
			if v.ChangedInGraph(g) {
				v.SetNodeValue(value)
			}
		}
	}
}

func latentShape(batch, latent int) shapes.Shape { return shapes.Make(dtypes.Float32, batch, latent) }
