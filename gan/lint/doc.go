// Package lint looks at a game before it is trained: the recipe linter, signatures by which a changed definition is named, and summaries.
//
// All three trace graphs and compile nothing. A [Subject] is the usual game of two networks; [CheckOf],
// [SignatureOf] and [SummaryOf] take any description.
//
// Reading order: subject.go, then check.go with probe.go and probe_loss.go (the linter's rules, and what it sees), signature.go
// (what a game is by what it computes), summary.go with networks.go, cost.go and show.go (what it consists of and costs),
// description.go (the three for any description).
package lint
