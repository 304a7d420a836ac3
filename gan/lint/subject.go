package lint

import (
	"gantry.local/gan/method"
)

// Subject is what is looked at: the usual game of two networks.
type Subject struct {
	Game method.Game
	Pair method.Pair

	ToldGenerator, ToldCritic bool // whether the networks are told the class of each sample

	// Columns is what the critic's columns behind the logit are to its method, such as "features"; "" means class logits.
	Columns string

	Settings []Setting // of the description that differ from the default, by name
}

// driven tells whether the first updates of a step are made from outside of the step's graph, as private ones are.
func driven(game method.Game) bool { return game.Turns[0].Phases[0].Driver != nil }
