package recipe_test

import (
	"fmt"

	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
)

// A recipe's function makes an experiment like any other: change what you like before you train it.
func ExampleMLP() {
	exp := recipe.MLP()
	exp.BatchSize, exp.Seed = 128, 7
	fmt.Println(exp.Name, exp.Latent, exp.BatchSize, exp.WithDefaults().Loss)

	fmt.Println(exp.Check())
	// Output:
	// mlp 100 128 non-saturating
	// []
}

// By its name a recipe is any description, of which data, batch size and seed can be chosen.
func ExampleNamed() {
	toy, err := recipe.Named("toy")
	if err != nil {
		fmt.Println(err)
		return
	}
	toy, err = method.With(toy, method.Choice{BatchSize: 32, Seed: 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	game, err := toy.Game()
	fmt.Println(game.Name, game.DataName(), game.BatchSize, err)
	fmt.Println(lint.CheckOf(toy))
	// Output:
	// toy ring 32 <nil>
	// []
}
