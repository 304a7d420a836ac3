package train_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// TestPrivateUpdate looks at the first moments after one update on the whole data set, which are (1-β₁) times the gradient
// that was used. With next to no noise it is the mean of gradients of norm at most Clip; with noise it has the noise's norm.
func TestPrivateUpdate(t *testing.T) {
	exp := blind()
	exp.BatchSize = 64
	trunk := trainer(t, gantest.XLA(t), exp)
	used := func(p method.Private) (norm float64, values int) {
		of, _, err := gan.Fork(trunk, func(e *gan.Experiment) { e.Method = p })
		if err != nil {
			t.Fatal(err)
		}
		tiny.Steps(t, of, 1)
		sum := 0.0
		for name, moments := range tensorsOf(t, saved(t, of)) {
			if strings.HasPrefix(name, "adam/critic/") && strings.HasSuffix(name, "/m") {
				for _, m := range moments {
					sum += float64(m) * float64(m)
					values++
				}
			}
		}
		return math.Sqrt(sum) / 0.1, values
	}
	clipped, _ := used(method.Private{Clip: 1e-3, Noise: 1e-9})
	if clipped > 1e-3 || clipped < 1e-4 {
		t.Errorf("the mean of 64 gradients clipped to 1e-3 has norm %g", clipped)
	}
	noisy, n := used(method.Private{Clip: 1e-3, Noise: 100})
	if want := 100 * 1e-3 * math.Sqrt(float64(n)) / 64; math.Abs(noisy/want-1) > 0.1 {
		t.Errorf("noise of multiplier 100 on %d values gives norm %g, want about %g", n, noisy, want)
	}
	whole, _ := used(method.Private{Clip: 1e6, Noise: 1e-12})
	if want := tiny.Steps(t, trunk, 1)[0].Value(method.CriticGradient); math.Abs(whole-want) > 1e-4*want {
		t.Errorf("unclipped and without noise the mean gradient has norm %g, an ordinary step's %g", whole, want)
	}
}

// TestEpsilon compares the accountant with the exact curve of the Gaussian mechanism and with published figures: Opacus'
// test of its RDP accountant (noise 1.5, a share of 0.04, 2250 updates, δ = 1e-5), in which conversion and orders are those
// used here, and TensorFlow Privacy's tutorial on MNIST (noise 1.1, batches of 256 of 60 000, 60 epochs, δ = 1e-5), which
// says ε ≈ 3 by the older conversion, so the tighter one lies somewhat below.
func TestEpsilon(t *testing.T) {
	if got := (method.Private{Clip: 1, Noise: 1.5}).Epsilon(0.04, 2250); math.Abs(got-7.32911117143) > 1e-10 {
		t.Errorf("ε is %.12g, and by Opacus 7.32911117143", got)
	}
	tutorial := method.Private{Clip: 1, Noise: 1.1, Delta: 1e-5}.Epsilon(256.0/60000, 60*60000/256)
	if tutorial < 2.3 || tutorial > 3.01 {
		t.Errorf("ε of the tutorial is %.3f, want 2.3 to 3.0", tutorial)
	}
	// Without sampling the Gaussian mechanism's divergence is α/2σ², which optimal conversion keeps above the exact
	// curve of Balle and Wang (2018): δ(ε) = Φ(1/2σ - εσ) - e^ε Φ(-1/2σ - εσ).
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, sigma := range []float64{1, 4, 20} {
		p := method.Private{Clip: 1, Noise: sigma, Delta: 1e-5}
		epsilon := p.Epsilon(1, 1)
		exact := phi(1/(2*sigma)-epsilon*sigma) - math.Exp(epsilon)*phi(-1/(2*sigma)-epsilon*sigma)
		if exact > 1e-5 || exact < 1e-7 {
			t.Errorf("σ = %g: at ε = %.3f the exact δ is %g, want below 1e-5 and not far", sigma, epsilon, exact)
		}
	}
	p := method.Private{Clip: 1, Noise: 2}
	if p.Epsilon(0.01, 0) != 0 {
		t.Error("no update spends privacy")
	}
	for _, less := range [][2]float64{{p.Epsilon(0.01, 100), p.Epsilon(0.01, 1000)}, {p.Epsilon(0.01, 100), p.Epsilon(0.02, 100)},
		{method.Private{Clip: 1, Noise: 3}.Epsilon(0.01, 100), p.Epsilon(0.01, 100)}} {
		if !(0 < less[0] && less[0] < less[1]) {
			t.Errorf("ε %g should be below %g: fewer updates, smaller share or more noise", less[0], less[1])
		}
	}
	exp := tiny.Smooth()
	exp.Method = p
	of := trainer(t, gantest.XLA(t), exp)
	tiny.Steps(t, of, 4)
	got, err := epsilonOf(of)
	if want := p.Epsilon(8.0/64, 4); err != nil || got != want {
		t.Errorf("after 4 updates ε is %g, %v; want %g", got, err, want)
	}
	if _, err := epsilonOf(trainer(t, gantest.XLA(t), tiny.Smooth())); err == nil {
		t.Error("a run without privacy has an ε")
	}
}

// privately is smooth with privacy, and with a generator and critic that keep as much state as they may.
func privately() gan.Experiment {
	exp := tiny.Experiment(method.Alternating{})
	exp.Critic = func(scope *model.Scope, x *Node) *Node {
		x = net.LeakyReLU(net.SpectralDense(scope.In("dense"), net.Flatten(x), 32), 0.2)
		return net.SpectralDense(scope.In("logit"), net.Dropout(scope, x, 0.3), 1)
	}
	exp.Optimizers.EMA = 0.9
	exp.Method = method.Private{Clip: 1, Noise: 2, CriticSteps: 2}
	return exp
}

func epsilon(t testing.TB, of *train.Trainer) float64 {
	t.Helper()
	value, err := epsilonOf(of)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func fork(t testing.TB, of *train.Trainer, change func(*gan.Experiment)) *train.Trainer {
	t.Helper()
	branch, _, err := gan.Fork(of, change)
	if err != nil {
		t.Fatal(err)
	}
	return branch
}

// TestPrivacyHistory changes the noise and the batch midway: ε is that of all updates, each with its own noise and share,
// and follows the state through checkpoints, forks and rewinds.
func TestPrivacyHistory(t *testing.T) {
	backend := gantest.Go(t)
	of := trainer(t, backend, privately())
	tiny.Steps(t, of, 10)
	dir := t.TempDir()
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
	early, atFirst := of.LastCheckpoint(), epsilon(t, of)
	if want := experimentOf(of).Method.(method.Private).Epsilon(8.0/64, 20); atFirst != want {
		t.Errorf("ε is %g, want %g", atFirst, want)
	}
	change := func(e *gan.Experiment) {
		quieter(e, 1)
		e.BatchSize = 4
	}
	noisier := method.Private{Clip: 1, Noise: 1}
	branch := fork(t, of, change)
	if got := epsilon(t, branch); got != atFirst {
		t.Errorf("a branch begins with ε %g, its trunk has %g", got, atFirst)
	}
	tiny.Steps(t, branch, 10)
	both := epsilon(t, branch)
	least, most := max(atFirst, noisier.Epsilon(4.0/64, 20)), atFirst+noisier.Epsilon(4.0/64, 20)
	if !(both > least && both < most) {
		t.Errorf("20 updates with noise 2 and 20 with noise 1 cost ε %g, want between %g and %g", both, least, most)
	}
	exp := privately()
	change(&exp)
	adopted := trainer(t, backend, exp)
	if _, err := adopted.Adopt(early, nil); err != nil {
		t.Fatal(err)
	}
	tiny.Steps(t, adopted, 10)
	if got := epsilon(t, adopted); got != both {
		t.Errorf("adopted, the same run has ε %g, want %g", got, both)
	}
	if dir = t.TempDir(); branch.Save(dir) != nil {
		t.Fatal("cannot save")
	}
	resumed := trainer(t, backend, exp)
	if _, err := resumed.Restore(dir); err != nil || epsilon(t, resumed) != both {
		t.Errorf("resumed, the run has ε %g (%v), want %g", epsilon(t, resumed), err, both)
	}
	tiny.Steps(t, of, 5)
	if err := of.RestoreFile(early); err != nil || epsilon(t, of) != atFirst {
		t.Errorf("gone back, the run has ε %g (%v), want %g", epsilon(t, of), err, atFirst)
	}
	if spent, ok := gan.Spent(branch); !ok || !strings.HasPrefix(spent.String(), "ε = ") || spent.Delta != 1e-5 {
		t.Errorf("spent: %v", spent)
	}
}

// TestPrivacyOfPublicWeights wants no ε for weights that saw real images without noise.
func TestPrivacyOfPublicWeights(t *testing.T) {
	backend := gantest.Go(t)
	exp := privately()
	exp.Method = nil
	public := trainer(t, backend, exp)
	private := func(e *gan.Experiment) { e.Method = method.Private{Clip: 1, Noise: 2} }
	if got := epsilon(t, fork(t, public, private)); got != 0 {
		t.Errorf("before the first update ε is %g", got)
	}
	tiny.Steps(t, public, 3)
	dir := t.TempDir()
	if err := public.Save(dir); err != nil {
		t.Fatal(err)
	}
	adopted := trainer(t, backend, privately())
	if _, err := adopted.Adopt(public.LastCheckpoint(), nil); err != nil {
		t.Fatal(err)
	}
	// A private run that went on without privacy is public, too.
	through := trainer(t, backend, privately())
	tiny.Steps(t, through, 2)
	through = fork(t, through, func(e *gan.Experiment) { e.Method = nil })
	for name, of := range map[string]*train.Trainer{"forked": fork(t, public, private), "adopted": adopted, "private, public, private": fork(t, through, private),
		"forked twice": fork(t, fork(t, public, private), nil)} {
		tiny.Steps(t, of, 2)
		spent, _ := gan.Spent(of)
		if got := epsilon(t, of); !math.IsInf(got, 1) || !strings.HasPrefix(spent.String(), "not private: ") {
			t.Errorf("%s: ε is %g, %v", name, got, spent)
		}
	}

	// So is what an earlier version trained, whose noise followed from the seed: it opens, and is called what it is.
	old := trainer(t, backend, privately())
	tiny.Steps(t, old, 2)
	file, err := safetensors.Parse(saved(t, old))
	if err != nil {
		t.Fatal(err)
	}
	delete(file.Metadata, "privacy key")
	delete(file.Metadata, "privacy history")
	path := filepath.Join(t.TempDir(), "checkpoint-0000000002.safetensors")
	if err := file.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := old.RestoreFile(path); err != nil || !math.IsInf(epsilon(t, old), 1) {
		t.Errorf("an old checkpoint: %v, ε %g", err, epsilon(t, old))
	}
	for _, damage := range []string{"zz", strings.Repeat("ab", 31)} {
		if file.Metadata["privacy key"] = damage; file.Save(path) != nil || old.RestoreFile(path) == nil {
			t.Errorf("the key %q is no error", damage)
		}
	}
	file.Metadata["privacy key"] = strings.Repeat("ab", 32)
	for _, damage := range []string{"0.1", "0.1 2 -4", "2 2 4", "0.1 NaN 4", "0.1 2 4; 0.1 2 4", "0.1 2 4x"} {
		if file.Metadata["privacy history"] = damage; file.Save(path) != nil || old.RestoreFile(path) == nil {
			t.Errorf("the history %q is no error", damage)
		}
	}
}

// TestPrivateNoiseIsSecret wants noise that no published file tells: two runs of one seed differ, weights carry neither
// seed nor key, and a checkpoint's key makes a resumed run and an unchanged branch repeat bit for bit.
func TestPrivateNoiseIsSecret(t *testing.T) {
	backend := gantest.Go(t)
	of, other := trainer(t, backend, privately()), trainer(t, backend, privately())
	tiny.Steps(t, of, 3)
	tiny.Steps(t, other, 3)
	if furthest(t, weightsOf(t, of), weightsOf(t, other)) == 0 {
		t.Error("two private runs of one seed are the same: their noise follows from it")
	}
	dir := t.TempDir()
	if err := errors.Join(of.Save(dir), of.SaveWeights(dir)); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := safetensors.Load(of.LastCheckpoint())
	if err != nil || len(checkpoint.Metadata["privacy key"]) != 64 {
		t.Fatalf("the checkpoint has no key (%v)", err)
	}
	for _, name := range []string{"generator", "critic"} {
		content, err := os.ReadFile(filepath.Join(dir, name+".safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"\"seed\"", "privacy key", checkpoint.Metadata["privacy key"], "rngState"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("the %s's weights tell %q", name, secret)
			}
		}
	}
	resumed := trainer(t, backend, privately())
	if _, err := resumed.Restore(dir); err != nil {
		t.Fatal(err)
	}
	branch := fork(t, of, nil)
	tiny.Steps(t, of, 4)
	for name, again := range map[string]*train.Trainer{"resumed": resumed, "an equal branch": branch} {
		tiny.Steps(t, again, 4)
		if !bytes.Equal(saved(t, again), saved(t, of)) {
			t.Errorf("%s: the run does not repeat bit for bit", name)
		}
	}
}

// TestNoiseOfBranches forks a private run into branches that differ, and wants noise of their own in each: with the same,
// the difference of two branches would be that of their gradients, without any.
func TestNoiseOfBranches(t *testing.T) {
	exp := tiny.Smooth()
	exp.Method = method.Private{Clip: 1e-3, Noise: 100} // what moves the critic is noise
	trunk := trainer(t, gantest.Go(t), exp)
	moments := func(n int, change func(*gan.Experiment)) (all []float32) {
		of := fork(t, trunk, change)
		tiny.Steps(t, of, n)
		values := tensorsOf(t, saved(t, of))
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if strings.HasPrefix(name, "adam/critic/") && strings.HasSuffix(name, "/m") {
				all = append(all, values[name]...)
			}
		}
		return all
	}
	correlation := func(a, b []float32) float64 {
		var ab, aa, bb float64
		for i := range a {
			ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
		}
		return ab / math.Sqrt(aa*bb)
	}
	if got := correlation(moments(1, nil), moments(1, nil)); got < 0.999 {
		t.Errorf("equal branches differ: correlation %g", got)
	}
	for name, change := range map[string]func(*gan.Experiment){
		"noise": func(e *gan.Experiment) { quieter(e, 200) },
		"clip":  func(e *gan.Experiment) { e.Method = method.Private{Clip: 2e-3, Noise: 100} },
		"loss":  func(e *gan.Experiment) { e.Loss = loss.Hinge },
	} {
		if got := correlation(moments(1, nil), moments(1, change)); math.Abs(got) > 0.15 {
			t.Errorf("a branch with another %s has its trunk's noise: correlation %g", name, got)
		}
	}
	// A rate shows in the second gradient only. What is left of the first in the moments is 0.09 against 0.1.
	halved := func(e *gan.Experiment) { e.Optimizers.Critic = slower(e.Optimizers.Critic) }
	if got := correlation(moments(2, nil), moments(2, halved)); math.Abs(got-0.81/1.81) > 0.1 {
		t.Errorf("a branch with another rate has its trunk's noise: correlation %g", got)
	}
}

// TestPrivateSetLoss wants a private run whose loss is changed to be the fork with that loss, not to go on with gradients of
// the old one.
func TestPrivateSetLoss(t *testing.T) {
	of := trainer(t, gantest.Go(t), privately())
	tiny.Steps(t, of, 3)
	branch := fork(t, of, func(e *gan.Experiment) { e.Loss = loss.LeastSquares })
	if err := setLoss(of, loss.Paired); err == nil {
		t.Error("a loss without halves was taken")
	}
	if err := setLoss(of, loss.LeastSquares); err != nil {
		t.Fatal(err)
	}
	tiny.Steps(t, of, 3)
	tiny.Steps(t, branch, 3)
	if !bytes.Equal(saved(t, of), saved(t, branch)) {
		t.Error("with its loss changed the run is not the fork with that loss")
	}
}

// TestPrivateFakes wants the fakes of a private update to be made as a batch: made one by one, a generator with batch
// statistics would make the same image whatever its latent, and keep a variance of zero.
func TestPrivateFakes(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	exp.Method = method.Private{Clip: 1, Noise: 1}
	of, ordinary := trainer(t, gantest.Go(t), exp), trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	tiny.Steps(t, of, 1)
	tiny.Steps(t, ordinary, 1)
	got, want := tensorsOf(t, saved(t, of))["generator/norm/variance"], tensorsOf(t, saved(t, ordinary))["generator/norm/variance"]
	for i := range got {
		if !(got[i] > want[i]/2 && got[i] < want[i]*2) {
			t.Fatalf("after a step the generator's variances are %v, and without privacy %v", got, want)
		}
	}
}

// TestPrivacyRefusals wants what would let real images act otherwise than through the noisy sum to be refused, by the
// trainer and by the linter, and what judges images one by one to pass.
func TestPrivacyRefusals(t *testing.T) {
	critic := func(between func(scope *model.Scope, x *Node) *Node) func(*gan.Experiment) {
		return func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 32), 0.2)
				return net.Dense(scope.In("logit"), between(scope.In("between"), x), 1)
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*gan.Experiment)
		says   string // "" where it is fine
	}{
		"packing":            {func(e *gan.Experiment) { e.View.Pack = 2 }, "packing"},
		"a penalty":          {func(e *gan.Experiment) { e.Penalties = []loss.Penalty{loss.R1(1)} }, "penalties"},
		"a relativistic one": {func(e *gan.Experiment) { e.Loss = loss.Paired }, "separate halves"},
		"augmentation":       {func(e *gan.Experiment) { e.View.Augment = doubling{} }, "augmentation"},
		"adaptation":         {func(e *gan.Experiment) { e.View.Augment, e.View.Adapt = doubling{}, net.Adaptive{} }, "augmentation"},
		"batch norm":         {critic(net.BatchNorm), "statistics of real images (critic/between/"},
		"minibatch deviation": {critic(func(_ *model.Scope, x *Node) *Node { return net.MinibatchStdDev(x, 0) }),
			"compares the images of a batch"},
		"minibatch deviation in groups of eight": {critic(func(_ *model.Scope, x *Node) *Node { return net.MinibatchStdDev(x, 8) }),
			"compares the images of a batch"},
		"the batch's mean, behind a gate that starts closed": {critic(func(scope *model.Scope, x *Node) *Node {
			gate := scope.WithInitializer(initializer.Zero).VariableWithShape("gate", shapes.Make(dtypes.Float32))
			return Sub(x, Mul(gate.NodeValue(x), ReduceAndKeep(x, ReduceMean, 0)))
		}), "compares the images of a batch"},
		"a neighbour": {critic(func(_ *model.Scope, x *Node) *Node {
			return Add(x, Concatenate([]*Node{Slice(x, AxisRange(1)), Slice(x, AxisRange(0, 1))}, 0))
		}), "compares the images of a batch"},
		"a mean that is kept and not used": {critic(func(scope *model.Scope, x *Node) *Node {
			mean := scope.WithInitializer(initializer.Zero).VariableWithShape("seen", shapes.Make(dtypes.Float32)).SetTrainable(false)
			mean.SetNodeValue(StopGradient(ReduceAllMean(x)))
			return x
		}), "statistics of real images (critic/between/seen)"},
		"nothing":    {func(*gan.Experiment) {}, ""},
		"layer norm": {critic(net.LayerNorm), ""},
		"spectral":   {critic(func(scope *model.Scope, x *Node) *Node { return net.SpectralDense(scope, x, 8) }), ""},
		"dropout":    {critic(func(scope *model.Scope, x *Node) *Node { return net.Dropout(scope, x, 0.5) }), ""},
	} {
		exp := tiny.Experiment(method.Alternating{})
		exp.Method = method.Private{Clip: 1, Noise: 1}
		c.change(&exp)
		_, err := gan.NewTrainer(gantest.Go(t), exp)
		findings := exp.Check()
		if c.says == "" {
			if err != nil || len(findings) > 0 {
				t.Errorf("%s: %v; the linter: %v", name, err, findings)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the trainer says %v, want it refused with %q", name, err, c.says)
		}
		if len(findings) == 0 || findings[len(findings)-1].Rule != "impossible" || !strings.Contains(findings[len(findings)-1].Problem, c.says) {
			t.Errorf("%s: the linter finds %v", name, findings)
		}
	}
	exp := tiny.Experiment(method.Alternating{})
	exp.Method = method.Private{Clip: 1, Noise: 1}
	if _, err := trainer(t, gantest.Go(t), exp).GradientNorms(); err == nil {
		t.Error("a private run tells its gradients without noise")
	}
}

// TestPrivacySpentJSON takes what was spent through JSON, which has no infinity.
func TestPrivacySpentJSON(t *testing.T) {
	for want, spent := range map[string]method.PrivacySpent{
		`{"epsilon":1.5,"delta":0.00001}`:                            {Epsilon: 1.5, Delta: 1e-5},
		`{"epsilon":null,"delta":0.00001,"updates_without_noise":3}`: {Epsilon: math.Inf(1), Delta: 1e-5, Open: 3},
	} {
		text, err := json.Marshal(&spent)
		var again method.PrivacySpent
		if err != nil || string(text) != want || json.Unmarshal(text, &again) != nil || again != spent {
			t.Errorf("%+v is %s (%v), and read again %+v", spent, text, err, again)
		}
	}
}

// quieter gives a private experiment another noise.
func quieter(e *gan.Experiment, noise float64) {
	private := e.Method.(method.Private)
	private.Noise = noise
	e.Method = private
}

// epsilonOf is what a run has spent, an error where it is not private.
func epsilonOf(of *train.Trainer) (float64, error) {
	spent, private := gan.Spent(of)
	if !private {
		return 0, errors.New("the run is not private")
	}
	return spent.Epsilon, nil
}
