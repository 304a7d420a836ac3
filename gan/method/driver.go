package method

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/sample"
)

// Driver makes a phase's updates from outside of the step's graph: by several graphs with numbers of its own in between, as
// private updates do. A trainer has one for itself.
type Driver interface {
	// Admit returns an error where the game cannot be driven so. images are those of the first data set; nothing is compiled yet.
	Admit(backend compute.Backend, images *sample.Images) error

	// Compile prepares Update, once all variables are known. It does nothing where that is done already.
	Compile(h Host) error

	// Reports are the names of the numbers that an update reports, once Compile is done.
	Reports() []string

	// Update makes update number `update` of a step and returns its reports.
	Update(h Host, update int) (Reports, error)

	// Release frees what Compile made.
	Release()

	// Clear takes back what an update that failed may have left.
	Clear(h Host) error

	// State is what checkpoints keep, by name.
	State() map[string]string

	// Read looks at a state that State made, empty where the run had no such driver; apply takes it over. calls are the steps that
	// made the weights the driver is to go on from.
	Read(state map[string]string, h Host, calls int) (apply func(), err error)
}

// Host is what a Driver has of the trainer that it works in.
type Host struct {
	Backend  compute.Backend
	Ground   Ground
	Images   int       // in the first data set
	Call     int       // of the step, from 0
	Settings []float32 // present values, in the order of Game.AllSettings
}

// Reports are the numbers that a step reports, with their names.
type Reports struct {
	Names  []string
	Values []float32
}

// exec compiles a graph of a step of the game: of builds it on rows, random state and settings, and on what else it is given. The
// names of the graph's reports, where it has some, are those that of returns.
func (h Host) exec(game Game, of func(s *step, more []*Node) (*Node, []string), more ...shapes.Shape) (*driven, error) {
	d := &driven{}
	var err error
	d.exec, err = model.NewExec(h.Backend, h.Ground.Store, func(_ *model.Scope, inputs []*Node) *Node {
		defer tracing.PanicWithError()
		s := game.begin(h.Ground, Variant{}, Inputs{inputs[0], inputs[1], inputs[2]})
		output, names := of(s, inputs[3:])
		d.names = names
		return output
	})
	if err != nil {
		return nil, err
	}
	given := append([]shapes.Shape{shapes.Make(dtypeOfRows, 1, 1), RNGStateShape, game.SettingsShape()}, more...)
	_, err = d.exec.Compile(given...)
	return d, err
}

// driven is a compiled graph of a Driver.
type driven struct {
	exec  *model.Exec
	names []string
}

// call runs it. row is the real image that it looks at.
func (d *driven) call(row int32, state *tensors.Tensor, settings []float32, more ...any) (*tensors.Tensor, error) {
	return d.exec.Call1(append([]any{[][]int32{{row}}, state, settings}, more...)...)
}

func (d *driven) release() {
	if d != nil {
		d.exec.Finalize()
	}
}
