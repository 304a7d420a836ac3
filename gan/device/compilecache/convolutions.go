package compilecache

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gantry.local/gan/internal/wide"
)

// convolution is one of a StableHLO program that moves a kernel over images with channels last, or sums up over both what such a one was
// made of (a correlation). Its geometry is that of convolution.c.
type convolution struct {
	correlation      bool
	left, right      string // operands by their names
	types            string // of operands and result
	stride, dilation int
	top, beside      int    // zeros around the image
	kernel           [4]int // height, width, channels in and out
	flipped, turned  bool
}

// worthwhile tells whether ours beats the compiler's: not where there is hardly a channel to read or to make, unless rows of the kernel are
// read or made at once.
func (c convolution) worthwhile() bool {
	in, out := c.kernel[2], c.kernel[3]
	if c.turned {
		in, out = out, in
	}
	rows := c.dilation == 1 && !c.turned && wide.ReadsRows(in, c.kernel[1]) || c.dilation > 1 && c.turned && wide.MakesRows(out, c.kernel[1])
	return (min(in, out) > wide.Few || max(in, out) > wide.Few && rows) && min(c.stride, c.dilation) == 1 && min(c.kernel[0], c.kernel[1]) >= c.dilation
}

// call is the statement that gives result the convolution's value.
func (c convolution) call(result string) string {
	function, digit := "gantry.convolution.1", map[bool]int{true: 1}
	if c.correlation {
		function = "gantry.correlation.1"
	}
	return fmt.Sprintf("    %s = \"stablehlo.custom_call\"(%s, %s) {call_target_name = %q, api_version = 4 : i32, has_side_effect = false, "+
		"backend_config = {geometry = array<i64: %d, %d, %d, %d, %d, %d>}} : %s",
		result, c.left, c.right, function, c.stride, c.dilation, c.top, c.beside, digit[c.flipped], digit[c.turned], c.types)
}

// withConvolutions returns a program that calls our convolutions (convolution.c) in the place of the compiler's, where they are worthwhile. A
// kernel that would have been reversed before is read in the opposite order.
func withConvolutions(program string) string {
	const name = `(%[\w.]+)`
	reversing := regexp.MustCompile(`^    ` + name + ` = "stablehlo\.reverse"\(` + name + `\) \{\s*dimensions = array<i64: 0, 1>\s*\} : .*$`)
	convolving := regexp.MustCompile(`^    ` + name + ` = "stablehlo\.convolution"\(` + name + `, ` + name + `\) \{(?s:.*)\} : (\(.*\) -> .*)$`)
	reversed := map[string]string{}
	for begin, end := range statements(program, "reverse") {
		if m := reversing.FindStringSubmatch(program[begin:end]); m != nil {
			reversed[m[1]] = m[2]
		}
	}
	return replaced(program, "convolution", func(statement string) string {
		m := convolving.FindStringSubmatch(statement)
		if m == nil {
			return statement
		}
		c, known := described(statement, m[4])
		if !known || !c.worthwhile() {
			return statement
		}
		c.left, c.right = m[2], m[3]
		if from, found := reversed[c.right]; found && !c.correlation {
			c.right, c.flipped = from, true
		}
		return c.call(m[1])
	})
}

// described is a convolution by its attributes and types, if it is one of those that ours compute.
func described(statement, types string) (c convolution, known bool) {
	attribute := func(name string) string {
		_, rest, _ := strings.Cut(statement, "      "+name+" = ")
		text, _, _ := strings.Cut(rest, "\n")
		return strings.TrimSuffix(text, ",")
	}
	sizes := shapes(types)
	padding := regexp.MustCompile(`^dense<\[\[(\d+), -?\d+\], \[(\d+), -?\d+\]\]>`).FindStringSubmatch(attribute("padding"))
	if len(sizes) != 3 || padding == nil || attribute("batch_group_count") != "1 : i64" || attribute("feature_group_count") != "1 : i64" ||
		attribute("window_reversal") != "array<i1: false, false>" {
		return c, false
	}
	c.kernel = sizes[1]
	stride, between, apart := alike(attribute("window_strides")), alike(attribute("lhs_dilation")), alike(attribute("rhs_dilation"))
	c.stride, c.dilation = stride, between
	switch attribute("dimension_numbers") {
	case "#stablehlo.conv<[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]>":
		known = apart == 1
	case "#stablehlo.conv<[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]>":
		known, c.turned = apart == 1, true
	case "#stablehlo.conv<[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]>":
		known, c.correlation, c.kernel = stride == 1 && between == 1, true, sizes[2]
		c.stride = apart
	}
	c.types, c.top, c.beside = types, atoi(padding[1]), atoi(padding[2])
	return c, known
}

// alike is the number n of "array<i64: n, n>", else 0.
func alike(attribute string) int {
	one, other, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(attribute, "array<i64: "), ">"), ", ")
	if one != other {
		return 0
	}
	return atoi(one)
}

// shapes are the dimensions of tensors of rank 4 in float32; nil where there are others.
func shapes(types string) (all [][4]int) {
	for _, kind := range regexp.MustCompile(`tensor<[^>]*>`).FindAllString(types, -1) {
		m := regexp.MustCompile(`^tensor<(\d+)x(\d+)x(\d+)x(\d+)xf32>$`).FindStringSubmatch(kind)
		if m == nil {
			return nil
		}
		all = append(all, [4]int{atoi(m[1]), atoi(m[2]), atoi(m[3]), atoi(m[4])})
	}
	return all
}

// atoi is a number of the program; 0, which nothing is worthwhile with, where it is too large.
func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
