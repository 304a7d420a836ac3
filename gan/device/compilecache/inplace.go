package compilecache

import (
	"fmt"
	"slices"
	"strings"
)

// inPlace returns a StableHLO program in which each variable that it changes is changed where it lies: an argument of main and the
// result that takes its place share one buffer. A step then writes no second copy of weights and moments, which would also
// push the first out of the processor's caches. go-xla 0.4.1 donates the old buffers and says nothing of it in the program.
//
// Which result takes an argument's place is not written in the program either, only that GoMLX returns what it changed. An
// argument is a candidate for a result that is made of it by operations element by element, as m′ is of m, and then w′ of w
// and m′. Results of one candidate take it, and it is none for the others. A wrong choice would cost a copy and change
// no result. Programs that are not written as go-xla writes them are returned as they are.
func inPlace(program string) string {
	const begin, end = "  func.func @main(", ") -> "
	at := strings.Index(program, begin)
	if at < 0 {
		return program
	}
	at += len(begin)
	size := strings.Index(program[at:], end)
	if size < 0 || strings.ContainsAny(program[at:at+size], "{\n") {
		return program
	}
	signature, body := program[at:at+size], program[at+size:]
	arguments := strings.Split(signature, ", ")
	of := taken(arguments, strings.Split(body, "\n"))
	if len(of) == 0 {
		return program
	}
	for argument, result := range of {
		arguments[argument] += fmt.Sprintf(" {tf.aliasing_output = %d : i32}", result)
	}
	return program[:at] + strings.Join(arguments, ", ") + body
}

// value is what is known of a value of a program.
type value struct {
	kind string
	of   []int // arguments of its kind that it is made of element by element
}

// elementwise are the operations that an update of a variable is made of.
func elementwise(operation string) bool {
	switch operation {
	case "add", "subtract", "multiply", "divide", "maximum", "minimum", "select", "negate", "sqrt", "rsqrt", "clamp", "abs", "sign":
		return true
	}
	return false
}

// taken finds the result that takes each argument's place, in the lines of main.
func taken(arguments, lines []string) map[int]int {
	values := map[string]value{}
	for i, argument := range arguments {
		name, kind, found := strings.Cut(argument, ": ")
		if !found {
			return nil
		}
		v := value{kind: kind}
		if strings.HasPrefix(name, "%_") { // a variable, by its path; others are not donated
			v.of = []int{i}
		}
		values[name] = v
	}
	const indent = "    "
	for _, line := range lines {
		statement, found := strings.CutPrefix(line, indent)
		if !found || strings.HasPrefix(statement, " ") {
			continue // of a region within
		}
		if rest, found := strings.CutPrefix(statement, `"stablehlo.return"(`); found {
			names, _, _ := strings.Cut(rest, ")")
			return matched(strings.Split(names, ", "), values)
		}
		name, rest, found := strings.Cut(statement, ` = "stablehlo.`)
		if !found {
			continue
		}
		operation, rest, _ := strings.Cut(rest, `"(`)
		operands, rest, _ := strings.Cut(rest, ")")
		v := value{}
		if arrow := strings.LastIndex(rest, "-> "); arrow >= 0 {
			v.kind = rest[arrow+len("-> "):]
		}
		if elementwise(operation) {
			for _, operand := range strings.Split(operands, ", ") {
				if from := values[operand]; from.kind == v.kind {
					v.of = append(v.of, from.of...)
				}
			}
			slices.Sort(v.of)
			v.of = slices.Compact(v.of)
		}
		values[name] = v
	}
	return nil
}

// matched gives each argument the result that has no other candidate left.
func matched(results []string, values map[string]value) map[int]int {
	of, done := map[int]int{}, map[string]bool{}
	for again := true; again; {
		again = false
		for result, name := range results {
			if done[name] {
				continue // also where one value is returned twice
			}
			var left []int
			for _, argument := range values[name].of {
				if _, gone := of[argument]; !gone {
					left = append(left, argument)
				}
			}
			if len(left) == 1 {
				of[left[0]], done[name], again = result, true, true
			}
		}
	}
	return of
}
