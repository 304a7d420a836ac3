package compilecache

import (
	"strings"
	"testing"
)

// TestTaken wants m′, v′ and then w′ to take the places of m, v and w; nothing that is read only to lose its place; and
// programs of other forms to be left alone.
func TestTaken(t *testing.T) {
	const program = `module @step {
  func.func @main(%arg0: tensor<4xf32>, %_w: tensor<4xf32>, %_m: tensor<4xf32>, %_v: tensor<4xf32>, %_n: tensor<2xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %0 = "stablehlo.add"(%_m, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %1 = "stablehlo.multiply"(%_v, %arg0) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %2 = "stablehlo.divide"(%0, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %3 = "stablehlo.subtract"(%_w, %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = "stablehlo.broadcast_in_dim"(%_n) { broadcast_dimensions = array<i64: 0> } : (tensor<2xf32>) -> tensor<4xf32>
    "stablehlo.return"(%3, %0, %1, %4) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> ()
  }
}
`
	got := inPlace(program)
	want := program
	for argument, result := range map[string]string{"%_w": "0", "%_m": "1", "%_v": "2"} {
		want = strings.Replace(want, argument+": tensor<4xf32>", argument+": tensor<4xf32> {tf.aliasing_output = "+result+" : i32}", 1)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, other := range []string{"", "ML\xefR\x00bytecode", want, program[:200], strings.ReplaceAll(program, "func.func", "func")} {
		if inPlace(other) != other {
			t.Errorf("%.60q… was changed", other)
		}
	}
}
