package export_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan"
	"gantry.local/gan/export"
	"gantry.local/gan/gantest"
	"gantry.local/gan/net"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

const components = 3

// upsampling is a small convolutional generator with the layers of a DCGAN: dense, batch norm, upsampling, convolution.
func upsampling(scope *model.Scope, z *Node) *Node {
	x := Reshape(net.Dense(scope.In("dense"), z, 4*4*8), -1, 4, 4, 8)
	x = net.LeakyReLU(net.BatchNorm(scope.In("norm"), x), 0.2)
	n := x.Shape().Dim(0)
	x = Reshape(BroadcastToShape(Reshape(x, n, 4, 1, 4, 1, 8), shapes.Make(dtypes.Float32, n, 4, 2, 4, 2, 8)), n, 8, 8, 8)
	return Tanh(net.Conv2D(scope.In("conv"), x, 1, 3))
}

// newGenerator makes a generator with random weights, among them random running averages.
func newGenerator(t testing.TB, backend compute.Backend, exp gan.Experiment, example func(scope *model.Scope, g *Graph) *Node) *train.Generator {
	t.Helper()
	store := model.NewStore()
	scope := store.Scope("/generator").WithInitializer(initializer.Zero)
	if _, err := model.CallOnce(backend, store, func(_ *model.Scope, g *Graph) *Node {
		store.SetTraining(g, false)
		return example(scope, g)
	}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 3))
	file := &safetensors.File{}
	for v := range store.IterVariables() {
		name, found := strings.CutPrefix(v.Path(), "/generator/")
		if !found {
			continue
		}
		tensor := safetensors.Tensor{Name: name, DType: "F32", Shape: v.Shape().Dimensions}
		for range v.Shape().Size() {
			value := 0.5 * random.NormFloat64()
			if v.Name() == "variance" {
				value = 0.5 + value*value
			}
			tensor.Data = binary.LittleEndian.AppendUint32(tensor.Data, math.Float32bits(float32(value)))
		}
		file.Tensors = append(file.Tensors, tensor)
	}
	exp.Name, exp.Latent = "tiny", components
	made, err := gan.NewGenerator(backend, exp, file)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func plain(t testing.TB, backend compute.Backend, network gan.Network) *train.Generator {
	t.Helper()
	return newGenerator(t, backend, gan.Experiment{Generator: network}, func(scope *model.Scope, g *Graph) *Node {
		return network(scope, Zeros(g, shapes.Make(dtypes.Float32, 1, components)))
	})
}

// TestONNX exports generators and wants the model, run by the evaluator of this package's tests, to make their images.
func TestONNX(t *testing.T) {
	backend := gantest.XLA(t)
	mlp := func(scope *model.Scope, z *Node) *Node {
		x := net.ReLU(net.Dense(scope.In("hidden"), z, 16))
		return Reshape(Tanh(net.Dense(scope.In("output"), x, 25)), -1, 5, 5, 1)
	}
	for name, network := range map[string]gan.Network{"mlp": mlp, "convolutional": upsampling} {
		t.Run(name, func(t *testing.T) {
			g := plain(t, backend, network)
			var file bytes.Buffer
			if err := export.ONNX(&file, g, 4); err != nil {
				t.Fatal(err)
			}
			z := train.Latents(4, components, 1)
			want, err := g.Generate(z)
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, file.Bytes())
			m.check(t)
			if got := m.inputs["z"]; len(m.inputs) != 1 || !slices.Equal(got.dims, []int{4, components}) || got.dtype != 1 {
				t.Errorf("inputs %v, want z of [4, %d] float32", m.inputs, components)
			}
			got := m.run(t, map[string]array{"z": {dims: []int{4, components}, values: doubles(z)}}, "images")
			if !slices.Equal(got.dims, []int{4, want.Height, want.Width, want.Channels}) || farthest(got.values, doubles(want.Values)) > 1e-5 {
				t.Errorf("images of %v, at most %g off, want %d×%d×%d", got.dims, farthest(got.values, doubles(want.Values)),
					want.Height, want.Width, want.Channels)
			}
		})
	}
}

// TestONNXClasses wants labels as an input.
func TestONNXClasses(t *testing.T) {
	network := func(scope *model.Scope, z, labels *Node) *Node {
		table := scope.In("table").VariableWithShape("rows", shapes.Make(dtypes.Float32, 5, 2)).NodeValue(z)
		x := Concatenate([]*Node{z, OneHot(labels, 5, dtypes.Float32), Gather(table, InsertAxes(labels, -1))}, -1)
		return Reshape(Tanh(net.Dense(scope.In("output"), x, 4)), -1, 2, 2, 1)
	}
	g := newGenerator(t, gantest.XLA(t), gan.Experiment{View: gan.View{ClassGenerator: network, Classes: 5}},
		func(scope *model.Scope, g *Graph) *Node {
			return network(scope, Zeros(g, shapes.Make(dtypes.Float32, 1, components)), Zeros(g, shapes.Make(dtypes.Int32, 1)))
		})
	var file bytes.Buffer
	if err := export.ONNX(&file, g, 3); err != nil {
		t.Fatal(err)
	}
	z, classes := train.Latents(3, components, 1), []int32{4, 0, 2}
	want, err := g.GenerateClasses(z, classes)
	if err != nil {
		t.Fatal(err)
	}
	m := parse(t, file.Bytes())
	m.check(t)
	got := m.run(t, map[string]array{
		"z": {dims: []int{3, components}, values: doubles(z)}, "labels": {dims: []int{3}, values: []float64{4, 0, 2}},
	}, "images")
	if far := farthest(got.values, doubles(want.Values)); far > 1e-5 {
		t.Errorf("the images are up to %g off", far)
	}
}

// operations are small graphs of one input x, [2, 3, 4] float32, for every operation the export knows.
func operations() map[string]func(x *Node) *Node {
	float := dtypes.Float32
	kernel := func(x *Node, dims ...int) *Node {
		return AddScalar(MulScalar(Reshape(IotaFull(x.Graph(), shapes.Make(float, dims...)), dims...), 0.1), -0.3)
	}
	image := func(x *Node) *Node { return Reshape(x, 1, 3, 4, 2) }
	number := func(condition *Node) *Node { return ConvertDType(condition, float) }
	half := func(x *Node) *Node { return Scalar(x.Graph(), float, 0.5) }
	return map[string]func(x *Node) *Node{
		"abs": Abs, "neg": Neg, "sign": Sign, "exp": Exp, "sin": Sin, "cos": Cos, "tanh": Tanh, "sigmoid": Sigmoid,
		"erf": Erf, "floor": Floor, "ceil": Ceil, "round": func(x *Node) *Node { return Round(MulScalar(x, 4)) },
		"log":   func(x *Node) *Node { return Log(AddScalar(Square(x), 1)) },
		"log1p": func(x *Node) *Node { return Log1P(Square(x)) },
		"expm1": Expm1,
		"rsqrt": func(x *Node) *Node { return Rsqrt(AddScalar(Square(x), 1)) },
		"sqrt":  func(x *Node) *Node { return Sqrt(Square(x)) },
		"arithmetic": func(x *Node) *Node {
			return Div(Sub(Mul(x, x), Add(x, half(x))), AddScalar(Abs(x), 1))
		},
		"power":     func(x *Node) *Node { return Pow(AddScalar(Abs(x), 0.1), half(x)) },
		"remainder": func(x *Node) *Node { return Mod(x, half(x)) },
		"clip":      func(x *Node) *Node { return ClipScalar(x, -0.5, 0.75) },
		"comparison": func(x *Node) *Node {
			less, more := number(LessThan(x, half(x))), number(GreaterOrEqual(x, half(x)))
			return Add(Add(less, MulScalar(more, 2)), Add(MulScalar(number(Equal(x, x)), 4), MulScalar(number(NotEqual(x, x)), 8)))
		},
		"logic": func(x *Node) *Node {
			a, b := GreaterThan(x, half(x)), LessOrEqual(x, Neg(half(x)))
			return Add(number(LogicalOr(a, b)), MulScalar(number(LogicalXor(a, LogicalNot(LogicalAnd(a, b)))), 2))
		},
		"where":       func(x *Node) *Node { return Where(GreaterThan(x, half(x)), Neg(x), half(x)) },
		"reduce sum":  func(x *Node) *Node { return ReduceSum(x, 0, 2) },
		"reduce all":  func(x *Node) *Node { return ReduceAllSum(x) },
		"reduce max":  func(x *Node) *Node { return ReduceMax(x, 1) },
		"reduce min":  func(x *Node) *Node { return ReduceMin(x, -1) },
		"reduce mean": func(x *Node) *Node { return ReduceAndKeep(x, ReduceMean, 1) },
		"product":     func(x *Node) *Node { return ReduceMultiply(x, 2) },
		"arg max":     func(x *Node) *Node { return ConvertDType(ArgMax(x, -1), float) },
		"arg min":     func(x *Node) *Node { return ConvertDType(ArgMin(x, 1), float) },
		"softmax":     func(x *Node) *Node { return Softmax(x, -1) },
		"transpose":   func(x *Node) *Node { return TransposeAllAxes(x, 2, 0, 1) },
		"slice": func(x *Node) *Node {
			return Slice(x, AxisElem(1), AxisRange(0, 2), AxisRange(0, 4).Stride(3))
		},
		"dynamic slice": func(x *Node) *Node {
			at := func(i int32) *Node { return Const(x.Graph(), i) }
			return DynamicSlice(x, []*Node{at(0), at(5), at(1)}, []int{1, 2, 2})
		},
		"concatenate": func(x *Node) *Node { return Concatenate([]*Node{x, Neg(x), Slice(x, AxisRange(), AxisRange(0, 1))}, 1) },
		"broadcast":   func(x *Node) *Node { return BroadcastToShape(ReduceAndKeep(x, ReduceMax, 1), x.Shape()) },
		"reverse":     func(x *Node) *Node { return Reverse(x, 0, 2) },
		"iota":        func(x *Node) *Node { return Add(x, Iota(x.Graph(), x.Shape(), 1)) },
		"pad": func(x *Node) *Node {
			return Pad(x, half(x), PadAxis{}, PadAxis{Start: 1, End: 2, Interior: 2}, PadAxis{End: 1, Interior: 1})
		},
		"matrix product": func(x *Node) *Node { return MatMul(Reshape(x, 6, 4), kernel(x, 4, 5)) },
		"batched product": func(x *Node) *Node {
			return DotGeneral(x, []int{1}, []int{2}, kernel(x, 4, 3, 2), []int{1}, []int{0})
		},
		"einsum": func(x *Node) *Node { return Einsum("abc,cbd->da", x, kernel(x, 4, 3, 2)) },
		"convolution": func(x *Node) *Node {
			return Convolve(image(x), kernel(x, 2, 3, 2, 3)).PadSame().Done()
		},
		"strided convolution": func(x *Node) *Node {
			return Convolve(image(x), kernel(x, 2, 2, 2, 3)).Strides(2).NoPadding().Done()
		},
		"dilated input": func(x *Node) *Node {
			return Convolve(image(x), kernel(x, 3, 3, 2, 2)).InputDilationPerAxis(2, 2).
				PaddingPerDim([][2]int{{2, 1}, {-1, 1}}).Done()
		},
		"grouped convolution": func(x *Node) *Node {
			return Convolve(image(x), kernel(x, 2, 2, 1, 4)).ChannelGroupCount(2).NoPadding().Done()
		},
		"identity": func(x *Node) *Node { return x },
	}
}

// TestOperations exports each operation and compares the evaluated model with XLA.
func TestOperations(t *testing.T) {
	backend := gantest.XLA(t)
	random := rand.New(rand.NewPCG(4, 4))
	x := make([]float32, 24)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	shape := shapes.Make(dtypes.Float32, 2, 3, 4)
	for name, operation := range operations() {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			err := export.ONNXNetwork(&file, model.NewStore(), []export.Input{{Name: "x", Shape: shape}}, "y",
				func(inputs []*Node) *Node { return operation(inputs[0]) })
			if err != nil {
				t.Fatal(err)
			}
			out, err := CallOnce(backend, operation, tensors.FromFlatDataAndDimensions(x, 2, 3, 4))
			if err != nil {
				t.Fatal(err)
			}
			want, err := tensors.CopyFlatData[float32](out)
			if err != nil {
				t.Fatal(err)
			}
			m := parse(t, file.Bytes())
			m.check(t)
			got := m.run(t, map[string]array{"x": {dims: []int{2, 3, 4}, values: doubles(x)}}, "y")
			if !slices.Equal(got.dims, out.Shape().Dimensions) && out.Rank() > 0 || farthest(got.values, doubles(want)) > 1e-5 {
				t.Errorf("got %v %.4v, want %v %.4v", got.dims, got.values, out.Shape(), want)
			}
		})
	}
}

// TestUnknownOperations wants one error that names what is not known.
func TestUnknownOperations(t *testing.T) {
	store := model.NewStore()
	shape := shapes.Make(dtypes.Float32, 2, 3)
	for want, operation := range map[string]func(x *Node) *Node{
		"RNGBitGenerator": func(x *Node) *Node { return store.RandomNormal(x.Graph(), x.Shape()) },
		"Sort":            func(x *Node) *Node { return Sort(x, -1, true) },
		"Complex64":       func(x *Node) *Node { return ConvertDType(x, dtypes.Complex64) },
		"whole rows": func(x *Node) *Node {
			return GatherSlices(x, []int{1}, Const(x.Graph(), [][]int32{{1}}), []int{2}, true)
		},
		"constant places": func(x *Node) *Node {
			at := ConvertDType(ReduceAllSum(x), dtypes.Int32)
			return DynamicSlice(x, []*Node{at, at}, []int{1, 1})
		},
	} {
		var file bytes.Buffer
		err := export.ONNXNetwork(&file, store, []export.Input{{Name: "x", Shape: shape}}, "y",
			func(inputs []*Node) *Node { return operation(inputs[0]) })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || file.Len() > 0 {
			t.Errorf("got %v and %d bytes, want an error with %q", err, file.Len(), want)
		}
	}
}

func TestONNXRefuses(t *testing.T) {
	g := plain(t, gantest.XLA(t), upsampling)
	if err := export.ONNX(&bytes.Buffer{}, g, 0); err == nil || !strings.Contains(err.Error(), "batches of 0") {
		t.Errorf("a batch of 0: %v", err)
	}
	if err := export.ONNX(full{}, g, 1); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
	store := model.NewStore()
	err := export.ONNXNetwork(&bytes.Buffer{}, store, []export.Input{{Name: "x", Shape: shapes.Make(dtypes.Float32, 1, 2)}}, "y",
		func(inputs []*Node) *Node { return net.Dense(store.Scope("/critic"), inputs[0], 1) })
	if err == nil || !strings.Contains(err.Error(), "no value yet") {
		t.Errorf("a network without weights: %v", err)
	}
}

var errFull = errors.New("disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func doubles(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func farthest(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var far float64
	for i, v := range a {
		far = max(far, math.Abs(v-b[i]))
	}
	return far
}
