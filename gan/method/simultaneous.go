package method

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Simultaneous is the article's second loop (its two gradient tapes): both gradients are taken at the same weights on the same
// fake batch, then both networks are updated.
type Simultaneous struct {
	CriticSteps  int     // critic updates per step, of which the last is together with the generator's; default 1
	PenaltyEvery int     // steps from one with penalties, then that many times heavier, to the next; default 1
	LabelNoise   float64 // probability, below 0.5, that a pair of real and fake changes sides for the critic; default 0
}

// Arrange implements Method.
func (s Simultaneous) Arrange(game *Game, pair Pair) {
	alone := pair.criticPhase(func(p *Play) *Node {
		return pair.criticObjective(p, p.Real(), pair.fake(p).Constant(), s.LabelNoise)
	})
	fake := func(p *Play) Batch {
		b := Batch{Images: p.Shared("fake", func() *Node { return pair.fake(p).Images })}
		if p.ground.Sets[0].Labels != nil {
			b.Labels = p.Real().Labels
		}
		return b
	}
	critic := pair.criticPhase(func(p *Play) *Node { return pair.criticObjective(p, p.Real(), fake(p), s.LabelNoise) })
	generator := pair.generatorPhase(func(p *Play) *Node { return pair.generatorObjective(p, fake(p)) })
	alone.LazyEvery, critic.LazyEvery = lazyEvery(pair, s.PenaltyEvery), lazyEvery(pair, s.PenaltyEvery)
	game.Turns = nil
	if s.CriticSteps > 1 {
		game.Turns = []Turn{{Phases: []Phase{alone}, Times: s.CriticSteps - 1}}
	}
	game.Turns = append(game.Turns, Turn{Phases: []Phase{critic, generator}, Together: true})
}

// Check implements Method.
func (s Simultaneous) Check(_ Game, pair Pair) error {
	return checkCounts(pair, s.CriticSteps, s.PenaltyEvery, 0, s.LabelNoise)
}

// Identity implements Method.
func (s Simultaneous) Identity() map[string]string {
	identity := Alternating{CriticSteps: s.CriticSteps, PenaltyEvery: s.PenaltyEvery, LabelNoise: s.LabelNoise}.Identity()
	identity["order"] = "simultaneous"
	return identity
}

// String implements Method.
func (s Simultaneous) String() string { return describe("simultaneous", s.Identity()) }
