package train

import (
	"fmt"
	"slices"
	"strings"
)

// Progress is what one step reports.
type Progress struct {
	Step  int // steps done since the run began, this one included
	Epoch int // passes through the first data set completed before this step began

	// EpochEnd is true for the last step of an epoch. An epoch has ⌊samples / (BatchSize·draws)⌋ steps.
	EpochEnd bool

	// StepsPerSecond is the mean rate since this call of Train, its first step (compilation) left out; 0 at first.
	StepsPerSecond float64

	// Numbers are what the game's objectives report, such as "critic loss", in their order. What a step does not report, such as a
	// penalty that is not due, is not there.
	Numbers []Number
}

// Number is one of the numbers that a step reports.
type Number struct {
	Name  string
	Value float64
}

// Value is the number of a name, 0 where the step does not report it.
func (p Progress) Value(name string) float64 {
	for _, n := range p.Numbers {
		if n.Name == name {
			return n.Value
		}
	}
	return 0
}

// Reports tells whether the step reports a number.
func (p Progress) Reports(name string) bool {
	return slices.ContainsFunc(p.Numbers, func(n Number) bool { return n.Name == name })
}

// String is the article's per-epoch line, "epoch [D: critic loss G: generator loss]"; the losses of other networks have their names.
func (p Progress) String() string {
	var losses []string
	for _, n := range p.Numbers {
		if network, is := strings.CutSuffix(n.Name, " loss"); is {
			switch network {
			case "critic":
				network = "D"
			case "generator":
				network = "G"
			}
			losses = append(losses, fmt.Sprintf("%s: %.4f", network, n.Value))
		}
	}
	return fmt.Sprintf("%d [%s]", p.Epoch, strings.Join(losses, " "))
}
