// Package analysis reads a cell as a part of one long program, whose variables live on from cell to cell although each cell is
// compiled and run by itself. It type-checks the cell with what the cells before it declare, once as the person has written it and once
// as GoNB gets it, and knows from that which variables there are and of what type, what the cell shows, which names are not used, which
// declarations and values its program needs, and what is wrong with it.
//
// Reading order: written.go (text that knows where it comes from), packages.go (compiled
// packages), analysis.go (the whole way of a cell), look.go (the cell as it is written), lift.go (its variables), again.go (names that have been others'), last.go (what it shows),
// unused.go, loops.go (those that an interrupt ends in order), nodes.go (names of a graph's nodes, for errors), literals.go (functions that live on), compose.go (what GoNB gets),
// reach.go (what of it all the program needs), beside.go and blank.go (the file beside the program), alone.go (cells of tests).
package analysis
