//go:build !race

// Package racing gives tests more time where the race detector looks on. It is for waits that only end a test which hangs; how quick things
// are is measured without the detector.
package racing

// Slower is how many times as long a wait may take with the race detector; 1: it does not look on.
const Slower = 1
