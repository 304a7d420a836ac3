// Package speed measures training steps beside other frameworks: `gantry bench speed`.
//
// Each framework, this project's own included, is a process that stays alive and answers questions, a line of JSON each, so
// that importing and compiling are outside what is timed, and measurements take turns (A B C A B C …): a machine that is
// busy for a while slows all of them alike. While one measures, the others wait for their next line; what processor time
// they take meanwhile is measured too. What a workload is, networks, batch, order and optimizer, is written down once, in
// workload.go, and travels with the questions. Before anything is timed every framework makes one step from the same weights, images and
// latents, and its losses are compared.
//
// Reading order: workload.go (what is measured), peer.go (whom it is asked), driver.go (how this project answers),
// measure.go (the rounds), first.go (from a process's start), cells.go (from a cell's), report.go (the tables), roofline.go and count.go (what the
// processor could do).
package speed
