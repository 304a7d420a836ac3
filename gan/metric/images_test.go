package metric

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/sample"
)

func tensorOf(images sample.Images) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(images.Values, images.N, images.Height, images.Width, images.Channels)
}

func flat(t *testing.T, value *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](value)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// moved adds h to one value of every image.
func moved(images sample.Images, pixel int, h float32) sample.Images {
	size := images.Height * images.Width * images.Channels
	images.Values = slices.Clone(images.Values)
	for i := range images.N {
		images.Values[i*size+pixel] += h
	}
	return images
}

// noise is n images of uniform-looking noise in [-1, 1].
func noise(seed uint64, n, h, w, c int) sample.Images {
	values := normal(seed, n, h*w*c, 0, 1).Values
	for i, v := range values {
		values[i] = float32(math.Tanh(float64(v)))
	}
	return sample.Images{Values: values, N: n, Height: h, Width: w, Channels: c}
}

// chosen returns images by their places.
func chosen(images sample.Images, places ...int) sample.Images {
	rows := vectors(images).Rows(places)
	return sample.Images{Values: rows.Values, N: rows.N, Height: images.Height, Width: images.Width, Channels: images.Channels}
}

func TestMemorised(t *testing.T) {
	train, heldOut := noise(1, 60, 5, 5, 1), noise(2, 40, 5, 5, 1)
	copies := chosen(train, 7, 3)
	copies.Values[0] += 0.01
	samples := sample.Images{Values: slices.Concat(noise(3, 30, 5, 5, 1).Values, copies.Values), N: 32, Height: 5, Width: 5, Channels: 1}
	m, err := Memorised(samples, train, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	if first := m.Nearest[0]; first.Sample != 31 || first.Train != 3 || first.TrainDistance != 0 || first.Ratio() != 0 {
		t.Errorf("the exact copy is %+v", first)
	}
	if second := m.Nearest[1]; second.Sample != 30 || second.Train != 7 || second.Ratio() > 0.02 {
		t.Errorf("the near copy is %+v", second)
	}
	requireNear(t, "distance of the near copy", m.Nearest[1].TrainDistance, 0.01/5, 1e-6)
	requireNear(t, "expected share", m.Expected, 0.6, 1e-12)
	for _, n := range m.Nearest { // the nearest by brute force
		for i := range heldOut.N {
			if d := math.Sqrt(squaredDistance(vectors(samples).Row(n.Sample), vectors(heldOut).Row(i)) / 25); d < n.HeldOutDistance-1e-12 {
				t.Errorf("sample %d: held-out image %d is nearer than %d", n.Sample, i, n.HeldOut)
			}
		}
	}
	closer := 0.0
	var ratios []float64
	for _, n := range m.Nearest {
		if n.TrainDistance < n.HeldOutDistance {
			closer += 1.0 / 32
		}
		ratios = append(ratios, n.Ratio())
	}
	requireNear(t, "share nearer to training images", m.Closer, closer, 1e-9)
	requireNear(t, "share nearer to training images", m.Closer, 0.6, 0.25)
	if !slices.IsSorted(ratios) || m.MedianRatio != (ratios[15]+ratios[16])/2 {
		t.Errorf("ratios %v with the median %g", ratios, m.MedianRatio)
	}

	all, err := Memorised(train, train, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	none, err := Memorised(heldOut, train, heldOut)
	if err != nil {
		t.Fatal(err)
	}
	requireNear(t, "share of copies", all.Closer, 1, 1e-9)
	if all.MedianRatio != 0 || none.Closer != 0 || !math.IsInf(none.MedianRatio, 1) {
		t.Errorf("training images as samples: %s; held-out ones: %s", all, none)
	}
	same, err := Memorised(chosen(train, 0, 1, 2), train, train)
	if err != nil {
		t.Fatal(err)
	}
	if got := same.String(); got != "50.0 % of samples are nearer to a training image (by chance 50.0 %), median ratio 1.000, lowest 1.000" {
		t.Errorf("text is %q", got)
	}
}

func TestBadImages(t *testing.T) {
	good := noise(1, 3, 4, 4, 1)
	short, spoilt, wide := good, noise(1, 3, 4, 4, 1), noise(1, 3, 4, 5, 1)
	short.Values = short.Values[1:]
	spoilt.Values[20] = float32(math.NaN())
	_, err := Memorised(good, wide, good)
	requireError(t, err, "samples of 4×4×1 among images of 4×5×1")
	_, err = Memorised(good, short, good)
	requireError(t, err, "has 47 values; 3 samples of 4×4×1 need 48")
	_, err = PSNR(good, spoilt)
	requireError(t, err, "the value NaN in sample 1")
	_, err = PSNR(sample.Images{}, good)
	requireError(t, err, "0 images")
	_, err = SSIM(good, wide)
	requireError(t, err, "in pairs")
	_, err = SSIM(good, good)
	requireError(t, err, "at least 11×11, not 4×4")
}

func TestPSNR(t *testing.T) {
	a := noise(1, 2, 6, 6, 1)
	b := chosen(a, 0, 1)
	for i := 36; i < 72; i++ {
		b.Values[i] += 0.2
	}
	got, err := PSNR(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(got[0], 1) {
		t.Errorf("equal images have %g dB, want +Inf", got[0])
	}
	requireNear(t, "20 log(2/0.2)", got[1], 20, 1e-4)
}

func TestSSIM(t *testing.T) {
	a := noise(1, 3, 13, 12, 2)
	opposite, flat := chosen(a, 0, 1, 2), chosen(a, 0, 1, 2)
	for i := range a.Values {
		a.Values[i] = 0.5 + 0.4*a.Values[i]
		opposite.Values[i] = 1 - a.Values[i]
		flat.Values[i] = -0.4
	}
	ssim := func(x, y sample.Images) []float64 {
		t.Helper()
		values, err := SSIM(x, y)
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
	for i, value := range ssim(a, a) {
		requireNear(t, "similarity to itself", value, 1, 1e-9)
		if against := ssim(a, opposite)[i]; against > -0.5 {
			t.Errorf("similarity to the opposite %g, want near -1", against)
		}
		near, far := chosen(a, 0, 1, 2), noise(9, 3, 13, 12, 2)
		for k := range near.Values {
			near.Values[k] += 0.05 * far.Values[k]
		}
		if n, f := ssim(a, near)[i], ssim(a, far)[i]; n < 0.9 || f > 0.4 || f < -0.4 {
			t.Errorf("similarity to a slightly noisy image %g and to noise %g", n, f)
		}
		requireNear(t, "the other way round", ssim(a, near)[i], ssim(near, a)[i], 1e-12)
	}
	// Two flat images: only the means' part is left, (2·0.4·0.2 + c₁) / (0.4² + 0.2² + c₁).
	other := chosen(flat, 0)
	for i := range other.Values {
		other.Values[i] = -0.2
	}
	requireNear(t, "similarity of two greys", ssim(chosen(flat, 0), other)[0], (0.16+0.0004)/(0.2+0.0004), 1e-6)
}

func TestBlur(t *testing.T) {
	x := make([]float64, 15*12)
	for i := range x {
		x[i] = 3 + 2*float64(i/12) - float64(i%12) // a plane keeps its values
	}
	out := blur(x, 15, 12)
	if len(out) != 5*2 {
		t.Fatalf("%d values, want 5×2", len(out))
	}
	for i, v := range out {
		requireNear(t, "blurred plane", v, x[(i/2+5)*12+i%2+5], 1e-12)
	}
}

// halves are half of the values.
type halves struct{ OwnValues }

func (halves) Features(images sample.Images) (Features, error) {
	f := vectors(images)
	f.Values = slices.Clone(f.Values)
	for i := range f.Values {
		f.Values[i] /= 2
	}
	return f, nil
}

// TestPathLength knows two generators: a constant one, and a linear one, for which doubling the output quadruples it.
func TestPathLength(t *testing.T) {
	const latent = 8
	linear := func(factor float32) func([]float32) (sample.Images, error) {
		return func(z []float32) (sample.Images, error) {
			images := sample.Images{N: len(z) / latent, Height: 2, Width: 4, Channels: 1}
			for _, v := range z {
				images.Values = append(images.Values, factor*v)
			}
			return images, nil
		}
	}
	length := func(generate func([]float32) (sample.Images, error), o PathOptions) Path {
		t.Helper()
		path, err := PathLength(generate, latent, o)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	if path := length(linear(0), PathOptions{}); path.Mean != 0 || path.Deviation != 0 || len(path.Lengths) != 100 {
		t.Errorf("a constant generator has the path length %+v", path)
	}
	one, two := length(linear(1), PathOptions{}), length(linear(2), PathOptions{})
	requireNear(t, "length of twice the image", two.Mean, 4*one.Mean, 1e-2*one.Mean)
	// Of latents with norm √8 a quarter turn apart: π²/4 · 8 / 8 components.
	requireNear(t, "length of the identity", one.Mean, math.Pi*math.Pi/4, 0.6)
	coarse := length(linear(1), PathOptions{Epsilon: 1e-2})
	requireNear(t, "length in larger steps", coarse.Mean, one.Mean, 2e-2*one.Mean)
	halved := length(linear(1), PathOptions{Extractor: halves{}})
	requireNear(t, "length on features", halved.Mean, one.Mean/4, 1e-2*one.Mean)
	again := length(linear(1), PathOptions{Seed: 1})
	if again.Mean == one.Mean {
		t.Error("another seed gives the same paths")
	}

	broken := errors.New("no device")
	_, err := PathLength(func([]float32) (sample.Images, error) { return sample.Images{}, broken }, latent, PathOptions{})
	if !errors.Is(err, broken) {
		t.Errorf("error %v does not wrap the generator's", err)
	}
	_, err = PathLength(func([]float32) (sample.Images, error) { return noise(1, 3, 1, 1, 1), nil }, latent, PathOptions{})
	requireError(t, err, "100 latents gave 3 images")
	for _, options := range []PathOptions{{Paths: math.MaxInt}, {Epsilon: math.NaN()}, {Epsilon: math.Inf(1)}, {Epsilon: 2}} {
		_, err = PathLength(func([]float32) (sample.Images, error) { return sample.Images{}, broken }, latent, options)
		requireError(t, err, "want 1 to 1048576 and a step of")
	}
	_, err = PathLength(func([]float32) (sample.Images, error) { return noise(1, 3, 1, 1, 1), nil }, 0, PathOptions{})
	requireError(t, err, "0 components")
}

func TestSlerp(t *testing.T) {
	a, b := []float64{3, 0}, []float64{0, 3}
	for i, want := range [][]float32{{3, 0}, {3 / math.Sqrt2, 3 / math.Sqrt2}, {0, 3}} {
		got := slerp(a, b, float64(i)/2)
		requireNear(t, "x", float64(got[0]), float64(want[0]), 1e-6)
		requireNear(t, "y", float64(got[1]), float64(want[1]), 1e-6)
	}
	if got := slerp([]float64{1, 1}, []float64{2, 2}, 0.5); math.Abs(float64(got[0])-1.5) > 1e-6 {
		t.Errorf("between latents on one ray %v, want the mean", got)
	}
}
