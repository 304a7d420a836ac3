package main

import (
	"strings"

	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/spec"
)

// choose finds a recipe for the data where none is said, and completes the data's name, see recipe.Choose. A spec that names both
// networks needs no recipe, and games on several sets none of this.
func (o *trainOptions) choose(s spec.Spec) error {
	set, name := s[spec.Data], s[spec.Recipe]
	_, whole := s["generator"]
	if set == "" || strings.Contains(set, method.BetweenSets) || whole && name == "" {
		return nil
	}
	choice, err := recipe.Choose(name, set)
	if err != nil {
		return err
	}
	s[spec.Recipe], s[spec.Data], o.why = choice.Recipe, choice.Data, choice.Why
	return nil
}
