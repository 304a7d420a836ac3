// Package measure measures a generator by every metric of package metric that fits its data, each number with an interval and with what
// real data gets.
//
// Reading order: measure.go (all of it), fits.go (which measurements fit which data), copies.go (memorisation), result.go (what is found,
// as a table).
package measure
