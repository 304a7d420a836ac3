// Package compare lays runs side by side: the settings in which they differ, each number that they report on one axis, samples of the same
// latents, and what was measured of them.
//
// Reading order: side.go (one run of a comparison), comparison.go (all of them, and what cannot be laid side by side), settings.go (what
// differs), measured.go; then how it is shown: text.go and spark.go in a terminal, page.go and chart.go in a notebook and as a file, json.go for
// programs.
package compare
