package method

import (
	"errors"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
)

// Halves is the article's first loop (Keras' train_on_batch): the critic is updated on the real half, then on the fake half,
// then the generator as in Alternating. The reported critic loss is the mean of the two halves. The loss must be a loss.Halves,
// and there are no penalties, which need both halves at once.
type Halves struct {
	CriticSteps int // updates of the critic on both halves per step, each on its own real batch; default 1
}

// Arrange implements Method.
func (h Halves) Arrange(game *Game, pair Pair) {
	halves := pair.Loss.(loss.Halves)
	realPhase := pair.criticPhase(func(p *Play) *Node {
		real := pair.judge(p, p.Real())
		p.Shared("real logits", func() *Node { return real.Logits })
		return p.Shared("real loss", func() *Node { return Add(halves.Real(real.Logits), real.ClassLoss) })
	})
	fakePhase := pair.criticPhase(func(p *Play) *Node {
		fake := pair.judge(p, pair.fake(p).Constant())
		fakeLoss := Add(halves.Fake(fake.Logits), fake.ClassLoss)
		pair.reportCritic(p, MulScalar(Add(p.Shared("real loss", nil), fakeLoss), 0.5), p.Shared("real logits", nil), fake.Logits)
		return fakeLoss
	})
	generator := pair.generatorPhase(func(p *Play) *Node { return pair.generatorObjective(p, pair.fake(p)) })
	game.Turns = []Turn{
		{Phases: []Phase{realPhase, fakePhase}, Times: max(h.CriticSteps, 1)},
		{Phases: []Phase{generator}, Again: true},
	}
}

// Check implements Method.
func (h Halves) Check(_ Game, pair Pair) error {
	if _, separable := pair.Loss.(loss.Halves); !separable {
		return fmt.Errorf("loss %v has no real and fake halves; use method.Alternating", pair.Loss)
	}
	if len(pair.Penalties) > 0 {
		return errors.New("penalties need both halves at once; use method.Alternating")
	}
	return checkCounts(pair, h.CriticSteps, 0, 0, 0)
}

// Identity implements Method.
func (h Halves) Identity() map[string]string {
	identity := Alternating{CriticSteps: h.CriticSteps}.Identity()
	identity["order"] = "alternating halves"
	return identity
}

// String implements Method.
func (h Halves) String() string { return describe("alternating halves", h.Identity()) }
