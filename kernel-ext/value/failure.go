package value

import (
	"reflect"
	"strings"
)

// chainOf writes what an error wraps, each with its type, a line for each and one step further in. An error that wraps
// nothing has none.
func chainOf(v any) string {
	var text strings.Builder
	left := mostChain
	var wrapped func(err error, indent string)
	wrapped = func(err error, indent string) {
		inner, _ := called("Unwrap() of "+nameOf(err), func() []error {
			switch err := err.(type) {
			case interface{ Unwrap() error }:
				return []error{err.Unwrap()}
			case interface{ Unwrap() []error }:
				return err.Unwrap()
			}
			return nil
		})
		for _, in := range inner {
			if in == nil || reflect.ValueOf(in).Kind() == reflect.Pointer && reflect.ValueOf(in).IsNil() {
				continue
			}
			if left--; left < 0 {
				if left == -1 {
					text.WriteString("\n" + indent + "↳ …")
				}
				return
			}
			said, trouble := called("Error() of "+nameOf(in), in.Error)
			if trouble != "" {
				said = "(" + trouble + ")"
			}
			text.WriteString("\n" + indent + "↳ " + nameOf(in) + ": " + firstLine(said))
			wrapped(in, indent+"  ")
		}
	}
	if err, is := withMethods(v).(error); is {
		wrapped(err, "  ")
	}
	return text.String()
}
