package compilecache

import (
	"fmt"
	"iter"
	"regexp"
	"strings"
)

// product is a product of two matrices of a StableHLO program, which sums over one axis of each.
type product struct {
	left, right operand
	small       bool // of a program in which nothing is large
}

// operand is a matrix by its name in the program, with its rows and columns, and the axis that is summed over; or several
// matrices, one after the other.
type operand struct {
	name          string
	several       string // "16x" of 16 matrices, else ""
	rows, columns int
	axis          int
}

// kept is the length of the axis that is not summed over, and summed that of the other.
func (o operand) kept() int   { return []int{o.columns, o.rows}[o.axis] }
func (o operand) summed() int { return []int{o.rows, o.columns}[o.axis] }

// String is its type in the program.
func (o operand) String() string {
	return fmt.Sprintf("tensor<%s%dx%dxf32>", o.several, o.rows, o.columns)
}

// worthwhile tells whether ours beats the compiler's product: not where there is nothing to multiply, where it makes a loop
// of it, and not where it is so large that rearranging its operands does not count.
func (p product) worthwhile() bool {
	m, n, k := p.left.kept(), p.right.kept(), p.left.summed()
	return min(m, n, k) > 1 && min(m, n, k) <= 512 && m*n*k >= 1<<12
}

// fewMultiplications are what one thread does alone where products are shared with XLA's threads (SMALL in parts.c). In a program in which all
// products are smaller, who waits for its end helps (crew.c).
const fewMultiplications = 1 << 22

// multiplications is how many there are.
func (p product) multiplications() int {
	n := p.left.kept() * p.right.kept() * p.left.summed()
	if several := strings.TrimSuffix(p.left.several, "x"); several != "" {
		n *= atoi(several)
	}
	return n
}

// result is the type of the product.
func (p product) result() operand {
	return operand{several: p.left.several, rows: p.left.kept(), columns: p.right.kept()}
}

// call is the statement that gives result the product's value.
func (p product) call(result string) string {
	return fmt.Sprintf("    %s = \"stablehlo.custom_call\"(%s, %s) {call_target_name = \"gantry.%s.1.%d%d\", api_version = 4 : i32, has_side_effect = false} : (%s, %s) -> %s",
		result, p.left.name, p.right.name, p.function("product"), p.left.axis, p.right.axis, p.left, p.right, p.result())
}

// sum is the statement that gives result the value of another product and this one.
func (p product) sum(result, other string) string {
	return fmt.Sprintf("    %s = \"stablehlo.custom_call\"(%s, %s, %s) {call_target_name = \"gantry.%s.1.%d%d\", api_version = 4 : i32, has_side_effect = false} : (%s, %s, %s) -> %s",
		result, p.left.name, p.right.name, other, p.function("sum"), p.left.axis, p.right.axis, p.left, p.right, p.result(), p.result())
}

// function is one of ours, for a small program or another.
func (p product) function(of string) string {
	if p.small {
		return "small" + of
	}
	return of
}

// withProducts returns a program that calls our products (product.c) in the place of the compiler's, where they are worthwhile.
// What would have been transposed before or after them is not, and what is added up of two, as a critic's gradients by real and by fake
// images are, is added where the second is made.
func withProducts(program string) string {
	const name, matrix, matrices = `(%[\w.]+)`, `tensor<(\d+)x(\d+)xf32>`, `tensor<(\d+x)?(\d+)x(\d+)xf32>`
	turning := regexp.MustCompile(`^    ` + name + ` = "stablehlo\.transpose"\(` + name + `\) \{ permutation = array<i64: 1, 0> \} : \(` + matrix + `\) -> .*$`)
	multiplying := regexp.MustCompile(`^    ` + name + ` = "stablehlo\.dot_general"\(` + name + `, ` + name + `\) \{
      dot_dimension_numbers = #stablehlo\.dot<
  lhs_batching_dimensions = \[(0?)\],
  rhs_batching_dimensions = \[0?\],
  lhs_contracting_dimensions = \[([012])\],
  rhs_contracting_dimensions = \[([012])\]
>,
.*
    \} : \(` + matrices + `, ` + matrices + `\) -> .*$`)
	turned := map[string]operand{}
	for begin, end := range statements(program, "transpose") {
		if m := turning.FindStringSubmatch(program[begin:end]); m != nil {
			turned[m[1]] = operand{name: m[2], rows: atoi(m[3]), columns: atoi(m[4])}
		}
	}
	described := func(statement string) (result string, p product, known bool) {
		m := multiplying.FindStringSubmatch(statement)
		if m == nil {
			return "", p, false
		}
		first := len(m[4]) // axis of a matrix
		p.left, p.right = operand{m[2], m[7], atoi(m[8]), atoi(m[9]), atoi(m[5]) - first}, operand{m[3], m[10], atoi(m[11]), atoi(m[12]), atoi(m[6]) - first}
		return m[1], p, first == min(1, len(m[7])) && m[7] == m[10] && min(p.left.axis, p.right.axis) >= 0 && max(p.left.axis, p.right.axis) <= 1
	}
	small := !strings.Contains(program, `"stablehlo.convolution"(`)
	for begin, end := range statements(program, "dot_general") {
		_, p, known := described(program[begin:end])
		small = small && known && p.multiplications() < fewMultiplications
	}
	products := map[string]product{}
	program = replaced(program, "dot_general", func(statement string) string {
		result, p, known := described(statement)
		if !known || !p.worthwhile() {
			return statement
		}
		p.small = small
		for _, o := range []*operand{&p.left, &p.right} {
			if from, found := turned[o.name]; found {
				from.axis = 1 - o.axis
				*o = from
			}
		}
		products[result] = p
		return p.call(result)
	})
	program = replaced(program, "transpose", func(statement string) string {
		m := turning.FindStringSubmatch(statement)
		if m == nil {
			return statement
		}
		p, found := products[m[2]]
		if !found || uses(program, m[2]) > 1 {
			return statement
		}
		products[m[1]] = product{p.right, p.left, p.small}
		return products[m[1]].call(m[1])
	})
	adding := regexp.MustCompile(`^    ` + name + ` = "stablehlo\.add"\(` + name + `, ` + name + `\) : `)
	return replaced(program, "add", func(statement string) string {
		m := adding.FindStringSubmatch(statement)
		if m == nil {
			return statement
		}
		first, second := m[2], m[3]
		for _, summand := range []string{first, second} {
			if _, found := products[summand]; !found { // as in nearly all sums; what follows looks through the whole program
				return statement
			}
		}
		if strings.Index(program, "    "+first+" = ") > strings.Index(program, "    "+second+" = ") {
			first, second = second, first
		}
		if uses(program, first) > 1 || uses(program, second) > 1 {
			return statement
		}
		return products[second].sum(m[1], first)
	})
}

// statements finds those of an operation, from the beginning of a line to the end of the one with its type. Looking for the
// operation first is what makes this cheap: it is done each time that a program is loaded, too.
func statements(program, operation string) iter.Seq2[int, int] {
	opening := `"stablehlo.` + operation + `"(`
	return func(yield func(begin, end int) bool) {
		for from := 0; ; {
			at := strings.Index(program[from:], opening)
			if at < 0 {
				return
			}
			at += from
			end := strings.Index(program[at:], ") -> ")
			if end < 0 {
				return
			}
			end += at
			if rest := strings.IndexByte(program[end:], '\n'); rest >= 0 {
				end += rest
			} else {
				end = len(program)
			}
			if !yield(strings.LastIndexByte(program[:at], '\n')+1, end) {
				return
			}
			from = end
		}
	}
}

// replaced is a program with the statements of an operation replaced.
func replaced(program, operation string, by func(statement string) string) string {
	var b strings.Builder
	done := 0
	for begin, end := range statements(program, operation) {
		b.WriteString(program[done:begin])
		b.WriteString(by(program[begin:end]))
		done = end
	}
	b.WriteString(program[done:])
	return b.String()
}

// uses counts the statements that read a value.
func uses(program, name string) (n int) {
	for _, end := range []string{",", ")"} {
		n += strings.Count(program, name+end)
	}
	return n
}
