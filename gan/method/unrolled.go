package method

import (
	"fmt"
	"strconv"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/optim"
)

// Unrolled is Alternating with a generator that looks ahead: its loss is taken, and differentiated, through Ahead imagined updates
// of the critic on one batch (Metz et al., "Unrolled generative adversarial networks", 2016, arXiv:1611.02163).
type Unrolled struct {
	Alternating
	Ahead int // imagined updates; at most 100, each a copy of the critic
}

const mostUnrolled = 100

// Arrange implements Method.
func (u Unrolled) Arrange(game *Game, pair Pair) {
	u.arrange(game, pair, func(p *Play) *Node {
		fake := pair.fake(p)
		restore := u.lookAhead(p, pair, p.Real(), fake)
		objective := pair.generatorObjective(p, fake)
		restore()
		return objective
	})
}

// lookAhead lets the critic make its updates on one batch. restore takes back all that happened to the critic since.
func (u Unrolled) lookAhead(p *Play, pair Pair, real, fake Batch) (restore func()) {
	restore = p.Keep(CriticName)
	phase, variables := pair.criticPhase(nil), p.Variables(CriticName)
	state := optim.NewState(p.optimizerState(phase), p.rows.Graph(), p.settingOf(phase), variables)
	for range u.Ahead {
		objective := pair.Loss.Critic(pair.judge(p, real).Logits, pair.judge(p, fake).Logits)
		state.Descend(phase.Optimizer, Gradient(objective, optim.ValuesOf(objective.Graph(), variables)...))
	}
	return restore
}

// Check implements Method.
func (u Unrolled) Check(game Game, pair Pair) error {
	if u.Ahead < 1 || u.Ahead > mostUnrolled {
		return fmt.Errorf("Ahead %d: want 1 to %d updates to look ahead, each a copy of the critic", u.Ahead, mostUnrolled)
	}
	return u.Alternating.Check(game, pair)
}

// Identity implements Method.
func (u Unrolled) Identity() map[string]string {
	identity := u.Alternating.Identity()
	identity["unrolled steps"] = strconv.Itoa(u.Ahead)
	return identity
}

// String implements Method.
func (u Unrolled) String() string { return describe("alternating", u.Identity()) }
