package method

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/setting"
)

// Game is what is trained and how: networks by name, and the turns in which they move. It is a value of plain fields, made
// anew as often as it is asked for. The zero value of every field that is not said to be required is its default.
type Game struct {
	Name string // kept in checkpoints; required

	// Data is what real batches are drawn from, each set in an order of its own; required. The first counts the epochs; games of
	// unpaired domains have one set for each.
	Data []data.Set

	// Classes is how many classes the first set's labels tell apart, which are then on the device; default 0: nobody asks for
	// labels. AllClasses means as many as the set has.
	Classes int

	Networks []Network // required
	Turns    []Turn    // of one step, in their order; required

	Sampler  Sampler
	Averages []Average
	Settings []setting.Setting // of the parts of objectives; those of the optimizers are theirs

	BatchSize int   // real samples in a batch; default 64
	Parts     int   // parts a batch is cut into, one after the other, whose gradients are averaged; default 1
	Seed      int64 // of weights, latents and batches; every value is as good as another, 0 too

	// Identity is what a checkpoint must share with the game that goes on from it, by name. Default: what the game's fields
	// tell; the objectives' mathematics do not show there.
	Identity map[string]string
}

// AllClasses stands for as many classes as a data set has.
const AllClasses = -1

// On is the game on its data sets: its Classes are known. It is an error where the labels that the game asks for are not there.
func (g Game) On(sets []*sample.Images) (Game, error) {
	if g.Classes == 0 {
		return g, nil
	}
	name := g.Data[0].Name
	switch has := sets[0].Classes(); {
	case sets[0].Labels == nil:
		return g, fmt.Errorf("%q is class-conditional and %s has no labels", g.Name, name)
	case g.Classes == AllClasses:
		g.Classes = has
	case g.Classes < has:
		return g, fmt.Errorf("%q: Classes is %d and %s has %d", g.Name, g.Classes, name, has)
	}
	return g, nil
}

// Fits returns an error where a step looks at more samples than a data set has.
func (g Game) Fits(sets []*sample.Images) error {
	for i, set := range sets {
		if g.BatchSize > set.N/g.Draws() {
			return fmt.Errorf("%q: a step needs %g images (%d batches of %d) and %s has %d",
				g.Name, float64(g.BatchSize)*float64(g.Draws()), g.Draws(), g.BatchSize, g.Data[i].Name, set.N)
		}
	}
	return nil
}

// Description is what a game can be made of: a Game itself, a gan.Experiment, a translate.Experiment.
type Description interface {
	// Game returns the game, whole and checked.
	Game() (Game, error)
}

// Network is a graph function with a name. Its weights lie in the scope of that name: "critic" has "/critic/conv_0/weights".
type Network struct {
	Name string // of letters, digits, - and _

	// Build maps inputs to outputs, creating or finding its weights in scope. One call of a network is one use of its weights;
	// it is called as often as objectives ask.
	Build func(scope *model.Scope, inputs ...*graph.Node) []*graph.Node

	Shows Shown // what pictures of a game without a Sampler show, of the first network that has it; default nil, nothing
}

// Of is the network of a plain GoMLX graph function of one input and one output.
func Of(name string, function func(scope *model.Scope, x *graph.Node) *graph.Node) Network {
	return Network{Name: name, Build: func(scope *model.Scope, inputs ...*graph.Node) []*graph.Node {
		return []*graph.Node{function(scope, inputs[0])}
	}}
}

// Shown makes pictures of what a network does from images of the game's first set: each before and after, such as itself and what it is
// translated to. Both are of one shape, [batch, height, width, channels] in [-1, 1].
type Shown func(p *Play, images *graph.Node) (before, after *graph.Node)

// Shows is how the game's pictures are made where it has no Sampler; nil where there are none.
func (g Game) Shows() Shown {
	for _, n := range g.Networks {
		if n.Shows != nil {
			return n.Shows
		}
	}
	return nil
}

// Turn is one or more phases on one real batch.
type Turn struct {
	Phases []Phase
	Times  int // how often the turn is played in a step, each on a real batch of its own; default 1

	// Again: the turn looks at the real batch of the turn before, as a generator does beside the critic's last.
	Again bool

	// Together: the gradients of all phases are taken at the same weights, before any of the networks moves. Otherwise each phase
	// sees what the one before it has made of them.
	Together bool
}

// Phase is one update of one or more networks.
type Phase struct {
	Moves     []string        // the names of the networks that it updates, together; required
	Objective Objective       // what they minimise; required, unless there is a Driver
	Optimizer optim.Optimizer // how; required. Phases that move the same networks share its state

	// Each n-th step, the first one included, the Objective finds Play.Lazy true and can add what is not worth its cost in every
	// step, n times heavier (lazy regularisation: Karras et al., 2020, arXiv:1912.04958). Default 0: never.
	LazyEvery int

	After func(p *Play) // constrains the weights after each update, such as by clipping them; default nil

	// Driver makes what makes the updates from outside of the step's graph, for a trainer of the game; default nil. Its phase must
	// be the only one of the first turn.
	Driver func(game Game) Driver
}

// Objective builds the scalar that a phase minimises. It panics on shapes that do not fit, as GoMLX's graph functions do.
type Objective func(p *Play) *graph.Node

// Sampler says which network samples are drawn from. The zero value: none.
type Sampler struct {
	Network string // [batch, Latent], and [batch] int32 labels where Classed, to samples [batch, height, width, channels]
	Latent  int    // components of z, drawn from N(0,1)
	Classed bool
}

// Average keeps an exponential moving average of a network's weights, beside them (Yazıcı et al., "The unusual effectiveness
// of averaging in GAN training", 2018, arXiv:1806.04498). Samples of its network are drawn with it.
type Average struct {
	Network string
	Decay   float64 // per step, in [0, 1). It begins at (1+t)/(10+t), so that early samples are not those of step 0
}

// AllSettings lists every settable number of a game, in the order in which its steps take them: of each network's optimizer, in the order of
// their first phases, and then those of the game's own parts.
func (g Game) AllSettings() []setting.Setting {
	var all []setting.Setting
	seen := map[string]bool{}
	for _, phase := range g.phases() {
		if key := phase.key(); !seen[key] {
			seen[key] = true
			for _, s := range phase.Optimizer.Settings() {
				s.Name = key + "." + s.Name
				all = append(all, s)
			}
		}
	}
	return append(all, g.Settings...)
}

// Game returns g with its defaults, checked. It makes a Game a Description.
func (g Game) Game() (Game, error) {
	if g.BatchSize == 0 {
		g.BatchSize = 64
	}
	g.Parts = max(g.Parts, 1)
	g.Turns = slices.Clone(g.Turns)
	for i := range g.Turns {
		g.Turns[i].Times = max(g.Turns[i].Times, 1)
	}
	if err := g.check(); err != nil {
		return Game{}, fmt.Errorf("game %q: %w", g.Name, err)
	}
	if g.Identity == nil {
		g.Identity = g.identity()
	}
	return g, nil
}

// reserved are the scopes in which a run keeps what is no network.
func reserved() []string {
	return []string{"adam", "average", "averageSteps", "averages", "data", "rng_state"}
}

// check reports what makes a game impossible to play.
func (g Game) check() error {
	switch {
	case g.Name == "":
		return errors.New("it has no Name")
	case len(g.Data) == 0 || slices.ContainsFunc(g.Data, func(s data.Set) bool { return s.Load == nil }):
		return errors.New("it has no Data")
	case g.BatchSize < 0 || g.Parts > g.BatchSize || g.BatchSize%g.Parts != 0:
		return fmt.Errorf("BatchSize %d must be positive and a multiple of Parts %d", g.BatchSize, g.Parts)
	case len(g.Turns) == 0 || len(g.Networks) == 0:
		return errors.New("it needs Networks and Turns")
	case g.Turns[0].Again:
		return errors.New("the first turn has no batch before it to look at again")
	}
	names := map[string]bool{}
	for _, n := range g.Networks {
		switch {
		case !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(n.Name) || slices.Contains(reserved(), n.Name):
			return fmt.Errorf("a network cannot be called %q: use letters, digits, - and _, and none of %s", n.Name, strings.Join(reserved(), ", "))
		case n.Build == nil:
			return fmt.Errorf("network %q has no Build", n.Name)
		case names[n.Name]:
			return fmt.Errorf("two networks are called %q", n.Name)
		}
		names[n.Name] = true
	}
	known := func(what, name string) error {
		if !names[name] {
			return fmt.Errorf("%s is of a network %q, which there is not", what, name)
		}
		return nil
	}
	moved := map[string]bool{}
	for _, turn := range g.Turns {
		if len(turn.Phases) == 0 {
			return errors.New("a turn has no Phases")
		}
		for _, phase := range turn.Phases {
			switch {
			case len(phase.Moves) == 0:
				return errors.New("a phase moves no network")
			case phase.Objective == nil && phase.Driver == nil:
				return fmt.Errorf("the phase that moves %s has no Objective", phase.key())
			case phase.Optimizer == nil:
				return fmt.Errorf("the phase that moves %s has no Optimizer", phase.key())
			case phase.Driver != nil && (len(turn.Phases) > 1 || len(phase.Moves) > 1 || &turn.Phases[0] != &g.Turns[0].Phases[0]):
				return fmt.Errorf("the phase that moves %s has a Driver, and so must be the only one of the first turn", phase.key())
			}
			for _, name := range phase.Moves {
				if err := known("a phase", name); err != nil {
					return err
				}
				moved[name] = true
			}
			if err := phase.Optimizer.Check(); err != nil {
				return fmt.Errorf("optimizer of %s: %w", phase.key(), err)
			}
		}
	}
	for name := range names {
		if !moved[name] {
			return fmt.Errorf("no phase moves the network %q", name)
		}
	}
	if g.Sampler != (Sampler{}) {
		if err := known("the Sampler", g.Sampler.Network); err != nil {
			return err
		}
		if g.Sampler.Latent < 1 || g.Sampler.Latent > MostLatent {
			return fmt.Errorf("the Sampler's Latent %d must lie between 1 and %d", g.Sampler.Latent, MostLatent)
		}
	}
	for _, a := range g.Averages {
		if err := known("an average", a.Network); err != nil {
			return err
		}
		if !(a.Decay >= 0 && a.Decay < 1) {
			return fmt.Errorf("the average of %s has a decay of %g, which must lie in [0, 1)", a.Network, a.Decay)
		}
	}
	settings := map[string]bool{}
	for _, s := range g.AllSettings() {
		if settings[s.Name] {
			return fmt.Errorf("two settings are called %s", s.Name)
		}
		settings[s.Name] = true
		if err := s.Allows(s.Value); err != nil {
			return err
		}
	}
	return nil
}

// MostLatent is how many components z has at most.
const MostLatent = 1 << 20

// identity is what the game's fields tell.
func (g Game) identity() map[string]string {
	text := func(value any) string { return fmt.Sprint(value) }
	all := g.chosen()
	maps.Copy(all, map[string]string{"experiment": g.Name, "accumulated parts": text(g.Parts), "classes": text(g.Classes),
		"sampler": text(g.Sampler), "averages": text(g.Averages)})
	for i, turn := range g.Turns {
		var phases []string
		for _, phase := range turn.Phases {
			phases = append(phases, fmt.Sprintf("%s by %v, lazy %d", phase.key(), phase.Optimizer, phase.LazyEvery))
		}
		all[fmt.Sprintf("turn %d", i+1)] = fmt.Sprintf("%s; times %d, again %v, together %v", strings.Join(phases, "; "), turn.Times, turn.Again,
			turn.Together)
	}
	return all
}

// With implements Chosen.
func (g Game) With(c Choice) (Description, error) {
	if c.Data != nil {
		if len(c.Data) != len(g.Data) {
			return nil, wrongSets(g.Name, len(g.Data), len(c.Data))
		}
		g.Data = slices.Clone(c.Data)
	}
	if c.BatchSize != 0 {
		g.BatchSize = c.BatchSize
	}
	g.Seed = c.Seed
	if g.Identity != nil {
		g.Identity = maps.Clone(g.Identity)
		maps.Copy(g.Identity, g.chosen())
	}
	return g, nil
}

// BetweenSets stands between the names of several data sets.
const BetweenSets = " + "

// DataName names the game's data sets, joined by " + " where there are several.
func (g Game) DataName() string {
	var names []string
	for _, set := range g.Data {
		names = append(names, set.Name)
	}
	return strings.Join(names, BetweenSets)
}

// Sets are the data sets of names, as many as the game has, written as DataName does. Those of the game itself are found also where
// data.Named does not know them.
func (g Game) Sets(names string) ([]data.Set, error) {
	if names == g.DataName() {
		return g.Data, nil
	}
	each := []string{names}
	if len(g.Data) > 1 {
		each = strings.Split(names, BetweenSets)
	}
	if len(each) != len(g.Data) {
		return nil, fmt.Errorf("%q trains on %d data sets: name them all, as in %q", g.Name, len(g.Data), g.DataName())
	}
	sets := slices.Clone(g.Data)
	for i, name := range each {
		if name == sets[i].Name {
			continue
		}
		set, err := data.Named(name)
		if err != nil {
			return nil, err
		}
		sets[i] = set
	}
	return sets, nil
}

// chosen is the part of a game's identity that a Choice is of.
func (g Game) chosen() map[string]string {
	all := map[string]string{"batch size": fmt.Sprint(g.BatchSize), "seed": fmt.Sprint(g.Seed)}
	for i, set := range g.Data {
		key := "data"
		if i > 0 {
			key = fmt.Sprintf("data %d", i+1)
		}
		all[key] = set.Name
	}
	return all
}

// key names what a phase moves.
func (ph Phase) key() string { return strings.Join(ph.Moves, "+") }

// phases lists all phases of a step in their order.
func (g Game) phases() (all []Phase) {
	for _, turn := range g.Turns {
		all = append(all, turn.Phases...)
	}
	return all
}

// Draws is how many real batches a step looks at.
func (g Game) Draws() (n int) {
	for _, turn := range g.Turns {
		if !turn.Again {
			n += max(turn.Times, 1)
		}
	}
	return n
}

// Network returns the network of a name.
func (g Game) Network(name string) (Network, bool) {
	for _, n := range g.Networks {
		if n.Name == name {
			return n, true
		}
	}
	return Network{}, false
}
