//go:build race

package racing

// Slower is how many times as long a wait may take with the race detector.
const Slower = 8
