package metric

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
)

func load(t *testing.T, set data.Set) *sample.Images {
	t.Helper()
	images, err := set.Load()
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// part returns some images as samples.
func part(images *sample.Images, first, n int) sample.Images {
	seen := images.Part(first, n).Seen()
	seen.Labels = nil
	return seen
}

func openClassifier(t *testing.T, backend compute.Backend, name string) *Classifier {
	t.Helper()
	e, err := Open(backend, name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func featuresOfImages(t *testing.T, e *Classifier, images sample.Images) Features {
	t.Helper()
	f, err := e.Features(images)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAccuracy classifies test images that training never saw, of both sets (a thousand clothes), and wants files of a
// modest size.
func TestAccuracy(t *testing.T) {
	backend := gantest.XLA(t)
	for name, c := range map[string]struct {
		test  data.Set
		right float64
	}{MNIST1: {data.MNISTTest(), 0.99}, Fashion1: {gantest.Fashion(t), 0.90}} {
		images, e := load(t, c.test), openClassifier(t, backend, name)
		classes, confidence, err := e.Classes(part(images, 0, images.N))
		if err != nil {
			t.Fatal(err)
		}
		right, sure := 0, 0.0
		for i, class := range classes {
			if class == images.Labels[i] {
				right++
			}
			sure += confidence[i] / float64(images.N)
		}
		accuracy := float64(right) / float64(images.N)
		if accuracy < c.right {
			t.Errorf("%s: %.2f %% right, want at least %g %%", name, 100*accuracy, 100*c.right)
		}
		requireNear(t, name+": mean confidence against accuracy", sure, accuracy, 0.05)
		if info, err := os.Stat(filepath.Join("weights", name+".safetensors")); err != nil || info.Size() > 400<<10 {
			t.Errorf("%s: its file is too large: %v %v", name, info, err)
		}
		if e.Name() != name || e.NumClasses() != 10 {
			t.Errorf("%s is called %s and has %d classes", name, e.Name(), e.NumClasses())
		}
	}
}

// TestFeatures wants features that do not depend on the batch or the backend, with a variance of 1 on average.
func TestFeatures(t *testing.T) {
	images := part(load(t, data.MNIST()), 0, 1024)
	all := featuresOfImages(t, openClassifier(t, gantest.XLA(t), MNIST1), images)
	if all.N != 1024 || all.D != 64 || all.check("test") != nil {
		t.Fatalf("%d features of %d", all.N, all.D)
	}
	_, covariance := moments(all)
	variance := 0.0
	for i := range all.D {
		variance += covariance.at(i, i) / 64
	}
	requireNear(t, "mean variance of the features", variance, 1, 0.1)

	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		e := openClassifier(t, backend, MNIST1)
		few := featuresOfImages(t, e, chosen(images, 3, 140, 5))
		for i, place := range []int{3, 140, 5} {
			for k, v := range few.Row(i) {
				requireNear(t, "feature", float64(v), float64(all.Row(place)[k]), 1e-3)
			}
		}
	})
}

// TestDistancesOrder is the property that matters: real images are nearest to real images, blurred ones are farther,
// noise is farthest, for both distances.
func TestDistancesOrder(t *testing.T) {
	backend := gantest.XLA(t)
	for name, set := range map[string]data.Set{MNIST1: data.MNIST(), Fashion1: gantest.Fashion(t)} {
		images, e := load(t, set), openClassifier(t, backend, name)
		n := min(1000, images.N/2)
		all := part(images, 0, 2*n)
		var even, odd []int // of sorted images both are of all classes
		for i := range n {
			even, odd = append(even, 2*i), append(odd, 2*i+1)
		}
		real, other := chosen(all, even...), chosen(all, odd...)
		sets := []sample.Images{other, boxBlurred(other), noise(1, n, 28, 28, 1)}
		previous := [2]float64{-1, -1}
		f := featuresOfImages(t, e, real)
		for i, images := range sets {
			g := featuresOfImages(t, e, images)
			fd, err := Frechet(f, g)
			if err != nil {
				t.Fatal(err)
			}
			kd, err := Kernel(f, g)
			if err != nil {
				t.Fatal(err)
			}
			if fd < 1.5*previous[0] || kd < 1.5*previous[1] {
				t.Errorf("%s: set %d of real, blurred, noise is at %g and %g, the one before at %v", name, i, fd, kd, previous)
			}
			previous = [2]float64{fd, kd}
		}
		self, err := Frechet(f, f)
		if err != nil {
			t.Fatal(err)
		}
		requireNear(t, "Fréchet distance of a set from itself", self, 0, 1e-6)
	}
}

// boxBlurred averages 3×3 pixels.
func boxBlurred(images sample.Images) sample.Images {
	out := sample.Images{Values: make([]float32, len(images.Values)), N: images.N, Height: images.Height, Width: images.Width, Channels: 1}
	for i := range out.Values {
		row, column := i/images.Width%images.Height, i%images.Width
		var sum, n float32
		for y := max(row-1, 0); y <= min(row+1, images.Height-1); y++ {
			for x := max(column-1, 0); x <= min(column+1, images.Width-1); x++ {
				sum += images.Values[i+(y-row)*images.Width+x-column]
				n++
			}
		}
		out.Values[i] = sum / n
	}
	return out
}

// TestStacked stacks digits as Stacked MNIST does and wants the number they spell.
func TestStacked(t *testing.T) {
	images, e := load(t, data.MNISTTest()), openClassifier(t, gantest.XLA(t), MNIST1)
	singles := part(images, 0, 90)
	classes, confidence, err := e.Classes(singles)
	if err != nil {
		t.Fatal(err)
	}
	stacked := sample.Images{N: 30, Height: 28, Width: 28, Channels: 3}
	for i := range 30 {
		for pixel := range 28 * 28 {
			for channel := range 3 {
				stacked.Values = append(stacked.Values, singles.Values[(3*i+channel)*28*28+pixel])
			}
		}
	}
	numbers, sure, err := e.Classes(stacked)
	if err != nil {
		t.Fatal(err)
	}
	for i, number := range numbers {
		if want := 100*classes[3*i] + 10*classes[3*i+1] + classes[3*i+2]; number != want {
			t.Errorf("stack %d is read as %d, want %d", i, number, want)
		}
		requireNear(t, "confidence", sure[i], confidence[3*i]*confidence[3*i+1]*confidence[3*i+2], 1e-6)
	}
	h, err := Count(numbers, 1000)
	if err != nil || h.Total() != 30 || h.Captured(1) < 20 {
		t.Errorf("%d modes of %d stacks (%v)", h.Captured(1), h.Total(), err)
	}
	_, err = e.Features(stacked)
	requireError(t, err, "classifier gantry-mnist-1 reads images of 28×28×1, not 28×28×3")
	_, _, err = e.Classes(sample.Images{Values: make([]float32, 32*32), N: 1, Height: 32, Width: 32, Channels: 1})
	requireError(t, err, "not 32×32×1")
	_, err = e.Features(sample.Images{Values: make([]float32, 10), N: 1, Height: 28, Width: 28, Channels: 1})
	requireError(t, err, "has 10 values; 1 samples of 28×28×1 need 784")
}

// TestMonitorClasses collapses MNIST to some of its digits.
func TestMonitorClasses(t *testing.T) {
	images := load(t, data.MNIST())
	m, err := NewMonitor(part(images, 0, 400), openClassifier(t, gantest.XLA(t), MNIST1))
	if err != nil {
		t.Fatal(err)
	}
	upTo := func(digit int32) sample.Images {
		var places []int
		for i := 1000; len(places) < 200; i++ {
			if images.Labels[i] <= digit {
				places = append(places, i-1000)
			}
		}
		return chosen(part(images, 1000, 2500), places...)
	}
	for digit, want := range map[int32]struct {
		level  Level
		reason string
	}{9: {OK, "10 of 10 classes"}, 6: {Watch, "7 of 10 classes"}, 2: {Collapsed, "3 of 10 classes"}} {
		s, err := m.Look(upTo(digit), Vitals{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Level != want.level || !strings.Contains(s.Reason, want.reason) || s.OfClasses != 10 {
			t.Errorf("digits 0 to %d: %s, want %s with %q", digit, s, want.level, want.reason)
		}
	}
	// Few samples say nothing about classes.
	if s, err := m.Look(chosen(upTo(9), 0, 1, 2, 3), Vitals{}); err != nil || s.OfClasses != 0 {
		t.Errorf("four samples: %s (%v)", s, err)
	}
}

// TestTrainClassifier learns to tell bright left halves from bright right ones, saves what it learned and loads it.
func TestTrainClassifier(t *testing.T) {
	backend := gantest.XLA(t)
	images := &sample.Images{N: 256, Height: 28, Width: 28, Channels: 1}
	for i := range images.N {
		images.Labels = append(images.Labels, int32(i%2))
		for pixel := range 28 * 28 {
			images.Pixels = append(images.Pixels, byte(i%50))
			if (pixel%28 < 14) == (i%2 == 0) {
				images.Pixels[i*28*28+pixel] += 150
			}
		}
	}
	e, err := TrainClassifier(backend, "halves", images, 6, 1)
	if err != nil {
		t.Fatal(err)
	}
	classes, _, err := e.Classes(part(images, 0, images.N))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(classes, images.Labels) {
		t.Errorf("classes %v", classes)
	}
	path := filepath.Join(t.TempDir(), "halves.safetensors")
	if err := e.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(backend, path)
	if err != nil {
		t.Fatal(err)
	}
	few := part(images, 0, 5)
	if got := loaded.Reference(); got != e.Reference() || !strings.HasSuffix(got, "trained on 256 images in 6 passes") {
		t.Errorf("the loaded classifier's reference is %q, before it was saved %q", got, e.Reference())
	}
	if a, b := featuresOfImages(t, e, few), featuresOfImages(t, loaded, few); loaded.Name() != "halves" || !slices.Equal(a.Values, b.Values) {
		t.Errorf("classifier %s has other features after it was saved and loaded", loaded.Name())
	}

	_, err = TrainClassifier(backend, "halves", &sample.Images{N: 256}, 1, 1)
	requireError(t, err, "up to 10 classes as labels")
	_, err = TrainClassifier(backend, "halves", images, 0, 1)
	requireError(t, err, "one pass")
	images.Height, images.Width = 14, 56
	_, err = TrainClassifier(backend, "halves", images, 1, 1)
	if err == nil || !strings.Contains(err.Error(), "reads images [batch, 28, 28, 1]") {
		t.Errorf("images of 14×56: %v", err)
	}
}

func TestBadClassifier(t *testing.T) {
	backend := gantest.Go(t)
	_, err := Open(backend, "inception")
	requireError(t, err, `unknown classifier "inception": use one of gantry-mnist-1, gantry-fashion-1`)
	_, err = Load(backend, filepath.Join(t.TempDir(), "none"))
	requireError(t, err, "no such file")
	content, err := builtIn.ReadFile("weights/" + MNIST1 + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(f *safetensors.File){
		"lacks 1 of the network's variables": func(f *safetensors.File) { f.Tensors = f.Tensors[1:] },
		"is F64, want F32":                   func(f *safetensors.File) { f.Tensors[0].DType = "F64" },
	} {
		file, err := safetensors.Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		spoil(file)
		if _, err = newClassifier(backend, "spoilt", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestNameFor(t *testing.T) {
	for set, want := range map[string]string{data.MNIST().Name: MNIST1, data.MNISTTest().Name: MNIST1,
		data.FashionMNIST().Name: Fashion1, data.FashionMNISTTest().Name: Fashion1, data.StackedMNIST(9).Name: MNIST1,
		data.Subset(data.FashionMNIST(), 9, 1).Name: Fashion1, "ring": "", "": "", "mnistlike": ""} {
		if got := NameFor(set); got != want {
			t.Errorf("set %q has the classifier %q, want %q", set, got, want)
		}
	}
}

func TestMostLikely(t *testing.T) {
	class, share := mostLikely([]float32{0, float32(math.Log(6)), 0})
	if class != 1 {
		t.Errorf("class %d, want 1", class)
	}
	requireNear(t, "share", share, 0.75, 1e-6)
	if _, share = mostLikely([]float32{-1000, 1000}); share != 1 {
		t.Errorf("share %g of a logit of 1000, want 1", share)
	}
}
