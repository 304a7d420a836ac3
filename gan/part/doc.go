// Package part finds the parts of an experiment by their names: losses, optimizers, networks, each with parameters that have names
// and ranges.
//
// A [Kind] is a named part with its parameters, and [Kinds] are all of a sort, such as all losses. Its package lists them. The text
// of a part is its name and then the parameters that are not the usual ones:
//
//	adam rate 0.0002 beta1 0.5
//	r1 weight 10
//
// A number behind the name is the first parameter, r1 10. A parameter that is true or false is true by its name alone.
//
// Reading order: parameter.go (a number, a word, a truth, and where it lies), kind.go (a part), kinds.go (to and from text),
// nearest.go (for misspelt names).
package part
