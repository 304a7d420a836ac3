package lab_test

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gomlx/compute/dtypes"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/gan/translate"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

// set is n random samples.
func set(n, height, width, channels int) *sample.Images {
	r := rand.New(rand.NewPCG(1, 2))
	images := &sample.Images{N: n, Height: height, Width: width, Channels: channels}
	for range n * height * width * channels {
		images.Values = append(images.Values, 2*r.Float32()-1)
	}
	return images
}

// experiment has networks that fit any data; slope is how much the samples vary.
func experiment(images *sample.Images, slope float64) gan.Experiment {
	return gan.Experiment{
		Name: "view", Latent: 3, BatchSize: 4, Data: data.Of("random", images),
		Generator: func(scope *model.Scope, z *Node) *Node {
			x := Tanh(MulScalar(net.Dense(scope, z, images.Height*images.Width*images.Depth()), slope))
			return Reshape(x, -1, images.Height, images.Width, images.Depth())
		},
		Critic: func(scope *model.Scope, x *Node) *Node { return net.Dense(scope, net.Flatten(x), 1) },
	}
}

func newTrainer(t testing.TB, exp gan.Experiment) *train.Trainer {
	t.Helper()
	trainer, err := gan.NewTrainer(gantest.Go(t), exp)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

func letters(n, length int) *sample.Images {
	images := &sample.Images{N: n, Height: length, Width: 1, Channels: 1, Alphabet: []rune(" abc")}
	for i := range n * length {
		images.Pixels = append(images.Pixels, byte(i*7%4))
	}
	return images
}

// TestViewKinds wants each kind of data drawn in its own way, as large each time.
func TestViewKinds(t *testing.T) {
	for _, test := range []struct {
		name   string
		images *sample.Images
		n      int // samples by default
	}{
		{"points", set(50, 1, 1, 2), 1000},
		{"points in space", set(50, 1, 1, 3), 1000},
		{"series", set(50, 6, 1, 3), 24},
		{"text", letters(50, 5), 100},
	} {
		view, err := lab.NewView(newTrainer(t, experiment(test.images, 1)), 0, 7)
		if err != nil {
			t.Fatal(err)
		}
		samples, err := view.Samples()
		if err != nil || samples.N != test.n {
			t.Errorf("%s: %d samples by default (%v), want %d", test.name, samples.N, err, test.n)
		}
		var frame show.Frame
		if err := view.Dress(&frame, train.Progress{Step: 300}, true); err != nil {
			t.Fatal(err)
		}
		if frame.Picture == nil || frame.Picture.Bounds().Size() != image.Pt(2*show.Room, 2*show.Room) || frame.Samples != nil {
			t.Errorf("%s: the frame has picture %v and samples %v", test.name, frame.Picture != nil, frame.Samples)
		}
		if lit := frame.Light != show.NoLight && frame.Note != ""; lit != (test.name == "points") {
			t.Errorf("%s: light %d, %q; only points have one", test.name, frame.Light, frame.Note)
		}
		if page, err := view.Picture(); err != nil || page.Bounds().Dx() <= frame.Picture.Bounds().Dx() {
			t.Errorf("%s: the page is %v (%v), want more than the card's picture", test.name, page.Bounds(), err)
		}
		frame = show.Frame{}
		if err := view.Dress(&frame, train.Progress{Step: 301}, false); err != nil || frame.Picture != nil {
			t.Errorf("%s: drawn when not due (%v)", test.name, err)
		}
	}
}

// TestViewWithoutPicture trains on what cannot be drawn.
func TestViewWithoutPicture(t *testing.T) {
	trainer := newTrainer(t, experiment(set(20, 2, 2, 4), 1))
	if err := lab.Watch(trainer, 3, lab.Options{Dir: t.TempDir()}); err != nil || trainer.Step() != 3 {
		t.Errorf("it trained to step %d: %v", trainer.Step(), err)
	}
	view, err := lab.NewView(trainer, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := view.Picture(); err == nil || !strings.Contains(err.Error(), "no picture for samples of 2×2×4") {
		t.Errorf("its picture: %v", err)
	}
}

// TestViewOfPairs shows a game that draws no samples: images of the data as they are damaged, and what the network makes of each.
func TestViewOfPairs(t *testing.T) {
	of := restoring(1)
	of.Degrade = translate.Mask{Height: 1, Width: 4}
	of.Network = func(scope *model.Scope, x *Node) *Node {
		return Sub(MulScalar(Reshape(net.Dense(scope, net.Flatten(x), 16), -1, 4, 4, 1), 1e-6), x)
	}
	trainer, err := train.New(gantest.Go(t), of)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int][2]int{0: {80, 10}, 40: {40, 10}, 10: {10, 5}, 1: {2, 1}} { // the data has 40 images
		view, err := lab.NewView(trainer, n, 0)
		if err != nil {
			t.Fatal(err)
		}
		var frame show.Frame
		if err := view.Dress(&frame, train.Progress{Step: 300}, true); err != nil {
			t.Fatal(err)
		}
		shown := frame.Samples
		if shown == nil || shown.N != want[0] || frame.Columns != want[1] {
			t.Fatalf("of %d samples: %+v in %d columns, want %v", n, shown, frame.Columns, want)
		}
		for i := range shown.N {
			if i/frame.Columns%2 == 1 {
				continue
			}
			for pixel := range 16 {
				before, after := shown.Values[i*16+pixel], shown.Values[(i+frame.Columns)*16+pixel]
				if (before == 0) != (pixel < 4) || math.Abs(float64(before+after)) > 1e-4 {
					t.Fatalf("of %d samples, image %d: pixel %d is %g damaged, and %g below", n, i, pixel, before, after)
				}
			}
		}
		if _, err := view.Picture(); err != nil {
			t.Error(err)
		}
	}
}

// classes is an experiment whose generator paints each sample in a grey that names its class.
func classes(n int) gan.Experiment {
	images := set(8*n, 4, 4, 1)
	for i := range images.N {
		images.Labels = append(images.Labels, int32(i%n))
	}
	exp := experiment(images, 1)
	exp.Generator = nil
	exp.View.ClassGenerator = func(scope *model.Scope, z, labels *Node) *Node {
		x := MulScalar(net.Dense(scope, z, 16), 1e-3)
		return Reshape(Add(x, ExpandDims(DivScalar(ConvertDType(labels, dtypes.Float32), float64(n)), -1)), -1, 4, 4, 1)
	}
	return exp
}

// TestViewClasses wants a row for each class and ten columns.
func TestViewClasses(t *testing.T) {
	view, err := lab.NewView(newTrainer(t, classes(4)), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var frame show.Frame
	if err := view.Dress(&frame, train.Progress{Step: 1}, true); err != nil {
		t.Fatal(err)
	}
	if frame.Columns != 10 || frame.Samples.N != 40 {
		t.Fatalf("%d samples in %d columns, want 4 rows of 10", frame.Samples.N, frame.Columns)
	}
	for i := range frame.Samples.N {
		if class := int(4*frame.Samples.Values[i*16] + 0.5); class != i/10 {
			t.Errorf("place %d shows class %d, want %d", i, class, i/10)
		}
	}
	if page, err := view.Picture(); err != nil || page.Bounds().Size() != image.Pt(2+10*(8+2), 2+4*(8+2)) {
		t.Errorf("the page is %v (%v), want 4 rows of 10", page.Bounds(), err)
	}
	many, err := lab.NewView(newTrainer(t, classes(30)), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	frame = show.Frame{}
	if err := many.Dress(&frame, train.Progress{Step: 1}, true); err != nil || frame.Columns != 0 || frame.Samples.N != 100 {
		t.Errorf("30 classes: %d samples in %d columns (%v), want 100 as they come", frame.Samples.N, frame.Columns, err)
	}
}

// told is what a step reports: the norm of the generator's gradient, and how often the critic is right.
func told(step int, gradient, real, fake float64) train.Progress {
	return train.Progress{Step: step, Numbers: []train.Number{{Name: method.GeneratorGradient, Value: gradient},
		{Name: method.RealAccuracy, Value: real}, {Name: method.FakeAccuracy, Value: fake}}}
}

// TestViewLight wants red for a generator that makes one image, green for a varied one, and neither before it can be told.
func TestViewLight(t *testing.T) {
	for slope, want := range map[float64]show.Light{1e-4: show.Red, 2: show.Green} {
		view, err := lab.NewView(newTrainer(t, experiment(set(300, 4, 4, 1), slope)), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []struct {
			step int
			due  bool
			want show.Light
		}{{199, true, show.Unlit}, {200, false, show.Unlit}, {201, true, want}, {202, false, want}} {
			var frame show.Frame
			if err := view.Dress(&frame, told(at.step, 1, 0, 0), at.due); err != nil {
				t.Fatal(err)
			}
			if frame.Light != at.want {
				t.Errorf("slope %g, step %d: light %d (%s), want %d", slope, at.step, frame.Light, frame.Note, at.want)
			}
			if frame.Light == show.Red && !strings.Contains(frame.Note, "collapsed: ") {
				t.Errorf("the note of a red light is %q", frame.Note)
			}
		}
	}
}

// TestViewLightOfPoints wants red for a generator that makes one point of a ring, and green for one that makes them all.
func TestViewLightOfPoints(t *testing.T) {
	for name, test := range map[string]struct {
		generator gan.Network
		want      show.Light
		note      string
	}{
		"one point": {func(_ *model.Scope, z *Node) *Node {
			return Reshape(AddScalar(MulScalar(Slice(z, AxisRange(), AxisRange(0, 2)), 1e-4), 0.5), -1, 1, 1, 2)
		}, show.Red, "collapsed: "},
		"part of a ring": {func(_ *model.Scope, z *Node) *Node {
			return angle(MulScalar(Abs(Slice(z, AxisRange(), AxisRange(0, 1))), 0.5))
		}, show.Red, " of 8 modes"},
		"a ring": {func(_ *model.Scope, z *Node) *Node {
			return angle(MulScalar(Slice(z, AxisRange(), AxisRange(0, 1)), 10))
		}, show.Green, "no sign of collapse"},
	} {
		exp := experiment(set(50, 1, 1, 2), 1)
		exp.Data = data.Ring8().Set(2000, 1)
		exp.Generator = func(scope *model.Scope, z *Node) *Node { // every network has weights; these do nothing
			return Add(test.generator(scope, z), MulScalar(Reshape(net.Dense(scope, z, 2), -1, 1, 1, 2), 0))
		}
		view, err := lab.NewView(newTrainer(t, exp), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var frame show.Frame
		if err := view.Dress(&frame, told(300, 1, 0, 0), true); err != nil {
			t.Fatal(err)
		}
		if frame.Light != test.want || !strings.Contains(frame.Note, test.note) {
			t.Errorf("%s: light %d (%s), want %d with %q", name, frame.Light, frame.Note, test.want, test.note)
		}
	}
}

// angle puts points on the circle of the ring's modes.
func angle(a *Node) *Node {
	return Reshape(Concatenate([]*Node{Cos(a), Sin(a)}, -1), -1, 1, 1, 2)
}

// TestViewPerfectCritic wants a warning after three looks at a critic that is never wrong, but not for a loss whose logits
// have no border at 0.
func TestViewPerfectCritic(t *testing.T) {
	for _, test := range []struct {
		loss     loss.Loss
		accuracy float64
		want     show.Light
	}{{loss.NonSaturating, 1, show.Amber}, {loss.NonSaturating, 0.8, show.Green}, {loss.Paired, 1, show.Green}} {
		exp := experiment(set(300, 4, 4, 1), 2)
		exp.Loss = test.loss
		view, err := lab.NewView(newTrainer(t, exp), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var frame show.Frame
		for step := 200; step <= 430; step += 10 { // looks at 200, 300 and 400
			p := told(step, 1, test.accuracy, 1)
			if err := view.Dress(&frame, p, true); err != nil {
				t.Fatal(err)
			}
		}
		if frame.Light != test.want {
			t.Errorf("%v, accuracy %g: light %d (%s), want %d", test.loss, test.accuracy, frame.Light, frame.Note, test.want)
		}
	}
}

// TestPicture draws samples apart from a trainer.
func TestPicture(t *testing.T) {
	unread := data.Set{Name: "unread", Load: func() (*sample.Images, error) { return nil, fmt.Errorf("it was read") }}
	values := func(n, h, w, c int) sample.Images {
		return sample.Images{Values: set(n, h, w, c).Values, N: n, Height: h, Width: w, Channels: c}
	}
	for _, test := range []struct {
		name    string
		samples sample.Images
		set     data.Set
		classes int
		want    image.Point
	}{
		{"pictures", values(20, 3, 5, 3), unread, 0, image.Pt(2+10*12, 2+2*8)},
		{"classes", values(20, 3, 5, 1), unread, 5, image.Pt(2+4*12, 2+5*8)},
		{"some of the classes", values(7, 3, 5, 1), unread, 5, image.Pt(2+7*12, 2+8)},
		{"points", values(9, 1, 1, 2), data.Of("points", set(9, 1, 1, 2)), 0, image.Pt(960, 960)},
		{"points in space", values(9, 1, 1, 3), data.Of("space", set(9, 1, 1, 3)), 0, image.Pt(3*640, 640)},
		{"points of five numbers", values(9, 1, 1, 5), data.Of("five", set(9, 1, 1, 5)), 0, image.Pt(3*640, 2*640)},
		{"series", values(8, 5, 1, 1), data.Of("series", set(9, 5, 1, 1)), 0, image.Pt(1280, 2*(2*72+20))},
		{"text", values(2, 6, 1, 4), data.Of("text", letters(9, 6)), 0, image.Pt(960, 2*(17+8))},
	} {
		img, err := lab.Picture(test.samples, test.set, test.classes)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if img.Bounds().Size() != test.want {
			t.Errorf("%s: a picture of %v, want %v", test.name, img.Bounds().Size(), test.want)
		}
	}
	if _, err := lab.Picture(values(2, 6, 1, 4), unread, 0); err == nil || err.Error() != "it was read" {
		t.Errorf("a set that cannot be loaded: %v", err)
	}
	if _, err := lab.Picture(values(2, 1, 1, 1), data.Of("line", set(2, 1, 1, 1)), 0); err == nil || !strings.Contains(err.Error(), "no picture") {
		t.Errorf("points on a line: %v", err)
	}
}

// BenchmarkLook is what the light costs a redraw at which it looks; it must stay below 20 ms.
func BenchmarkLook(b *testing.B) {
	for _, size := range [][3]int{{28, 28, 1}, {32, 32, 3}, {64, 64, 3}, {1, 1, 2}} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			trainer := newTrainer(b, experiment(set(300, size[0], size[1], size[2]), 2))
			for _, looks := range []bool{false, true} { // the difference is the light's
				b.Run(fmt.Sprint("looks=", looks), func(b *testing.B) {
					view, err := lab.NewView(trainer, 0, 0)
					if err != nil {
						b.Fatal(err)
					}
					p := told(0, 1, 0, 0)
					for b.Loop() {
						if looks {
							p.Step += 200
						}
						if err := view.Dress(&show.Frame{}, p, true); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// TestViewPrivacy wants the note under a private run's figure to say what it has spent.
func TestViewPrivacy(t *testing.T) {
	exp := experiment(set(50, 6, 6, 1), 1)
	exp.Method = method.Private{Clip: 1, Noise: 1}
	trainer := newTrainer(t, exp)
	view, err := lab.NewView(trainer, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range trainer.Train(t.Context(), 1) {
		var frame show.Frame
		if err == nil {
			err = view.Dress(&frame, p, false)
		}
		if spent, _ := gan.Spent(trainer); err != nil || !strings.HasSuffix(frame.Note, spent.String()) || spent.Epsilon <= 0 {
			t.Errorf("after a step the note is %q (%v), want it to end in %q", frame.Note, err, spent)
		}
	}
}
