package train_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// blind is smooth with a generator that makes the same image whatever the latents.
func blind() gan.Experiment {
	exp := tiny.Smooth()
	of := exp.Generator
	exp.Generator = func(scope *model.Scope, z *Node) *Node { return of(scope, ZerosLike(z)) }
	return exp
}

// everything uses as many options at once as go together.
func everything() gan.Experiment {
	exp := tiny.Experiment(method.Alternating{})
	exp.Loss = loss.Paired
	exp.Penalties = []loss.Penalty{loss.R1(0.1), loss.R2(0.1), loss.WGANGP(0.5)}
	exp.Method = method.Alternating{PenaltyEvery: 3, CriticSteps: 2, LabelNoise: 0.1}
	exp.View.Pack, exp.Optimizers.EMA = 2, 0.99
	exp.View.Augment, exp.View.Adapt = tiny.Dimming{}, halfway{}
	exp.Optimizers.Generator = optim.Scheduled{Of: optim.NewAdam(1e-3, 0.9, 0.999), Schedule: optim.Linear{From: 5, To: 30}}
	exp.Optimizers.Critic = optim.Scheduled{Of: optim.Chain(optim.ClipNorm(1), optim.NewAdam(2e-3, 0.9, 0.999)), Schedule: optim.Warmup{Steps: 4}}
	return exp
}

// slower is Adam at half its rate, whatever its schedule.
func slower(o optim.Optimizer) optim.Optimizer {
	switch o := o.(type) {
	case optim.Adam:
		o.Rate /= 2
		return o
	case optim.Scheduled:
		o.Of = slower(o.Of)
		return o
	}
	panic(fmt.Sprintf("no Adam: %v", o))
}

// experimentOf is what a trainer was made of.
func experimentOf(of *train.Trainer) gan.Experiment {
	exp, _ := gan.Of(of)
	return exp
}

// setLoss puts another loss in the place of a trainer's.
func setLoss(of *train.Trainer, l loss.Loss) error {
	exp := experimentOf(of)
	exp.Loss = l
	return of.Change(exp)
}

// halfway is an adaptation that moves half the way to the mean sign's size.
type halfway struct{}

func (halfway) Next(strength, meanSign float64, images int) float64 {
	return (strength + math.Abs(meanSign)*float64(images)/8) / 2
}

func (halfway) String() string { return "halfway" }

func weightsOf(t testing.TB, of *train.Trainer) map[string][]float32 {
	t.Helper()
	g, err := of.Generator()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for v := range g.Store().IterVariables() {
		if v.Trainable {
			all[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
		}
	}
	return all
}

// furthest is the largest difference between two networks' weights.
func furthest(t testing.TB, a, b map[string][]float32) float64 {
	t.Helper()
	worst := 0.0
	for name := range a {
		if len(a[name]) == 0 || len(a[name]) != len(b[name]) {
			t.Fatalf("%s has %d and %d values", name, len(a[name]), len(b[name]))
		}
		for i := range a[name] {
			worst = max(worst, math.Abs(float64(a[name][i]-b[name][i])))
		}
	}
	return worst
}

// TestResumeWithEverything interrupts a run that uses every option that keeps state.
func TestResumeWithEverything(t *testing.T) {
	backend := gantest.XLA(t)
	undisturbed := trainer(t, backend, everything())
	want := tiny.Steps(t, undisturbed, 17)
	if penalised := want[0].Value(method.PenaltyTerm) > 0 && want[3].Value(method.PenaltyTerm) > 0; !penalised || want[1].Value(method.PenaltyTerm) != 0 || want[2].Value(method.PenaltyTerm) != 0 {
		t.Errorf("penalties of steps 1 to 4 are %g %g %g %g, want them in every third step",
			want[0].Value(method.PenaltyTerm), want[1].Value(method.PenaltyTerm), want[2].Value(method.PenaltyTerm), want[3].Value(method.PenaltyTerm))
	}
	for _, at := range []int{1, 6, 11} {
		dir := t.TempDir()
		first := trainer(t, backend, everything())
		got := tiny.Steps(t, first, at)
		if err := first.Save(dir); err != nil {
			t.Fatal(err)
		}
		second := trainer(t, backend, everything())
		if _, err := second.Restore(dir); err != nil {
			t.Fatal(err)
		}
		got = append(got, tiny.Steps(t, second, 17-at)...)
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("interrupted at step %d: step %d reports %+v, undisturbed %+v", at, i+1, got[i], want[i])
			}
		}
		if !bytes.Equal(saved(t, second), saved(t, undisturbed)) {
			t.Errorf("interrupted at step %d, the run ends elsewhere", at)
		}
	}
}

// TestFork wants branches that differ in nothing to stay equal bit for bit, and a change of one rate, by Set or in the
// experiment, to make them differ from the next step on.
func TestFork(t *testing.T) {
	backend := gantest.XLA(t)
	for name, exp := range map[string]gan.Experiment{"tiny": tiny.Experiment(method.Alternating{}), "everything": everything()} {
		t.Run(name, func(t *testing.T) {
			trunk := trainer(t, backend, exp)
			tiny.Steps(t, trunk, 7)
			branch := func(change func(*gan.Experiment)) *train.Trainer {
				b, fresh, err := gan.Fork(trunk, change)
				if err != nil || len(fresh) > 0 {
					t.Fatalf("forking: %v, fresh variables %v", err, fresh)
				}
				if !bytes.Equal(variablesOf(saved(t, b)), variablesOf(saved(t, trunk))) {
					t.Fatal("the branch does not begin where its trunk is")
				}
				return b
			}
			same := branch(nil)
			slower := branch(func(e *gan.Experiment) {
				e.Optimizers.Generator = slower(e.Optimizers.Generator)
			})
			steered := branch(nil)
			if err := steered.Set(method.GeneratorRate, 5e-4); err != nil {
				t.Fatal(err)
			}
			want := tiny.Steps(t, trunk, 1)
			for what, b := range map[string]*train.Trainer{"same": same, "slower": slower, "steered": steered} {
				got := tiny.Steps(t, b, 1)
				if !reflect.DeepEqual(got[0], want[0]) {
					t.Errorf("%s: the step right after the fork, still at the trunk's weights, reports %+v, want %+v", what, got[0], want[0])
				}
				if equal := bytes.Equal(variablesOf(saved(t, b)), variablesOf(saved(t, trunk))); equal != (what == "same") {
					t.Errorf("%s: after one step the states are equal: %v", what, equal)
				}
			}
			if !bytes.Equal(variablesOf(saved(t, slower)), variablesOf(saved(t, steered))) {
				t.Error("the same rate by Set and by the experiment leads to different states")
			}
			tiny.Steps(t, trunk, 9)
			tiny.Steps(t, same, 9)
			if !bytes.Equal(saved(t, same), saved(t, trunk)) {
				t.Error("branches that differ in nothing differ after ten steps")
			}
		})
	}
}

// tensorsOf reads the float32 tensors of a checkpoint.
func tensorsOf(t testing.TB, checkpoint []byte) map[string][]float32 {
	t.Helper()
	file, err := safetensors.Parse(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, stored := range file.Tensors {
		if stored.DType != "F32" {
			continue
		}
		values := make([]float32, len(stored.Data)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(stored.Data[4*i:]))
		}
		all[stored.Name] = values
	}
	return all
}

// variablesOf cuts the header, which holds the settings, from a checkpoint.
func variablesOf(checkpoint []byte) []byte {
	return checkpoint[8+binary.LittleEndian.Uint64(checkpoint):]
}

// TestForkToAnotherNetwork carries over what matches and names the rest.
func TestForkToAnotherNetwork(t *testing.T) {
	trunk := trainer(t, gantest.XLA(t), tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, trunk, 3)
	branch, fresh, err := gan.Fork(trunk, func(e *gan.Experiment) {
		shallow := e.Critic
		e.Critic = func(scope *model.Scope, x *Node) *Node {
			return Add(shallow(scope, x), net.Dense(scope.In("more"), net.Flatten(x), 1))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fresh {
		if !strings.Contains(name, "more") {
			t.Errorf("%s is fresh, though the trunk has it", name)
		}
	}
	if len(fresh) != 2+4 { // weights and biases, and two moments of each
		t.Errorf("fresh variables are %v", fresh)
	}
	if off := furthest(t, weightsOf(t, trunk), weightsOf(t, branch)); off != 0 {
		t.Errorf("the generator's weights changed by %g in the fork", off)
	}
	tiny.Steps(t, branch, 2)
}

// TestOneNetworkAlone updates the critic and the generator by themselves.
func TestOneNetworkAlone(t *testing.T) {
	of := trainer(t, gantest.XLA(t), tiny.Experiment(method.Alternating{}))
	before := weightsOf(t, of)
	for p, err := range of.TrainAlone(t.Context(), method.CriticName, 3) {
		if err != nil || p.Step != 0 || p.Value(method.CriticGradient) <= 0 || p.Value(method.GeneratorLoss) != 0 {
			t.Fatalf("critic alone: %+v, %v", p, err)
		}
	}
	if off := furthest(t, before, weightsOf(t, of)); off != 0 {
		t.Errorf("updates of the critic moved the generator by %g", off)
	}
	logits := func() []float32 {
		images, err := of.Sample(8, 1)
		if err != nil {
			t.Fatal(err)
		}
		fixed := sample.Images{Values: make([]float32, 8*64), N: 8, Height: images.Height, Width: images.Width, Channels: images.Channels}
		out, err := gan.Logits(of, fixed, nil)
		if err != nil || len(out) != 8 {
			t.Fatalf("logits %v, %v", out, err)
		}
		return out
	}
	fixed := logits()
	for p, err := range of.TrainAlone(t.Context(), method.GeneratorName, 2) {
		if err != nil || p.Step != 0 || p.Value(method.GeneratorGradient) <= 0 || p.Value(method.CriticLoss) != 0 {
			t.Fatalf("generator alone: %+v, %v", p, err)
		}
	}
	if after := logits(); fmt.Sprint(after) != fmt.Sprint(fixed) {
		t.Errorf("updates of the generator changed the critic's logits from %v to %v", fixed, after)
	}
	if off := furthest(t, before, weightsOf(t, of)); off == 0 {
		t.Error("updates of the generator left it as it was")
	}
	if _, err := gan.Logits(of, sample.Images{Values: make([]float32, 3), N: 1, Height: 8, Width: 8, Channels: 1}, nil); err == nil {
		t.Error("images of too few values are no error")
	}
}

// TestAccumulateEqualsWholeBatch: with networks without batch statistics and a loss that is a mean, the parts' mean
// gradient is the whole batch's, but for rounding and the latents, which are the same numbers cut otherwise.
func TestAccumulateEqualsWholeBatch(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		run := func(parts int) *train.Trainer {
			exp := blind()
			exp.Method = method.Alternating{Parts: parts}
			of := trainer(t, backend, exp)
			tiny.Steps(t, of, 3)
			return of
		}
		whole, parts := run(1), run(4)
		if off := furthest(t, weightsOf(t, whole), weightsOf(t, parts)); off > 2e-5 {
			t.Errorf("after 3 steps in 4 parts a weight is off by %g, want ≤ 2e-5", off)
		}
	})
}

// TestClipNorm wants the critic's first update to be that of the scaled gradient. Adam's first step does not depend on
// the gradient's size, so the test looks at the moments.
func TestClipNorm(t *testing.T) {
	exp := tiny.Smooth()
	exp.Optimizers.Critic = optim.Chain(optim.ClipNorm(1e-3), optim.NewAdam(1e-3, 0.9, 0.999))
	of := trainer(t, gantest.XLA(t), exp)
	p := tiny.Steps(t, of, 1)[0]
	if p.Value(method.CriticGradient) <= 1e-3 {
		t.Fatalf("the gradient's norm is %g, too small for this test", p.Value(method.CriticGradient))
	}
	content := saved(t, of)
	sum := 0.0
	for name, values := range tensorsOf(t, content) {
		if strings.HasPrefix(name, "adam/critic/") && strings.HasSuffix(name, "/m") {
			for _, m := range values {
				sum += float64(m) * float64(m)
			}
		}
	}
	if got, want := math.Sqrt(sum), 1e-3*0.1; math.Abs(got-want) > 1e-6*want+1e-9 {
		t.Errorf("the first moments have norm %g, want (1-β₁)·ClipNorm = %g", got, want)
	}
}

// TestUnrolled wants the generator to face the critic it looks ahead to, which judges better than the present one, and the
// critic itself to be unmoved by that.
func TestUnrolled(t *testing.T) {
	backend := gantest.XLA(t)
	plain, unrolled := tiny.Smooth(), tiny.Smooth()
	unrolled.Method = method.Unrolled{Ahead: 3}
	a, b := trainer(t, backend, plain), trainer(t, backend, unrolled)
	pa, pb := tiny.Steps(t, a, 1)[0], tiny.Steps(t, b, 1)[0]
	if pa.Value(method.CriticLoss) != pb.Value(method.CriticLoss) {
		t.Errorf("looking ahead changed the critic's own loss: %g and %g", pa.Value(method.CriticLoss), pb.Value(method.CriticLoss))
	}
	if !(pb.Value(method.GeneratorLoss) > pa.Value(method.GeneratorLoss)) {
		t.Errorf("against a critic three updates ahead the generator's loss is %g, against the present one %g: want more",
			pb.Value(method.GeneratorLoss), pa.Value(method.GeneratorLoss))
	}
	// The critic itself is only one update further.
	images := sample.Images{Values: make([]float32, 64), N: 1, Height: 8, Width: 8, Channels: 1}
	la, errA := gan.Logits(a, images, nil)
	lb, errB := gan.Logits(b, images, nil)
	if errA != nil || errB != nil || la[0] != lb[0] {
		t.Errorf("after one step the critics' logits are %v (%v) and %v (%v), want the same", la, errA, lb, errB)
	}
	tiny.Steps(t, b, 10)
}

// TestAverage follows the generator's weights through five steps and averages them by the formula.
func TestAverage(t *testing.T) {
	backend := gantest.XLA(t)
	exp := tiny.Smooth()
	exp.Optimizers.EMA = 0.3
	of, plain := trainer(t, backend, exp), trainer(t, backend, tiny.Smooth())
	var want map[string][]float32
	for step := range 5 {
		tiny.Steps(t, of, 1)
		tiny.Steps(t, plain, 1)
		now := weightsOf(t, plain)
		decay := float32(min(0.3, float64(1+step)/float64(10+step)))
		if step == 0 {
			decay, want = 0, now
		}
		for name := range want {
			for i := range want[name] {
				want[name][i] = decay*want[name][i] + (1-decay)*now[name][i]
			}
		}
	}
	g, err := of.Generator()
	if err != nil {
		t.Fatal(err)
	}
	for v := range g.Store().IterVariables() {
		for i, got := range tensors.MustCopyFlatData[float32](v.MustValue()) {
			if w := want[v.Path()]; w != nil && math.Abs(float64(got-w[i])) > 1e-6 {
				t.Fatalf("%s[%d] is %g, want the average %g", v.Path(), i, got, w[i])
			}
		}
	}
	inTrainer, err1 := of.Sample(4, 3)
	outside, err2 := g.Sample(4, 3)
	if err1 != nil || err2 != nil || fmt.Sprint(inTrainer) != fmt.Sprint(outside) {
		t.Errorf("the trainer's samples differ from its generator's (%v, %v)", err1, err2)
	}
}

// TestSet changes settings while a run trains.
func TestSet(t *testing.T) {
	exp := tiny.Smooth()
	exp.Penalties = []loss.Penalty{loss.R1(2), loss.R1(3)}
	of := trainer(t, gantest.XLA(t), exp)
	want := map[string]float64{"generator.rate": 1e-3, "critic.rate": 1e-3, "penalty.r1": 2, "penalty.r1.2": 3}
	if got := of.Settings(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("settings are %v, want %v", got, want)
	}
	before := tiny.Steps(t, of, 1)[0]
	for name, value := range map[string]float64{"penalty.r1": 0, "penalty.r1.2": 0, "generator.rate": 0} {
		if err := of.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	weights := weightsOf(t, of)
	if after := tiny.Steps(t, of, 2)[1]; before.Value(method.PenaltyTerm) <= 0 || after.Value(method.PenaltyTerm) != 0 {
		t.Errorf("penalty %g, and %g with its weights at 0", before.Value(method.PenaltyTerm), after.Value(method.PenaltyTerm))
	}
	if off := furthest(t, weights, weightsOf(t, of)); off != 0 {
		t.Errorf("at rate 0 the generator moved by %g", off)
	}
	for name, value := range map[string]float64{"rate": 1, "critic.rate": -1, "augment.strength": 0.5, "penalty.r1": math.NaN()} {
		if err := of.Set(name, value); err == nil {
			t.Errorf("Set(%q, %g) is no error", name, value)
		}
	}
	dir := t.TempDir()
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	other := trainer(t, gantest.XLA(t), exp)
	if _, err := other.Restore(dir); err != nil || fmt.Sprint(other.Settings()) != fmt.Sprint(of.Settings()) {
		t.Errorf("restored settings are %v (%v), want %v", other.Settings(), err, of.Settings())
	}
}

// TestScheduledRate wants a generator to stay where its schedule ends at 0.
func TestScheduledRate(t *testing.T) {
	exp := tiny.Smooth()
	exp.Optimizers.Generator = optim.Scheduled{Of: optim.NewAdam(1e-3, 0.9, 0.999), Schedule: optim.Linear{From: 2, To: 3}}
	of := trainer(t, gantest.XLA(t), exp)
	tiny.Steps(t, of, 3)
	before := weightsOf(t, of)
	tiny.Steps(t, of, 3)
	if off := furthest(t, before, weightsOf(t, of)); off != 0 {
		t.Errorf("after the end of its schedule the generator moved by %g", off)
	}
}

// TestBFloat16 trains in mixed precision: weights stay float32, and the losses are close to float32's.
func TestBFloat16(t *testing.T) {
	backend := gantest.XLA(t)
	full, half := tiny.Smooth(), tiny.Smooth()
	half.Optimizers.BFloat16 = true
	a, b := trainer(t, backend, full), trainer(t, backend, half)
	for i, p := range tiny.Steps(t, a, 5) {
		q := tiny.Steps(t, b, 1)[0]
		if off := math.Abs(p.Value(method.CriticLoss) - q.Value(method.CriticLoss)); off > 0.05 || off == 0 {
			t.Errorf("step %d: critic loss %g in float32 and %g in bfloat16", i+1, p.Value(method.CriticLoss), q.Value(method.CriticLoss))
		}
	}
}

// TestClassConditional trains a generator that is told its class on two classes, black and white.
func TestClassConditional(t *testing.T) {
	pixels, labels := make([]byte, 64*8*8), make([]int32, 64)
	for i := range pixels {
		if i/64%2 == 1 {
			pixels[i], labels[i/64] = 255, 1
		}
	}
	images := &sample.Images{Pixels: pixels, Labels: labels, N: 64, Height: 8, Width: 8, Channels: 1}
	base := tiny.Experiment(method.Alternating{})
	exp := base
	exp.Data, exp.Generator = data.Of("black and white", images), nil
	exp.Penalties = []loss.Penalty{loss.R1(0.1)}
	exp.Optimizers.Generator, exp.Optimizers.Critic = optim.NewAdam(1e-3, 0.5, 0.999), optim.NewAdam(1e-3, 0.5, 0.999)
	exp.View.ClassGenerator = func(scope *model.Scope, z, labels *Node) *Node {
		return tiny.Smooth().Generator(scope, net.ConcatVector(z, net.OneHotLabels(labels, 2, z.DType())))
	}
	projected, auxiliary := exp, exp
	projected.Critic = nil
	projected.View.ClassCritic = func(scope *model.Scope, x, labels *Node) *Node {
		features := net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2)
		return net.Projection(scope.In("head"), features, labels, 2)
	}
	auxiliary.View.Classes = 2
	auxiliary.Critic = func(scope *model.Scope, x *Node) *Node {
		return net.Dense(scope.In("head"), net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2), 3)
	}
	for name, exp := range map[string]gan.Experiment{"projection critic": projected, "auxiliary classifier": auxiliary} {
		t.Run(name, func(t *testing.T) {
			of := trainer(t, gantest.XLA(t), exp)
			tiny.Steps(t, of, 600)
			g, err := of.Generator()
			if err != nil || g.Classes() != 2 {
				t.Fatalf("%d classes, %v", g.Classes(), err)
			}
			drawn, err := g.GenerateClasses(train.Latents(2, g.Latent(), 5), []int32{1, 0})
			if err != nil {
				t.Fatal(err)
			}
			white, black := mean(drawn.Values[:64]), mean(drawn.Values[64:])
			if white < 0.5 || black > -0.5 {
				t.Errorf("white has mean %.2f and black %.2f, want above 0.5 and below -0.5", white, black)
			}
			inTurn, err := g.Sample(3, 5)
			if err != nil || mean(inTurn.Values[:64]) > 0 || mean(inTurn.Values[64:128]) < 0 || mean(inTurn.Values[128:]) > 0 {
				t.Errorf("samples 0, 1, 2 should be black, white, black (%v)", err)
			}
			for _, bad := range [][]int32{{0}, {0, 2}, {0, -1}, nil} {
				if _, err := g.GenerateClasses(train.Latents(2, g.Latent(), 5), bad); err == nil {
					t.Errorf("classes %v for two latents are no error", bad)
				}
			}
			// Conditional weights survive the way through files.
			dir := t.TempDir()
			if err := of.SaveWeights(dir); err != nil {
				t.Fatal(err)
			}
			loaded, err := gan.LoadGenerator(gantest.XLA(t), experimentOf(of), dir)
			if err != nil {
				t.Fatal(err)
			}
			again, err := loaded.GenerateClasses(train.Latents(2, g.Latent(), 5), []int32{1, 0})
			if err != nil || fmt.Sprint(again) != fmt.Sprint(drawn) {
				t.Errorf("loaded weights draw other images (%v)", err)
			}
		})
	}
}

func mean(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return sum / float64(len(values))
}

// TestGradientNorms wants the norms of the parts to make up the norm of the whole that the next step reports, and the
// state untouched.
func TestGradientNorms(t *testing.T) {
	exp := tiny.Experiment(method.Simultaneous{})
	exp.Penalties = []loss.Penalty{loss.R1(1)}
	of := trainer(t, gantest.XLA(t), exp)
	tiny.Steps(t, of, 2)
	before := saved(t, of)
	norms, err := of.GradientNorms()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, of), before) {
		t.Error("looking at gradients changed the state")
	}
	p := tiny.Steps(t, of, 1)[0]
	for what, whole := range map[string]float64{"critic": p.Value(method.CriticGradient), "generator": p.Value(method.GeneratorGradient)} {
		sum := 0.0
		for _, n := range norms {
			if strings.HasPrefix(n.Variable, what+"/") {
				sum += n.Norm * n.Norm
			}
		}
		if got := math.Sqrt(sum); math.Abs(got-whole) > 1e-4*whole {
			t.Errorf("%s: the parts have norm %g, the whole %g", what, got, whole)
		}
	}
}
