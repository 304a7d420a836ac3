package gomlx

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"image/color"
	"image/png"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/net"
	"gantry.local/kernel-ext/value"
)

func bundle(t *testing.T, v any) (text, html string) {
	t.Helper()
	b := value.Options{Forms: []value.Form{Form}}.Bundle(v)
	text, html = string(b["text/plain"]), string(b["text/html"])
	for d := xml.NewDecoder(strings.NewReader("<div>" + html + "</div>")); ; {
		if _, err := d.Token(); err == io.EOF {
			return text, html
		} else if err != nil {
			t.Fatalf("%T: HTML is not well-formed: %v\n%s", v, err, html)
		}
	}
}

func wants(t *testing.T, what, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%s", what, want, text)
		}
	}
}

// ramp are n numbers from low to high.
func ramp(n int, low, high float32) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = low + (high-low)*float32(i)/float32(n-1)
	}
	return numbers
}

// TestTensors shows tensors of every rank, in Go's memory and on a device.
func TestTensors(t *testing.T) {
	backend := gantest.Go(t)
	text, _ := bundle(t, tensors.FromScalar(float32(1.5)))
	wants(t, "a scalar", text, "(Float32)", "in Go's memory", "1.5")
	text, _ = bundle(t, tensors.FromFlatDataAndDimensions(ramp(1000, 0, 1), 1000))
	wants(t, "a vector", text, "(Float32)[1000]", "1 000 numbers in 0 … 1, mean 0.5", "… 990 more")
	text, html := bundle(t, tensors.FromFlatDataAndDimensions([]int32{1, 2, 3, 4, 5, 6}, 2, 3))
	wants(t, "a matrix", text, "(Int32)[2, 3]", "[[1 2 3] [4 5 6]]")
	wants(t, "a matrix's page", html, ">6</td>", "2×3 numbers in 1 … 6, mean 3.5")
	text, html = bundle(t, tensors.FromFlatDataAndDimensions(ramp(2*3*4*5, -1, 1), 2, 3, 4, 5))
	wants(t, "four axes", text, "[2, 3, 4, 5]", "120 numbers in -1 … 1", "[0, 0, :, :]", "-1")
	wants(t, "four axes' page", html, "[0, 0, :, :]", "<table>")
	half := []bfloat16.BFloat16{bfloat16.FromFloat32(0.5), bfloat16.FromFloat32(-2)}
	text, _ = bundle(t, tensors.FromFlatDataAndDimensions(half, 2))
	wants(t, "bfloat16", text, "(BFloat16)[2]", "[0.5 -2]")
	text, _ = bundle(t, tensors.FromFlatDataAndDimensions([]bool{true, false}, 2))
	wants(t, "truths", text, "[true false]")
	text, _ = bundle(t, tensors.FromShape(shapes.Make(dtypes.Float32, 0, 3)))
	wants(t, "no number", text, "without a number")

	made := graph.MustNewExec(backend, func(g *graph.Graph) *graph.Node { return graph.Iota(g, shapes.Make(dtypes.Float32, 6), 0) }).MustCall1()
	text, _ = bundle(t, made)
	wants(t, "on a device", text, "on device 0 of backend go", "[0 1 2 3 4 5]")
	made.MustFinalizeAll()
	text, _ = bundle(t, made)
	wants(t, "finalized", text, "tensor, which is finalized")
	if text, _ := bundle(t, (*tensors.Tensor)(nil)); text != "<nil>" {
		t.Errorf("a nil tensor is %q", text)
	}
}

// TestPictures wants tensors that are pictures as pictures, whatever range they are kept in.
func TestPictures(t *testing.T) {
	pixels := make([]uint8, 3*8*8*3)
	for i := range pixels {
		pixels[i] = uint8(i)
	}
	embedded := regexp.MustCompile(`data:image/png;base64,([^"]+)"`)
	for name, v := range map[string]*tensors.Tensor{
		"in [-1, 1]": tensors.FromFlatDataAndDimensions(ramp(5*28*28, -1, 1), 5, 28, 28, 1),
		"in [0, 1]":  tensors.FromFlatDataAndDimensions(ramp(8*8*3, 0, 1), 8, 8, 3),
		"far":        tensors.FromFlatDataAndDimensions(ramp(8*8, -700, 900), 8, 8, 1),
		"bytes":      tensors.FromFlatDataAndDimensions(pixels, 3, 8, 8, 3),
	} {
		text, html := bundle(t, v)
		wants(t, name, text, v.Shape().String(), "numbers in", "mean")
		found := embedded.FindStringSubmatch(html)
		if found == nil {
			t.Errorf("%s: there is no picture in %s", name, html)
			continue
		}
		file, err := base64.StdEncoding.DecodeString(found[1])
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if first := color.GrayModel.Convert(img.At(0, 0)).(color.Gray); first.Y > 2 {
			t.Errorf("%s: the first pixel has the level %d, want the darkest", name, first.Y)
		}
	}
	if _, html := bundle(t, tensors.FromFlatDataAndDimensions(ramp(100*10*3, 0, 1), 100, 10, 3)); !strings.Contains(html, "<img") {
		t.Error("a picture of 100×10 is not drawn")
	}
	if _, html := bundle(t, tensors.FromFlatDataAndDimensions(ramp(64*3*3, 0, 1), 64, 3, 3)); strings.Contains(html, "<img") {
		t.Error("64 matrices of 3×3 are drawn as a picture")
	}
}

// TestOthers shows nodes, stores, scopes, variables and backends.
func TestOthers(t *testing.T) {
	backend := gantest.Go(t)
	text, _ := bundle(t, backend)
	wants(t, "the backend", text, "backend go: ")
	store := model.NewStore()
	text, _ = bundle(t, store)
	wants(t, "an empty store", text, "store of 0 variables")
	g := graph.NewGraph(backend, "try")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 10))
	y := net.Dense(store.Scope("/first"), x, 3)
	text, _ = bundle(t, y)
	wants(t, "a node", text, "graph \"try\"", "(Float32)[4, 3]", "when its graph runs")
	text, _ = bundle(t, x)
	wants(t, "a parameter", text, "parameter \"x\"")
	text, html := bundle(t, store)
	wants(t, "a store", text, "store of 2 variables: 33 numbers that are trained, 0 that are not, 132 bytes", "/first", "weights", "(Float32)[10, 3]")
	wants(t, "a store's page", html, "<table>", "weights")
	v := store.GetVariable("/first/weights")
	text, _ = bundle(t, v)
	wants(t, "a variable", text, "variable /first/weights, (Float32)[10, 3], without a value yet")
	if err := store.InitializeVariables(backend, nil); err != nil {
		t.Fatal(err)
	}
	text, html = bundle(t, v)
	wants(t, "a variable with a value", text, "10×3 numbers in")
	wants(t, "its page", html, "<table>")
	text, _ = bundle(t, store.Scope("/first"))
	wants(t, "a scope", text, "scope /first of 2 variables")
	text, _ = bundle(t, g)
	wants(t, "a graph", text, "graph \"try\" of ", "under construction")
	g.Finalize()
	text, _ = bundle(t, g)
	wants(t, "a graph", text, "finalized")
	exec := graph.MustNewExec(backend, func(x *graph.Node) *graph.Node { return x }).WithName("same")
	text, _ = bundle(t, exec)
	wants(t, "a function", text, "graph function \"same\"")
	if content := Form(3); content != nil {
		t.Errorf("an int is %v", content)
	}
}
