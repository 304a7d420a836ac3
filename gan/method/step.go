package method

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// Ground is what the graph of a step stands on: the store of all variables, and the data sets among them.
type Ground struct {
	Store *model.Store
	Sets  []Placed // one for each of the game's Data

	// Latents is another source of z than the step's random state; nil but in tests of parity.
	Latents func(*Graph) *Node
}

// Placed is a data set on the device.
type Placed struct {
	Images *model.Variable // [n, height, width, channels] uint8 or float32, as package data keeps it
	Labels *model.Variable // [n] int32; nil where nobody asks for classes
	Depth  int             // length of the images' last axis as networks see them
	OneHot bool            // whether the images are indices into an alphabet
}

// Variant says which of its steps a game plays: each is a graph of its own. The zero value is a whole step without what is
// lazy.
type Variant struct {
	Moves string // one network that moves alone; "" means all of them
	Lazy  uint32 // one bit for each phase, in their order, whose objective is in its lazy variant
}

// VariantOf is the variant of a game's call number `call`, from 0.
func (g Game) VariantOf(call int, moves string) Variant {
	v := Variant{Moves: moves}
	for i, phase := range g.phases() {
		if phase.LazyEvery > 0 && call%phase.LazyEvery == 0 && (moves == "" || slices.Contains(phase.Moves, moves)) {
			v.Lazy |= 1 << i
		}
	}
	return v
}

// RowsShape is the shape of the rows of the data sets that a step is given: for each set, the batches that it draws.
func (g Game) RowsShape() shapes.Shape {
	return shapes.Make(dtypes.Int32, len(g.Data)*g.Draws(), g.BatchSize)
}

// SettingsShape is the shape of the settings that a step is given, in the order of AllSettings.
func (g Game) SettingsShape() shapes.Shape {
	return shapes.Make(dtypes.Float32, max(1, len(g.AllSettings())))
}

// Inputs are the nodes that a step's graph is given.
type Inputs struct{ Rows, State, Settings *Node }

// step holds what is current while the graph of a step is built.
type step struct {
	game    Game
	ground  Ground
	variant Variant
	known   []setting.Setting

	rows, settings *Node
	latents        func(*Graph) *Node
	noise          *Random

	reports map[string]*Node
	counts  map[string]int // of those that are means over updates
	names   []string       // of reports, in the order of their first report
}

// begin takes the inputs of the graph that is to be built.
func (g Game) begin(ground Ground, variant Variant, in Inputs) *step {
	ground.Store.SetTraining(in.Rows.Graph(), true)
	forLatents, forNoise := RNGStateSplit(in.State)
	s := &step{game: g, ground: ground, variant: variant, known: g.AllSettings(), rows: in.Rows, settings: in.Settings,
		latents: ground.Latents, noise: NewRandom(forNoise), reports: map[string]*Node{}, counts: map[string]int{}}
	if s.latents == nil {
		source := NewRandom(forLatents)
		s.latents = func(*Graph) *Node { return source.Normal(latentShape(g.BatchSize/g.Parts, g.Sampler.Latent)) }
	}
	return s
}

// Build is the whole step: it updates weights, optimizer state and averages in the store and returns the numbers that it
// reports, [n] float32, with their names. Phases with a Driver are left out.
func (g Game) Build(ground Ground, variant Variant, in Inputs) (values *Node, names []string) {
	s := g.begin(ground, variant, in)
	for _, turn := range s.turns() {
		for repetition := range turn.times {
			s.play(turn, repetition)
		}
	}
	s.average()
	return s.stacked()
}

// stacked are the reports as a step returns them.
func (s *step) stacked() (values *Node, names []string) {
	all := make([]*Node, len(s.names))
	for i, name := range s.names {
		if all[i] = s.reports[name]; s.counts[name] > 1 {
			all[i] = MulScalar(all[i], 1/float64(s.counts[name]))
		}
	}
	if len(all) == 0 {
		return Zeros(s.rows.Graph(), shapes.Make(dtypes.Float32, 0)), nil
	}
	return Stack(all, 0), s.names
}

// playedTurn is a turn as a variant plays it.
type playedTurn struct {
	Turn
	numbers []int // of its phases, among all of the game's
	times   int
	row     int // of its first repetition
}

// turns are those that the variant plays. Where one network moves alone, it makes one update, that of the first turn that it
// moves in.
func (s *step) turns() (all []playedTurn) {
	row, number := 0, 0
	for _, turn := range s.game.Turns {
		played := playedTurn{Turn: turn, times: turn.Times, row: row}
		if turn.Again {
			played.row--
		} else {
			row += turn.Times
		}
		played.Phases = nil
		for _, phase := range turn.Phases {
			if phase.Driver == nil && (s.variant.Moves == "" || slices.Contains(phase.Moves, s.variant.Moves)) {
				played.Phases, played.numbers = append(played.Phases, phase), append(played.numbers, number)
			}
			number++
		}
		switch {
		case len(played.Phases) == 0:
		case s.variant.Moves != "":
			played.times = 1
			return append(all, played)
		default:
			all = append(all, played)
		}
	}
	return all
}

// play is one repetition of a turn.
func (s *step) play(turn playedTurn, repetition int) {
	p := &Play{step: s, turn: &turnState{map[string]*Node{}}, row: turn.row}
	if !turn.Again {
		p.row += repetition
	}
	taken := make([][]*Node, len(turn.Phases))
	for i, phase := range turn.Phases {
		taken[i] = p.gradients(phase, turn.numbers[i])
		if !turn.Together {
			p.descend(phase, taken[i])
		}
	}
	if turn.Together {
		for i, phase := range turn.Phases {
			p.descend(phase, taken[i])
		}
	}
}

// gradients are those of a phase's objective by the variables that it moves, averaged over the parts of the batch.
func (p *Play) gradients(phase Phase, number int) (sum []*Node) {
	for part := range p.game.Parts {
		of := *p
		of.part = part
		if p.variant.Lazy&(1<<number) != 0 {
			of.lazy = phase.LazyEvery
		}
		objective := phase.Objective(&of)
		if !objective.Shape().IsScalar() {
			panic(fmt.Errorf("the objective of %s is %s, want a scalar", phase.key(), objective.Shape()))
		}
		for i, gradient := range Gradient(objective, optim.ValuesOf(objective.Graph(), p.Variables(phase.Moves...))...) {
			if part == 0 {
				sum = append(sum, gradient)
			} else {
				sum[i] = Add(sum[i], gradient)
			}
		}
	}
	if p.game.Parts > 1 {
		for i := range sum {
			sum[i] = MulScalar(sum[i], 1/float64(p.game.Parts))
		}
	}
	return sum
}

// descend moves a phase's networks by their gradients.
func (p *Play) descend(phase Phase, gradients []*Node) {
	p.report(phase.key()+" gradient", optim.Norm(gradients))
	optim.Apply(phase.Optimizer, p.optimizerState(phase), p.settingOf(phase), gradients, p.Variables(phase.Moves...))
	if phase.After != nil {
		phase.After(p)
	}
}

// optimizerState is the scope of the variables of a phase's optimizer. Checkpoints of the first version have it called adam.
func (s *step) optimizerState(phase Phase) *model.Scope {
	return s.ground.Store.Scope("/adam/" + phase.key())
}

// settingOf finds the settings of a phase's optimizer by their own names.
func (p *Play) settingOf(phase Phase) func(name string) *Node {
	return func(name string) *Node { return p.Setting(phase.key() + "." + name) }
}

// Trainable lists the trainable variables of networks in the order of their creation.
func Trainable(store *model.Store, networks ...string) (variables []*model.Variable) {
	for v := range store.IterVariables() {
		if v.Trainable && slices.ContainsFunc(networks, func(name string) bool { return strings.HasPrefix(v.Path(), "/"+name+"/") }) {
			variables = append(variables, v)
		}
	}
	return variables
}

// report puts a scalar in the place of the step's number of that name.
func (s *step) report(name string, value *Node) {
	if !value.Shape().IsScalar() {
		panic(fmt.Errorf("the report %q is %s, want a scalar", name, value.Shape()))
	}
	if s.reports[name] == nil {
		s.names = append(s.names, name)
	}
	s.reports[name] = ConvertDType(value, dtypes.Float32)
}

// Gradients is a step that updates nothing: it returns the norm of the gradient by each variable that the step's phases move,
// each phase in its lazy variant, and the variables' paths.
func (g Game) Gradients(ground Ground, in Inputs) (norms []*Node, paths []string) {
	s := g.begin(ground, g.VariantOf(0, ""), in)
	restore := keep(ground.Store, in.Rows.Graph())
	for _, turn := range s.turns() {
		p := &Play{step: s, turn: &turnState{map[string]*Node{}}, row: turn.row}
		for i, phase := range turn.Phases {
			for at, gradient := range p.gradients(phase, turn.numbers[i]) {
				norms, paths = append(norms, optim.Norm([]*Node{gradient})), append(paths, p.Variables(phase.Moves...)[at].Path()[1:])
			}
		}
	}
	restore() // averages that layers keep
	return norms, paths
}

// Look is a Play outside of a step, in inference mode, for graphs that call networks. What it draws is the same at each look.
func (g Game) Look(ground Ground, in *Graph) *Play {
	ground.Store.SetTraining(in, false)
	noise := NewRandom(Const(in, RandomState(g.Seed, 0, 0)))
	return &Play{step: &step{game: g, ground: ground, noise: noise}, turn: &turnState{map[string]*Node{}}}
}
