// Package tracing makes errors of what panics while a graph is traced. GoMLX's graph functions, and ours, panic on shapes that
// do not fit.
package tracing

import (
	"errors"
	"fmt"
	"strings"
)

// PanicWithError, deferred, makes any panic of a graph function one with an error, which GoMLX hands to its caller; others
// would end the program.
func PanicWithError() {
	switch reason := recover().(type) {
	case nil:
	case error:
		panic(reason)
	default:
		panic(fmt.Errorf("%v", reason))
	}
}

// Error makes an error of the reason for which GoMLX panicked while it traced what does not fit; err where it did not.
func Error(reason any, err error) error {
	if reason == nil {
		return err
	}
	return errors.New(FirstLine(fmt.Sprint(reason)))
}

// FirstLine is what an error says before its stack.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
