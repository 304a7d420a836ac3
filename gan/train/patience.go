package train

import (
	"cmp"
	"fmt"
	"math"
)

// Patience ends a run early by a metric: it keeps the best value seen and says when none better has come for a while.
//
//	patience := train.Patience{Looks: 5}
//	for p, err := range trainer.Train(ctx, 50_000) {
//		if p.Step%1000 != 0 {
//			continue
//		}
//		better, done := patience.Look(frechet(trainer))
//		if better {
//			err = trainer.Save(dir) // the best state so far
//		}
//		if done {
//			break
//		}
//	}
type Patience struct {
	Looks   int     // looks without a better value after which to stop; default 5
	AtLeast float64 // by how much a value must be better to count; default 0
	Higher  bool    // whether higher is better; default false, as for distances

	looked, best int // number of looks, and which one was the best
	value        float64
}

// Look takes a value. better tells that it is the best so far, and done that it is time to stop. A value that is not a
// number is never better.
func (p *Patience) Look(value float64) (better, done bool) {
	looks := cmp.Or(p.Looks, 5)
	gain := p.value - value
	if p.Higher {
		gain = -gain
	}
	if better = !math.IsNaN(value) && (p.best == 0 || gain > p.AtLeast); better {
		p.value, p.best = value, p.looked+1
	}
	p.looked++
	return better, p.looked-p.best >= looks
}

// Best returns the best value so far and the number of the look that saw it, from 1; 0 before any.
func (p *Patience) Best() (value float64, look int) { return p.value, p.best }

// String says where it stands.
func (p *Patience) String() string {
	return fmt.Sprintf("best %.4g at look %d of %d", p.value, p.best, p.looked)
}
