package compress_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/compress"
	"gantry.local/gan/gantest"
	"gantry.local/gan/net"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

const components = 4

// tensor makes a float32 tensor.
func tensor(name string, shape []int, values ...float32) safetensors.Tensor {
	t := safetensors.Tensor{Name: name, DType: "F32", Shape: shape}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

func values(t testing.TB, file *safetensors.File, name string) []float32 {
	t.Helper()
	stored, found := file.Tensor(name)
	if !found || stored.DType != "F32" {
		t.Fatalf("there is no float32 tensor %s", name)
	}
	out := make([]float32, len(stored.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(stored.Data[4*i:]))
	}
	return out
}

// weights draws those of the network 4 → 32 → 6×6.
func weights() *safetensors.File {
	random := rand.New(rand.NewPCG(2, 2))
	draw := func(n int, deviation float64) (v []float32) {
		for range n {
			v = append(v, float32(deviation*random.NormFloat64()))
		}
		return v
	}
	return &safetensors.File{Tensors: []safetensors.Tensor{
		tensor("hidden/weights", []int{components, 32}, draw(components*32, 0.5)...),
		tensor("hidden/biases", []int{32}, draw(32, 0.1)...),
		tensor("output/weights", []int{32, 36}, draw(32*36, 0.25)...),
		tensor("output/biases", []int{36}, draw(36, 0.1)...),
	}}
}

func generator(t testing.TB, backend compute.Backend) *train.Generator {
	t.Helper()
	made, err := gan.NewGenerator(backend, gan.Experiment{
		Name: "tiny", Latent: components,
		Generator: func(scope *model.Scope, z *Node) *Node {
			x := Tanh(net.Dense(scope.In("hidden"), z, 32))
			return Reshape(Tanh(net.Dense(scope.In("output"), x, 36)), -1, 6, 6, 1)
		},
	}, weights())
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func done[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestInt8(t *testing.T) {
	file := &safetensors.File{Metadata: map[string]string{"experiment": "x"}, Tensors: []safetensors.Tensor{
		tensor("w", []int{2, 3}, 127, 0.5, 0, -63.6, -1, 0), tensor("b", []int{3}, 1, 2, 3),
	}}
	packed := done[*safetensors.File](t)(compress.Int8(file))
	q, _ := packed.Tensor("w")
	// Column 0 has the scale 1, column 1 has 1/127, column 2 is zero.
	if want := []byte{127, 64, 0, 0x100 - 64, 0x100 - 127, 0}; q.DType != "I8" || !bytes.Equal(q.Data, want) {
		t.Errorf("w is stored as %s %v, want %v", q.DType, q.Data, want)
	}
	if got := values(t, packed, "w.scale"); !slices.Equal(got, []float32{1, 1. / 127, 0}) {
		t.Errorf("scales %v", got)
	}
	back := done[*safetensors.File](t)(compress.Expand(packed))
	if got := values(t, back, "w"); got[0] != 127 || got[3] != -64 || got[4] != -1 || got[2] != 0 {
		t.Errorf("w comes back as %v", got)
	}
	if got := values(t, back, "b"); !slices.Equal(got, []float32{1, 2, 3}) || len(back.Tensors) != 2 || back.Metadata["experiment"] != "x" {
		t.Errorf("b comes back as %v, among %d tensors with %v", got, len(back.Tensors), back.Metadata)
	}
}

// TestInt8Error wants every weight within half a step of its channel.
func TestInt8Error(t *testing.T) {
	file := weights()
	packed := done[*safetensors.File](t)(compress.Int8(file))
	back := done[*safetensors.File](t)(compress.Expand(packed))
	got, want, scales := values(t, back, "output/weights"), values(t, file, "output/weights"), values(t, packed, "output/weights.scale")
	for i, v := range want {
		if far := math.Abs(float64(got[i] - v)); far > 0.5001*float64(scales[i%36]) {
			t.Fatalf("weight %d is %g off, more than half a step of %g", i, far, scales[i%36])
		}
	}
}

func TestHalves(t *testing.T) {
	file := &safetensors.File{Tensors: []safetensors.Tensor{tensor("w", []int{5}, 1, -0.5, 3.14159265, 0, 1000.1)}}
	for _, c := range []struct {
		pack  func(*safetensors.File) (*safetensors.File, error)
		dtype string
		want  []float32
	}{
		{compress.Float16, "F16", []float32{1, -0.5, 3.140625, 0, 1000}},
		{compress.BFloat16, "BF16", []float32{1, -0.5, 3.140625, 0, 1000}},
	} {
		packed := done[*safetensors.File](t)(c.pack(file))
		if stored, _ := packed.Tensor("w"); stored.DType != c.dtype || len(stored.Data) != 10 {
			t.Errorf("stored as %s in %d bytes", stored.DType, len(stored.Data))
		}
		if got := values(t, done[*safetensors.File](t)(compress.Expand(packed)), "w"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.dtype, got, c.want)
		}
	}
}

func TestPrune(t *testing.T) {
	file := &safetensors.File{Tensors: []safetensors.Tensor{
		tensor("small", []int{2, 2}, 0.1, -0.2, 0.3, -0.4), tensor("large", []int{2, 2}, 10, -20, 30, -40),
		tensor("bias", []int{2}, 0.001, 0.001),
	}}
	for _, c := range []struct {
		scope        compress.Scope
		share        float64
		small, large []float32
	}{
		{compress.Global, 0.5, []float32{0, 0, 0, 0}, []float32{10, -20, 30, -40}},
		{compress.PerLayer, 0.5, []float32{0, 0, 0.3, -0.4}, []float32{0, 0, 30, -40}},
		{compress.Global, 0, []float32{0.1, -0.2, 0.3, -0.4}, []float32{10, -20, 30, -40}},
		{compress.PerLayer, 1, make([]float32, 4), make([]float32, 4)},
	} {
		pruned, mask, err := compress.Prune(file, c.share, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := values(t, pruned, "small"); !slices.Equal(got, c.small) {
			t.Errorf("%v, %g: small is %v, want %v", c.scope, c.share, got, c.small)
		}
		if got := values(t, pruned, "large"); !slices.Equal(got, c.large) || mask.Share() != c.share {
			t.Errorf("%v, %g: large is %v, want %v; share %g", c.scope, c.share, got, c.large, mask.Share())
		}
		if got := values(t, pruned, "bias"); !slices.Equal(got, []float32{0.001, 0.001}) || mask["bias"] != nil {
			t.Errorf("the bias was pruned to %v", got)
		}
	}
	if got := values(t, file, "small"); got[0] != 0.1 {
		t.Error("the original was changed")
	}
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if _, _, err := compress.Prune(file, share, compress.Global); err == nil {
			t.Errorf("a share of %g is no error", share)
		}
	}
	if _, err := (compress.Mask{"other": {1}}).Apply(file); err == nil {
		t.Error("a mask of other weights is no error")
	}
	if compress.Global.String() == compress.PerLayer.String() || (compress.Mask{}).Share() != 0 {
		t.Error("the scopes share a name, or an empty mask prunes")
	}
}

// TestSparse wants every form of pruned weights back as it was, and smaller.
func TestSparse(t *testing.T) {
	pruned, _, err := compress.Prune(weights(), 0.8, compress.Global)
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]*safetensors.File{
		"float32": pruned, "int8": done[*safetensors.File](t)(compress.Int8(pruned)),
		"float16": done[*safetensors.File](t)(compress.Float16(pruned)),
	} {
		sparse := done[*safetensors.File](t)(compress.Sparse(form))
		path := filepath.Join(t.TempDir(), "g.safetensors")
		if err := sparse.Save(path); err != nil {
			t.Fatal(err)
		}
		want, got := done[*safetensors.File](t)(compress.Expand(form)), done[*safetensors.File](t)(compress.Load(path))
		for _, wanted := range want.Tensors {
			stored, _ := got.Tensor(wanted.Name)
			if !slices.Equal(values(t, got, wanted.Name), values(t, want, wanted.Name)) || !slices.Equal(stored.Shape, wanted.Shape) {
				t.Errorf("%s: %s did not come back", name, wanted.Name)
			}
		}
		if len(got.Tensors) != 4 || len(got.Metadata) != 0 {
			t.Errorf("%s: %d tensors and %v came back", name, len(got.Tensors), got.Metadata)
		}
		if dense, _ := form.Tensor("output/weights"); true {
			bitmap, _ := sparse.Tensor("output/weights.bitmap")
			kept, _ := sparse.Tensor("output/weights.values")
			if n := len(bitmap.Data) + len(kept.Data); n == 0 || n >= len(dense.Data)/2 {
				t.Errorf("%s: %d bytes became %d", name, len(dense.Data), n)
			}
		}
	}
	full := done[*safetensors.File](t)(compress.Sparse(weights()))
	if len(full.Tensors) != 4 || len(full.Metadata) != 0 {
		t.Error("weights without zeros were stored as sparse")
	}
}

// TestDamaged changes forms so that they no longer fit together.
func TestDamaged(t *testing.T) {
	zeroed := &safetensors.File{Tensors: []safetensors.Tensor{tensor("w", []int{8, 4}, append(make([]float32, 30), 1, 2)...)}}
	for name, spoil := range map[string]func(sparse *safetensors.File){
		"no values":       func(f *safetensors.File) { f.Tensors = f.Tensors[:1] },
		"too few values":  func(f *safetensors.File) { f.Tensors[1] = tensor("w.values", []int{1}, 1) },
		"too many values": func(f *safetensors.File) { f.Tensors[1] = tensor("w.values", []int{3}, 1, 2, 3) },
		"another shape":   func(f *safetensors.File) { f.Metadata["shape w"] = "8,5" },
		"no shape":        func(f *safetensors.File) { f.Metadata["shape w"] = "8,x" },
		"a huge shape":    func(f *safetensors.File) { f.Metadata["shape w"] = "9223372036854775807,4" },
		"a dtype":         func(f *safetensors.File) { f.Tensors[1].DType = "I64" },
		"a lone bitmap":   func(f *safetensors.File) { f.Metadata = nil },
	} {
		sparse := done[*safetensors.File](t)(compress.Sparse(zeroed))
		spoil(sparse)
		if _, err := compress.Expand(sparse); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	packed := done[*safetensors.File](t)(compress.Int8(weights()))
	packed.Tensors = slices.DeleteFunc(packed.Tensors, func(t safetensors.Tensor) bool { return t.Name == "output/weights.scale" })
	if _, err := compress.Expand(packed); err == nil || !strings.Contains(err.Error(), "lacks the scales") {
		t.Errorf("int8 without scales: %v", err)
	}
	if _, err := compress.Int8(packed); err == nil || !strings.Contains(err.Error(), "expand them first") {
		t.Errorf("int8 of int8: %v", err)
	}
	if _, _, err := compress.Prune(packed, 0.5, compress.Global); err == nil {
		t.Error("pruning int8 is no error")
	}
	if _, err := compress.Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file is no error")
	}
}

// TestExpandBomb wants bitmaps that claim more weights than there can be refused before memory is
// taken.
func TestExpandBomb(t *testing.T) {
	sparse := func(name string, bitmap []byte) []safetensors.Tensor {
		return []safetensors.Tensor{{Name: name + ".bitmap", DType: "U8", Shape: []int{len(bitmap)}, Data: bitmap},
			{Name: name + ".values", DType: "F32", Shape: []int{0}}}
	}
	bitmap := make([]byte, 1<<25+1)
	bomb := &safetensors.File{Tensors: sparse("w", bitmap), Metadata: map[string]string{"shape w": fmt.Sprint(8 * len(bitmap))}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := compress.Expand(bomb)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || !strings.Contains(err.Error(), "more than 268435456 values") || took > 1<<20 {
		t.Errorf("it took %d bytes: %v", took, err)
	}
}

func TestWith(t *testing.T) {
	g := generator(t, gantest.Go(t))
	same := done[*train.Generator](t)(compress.With(g, weights()))
	a, b := done[sample.Images](t)(g.Sample(3, 1)), done[sample.Images](t)(same.Sample(3, 1))
	if !slices.Equal(a.Values, b.Values) {
		t.Error("the same weights make other images")
	}
	none := &safetensors.File{}
	other := weights()
	other.Tensors[0] = tensor("hidden/weights", []int{2, 2}, 1, 2, 3, 4)
	unknown := weights()
	unknown.Tensors[0].Name = "elsewhere"
	for _, file := range []*safetensors.File{none, other, unknown} {
		if _, err := compress.With(g, file); err == nil || !strings.Contains(err.Error(), "another network") {
			t.Errorf("weights of another network: %v", err)
		}
	}
}

// TestTune prunes most weights and wants training to bring the images nearer to the original's, with the pruned weights
// still at zero and the original unchanged.
func TestTune(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		original := generator(t, backend)
		pruned, mask, err := compress.Prune(weights(), 0.7, compress.PerLayer)
		if err != nil {
			t.Fatal(err)
		}
		student := done[*train.Generator](t)(compress.With(original, pruned))
		before := student.Store().NumVariables()
		steps := 0
		losses, err := compress.Tune(t.Context(), student, original, mask, compress.TuneOptions{
			Steps: 60, Rate: 1e-2, BatchSize: 32, Progress: func(int, float64) { steps++ },
		})
		if err != nil || len(losses) != 60 || steps != 60 {
			t.Fatalf("%d losses, %d reported, %v", len(losses), steps, err)
		}
		if !(losses[59] < losses[0]/2) {
			t.Errorf("the loss went from %g to %g", losses[0], losses[59])
		}
		tuned := done[*safetensors.File](t)(student.Weights())
		for name, kept := range mask {
			for i, v := range values(t, tuned, name) {
				if kept[i] == 0 && math.Float32bits(v) != 0 { // no -0 either
					t.Fatalf("pruned weight %d of %s is %g", i, name, v)
				}
			}
		}
		if slices.Equal(values(t, tuned, "hidden/biases"), values(t, pruned, "hidden/biases")) {
			t.Error("the biases were not trained")
		}
		if untouched := done[*safetensors.File](t)(original.Weights()); !slices.Equal(values(t, untouched, "hidden/weights"), values(t, weights(), "hidden/weights")) {
			t.Error("the original was trained")
		}
		if student.Store().NumVariables() != before {
			t.Error("tuning left variables behind")
		}
	})
}

func TestTuneRefuses(t *testing.T) {
	g := generator(t, gantest.Go(t))
	student := done[*train.Generator](t)(g.Clone())
	ctx, cancel := context.WithCancel(t.Context())
	losses, err := compress.Tune(ctx, student, g, nil, compress.TuneOptions{Progress: func(int, float64) { cancel() }})
	if !errors.Is(err, context.Canceled) || len(losses) != 1 || losses[0] != 0 {
		t.Errorf("cancelled in step 1: losses %v, %v", losses, err)
	}
	for want, tune := range map[string]func() ([]float64, error){
		"Steps -1": func() ([]float64, error) {
			return compress.Tune(t.Context(), student, g, nil, compress.TuneOptions{Steps: -1})
		},
		"after itself": func() ([]float64, error) { return compress.Tune(t.Context(), g, g, nil, compress.TuneOptions{}) },
		"other weights": func() ([]float64, error) {
			return compress.Tune(t.Context(), student, g, compress.Mask{"x": {1}}, compress.TuneOptions{})
		},
	} {
		if _, err := tune(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	g := generator(t, gantest.Go(t))
	packed := done[*safetensors.File](t)(compress.Int8(weights()))
	pruned, _, err := compress.Prune(weights(), 0.9, compress.Global)
	if err != nil {
		t.Fatal(err)
	}
	report := done[compress.Report](t)(compress.Measure(g, []compress.Form{{"same", weights()}, {"int8", packed}, {"pruned", pruned}}, 50, 1))
	if report[1].Difference != 0 || !(report[2].Difference > 0 && report[2].Difference < 0.01) || !(report[3].Difference > report[2].Difference) {
		t.Errorf("differences of\n%v", report)
	}
	if share := 0.9 * float64(components*32+32*36) / float64(components*32+32*36+32+36); math.Abs(report[3].Zeros-share) > 1e-3 || report[0].Zeros != 0 {
		t.Errorf("%g of the pruned weights are zero, want %g", report[3].Zeros, share)
	}
	if !(report[2].Bytes < report[0].Bytes/2) {
		t.Errorf("int8 takes %d bytes of %d", report[2].Bytes, report[0].Bytes)
	}
	for _, row := range report {
		if !(row.SamplesPerSecond > 0) || !strings.Contains(report.String(), row.Name) {
			t.Errorf("row %+v of\n%v", row, report)
		}
	}
	if _, err := compress.Measure(g, []compress.Form{{"none", &safetensors.File{}}}, 1, 1); err == nil || !strings.Contains(err.Error(), "none:") {
		t.Errorf("weights of another network: %v", err)
	}
	if _, err := compress.Measure(g, nil, 0, 1); err == nil {
		t.Error("no samples are no error")
	}
}
