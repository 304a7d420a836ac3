package optim

import (
	"cmp"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/setting"
)

// Lookahead goes back a part of the way after every few updates (Zhang et al., "Lookahead optimizer: k steps forward, 1 step
// back", 2019, arXiv:1907.08610). The slow weights φ begin as the first weights, and after every k updates
//
//	φ ← φ + share · (θ - φ)    θ ← φ
//
// In a game both players circle, and going back to a point within the circle damps that (Chavdarova et al., "Taming GANs with
// lookahead-minmax", 2020, arXiv:2006.14567). There both go back at once: where the critic makes n updates in a step, its
// Steps are n times those of the generator. It keeps one more number per weight.
type Lookahead struct {
	Of    Optimizer
	Steps int     // k, updates from one look back to the next, at least 1; the papers use 5 to 10
	Share float64 // of the way that is kept, in [0, 1] and a setting; the papers use 0.5
}

// Update implements Optimizer.
func (l Lookahead) Update(s *State, gradients []*Node) []*Node {
	_, names := l.settings()
	fast := l.Of.Update(s.forPart(0, names[0]), gradients)
	changes := make([]*Node, len(fast)) // of its own: fast may be the very slice of gradients
	own := s.forPart(1, names[1])
	share, t := own.Setting(settingShare), own.Next("lookahead")
	begins, ends := Equal(t, OnesLike(t)), Equal(ModScalar(t, l.Steps), ZerosLike(t))
	values, slow := own.Values(), own.Slots("slow")
	for i, value := range values {
		slow[i] = Where(begins, value, slow[i])
		met := Add(slow[i], Mul(Sub(Sub(value, fast[i]), slow[i]), share))
		slow[i] = Where(ends, met, slow[i])
		changes[i] = Where(ends, Sub(value, met), fast[i])
	}
	own.SetSlots("slow", slow)
	return changes
}

// Settings implements Optimizer.
func (l Lookahead) Settings() []setting.Setting {
	all, _ := l.settings()
	return all
}

func (l Lookahead) settings() (all []setting.Setting, names []map[string]string) {
	return together(settingsOf(l.Of), []setting.Setting{setting.Fraction(settingShare, l.Share)})
}

// Check implements Optimizer.
func (l Lookahead) Check() error {
	var err error
	if l.Steps < 1 {
		err = fmt.Errorf("lookahead: Steps %d must be at least 1", l.Steps)
	}
	return cmp.Or(checkHeld("lookahead", l.Of), err, checkSettings("lookahead", l.Settings()))
}

// String implements Optimizer.
func (l Lookahead) String() string {
	return fmt.Sprintf("lookahead steps %d share %g of %v", l.Steps, l.Share, l.Of)
}
