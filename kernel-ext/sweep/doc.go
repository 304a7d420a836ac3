// Package sweep trains many runs of one spec: a grid of settings, settings drawn at random, seeds. A trial is a process of
// `gantry train --json` with a run folder of its own, so it is a run as any other, and what is known of a sweep is what lies in
// the folders of its trials: the table, the CSV and the page are made of these each time.
//
//	spec, err := sweep.Read("rates.json", train)   // checked: settings, values, the metric
//	s, err := sweep.Open(dir, spec, train)         // its trials, by the folder's names
//	err = s.Local(ctx, log)                        // in bounded slots, what is missing
//	fmt.Print(s.Table())
//
// Reading order: spec.go (what a spec says, and what is wrong with it), draw.go (settings at random), trials.go (the trials of a spec and their
// names), folder.go (what lies where), outcome.go (what became of a trial, and the exit codes), attempt.go (a trial
// as a process), local.go (many, in slots). Results: table.go, means.go (over seeds), csv.go, axes.go (how values lie on an axis), parallel.go and
// best.go (the pictures), page.go; for other keepers given.go with given.py, sqlite.go with sqlite.py, mlflow.go with mlflow.py. Other engines run
// `gantry sweep DIR --trial N`: engine.go (what they share), index.go (which trial a task of an array is), ray.go with ray.py, slurm.go, kubernetes.go,
// katib.go. What is Python's is started by python.go.
package sweep
