package net

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

func TestResample(t *testing.T) {
	x := []float64{ // 2×4 pixels, 1 channel
		1, 2, 3, 4,
		5, 6, 7, 8}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		input := tensor64(x, 1, 2, 4, 1)
		requireNear64(t, "AveragePool2", callOnce(backend, AveragePool2, input), []float64{3.5, 5.5})
		requireNear64(t, "GlobalSum", callOnce(backend, GlobalSum, input), []float64{36})
		requireNear64(t, "Upsample2", callOnce(backend, Upsample2, input), []float64{
			1, 1, 2, 2, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 5, 5, 6, 6, 7, 7, 8, 8})
	})
}

// TestMinibatchStdDev wants the mean deviation within each group of samples: 0 and 1 here, where samples 0 and 2 are the
// first group and 1 and 3 the second.
func TestMinibatchStdDev(t *testing.T) {
	x := []float64{1, 1, 0, 5, 1, 1, 2, 3}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		got := flat64(callOnce(backend, func(x *Node) *Node { return MinibatchStdDev(x, 2) }, tensor64(x, 4, 2)))
		for i, want := range []float64{1, 1, 1e-4, 0, 5, 1, 1, 1, 1e-4, 2, 3, 1} {
			if math.Abs(got[i]-want) > 1e-7 {
				t.Errorf("value %d is %g, want %g", i, got[i], want)
			}
		}
		maps := callOnce(backend, func(x *Node) *Node { return MinibatchStdDev(x, 0) }, tensor64(random64(1, 24), 3, 2, 2, 2))
		if !slices.Equal(maps.Shape().Dimensions, []int{3, 2, 2, 3}) {
			t.Errorf("images become %s, want one channel more", maps.Shape())
		}
		for i, v := range flat64(maps) {
			if i%3 == 2 && v != flat64(maps)[2] {
				t.Errorf("the deviation of one group is %g and %g", v, flat64(maps)[2])
			}
		}
	})
}

// TestSelfAttention wants the identity at the start, and with gamma 1 what the definition says.
func TestSelfAttention(t *testing.T) {
	const pixels, channels = 6, 9
	x := random64(1, pixels*channels)
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store, input := newStore(t), tensor64(x, 1, 2, 3, channels)
		requireNear64(t, "at the start", call(backend, store, true, input, SelfAttention), x)
		if err := store.GetVariable("/gamma").SetValue(tensor64([]float64{1})); err != nil {
			t.Fatal(err)
		}
		value := func(path string) []float64 { return flat64(store.GetVariable(path + "/weights").MustValue()) }
		by := func(weights []float64, pixel int) float64 { // one narrow channel; biases start zero
			sum := 0.0
			for c := range channels {
				sum += x[pixel*channels+c] * weights[c]
			}
			return sum
		}
		want := slices.Clone(x)
		for j := range pixels {
			total, seen := 0.0, 0.0
			for i := range pixels {
				attention := math.Exp(by(value("/f"), i) * by(value("/g"), j))
				total += attention
				seen += attention * by(value("/h"), i)
			}
			for c := range channels {
				want[j*channels+c] += seen / total * value("/v")[c]
			}
		}
		requireNear64(t, "with gamma 1", call(backend, store, true, input, SelfAttention), want)
	})
}

func TestDropout(t *testing.T) {
	const n, rate = 20000, 0.3
	x := slices.Repeat([]float32{2}, n)
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		layer := func(scope *model.Scope, x *Node) *Node { return Dropout(scope, x, rate) }
		dropped := 0
		first := flat(call(backend, store, true, tensor(x, n), layer))
		for _, v := range first {
			switch {
			case v == 0:
				dropped++
			case math.Abs(float64(v)-2/(1-rate)) > 1e-6:
				t.Fatalf("a value became %g, want 0 or %g", v, 2/(1-rate))
			}
		}
		if deviation := math.Sqrt(rate * (1 - rate) / n); math.Abs(float64(dropped)/n-rate) > 5*deviation {
			t.Errorf("%d of %d values are dropped, want about %g", dropped, n, rate*n)
		}
		if slices.Equal(first, flat(call(backend, store, true, tensor(x, n), layer))) {
			t.Error("two calls drop the same values")
		}
		if got := flat(call(backend, store, false, tensor(x, n), layer)); !slices.Equal(got, x) {
			t.Error("values are dropped in inference")
		}
	})
}

// TestClasses covers what labels become: one-hot rows, embeddings, vectors beside features and maps beside images.
func TestClasses(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		table := []float32{1, 2, 3, 4, 5, 6}
		if _, err := store.CreateVariable("/embedding", tensor(table, 3, 2)); err != nil {
			t.Fatal(err)
		}
		got := model.MustCallOnceN(backend, store, func(scope *model.Scope, x, image *Node) []*Node {
			labels := Const(x.Graph(), []int32{2, 0, 7})
			vector := Embedding(scope, labels, 3, 2)
			return []*Node{OneHotLabels(labels, 3, dtypes.Float32), ConcatVector(x, vector), ConcatVector(image, vector)}
		}, tensor([]float32{7, 8, 9}, 3, 1), tensor([]float32{-1, -2, -3, -4, -5, -6}, 3, 2, 1, 1))
		for i, want := range [][]float32{
			{0, 0, 1, 1, 0, 0, 0, 0, 0}, {7, 5, 6, 8, 1, 2, 9, 0, 0},
			{-1, 5, 6, -2, 5, 6, -3, 1, 2, -4, 1, 2, -5, 0, 0, -6, 0, 0},
		} {
			if !slices.Equal(flat(got[i]), want) {
				t.Errorf("output %d is %v, want %v", i, flat(got[i]), want)
			}
		}
	})
}

func TestProjection(t *testing.T) {
	backend, store := gantest.Go(t), newStore(t)
	for path, v := range map[string][]float64{"/weights": {1, 10}, "/biases": {0.5}, "/projection": {0, 0, 2, 3}} {
		dims := map[string][]int{"/weights": {2, 1}, "/biases": {1}, "/projection": {2, 2}}[path]
		if _, err := store.CreateVariable(path, tensor64(v, dims...)); err != nil {
			t.Fatal(err)
		}
	}
	got := call(backend, store, true, tensor64([]float64{4, 5, 4, 5}, 2, 2), func(s *model.Scope, x *Node) *Node {
		return Projection(s, x, Const(x.Graph(), []int32{0, 1}), 2)
	})
	requireNear64(t, "Projection", got, []float64{54.5, 54.5 + 23})
}

func TestMaxout(t *testing.T) {
	backend, store := gantest.Go(t), newStore(t)
	if _, err := store.CreateVariable("/weights", tensor64([]float64{1, -1, 2, 3}, 1, 4)); err != nil {
		t.Fatal(err)
	}
	got := call(backend, store, true, tensor64([]float64{1, -1}, 2, 1), func(s *model.Scope, x *Node) *Node {
		return Maxout(s, x, 2, 2)
	})
	requireNear64(t, "Maxout", got, []float64{1, 3, 1, -2})
}

// TestStarts wants each initializer's deviation in the layers that start by the scope's.
func TestStarts(t *testing.T) {
	backend, store := gantest.Go(t), newStore(t)
	call(backend, store, true, tensor(random(1, 8*8*8*20), 8, 8, 8, 20), func(s *model.Scope, x *Node) *Node {
		x = SameConv2D(WithNormal(s.In("normal"), 0.02), x, 30, 3)
		x = DownConv2D(WithHe(s.In("he")), x, 40)
		return UpConv2D(WithGlorot(s.In("glorot")), x, 30)
	})
	for path, want := range map[string]float64{
		"/normal": 0.02, "/he": math.Sqrt(2.0 / (16 * 30)), "/glorot": math.Sqrt(2.0 / (16 * (40 + 30))),
	} {
		square, n := 0.0, 0.0
		for _, w := range flat(store.GetVariable(path + "/weights").MustValue()) {
			square += float64(w) * float64(w)
			n++
		}
		if got := math.Sqrt(square / n); math.Abs(got/want-1) > 0.05 {
			t.Errorf("%s starts with deviation %g, want %g", path, got, want)
		}
	}
}

// TestBFloat16 computes in bfloat16 with weights and statistics kept in float32, close to the same in float32.
func TestBFloat16(t *testing.T) {
	critic := func(scope *model.Scope, x *Node) *Node {
		x = LeakyReLU(BatchNorm(scope.In("norm"), SpectralDownConv2D(scope.In("down"), x, 8)), 0.2)
		x = InstanceNorm(scope.In("instance"), PixelNorm(SameConv2D(scope.In("same"), x, 8, 3)))
		return Dense(scope.In("logit"), Flatten(MinibatchStdDev(x, 2)), 1)
	}
	x := random(1, 4*8*8)
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		store := newStore(t)
		low := call(backend, store, false, tensor(x, 4, 8, 8, 1), func(scope *model.Scope, x *Node) *Node {
			y := critic(scope, ConvertDType(x, dtypes.BFloat16))
			if y.DType() != dtypes.BFloat16 {
				t.Errorf("the network computes in %s, want bfloat16", y.DType())
			}
			return ConvertDType(y, dtypes.Float32)
		})
		for v := range store.IterVariables() {
			if !strings.HasPrefix(v.Path(), "/#") && v.DType() != dtypes.Float32 {
				t.Errorf("%s is %s, want float32", v.Path(), v.DType())
			}
		}
		full := flat(call(backend, store, false, tensor(x, 4, 8, 8, 1), critic))
		for i, v := range flat(low) {
			if math.Abs(float64(v-full[i])) > 0.05 || v == full[i] {
				t.Errorf("logit %d is %g in bfloat16 and %g in float32", i, v, full[i])
			}
		}
	})
}

// TestWrongShapes wants one line that names the layer and what it needs.
func TestWrongShapes(t *testing.T) {
	backend := gantest.Go(t)
	for _, c := range []struct {
		want  string
		dims  []int
		layer network
	}{
		{"SameConv2D needs images", []int{2, 3}, func(s *model.Scope, x *Node) *Node { return SameConv2D(s, x, 1, 3) }},
		{"SameConv2D needs an odd size, not 4", []int{2, 4, 4, 1},
			func(s *model.Scope, x *Node) *Node { return SameConv2D(s, x, 1, 4) }},
		{"DownConv2D needs an even height and width", []int{2, 5, 4, 1},
			func(s *model.Scope, x *Node) *Node { return DownConv2D(s, x, 1) }},
		{"UpConv2D needs images", []int{2, 3}, func(s *model.Scope, x *Node) *Node { return UpConv2D(s, x, 1) }},
		{"InstanceNorm needs images", []int{2, 3}, InstanceNorm},
		{"groups of 3 samples do not divide a batch of 4", []int{4, 2},
			func(_ *model.Scope, x *Node) *Node { return MinibatchStdDev(x, 3) }},
		{"the rate 1 must be in [0, 1)", []int{2}, func(s *model.Scope, x *Node) *Node { return Dropout(s, x, 1) }},
		{"Projection needs labels [2] int32", []int{2, 3}, func(s *model.Scope, x *Node) *Node {
			return Projection(s, x, Const(x.Graph(), []float32{1, 2}), 3)
		}},
		{"DCGAN's critic of Size 28 cannot judge", []int{2, 32, 32, 1}, DCGAN{}.Critic},
		{"ResNet's critic of Size 32 cannot judge", []int{2, 28, 28, 1}, ResNet{Size: 32}.Critic},
		{"images of 30×30 cannot be halved evenly", []int{2, 5}, DCGAN{Size: 30}.Generator},
		{"unknown Norm(9)", []int{2, 28, 28, 1}, DCGAN{Norm: 9, Width: 1}.Critic},
		{"multiples of 4", []int{2, 6, 8, 1}, Restorer},
	} {
		_, err := model.CallOnce(backend, newStore(t), func(scope *model.Scope, x *Node) *Node {
			return c.layer(scope, x)
		}, tensor(make([]float32, sizeOf(c.dims)), c.dims...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
}

func sizeOf(dims []int) int {
	size := 1
	for _, dim := range dims {
		size *= dim
	}
	return size
}
