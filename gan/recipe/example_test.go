package recipe_test

import (
	"fmt"

	"gantry.local/gan/recipe"
)

// A recipe is an experiment like any other: change what you like before you train it.
func ExampleNamed() {
	exp, err := recipe.Named("mlp")
	if err != nil {
		fmt.Println(err)
		return
	}
	exp.BatchSize, exp.Seed = 128, 7
	fmt.Println(exp.Name, exp.Latent, exp.BatchSize, exp.WithDefaults().Loss)

	fmt.Println(exp.Check())
	// Output:
	// mlp 100 128 non-saturating
	// []
}
