package main

import "gantry.local/gan/recipe"

// choose finds a recipe for the data where none is named, and completes the data's name, see recipe.Choose. why says in a line what
// it chose.
func (o *trainOptions) choose(recipeGiven bool) (why string, err error) {
	if o.Data == "" {
		return "", nil
	}
	name := o.Name
	if !recipeGiven {
		name = ""
	}
	choice, err := recipe.Choose(name, o.Data)
	if err != nil {
		return "", misuse{err}
	}
	o.Name, o.Data = choice.Recipe, choice.Data
	return choice.Why, nil
}
