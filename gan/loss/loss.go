package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Loss is an adversarial objective. Implementations are small comparable values, so they can be stored in settings,
// compared, and named in checkpoints.
//
// Both methods build graph nodes and panic on shapes that do not fit, as GoMLX's graph functions do.
type Loss interface {
	// Critic returns the scalar the critic minimises. real and fake are logits, [batch, 1] float.
	Critic(real, fake *Node) *Node

	// Generator returns the scalar the generator minimises. real is nil for a loss that is [Halves]: where the terms
	// separate, the generator's depends on the fake logits alone.
	Generator(real, fake *Node) *Node

	// String is the name under which [Named] finds the loss.
	String() string
}

// Halves is a Loss whose critic objective is the sum of a term of the real logits and one of the fake logits. Only
// such a loss can train the critic on a real half batch and then on a fake half batch, as the article's first
// training loop does.
type Halves interface {
	Loss

	// Real is the real half of the critic's objective. logits: [batch, 1] float.
	Real(logits *Node) *Node

	// Fake is the fake half of the critic's objective. logits: [batch, 1] float.
	Fake(logits *Node) *Node
}

// All lists every loss of the package.
func All() (all []Loss) {
	for _, kind := range Kinds().All {
		all = append(all, kind.Usual())
	}
	return all
}

// Named returns the loss whose String is name, or an error that lists the names there are. Beside the names of [All] it
// knows those of every [Smoothed], such as "smoothed real 0.8 fake 0.1".
func Named(name string) (Loss, error) {
	l, err := Kinds().Parse(name)
	if checked, ok := l.(interface{ Check() error }); ok && err == nil {
		err = checked.Check()
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}
