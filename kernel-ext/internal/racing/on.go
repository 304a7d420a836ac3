//go:build race

// Package racing gives tests more time where the race detector looks on.
package racing

// Slower is how many times as long a wait may take with the race detector.
const Slower = 8
