package lint

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/method"
	"gantry.local/gan/sample"
)

// A description may know more of itself than its game shows, as a gan.Experiment knows its pair of networks. What it then tells
// goes before what is seen in a step of its game.
type (
	signed interface {
		SignatureOn(shape DataShape) (Signature, error)
	}
	checked    interface{ Check() Findings }
	summarised interface{ Summary() (Summary, error) }
)

// SignatureOf tells what any description is by what it computes, on data sets that are described already.
func SignatureOf(of method.Description, on []DataShape) (Signature, error) {
	if itself, can := of.(signed); can && len(on) == 1 {
		return itself.SignatureOn(on[0])
	}
	game, err := of.Game()
	if err != nil {
		return Signature{}, err
	}
	return SignatureOfGame(game, on)
}

// CheckOf is the recipe linter for any description: Subject.Check for the usual game of two networks. Of another game two rules are
// seen, "impossible" and "batch of the whole data".
func CheckOf(of method.Description) Findings {
	if itself, can := of.(checked); can {
		return itself.Check()
	}
	game, sets, err := loaded(of)
	if err != nil {
		return Impossible(err)
	}
	var findings Findings
	checkBatch(game, sets[0], findings.add)
	if len(findings) > 0 && game.Fits(sets) != nil {
		return findings
	}
	if _, _, err := look(game, sets); err != nil {
		return append(findings, Impossible(err)...)
	}
	return findings
}

// SummaryOf is what any description consists of: Subject.Summary for the usual game of two networks, and of another game its networks
// as the first call of each in a step shows them.
func SummaryOf(of method.Description) (Summary, error) {
	if itself, can := of.(summarised); can {
		return itself.Summary()
	}
	game, sets, err := loaded(of)
	if err == nil {
		err = game.Fits(sets)
	}
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Name: game.Name, BatchSize: game.BatchSize}
	if itself, can := of.(checked); can {
		s.Findings = itself.Check()
	} else { // as CheckOf, whose other rule is an error here
		checkBatch(game, sets[0], s.Findings.add)
	}
	for i, set := range sets {
		if i > 0 {
			s.Data += "; "
		}
		s.Data += ShapeOf(game.Data[i].Name, set).String()
	}
	if s.Networks, s.Step, err = look(game, sets); err != nil {
		return Summary{}, fmt.Errorf("%q: %w", game.Name, err)
	}
	return s, nil
}

// loaded is a description's game on its data sets, of which the head is enough.
func loaded(of method.Description) (game method.Game, sets []*sample.Images, err error) {
	if game, err = of.Game(); err != nil {
		return game, nil, err
	}
	for _, set := range game.Data {
		images, err := set.Head()
		if err != nil {
			return game, nil, err
		}
		sets = append(sets, images)
	}
	game, err = game.On(sets)
	return game, sets, err
}

// storedAs is how a data set lies on the device: of a stream, as many samples as a step draws.
func storedAs(images *sample.Images, drawn int) shapes.Shape {
	switch {
	case images.Values != nil:
		return shapes.Make(dtypes.Float32, images.N, images.Height, images.Width, images.Channels)
	case images.Pixels == nil:
		return shapes.Make(dtypes.Uint8, drawn, images.Height, images.Width, images.Channels)
	}
	return shapes.Make(dtypes.Uint8, images.N, images.Height, images.Width, images.Channels)
}

// look traces one whole step of a game: what it costs, and its networks.
func look(game method.Game, sets []*sample.Images) (networks []NetworkSummary, step StepSummary, err error) {
	var on []DataShape
	var stored []shapes.Shape
	for i, images := range sets {
		on, stored = append(on, ShapeOf(game.Data[i].Name, images)), append(stored, storedAs(images, game.BatchSize*game.Draws()))
	}
	err = traceOf(game.Seed, func(backend compute.Backend, store *model.Store) {
		first := map[string][2][]*Node{} // inputs and outputs of the first call of each network
		watched := game
		watched.Networks = nil
		for _, n := range game.Networks {
			watched.Networks = append(watched.Networks, method.Network{Name: n.Name,
				Build: func(scope *model.Scope, inputs ...*Node) []*Node {
					outputs := n.Build(scope, inputs...)
					if _, seen := first[n.Name]; !seen && len(inputs) > 0 && inputs[0] != nil {
						first[n.Name] = [2][]*Node{slices.DeleteFunc(slices.Clone(inputs), func(n *Node) bool { return n == nil }), outputs}
					}
					return outputs
				}})
		}
		g := NewGraph(backend, "step")
		defer g.Finalize()
		watched.Build(groundOf(store, watched, on, stored), watched.VariantOf(0, ""), inputsOf(g, watched))
		step = stepSummary(g, store, driven(game))
		for _, n := range game.Networks {
			if ends, seen := first[n.Name]; seen {
				networks = append(networks, summarise(n.Name, "/"+n.Name, store, ends[0], ends[1][0]))
			}
		}
	})
	return networks, step, err
}
