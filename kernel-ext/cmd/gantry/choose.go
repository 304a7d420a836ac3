package main

import (
	"fmt"
	"io"

	"gantry.local/gan/recipe"
)

// choose finds a recipe for the data where none is named, and completes the data's name, see recipe.Choose. What it chose is said
// in a line.
func (o *trainOptions) choose(recipeGiven bool, log io.Writer) error {
	if o.Data == "" {
		return nil
	}
	name := o.Name
	if !recipeGiven {
		name = ""
	}
	choice, err := recipe.Choose(name, o.Data)
	if err != nil {
		return misuse{err}
	}
	if o.Name, o.Data = choice.Recipe, choice.Data; choice.Why != "" {
		fmt.Fprintln(log, choice.Why)
	}
	return nil
}
