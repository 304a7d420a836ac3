// Package spec says an experiment by names: a recipe as a readable file.
//
// A [Spec] has a value for each of some [Keys], as JSON
//
//	{"recipe": "mlp", "loss": "hinge", "penalty": ["r1 10"], "optimizer": "adam rate 0.0002 beta1 0.5", "batch": 64, "seed": 1}
//
// or as flags of `gantry train`. It changes the recipe that it names, or says everything where it names none. Parts are written as
// package part reads them, and stand in the lists of their packages: loss, optim, net, method, data.
//
// Reading order: keys.go (what can be said), spec.go (a spec, as JSON too, and what it describes), of.go (the spec of an experiment).
package spec
