package latent_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/latent"
	"gantry.local/gan/net"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

const (
	components = 3
	side       = 6
)

// weights draws the weights of a network of layers in → 16 → 6×6×1.
func weights(in int) *safetensors.File {
	random := rand.New(rand.NewPCG(7, 7))
	file := &safetensors.File{}
	for _, layer := range []struct {
		name    string
		in, out int
	}{{"hidden", in, 16}, {"output", 16, side * side}} {
		for name, shape := range map[string][]int{"weights": {layer.in, layer.out}, "biases": {layer.out}} {
			tensor := safetensors.Tensor{Name: layer.name + "/" + name, DType: "F32", Shape: shape}
			size := layer.out
			if len(shape) > 1 {
				size *= layer.in
			}
			for range size {
				value := float32(random.NormFloat64() / math.Sqrt(float64(layer.in)))
				tensor.Data = binary.LittleEndian.AppendUint32(tensor.Data, math.Float32bits(value))
			}
			file.Tensors = append(file.Tensors, tensor)
		}
	}
	slices.SortFunc(file.Tensors, func(a, b safetensors.Tensor) int { return strings.Compare(a.Name, b.Name) })
	return file
}

func network(scope *model.Scope, x *Node) *Node {
	x = Tanh(net.Dense(scope.In("hidden"), x, 16))
	return Reshape(Tanh(net.Dense(scope.In("output"), x, side*side)), -1, side, side, 1)
}

func generator(t testing.TB, backend compute.Backend) *train.Generator {
	t.Helper()
	made, err := gan.NewGenerator(backend, gan.Experiment{Name: "tiny", Latent: components, Generator: network},
		weights(components))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// classGenerator is a generator of four classes.
func classGenerator(t testing.TB, backend compute.Backend) *train.Generator {
	t.Helper()
	exp := gan.Experiment{Name: "tiny", Latent: components, View: gan.View{Classes: 4}}
	exp.View.ClassGenerator = func(scope *model.Scope, z, labels *Node) *Node {
		return network(scope, Concatenate([]*Node{z, MulScalar(OneHot(labels, 4, dtypes.Float32), 3)}, -1))
	}
	made, err := gan.NewGenerator(backend, exp, weights(components+4))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func drawn(t testing.TB, g *train.Generator, n int, seed int64) sample.Images {
	t.Helper()
	images, err := g.Sample(n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// TestProject finds the generator's own images.
func TestProject(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		g := generator(t, backend)
		before := g.Store().NumVariables()
		targets := drawn(t, g, 3, 1)
		var progress []float64
		found, err := latent.Project(t.Context(), g, targets, latent.ProjectOptions{
			Steps: 200, Restarts: 3, Prior: -1, Seed: 5,
			Progress: func(step int, loss float64) {
				if progress = append(progress, loss); step != len(progress) {
					t.Errorf("step %d was reported after %d", step, len(progress)-1)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range found.Errors {
			if !(e < 1e-3) {
				t.Errorf("target %d is missed by %g, want its image", i, e)
			}
		}
		if !slices.Equal(progress, found.Loss) || len(found.Loss) != 200 || !(found.Loss[199] < found.Loss[0]/10) {
			t.Errorf("loss %v…%v over %d steps, %d reported; want a history that falls",
				found.Loss[0], found.Loss[len(found.Loss)-1], len(found.Loss), len(progress))
		}
		again, err := g.Generate(found.Z)
		if err != nil || !slices.Equal(again.Values, found.Images.Values) || found.Images.N != 3 {
			t.Errorf("the images are not those of Z (%v)", err)
		}
		if g.Store().NumVariables() != before {
			t.Error("the search left variables in the generator")
		}
	})
}

// TestPrior wants shorter latents where the prior weighs more.
func TestPrior(t *testing.T) {
	g := generator(t, gantest.Go(t))
	var lengths []float64
	for _, prior := range []float64{-1, 0.1, 10} {
		found, err := latent.Project(t.Context(), g, drawn(t, g, 2, 1), latent.ProjectOptions{Steps: 100, Restarts: 2, Prior: prior})
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, length(found.Z))
	}
	if !(lengths[0] > lengths[1] && lengths[1] > lengths[2] && lengths[2] < 0.1) {
		t.Errorf("latents are %v long with priors of 0, 0.1 and 10", lengths)
	}
}

// TestRestarts wants more starts to find no worse an objective.
func TestRestarts(t *testing.T) {
	g := generator(t, gantest.Go(t))
	targets := drawn(t, g, 1, 3)
	last := math.Inf(1)
	for _, restarts := range []int{1, 4, 16} {
		found, err := latent.Project(t.Context(), g, targets, latent.ProjectOptions{Steps: 20, Restarts: restarts, Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		if loss := found.Loss[19]; loss > last+1e-6 {
			t.Errorf("%d starts reach %g, fewer reached %g", restarts, loss, last)
		} else {
			last = loss
		}
	}
}

// leftHalf is a mask that knows the left half of the pixels.
func leftHalf() []float32 {
	mask := make([]float32, side*side)
	for i := range mask {
		if i%side < side/2 {
			mask[i] = 1
		}
	}
	return mask
}

// TestInpaint hides half of the generator's own images: what is hidden has no influence, what is known comes back as it
// was, and the rest is found again.
func TestInpaint(t *testing.T) {
	g := generator(t, gantest.Go(t))
	truth := drawn(t, g, 2, 4)
	damaged := truth
	damaged.Values = slices.Clone(truth.Values)
	mask := leftHalf()
	for i := range damaged.Values {
		if mask[i%len(mask)] == 0 {
			damaged.Values[i] = 1
		}
	}
	options := latent.ProjectOptions{Steps: 300, Prior: -1, Mask: mask}
	want, err := latent.Inpaint(t.Context(), g, truth, options)
	if err != nil {
		t.Fatal(err)
	}
	options.Mask = slices.Concat(mask, mask) // one per target
	got, err := latent.Inpaint(t.Context(), g, damaged, options)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Z, want.Z) || !slices.Equal(got.Images.Values, want.Images.Values) {
		t.Error("pixels that the mask hides change the result")
	}
	for i, v := range got.Images.Values {
		switch known := mask[i%len(mask)] == 1; {
		case known && v != truth.Values[i]:
			t.Fatalf("known value %d was %g and is %g", i, truth.Values[i], v)
		case !known && math.Abs(float64(v-truth.Values[i])) > 0.1:
			t.Fatalf("hidden value %d was %g and was filled in as %g", i, truth.Values[i], v)
		}
	}
}

// TestSuperResolve shrinks the generator's own images and wants images with the same averages.
func TestSuperResolve(t *testing.T) {
	g := generator(t, gantest.Go(t))
	truth := drawn(t, g, 2, 4)
	small := sample.Images{Values: make([]float32, 2*3*3), N: 2, Height: 3, Width: 3, Channels: 1}
	for i, v := range truth.Values {
		image, y, x := i/(side*side), i/side%side, i%side
		small.Values[(image*3+y/2)*3+x/2] += v / 4
	}
	found, err := latent.SuperResolve(t.Context(), g, small, 2, latent.ProjectOptions{Steps: 300, Prior: -1})
	if err != nil {
		t.Fatal(err)
	}
	if found.Images.Height != side || found.Images.N != 2 || slices.Max(found.Errors) > 1e-3 {
		t.Errorf("got %d images of height %d, missing the averages by %v", found.Images.N, found.Images.Height, found.Errors)
	}
	if _, err := latent.SuperResolve(t.Context(), g, small, 1, latent.ProjectOptions{}); err == nil {
		t.Error("a factor of 1 is no error")
	}
	_, err = latent.SuperResolve(t.Context(), g, small, 4, latent.ProjectOptions{})
	if err == nil || !strings.Contains(err.Error(), "6×6 cannot be shrunk by 4") {
		t.Errorf("a factor that does not divide: %v", err)
	}
}

// TestDenoise wants the result nearer to the clean image than the noisy one is.
func TestDenoise(t *testing.T) {
	g := generator(t, gantest.Go(t))
	clean := drawn(t, g, 2, 8)
	noisy := clean
	noisy.Values = slices.Clone(clean.Values)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noisy.Values {
		noisy.Values[i] += float32(0.3 * random.NormFloat64())
	}
	found, err := latent.Denoise(t.Context(), g, noisy, latent.ProjectOptions{Steps: 200})
	if err != nil {
		t.Fatal(err)
	}
	distance := func(a []float32) (sum float64) {
		for i, v := range a {
			sum += math.Pow(float64(v-clean.Values[i]), 2) / float64(len(a))
		}
		return sum
	}
	if before, after := distance(noisy.Values), distance(found.Images.Values); !(after < before/2) {
		t.Errorf("mean squared error %g before and %g after", before, after)
	}
}

// TestProjectClasses wants the class told to matter.
func TestProjectClasses(t *testing.T) {
	g := classGenerator(t, gantest.Go(t))
	targets, err := g.GenerateClasses(train.Latents(1, components, 1), []int32{2})
	if err != nil {
		t.Fatal(err)
	}
	missed := func(class int32) float64 {
		found, err := latent.Project(t.Context(), g, targets, latent.ProjectOptions{Steps: 150, Classes: []int32{class}})
		if err != nil {
			t.Fatal(err)
		}
		return found.Errors[0]
	}
	if right, wrong := missed(2), missed(0); !(right < 1e-2 && wrong > 5*right) {
		t.Errorf("missed by %g as the right class and %g as another", right, wrong)
	}
}

func TestProjectRefuses(t *testing.T) {
	backend := gantest.Go(t)
	plain, conditional := generator(t, backend), classGenerator(t, backend)
	good := drawn(t, plain, 2, 1)
	for _, c := range []struct {
		want    string
		g       *train.Generator
		targets sample.Images
		options latent.ProjectOptions
	}{
		{"cannot project", plain, sample.Images{}, latent.ProjectOptions{}},
		{"cannot project", plain, sample.Images{Values: good.Values[1:], N: 2, Height: side, Width: side, Channels: 1}, latent.ProjectOptions{}},
		{"Steps -1", plain, good, latent.ProjectOptions{Steps: -1}},
		{"Rate NaN", plain, good, latent.ProjectOptions{Rate: math.NaN()}},
		{"the mask has 3 values", plain, good, latent.ProjectOptions{Mask: make([]float32, 3)}},
		{"leaves no pixel of target 0", plain, good, latent.ProjectOptions{Mask: make([]float32, side*side)}},
		{"the mask has the value 2", plain, good, latent.ProjectOptions{Mask: slices.Repeat([]float32{2}, side*side)}},
		{"not conditional", plain, good, latent.ProjectOptions{Classes: []int32{0, 1}}},
		{"give the class of each of the 2", conditional, good, latent.ProjectOptions{}},
		{"no class 4", conditional, good, latent.ProjectOptions{Classes: []int32{0, 4}}},
		{"ProjectOptions.Shrink", plain, good, latent.ProjectOptions{Shrink: 2}},
	} {
		_, err := latent.Project(t.Context(), c.g, c.targets, c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	for _, options := range []latent.ProjectOptions{{}, {Mask: leftHalf(), Shrink: 2}} {
		if _, err := latent.Inpaint(t.Context(), plain, good, options); err == nil {
			t.Errorf("inpainting with %+v is no error", options)
		}
	}
}

func TestProjectEndsWithContext(t *testing.T) {
	g := generator(t, gantest.Go(t))
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	_, err := latent.Project(ctx, g, drawn(t, g, 1, 1), latent.ProjectOptions{Steps: 1000, Progress: func(step int, _ float64) {
		if steps = step; step == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || steps != 3 {
		t.Errorf("%d steps and %v after a cancellation in step 3", steps, err)
	}
}

func TestClassGrid(t *testing.T) {
	g := classGenerator(t, gantest.Go(t))
	grid, err := latent.ClassGrid(g, 3, 6)
	if err != nil || grid.N != 12 {
		t.Fatalf("%d images, %v, want 4 rows of 3", grid.N, err)
	}
	want, err := g.GenerateClasses(train.Latents(3, components, 6), []int32{2, 2, 2})
	size := side * side
	if err != nil || !near(grid.Values[6*size:9*size], want.Values, 1e-6) {
		t.Errorf("row 2 is not class 2 of the same latents (%v)", err)
	}
	if _, err := latent.ClassGrid(g, 0, 1); err == nil {
		t.Error("no columns are no error")
	}
	if _, err := latent.ClassGrid(generator(t, g.Backend()), 1, 1); err == nil {
		t.Error("a generator without classes is no error")
	}
}

func TestAugment(t *testing.T) {
	g := classGenerator(t, gantest.Go(t))
	made, err := latent.Augment(g, 5, 1)
	if err != nil || made.Check() != nil || made.N != 20 || made.Classes() != 4 || made.Height != side {
		t.Fatalf("got %+v, %v, %v", made, err, made.Check())
	}
	for class := range int32(4) {
		count := 0
		for _, label := range made.Labels[:8] {
			if label == class {
				count++
			}
		}
		if count != 2 {
			t.Errorf("class %d has %d of the first 8 images, want 2", class, count)
		}
	}
	drawn, err := g.GenerateClasses(train.Latents(20, components, 1), made.Labels)
	if err != nil {
		t.Fatal(err)
	}
	if got := made.Floats(0, 20); !near(got, drawn.Values, 1/127.5) {
		t.Error("the images are not those that the generator makes of these labels")
	}
	few := &sample.Images{Pixels: make([]byte, 2*side*side), Labels: []int32{3, 1}, N: 2, Height: side, Width: side, Channels: 1}
	joined, err := latent.Join(few, made)
	if err != nil || joined.Check() != nil || joined.N != 22 || joined.Labels[0] != 3 || joined.Labels[2] != 0 || few.N != 2 {
		t.Errorf("joined %+v, %v", joined, err)
	}
	if _, err := latent.Augment(g, 0, 1); err == nil {
		t.Error("no images per class are no error")
	}
	other := &sample.Images{Pixels: make([]byte, 4), Labels: []int32{0}, N: 1, Height: 2, Width: 2, Channels: 1}
	values := &sample.Images{Values: make([]float32, side*side), Labels: []int32{0}, N: 1, Height: side, Width: side, Channels: 1}
	for _, b := range []*sample.Images{other, values, {N: 1}} {
		if _, err := latent.Join(few, b); err == nil {
			t.Errorf("joining %+v is no error", b)
		}
	}
}
