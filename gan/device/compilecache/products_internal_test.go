package compilecache

import (
	"strings"
	"testing"
)

// dot is a product as go-xla writes it.
func dot(name, left, right, leftAxis, rightAxis, types string) string {
	return "    " + name + ` = "stablehlo.dot_general"(` + left + ", " + right + `) {
      dot_dimension_numbers = #stablehlo.dot<
  lhs_batching_dimensions = [],
  rhs_batching_dimensions = [],
  lhs_contracting_dimensions = [` + leftAxis + `],
  rhs_contracting_dimensions = [` + rightAxis + `]
>,
      precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]
    } : ` + types + "\n"
}

func turn(name, of, from, to string) string {
	return "    " + name + ` = "stablehlo.transpose"(` + of + `) { permutation = array<i64: 1, 0> } : (tensor<` + from + ">) -> tensor<" + to + ">\n"
}

func called(name, left, right, axes, types string) string {
	return "    " + name + ` = "stablehlo.custom_call"(` + left + ", " + right + `) {call_target_name = "gantry.product.1.` + axes +
		`", api_version = 4 : i32, has_side_effect = false} : ` + types + "\n"
}

func plus(name, left, right, of string) string {
	return "    " + name + ` = "stablehlo.add"(` + left + ", " + right + ") : (tensor<" + of + ">, tensor<" + of + ">) -> tensor<" + of + ">\n"
}

func TestWithProducts(t *testing.T) {
	const forward = "(tensor<64x100xf32>, tensor<100x784xf32>) -> tensor<64x784xf32>"
	other := strings.ReplaceAll(forward, "f32", "f64")
	several := "(tensor<16x800x64xf32>, tensor<16x64x128xf32>) -> tensor<16x800x128xf32>"
	tiny := "(tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>"
	column := "(tensor<64x1000xf32>, tensor<1000x1xf32>) -> tensor<64x1xf32>"
	small := "(tensor<128x100xf32>, tensor<100x128xf32>) -> tensor<128x128xf32>"
	smallCall := func(name string) string {
		return strings.ReplaceAll(called(name, "%0", "%_w", "10", small), "gantry.product", "gantry.smallproduct")
	}
	const convolution = `    %9 = "stablehlo.convolution"(%7, %8) {}` + "\n"
	for what, c := range map[string]struct{ program, want string }{
		"in a small program": {dot("%2", "%0", "%_w", "1", "0", small) + dot("%3", "%1", "%_w", "1", "0", tiny),
			smallCall("%2") + dot("%3", "%1", "%_w", "1", "0", tiny)},
		"small and transposed": {dot("%2", "%0", "%_w", "1", "0", small) + turn("%20", "%2", "128x128xf32", "128x128xf32"),
			smallCall("%2") + strings.ReplaceAll(called("%20", "%_w", "%0", "01", "(tensor<100x128xf32>, tensor<128x100xf32>) -> tensor<128x128xf32>"),
				"gantry.product", "gantry.smallproduct")},
		"small, beside a large one": {dot("%2", "%0", "%_w", "1", "0", small) + dot("%3", "%1", "%_w", "1", "0", forward),
			called("%2", "%0", "%_w", "10", small) + called("%3", "%1", "%_w", "10", forward)},
		"small, beside one that is not known": {dot("%2", "%0", "%_w", "1", "0", small) + dot("%3", "%1", "%_w", "1", "0", other),
			called("%2", "%0", "%_w", "10", small) + dot("%3", "%1", "%_w", "1", "0", other)},
		"small, beside a convolution": {dot("%2", "%0", "%_w", "1", "0", small) + convolution, called("%2", "%0", "%_w", "10", small) + convolution},
		"forward":                     {dot("%2", "%0", "%_w", "1", "0", forward), called("%2", "%0", "%_w", "10", forward)},
		"of a transposed operand": {
			turn("%1", "%0", "100x64xf32", "64x100xf32") + dot("%2", "%1", "%_w", "1", "0", forward),
			turn("%1", "%0", "100x64xf32", "64x100xf32") + called("%2", "%0", "%_w", "00", "(tensor<100x64xf32>, tensor<100x784xf32>) -> tensor<64x784xf32>")},
		"transposed": {
			dot("%2", "%0", "%_w", "1", "0", forward) + turn("%20", "%2", "64x784xf32", "784x64xf32"),
			called("%2", "%0", "%_w", "10", forward) + called("%20", "%_w", "%0", "01", "(tensor<100x784xf32>, tensor<64x100xf32>) -> tensor<784x64xf32>")},
		"transposed and read as it is": {
			dot("%2", "%0", "%_w", "1", "0", forward) + turn("%20", "%2", "64x784xf32", "784x64xf32") + "    return(%2)\n",
			called("%2", "%0", "%_w", "10", forward) + turn("%20", "%2", "64x784xf32", "784x64xf32") + "    return(%2)\n"},
		"added up": {
			dot("%2", "%0", "%_w", "1", "0", forward) + dot("%3", "%1", "%_w", "1", "0", forward) + plus("%4", "%3", "%2", "64x784xf32"),
			called("%2", "%0", "%_w", "10", forward) + called("%3", "%1", "%_w", "10", forward) +
				strings.Replace(called("%4", "%1", "%_w, %2", "10", strings.Replace(forward, ")", ", tensor<64x784xf32>)", 1)), "product", "sum", 1)},
		"added up and read as it is": {
			dot("%2", "%0", "%_w", "1", "0", forward) + dot("%3", "%1", "%_w", "1", "0", forward) + plus("%4", "%2", "%3", "64x784xf32") + "    return(%2)\n",
			called("%2", "%0", "%_w", "10", forward) + called("%3", "%1", "%_w", "10", forward) + plus("%4", "%2", "%3", "64x784xf32") + "    return(%2)\n"},
		"added to itself": {
			dot("%2", "%0", "%_w", "1", "0", forward) + plus("%4", "%2", "%2", "64x784xf32"),
			called("%2", "%0", "%_w", "10", forward) + plus("%4", "%2", "%2", "64x784xf32")},
		"of several": {
			strings.ReplaceAll(dot("%2", "%0", "%1", "2", "1", several), "_batching_dimensions = []", "_batching_dimensions = [0]"),
			called("%2", "%0", "%1", "10", several)},
		"of a row of matrices": {dot("%2", "%0", "%1", "2", "1", several), dot("%2", "%0", "%1", "2", "1", several)},
		"of float64":           {dot("%2", "%0", "%_w", "1", "0", other), dot("%2", "%0", "%_w", "1", "0", other)},
		"of few numbers":       {dot("%2", "%0", "%_w", "1", "0", tiny), dot("%2", "%0", "%_w", "1", "0", tiny)},
		"of one column":        {dot("%2", "%0", "%_w", "1", "0", column), dot("%2", "%0", "%_w", "1", "0", column)},
		"within an region":     {"  " + dot("%2", "%0", "%_w", "1", "0", forward), "  " + dot("%2", "%0", "%_w", "1", "0", forward)},
		"nothing":              {"", ""},
	} {
		if got := withProducts(c.program); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", what, got, c.want)
		}
	}
}
