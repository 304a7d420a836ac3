package record

import (
	"slices"
	"strings"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// lossWord ends the names of the numbers that are drawn.
const lossWord = " loss"

// Losses are those of a list of numbers that curves show: the losses, or, where none is called one, all. A critic's and a
// generator's come first, in this order, so that their colours are the same in all games of such two.
func Losses(names []string) (drawn []string) {
	if slices.Contains(names, method.CriticLoss) && slices.Contains(names, method.GeneratorLoss) {
		drawn = []string{method.CriticLoss, method.GeneratorLoss}
	}
	for _, name := range names {
		if strings.HasSuffix(name, lossWord) && !slices.Contains(drawn, name) {
			drawn = append(drawn, name)
		}
	}
	if len(drawn) == 0 {
		return names
	}
	return drawn
}

// LossesOf are the losses of a step.
func LossesOf(p train.Progress) (drawn []train.Number) {
	var names []string
	for _, n := range p.Numbers {
		names = append(names, n.Name)
	}
	for _, name := range Losses(names) {
		drawn = append(drawn, train.Number{Name: name, Value: p.Value(name)})
	}
	return drawn
}
