package method

import (
	"fmt"
	"strconv"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Alternating updates the critic on a real and a fake batch together, then the generator, with fresh latents, against the
// updated critic. It is the default.
type Alternating struct {
	CriticSteps  int     // critic updates per step, each on its own real batch; default 1
	PenaltyEvery int     // steps from one with penalties, then that many times heavier, to the next; default 1
	LabelNoise   float64 // probability, below 0.5, that a pair of real and fake changes sides for the critic; default 0
	Parts        int     // parts a batch is cut into, whose gradients are averaged; default 1
}

// Arrange implements Method.
func (a Alternating) Arrange(game *Game, pair Pair) {
	a.arrange(game, pair, func(p *Play) *Node { return pair.generatorObjective(p, pair.fake(p)) })
}

func (a Alternating) arrange(game *Game, pair Pair, generator Objective) {
	critic := pair.criticPhase(func(p *Play) *Node {
		return pair.criticObjective(p, p.Real(), pair.fake(p).Constant(), a.LabelNoise)
	})
	critic.LazyEvery = lazyEvery(pair, a.PenaltyEvery)
	game.Parts = max(a.Parts, 1)
	game.Turns = []Turn{
		{Phases: []Phase{critic}, Times: max(a.CriticSteps, 1)},
		{Phases: []Phase{pair.generatorPhase(generator)}, Again: true},
	}
}

// lazyEvery is how often the critic's objective has penalties: never, where there are none.
func lazyEvery(pair Pair, every int) int {
	if len(pair.Penalties) == 0 {
		return 0
	}
	return max(every, 1)
}

// Check implements Method.
func (a Alternating) Check(_ Game, pair Pair) error {
	return checkCounts(pair, a.CriticSteps, a.PenaltyEvery, a.Parts, a.LabelNoise)
}

// checkCounts holds what all methods ask of their numbers.
func checkCounts(pair Pair, criticSteps, penaltyEvery, parts int, labelNoise float64) error {
	switch {
	case criticSteps < 0 || penaltyEvery < 0 || parts < 0:
		return fmt.Errorf("CriticSteps %d, PenaltyEvery %d and Parts %d must not be negative", criticSteps, penaltyEvery, parts)
	case !(labelNoise >= 0 && labelNoise < 0.5):
		return fmt.Errorf("LabelNoise %g must lie in [0, 0.5)", labelNoise)
	}
	return pair.check()
}

// Identity implements Method.
func (a Alternating) Identity() map[string]string {
	return map[string]string{
		"order": "alternating", "critic steps": strconv.Itoa(max(a.CriticSteps, 1)), "unrolled steps": "0",
		"accumulated parts": strconv.Itoa(max(a.Parts, 1)), "penalty interval": strconv.Itoa(max(a.PenaltyEvery, 1)),
		"label noise": fmt.Sprint(a.LabelNoise), "privacy": "off",
	}
}

// String implements Method.
func (a Alternating) String() string { return describe("alternating", a.Identity()) }

// describe is a method's name with what differs from Alternating{}.
func describe(name string, identity map[string]string) string {
	usual := Alternating{}.Identity()
	text := []string{name}
	for _, key := range []string{"critic steps", "unrolled steps", "accumulated parts", "penalty interval", "label noise", "privacy"} {
		if value := identity[key]; value != usual[key] {
			text = append(text, key+" "+value)
		}
	}
	return strings.Join(text, ", ")
}
