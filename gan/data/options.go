package data

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// The arguments of the sets that take no options of their own, as they stand in a name.
type (
	counted struct{ N int }
	drawn   struct {
		N    int
		Seed int64
	}
	waves struct {
		N, Length int
		Seed      int64
	}
)

// optionText writes the fields of a struct that aren't zero as they stand in a set's name: ",n=500,seed=3". Fields are
// integers, bools or lists of strings, and a list stands as one option for each of its strings.
func optionText(options any) string {
	var text strings.Builder
	for field, value := range reflect.ValueOf(options).Fields() {
		name := strings.ToLower(field.Name)
		if list, ok := value.Interface().([]string); ok {
			for _, item := range list {
				fmt.Fprintf(&text, ",%s=%s", name, item)
			}
		} else if !value.IsZero() {
			fmt.Fprintf(&text, ",%s=%v", name, value)
		}
	}
	return text.String()
}

// parseOptions is the way back: it sets the fields of the struct that options points to.
func parseOptions(text string, options any) error {
	fields := reflect.ValueOf(options).Elem()
	if text == "" {
		return nil
	}
	for option := range strings.SplitSeq(text, ",") {
		name, given, _ := strings.Cut(option, "=")
		field := fields.FieldByNameFunc(func(field string) bool { return strings.ToLower(field) == name })
		if !field.IsValid() {
			return fmt.Errorf("unknown option %q: use %s", name, fieldNames(fields.Type()))
		}
		switch field.Kind() {
		case reflect.Slice:
			field.Set(reflect.Append(field, reflect.ValueOf(given)))
		case reflect.Bool:
			yes, err := strconv.ParseBool(given)
			if err != nil {
				return fmt.Errorf("option %q: want %s=true or %s=false", option, name, name)
			}
			field.SetBool(yes)
		default:
			number, err := strconv.ParseInt(given, 10, 64)
			if err != nil {
				return fmt.Errorf("option %q: want %s=NUMBER, whole, of digits alone, below 2⁶³", option, name)
			}
			field.SetInt(number)
		}
	}
	return nil
}

func fieldNames(options reflect.Type) string {
	if options.NumField() == 0 {
		return "the name alone"
	}
	var names []string
	for field := range options.Fields() {
		names = append(names, strings.ToLower(field.Name))
	}
	return strings.Join(names, ", ")
}
