package train_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

func drawn(t testing.TB, of *train.Trainer) string {
	t.Helper()
	images, err := of.Sample(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(images.Values)
}

// TestAveragesBegin wants samples by averages that nothing went into yet to be the generator's own: before the first step,
// right after a fork or an adoption that adds the averages, and from a checkpoint of step 0.
func TestAveragesBegin(t *testing.T) {
	backend := gantest.Go(t)
	plain, averaged := tiny.Experiment(method.Alternating{}), tiny.Experiment(method.Alternating{})
	averaged.Optimizers.EMA = 0.99
	of := trainer(t, backend, averaged)
	want := drawn(t, trainer(t, backend, plain))
	if drawn(t, of) != want {
		t.Error("before the first step samples by averages are not the generator's")
	}
	dir := t.TempDir()
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	other := averaged
	other.Seed++
	tiny.Steps(t, of, 2)
	if _, err := of.Restore(dir); err != nil || drawn(t, of) != want {
		t.Errorf("back at step 0 samples by averages are not the generator's (%v)", err)
	}

	trunk := trainer(t, backend, plain)
	tiny.Steps(t, trunk, 5)
	want = drawn(t, trunk)
	branch, _, err := gan.Fork(trunk, func(e *gan.Experiment) { e.Optimizers.EMA = 0.99 })
	if err != nil {
		t.Fatal(err)
	}
	if drawn(t, branch) != want {
		t.Error("right after a fork that adds averages, samples are not the generator's")
	}
	if dir = t.TempDir(); trunk.Save(dir) != nil {
		t.Fatal("cannot save")
	}
	adopted := trainer(t, backend, other)
	if _, err := adopted.Adopt(trunk.LastCheckpoint(), nil); err != nil || drawn(t, adopted) != want {
		t.Errorf("right after an adoption that adds averages, samples are not the generator's (%v)", err)
	}

	// Averages that were begun are carried over as they are, and only a new layer's begin.
	tiny.Steps(t, branch, 3)
	wider, fresh, err := gan.Fork(branch, func(e *gan.Experiment) {
		narrow := e.Generator
		e.Generator = func(scope *model.Scope, z *Node) *Node {
			more := MulScalar(Tanh(net.Dense(scope.In("more"), z, 64)), 1e-3)
			return Add(narrow(scope, z), Reshape(more, -1, 8, 8, 1))
		}
	})
	if err != nil || !strings.Contains(strings.Join(fresh, " "), "average/more/weights") {
		t.Fatalf("fresh are %v (%v)", fresh, err)
	}
	before, after := tensorsOf(t, saved(t, branch)), tensorsOf(t, saved(t, wider))
	for name, values := range after {
		want := before[name]
		if strings.HasPrefix(name, "average/more/") {
			want = after[strings.Replace(name, "average", "generator", 1)]
		}
		if strings.HasPrefix(name, "average/") && fmt.Sprint(values) != fmt.Sprint(want) {
			t.Errorf("%s did not come along", name)
		}
	}
}

// TestUnrollTakesBack wants a critic that keeps batch statistics and vectors of spectral normalisation to be as it was
// after the generator has looked ahead.
func TestUnrollTakesBack(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	exp.Method = method.Unrolled{Ahead: 3}
	exp.Critic = func(scope *model.Scope, x *Node) *Node {
		x = net.BatchNorm(scope.In("norm"), net.SpectralDense(scope.In("dense"), net.Flatten(x), 32))
		return net.SpectralDense(scope.In("logit"), net.LeakyReLU(x, 0.2), 1)
	}
	of := trainer(t, gantest.Go(t), exp)
	tiny.Steps(t, of, 2)
	before := tensorsOf(t, saved(t, of))
	for _, err := range of.TrainAlone(t.Context(), method.GeneratorName, 1) {
		if err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for name, values := range tensorsOf(t, saved(t, of)) {
		if !strings.HasPrefix(name, "critic/") {
			continue
		}
		kept++
		if fmt.Sprint(values) != fmt.Sprint(before[name]) {
			t.Errorf("looking ahead changed %s", name)
		}
	}
	if kept < 8 {
		t.Errorf("only %d variables of the critic were looked at", kept)
	}
}

// witness is an adaptation that notes what it is told and leaves the strength at 0.
type witness struct{ told *[][2]float64 }

func (w witness) Next(_, meanSign float64, images int) float64 {
	*w.told = append(*w.told, [2]float64{meanSign, float64(images)})
	return 0
}

func (witness) String() string { return "witness" }

// TestAdaptationSeesAllImages wants all real images of a step to count, and their logits' signs: here one step sees the
// whole data set once, with a critic that does not learn.
func TestAdaptationSeesAllImages(t *testing.T) {
	for _, order := range []method.Method{method.Alternating{CriticSteps: 8}, method.Halves{CriticSteps: 8}, method.Simultaneous{CriticSteps: 8}} {
		exp := tiny.Smooth()
		exp.Method = order
		var told [][2]float64
		exp.View.Augment, exp.View.Adapt = tiny.Dimming{}, witness{&told}
		of := trainer(t, gantest.Go(t), exp)
		if err := of.Set(method.CriticRate, 0); err != nil {
			t.Fatal(err)
		}
		tiny.Steps(t, of, 1)
		for _, err := range of.TrainAlone(t.Context(), method.CriticName, 1) {
			if err != nil {
				t.Fatal(err)
			}
		}
		set, err := exp.Data.Load()
		if err != nil {
			t.Fatal(err)
		}
		logits, err := gan.Logits(of, sample.Images{Values: set.Floats(0, 64), N: 64, Height: 8, Width: 8, Channels: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for _, logit := range logits {
			want += math.Copysign(1, float64(logit)) / 64
		}
		if len(told) != 2 || math.Abs(told[0][0]-want) > 1e-6 || told[0][1] != 64 || told[1][1] != 8 {
			t.Errorf("%v: the adaptation was told %v, want the mean sign %g of 64 images, and then of 8", order, told, want)
		}
	}
}

// doubling is an augmentation that doubles every value.
type doubling struct{}

func (doubling) Apply(images, _ *Node, _ loss.Random) *Node { return MulScalar(images, 2) }
func (doubling) String() string                             { return "doubling" }

// replayed is a penalty that is 0 where the critics it is given say again what they said.
type replayed struct{}

func (replayed) Term(j loss.Judged) *Node {
	off := func(critic func(*Node) *Node, images, logits *Node) *Node {
		return ReduceAllMean(Square(Sub(critic(images), logits)))
	}
	return Add(off(j.Critic, j.Real, j.RealLogits), off(j.FakeCritic, j.Fake, j.FakeLogits))
}

func (replayed) Weight() float64 { return 1 }
func (replayed) String() string  { return "replayed" }

// TestPenaltyBehindAugmentation wants the slopes that R1 and R2 limit to be those by the images themselves, through the
// augmentation, as in the code of ADA and R3GAN: behind one that doubles its images a linear critic is twice as steep.
func TestPenaltyBehindAugmentation(t *testing.T) {
	backend := gantest.Go(t)
	penalty := func(change func(*gan.Experiment)) float64 {
		exp := tiny.Smooth()
		exp.Loss, exp.View.Pack = loss.Paired, 2
		exp.Critic = func(scope *model.Scope, x *Node) *Node { return net.Dense(scope.In("logit"), net.Flatten(x), 1) }
		change(&exp)
		return tiny.Steps(t, trainer(t, backend, exp), 1)[0].Value(method.PenaltyTerm)
	}
	for _, p := range []loss.Penalty{loss.R1(1), loss.R2(1)} {
		bare := penalty(func(e *gan.Experiment) { e.Penalties = []loss.Penalty{p} })
		behind := penalty(func(e *gan.Experiment) { e.Penalties, e.View.Augment = []loss.Penalty{p}, doubling{} })
		if bare <= 0 || math.Abs(behind/bare-4) > 1e-4 {
			t.Errorf("%v is %g, and %g behind an augmentation that doubles: want four times as much", p, bare, behind)
		}
	}
	off := penalty(func(e *gan.Experiment) { e.Penalties, e.View.Augment = []loss.Penalty{replayed{}}, tiny.Dimming{} })
	if off != 0 {
		t.Errorf("asked again about the same images, critics differ by %g: the augmentation drew anew", off)
	}
}
