package kind_test

import (
	"math"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/kind"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/train"
)

func dense(out int) kind.Network {
	return func(scope *model.Scope, x *Node) *Node {
		h := net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 24), 0.2)
		return net.Dense(scope.In("output"), h, out)
	}
}

// points makes points of the plane.
func points(scope *model.Scope, z *Node) *Node { return Reshape(dense(2)(scope, z), -1, 1, 1, 2) }

func common(name string, latent int) kind.Common {
	return kind.Common{Name: name, Data: data.Ring8().Set(512, 1), Latent: latent, BatchSize: 32, Optimizer: optim.NewAdam(2e-3, 0.5, 0.999), EMA: 0.9}
}

// all is one of each kind, of networks for points.
func all() map[string]method.Chosen {
	features := func(scope *model.Scope, x *Node) *Node {
		h := net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 24), 0.2)
		return net.WithFeatures(net.Dense(scope.In("logit"), h, 1), h)
	}
	cycle := common("cyclegan", 2)
	cycle.EMA = 0
	return map[string]method.Chosen{
		"infogan": kind.InfoGAN{Common: common("infogan", 11), Generator: points, Critic: dense(1), Reader: dense(9), Categories: 8, Numbers: 1},
		"bigan":   kind.BiGAN{Common: common("bigan", 2), Generator: points, Encoder: dense(2), Critic: net.JointCritic},
		"vae-gan": kind.VAEGAN{Common: common("vae-gan", 2), Generator: points, Encoder: dense(4), Critic: features},
		"began":   kind.BEGAN{Common: common("began", 2), Generator: points, Critic: points, Speed: 0.5},
		"cyclegan": kind.CycleGAN{Common: cycle, Other: data.Moons(512, 1), Forward: points, Back: points, ForwardCritic: dense(1), BackCritic: dense(1),
			Identity: 2},
		"style": kind.Style{Common: common("style", 3), Mapping: dense(4), Synthesis: points, Critic: dense(1)},
	}
}

func trainer(t *testing.T, of method.Description) *train.Trainer {
	t.Helper()
	made, err := train.New(gantest.Go(t), of)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func steps(t *testing.T, of *train.Trainer, n int) (last train.Progress) {
	t.Helper()
	for p, err := range of.Train(t.Context(), n) {
		if err != nil {
			t.Fatal(err)
		}
		last = p
	}
	return last
}

// TestResume wants each kind to go on from a checkpoint where it would have gone without: every weight, and what a kind keeps beside
// them, such as BEGAN's balance.
func TestResume(t *testing.T) {
	for name, of := range all() {
		whole := trainer(t, of)
		steps(t, whole, 5)
		dir := t.TempDir()
		if err := whole.Save(dir); err != nil {
			t.Fatal(err)
		}
		want := steps(t, whole, 5)
		resumed := trainer(t, of)
		if skipped, err := resumed.Restore(dir); err != nil || len(skipped) > 0 {
			t.Fatalf("%s: %v, skipped %v", name, err, skipped)
		}
		got := steps(t, resumed, 5)
		for i, n := range want.Numbers {
			if got.Numbers[i] != n {
				t.Errorf("%s: %s is %g after a resumed step, and %g undisturbed", name, n.Name, got.Numbers[i].Value, n.Value)
			}
		}
		settings := resumed.Settings()
		for setting, value := range whole.Settings() {
			if settings[setting] != value {
				t.Errorf("%s: setting %s is %g in the resumed run, and %g undisturbed", name, setting, settings[setting], value)
			}
		}
		other := map[string][]float32{}
		for v := range whole.Store().IterVariables() {
			if v.DType().IsFloat() {
				other[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
			}
		}
		for v := range resumed.Store().IterVariables() {
			if !v.DType().IsFloat() {
				continue
			}
			for i, w := range tensors.MustCopyFlatData[float32](v.MustValue()) {
				if w != other[v.Path()][i] {
					t.Errorf("%s: %s differs from the undisturbed run", name, v.Path())
					break
				}
			}
		}
	}
}

// TestFollowed wants what a kind keeps beside weights to have moved by its rule.
func TestFollowed(t *testing.T) {
	began := trainer(t, all()["began"])
	for range 20 {
		before := began.Settings()["began.balance"]
		balance := steps(t, began, 1).Value(kind.Balance)
		if want := min(1, max(0, before+0.5*balance)); math.Abs(began.Settings()["began.balance"]-want) > 1e-6 {
			t.Fatalf("the balance was %g, of the step %g, and is now %g, want %g", before, balance, began.Settings()["began.balance"], want)
		}
	}
	if began.Settings()["began.balance"] == 0 {
		t.Error("the balance has not moved")
	}
	style := trainer(t, all()["style"])
	length := steps(t, style, 1).Value(kind.PathLength)
	if got := style.Settings()["path.length"]; length == 0 || math.Abs(got-0.01*length) > 1e-6 {
		t.Errorf("paths of %g make a mean of %g, want a hundredth", length, got)
	}
	if p := steps(t, style, 1); p.Reports(kind.PathLength) {
		t.Errorf("the second step looks at paths too: %v", p.Numbers)
	}
}

// TestInfoGANTrainsTheCode wants a reader to tell the class from points that the generator made, far better than chance, and not to
// where nothing asks the generator for it: then its points are the ring's, whatever the class.
func TestInfoGANTrainsTheCode(t *testing.T) {
	of := all()["infogan"].(kind.InfoGAN)
	made := trainer(t, of)
	accuracy := 0.0
	for p, err := range made.Train(t.Context(), 300) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Step > 280 {
			accuracy += p.Value(kind.CodeAccuracy) / 20
		}
	}
	if accuracy < 0.6 {
		t.Errorf("the reader tells %.2f of the classes, want 0.6 at least; 0.125 is chance", accuracy)
	}
	without := of
	without.Weight = 1e-12
	made = trainer(t, without)
	before := 0.0
	for p, err := range made.Train(t.Context(), 60) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Step > 40 {
			before += p.Value(kind.InformationLoss) / 20
		}
	}
	if before < 1 {
		t.Errorf("without a weight the information loss is %g already after 60 steps", before)
	}
}

// TestCode wants a class of the largest component, numbers of normal ones that are uniform, and the rest as it was.
func TestCode(t *testing.T) {
	of := kind.InfoGAN{Common: kind.Common{Latent: 6}, Categories: 3, Numbers: 2}
	exec := MustNewExec(gantest.Go(t), of.Code)
	defer exec.Finalize()
	got := tensors.MustCopyFlatData[float32](exec.MustCall([][]float32{{-1, 2, 0.5, 0, 0.67449, 7}})[0])
	for i, want := range []float64{0, 1, 0, 0, 0.5, 7} { // 0.67449 is the upper quartile
		if math.Abs(float64(got[i])-want) > 1e-4 {
			t.Errorf("component %d of the code is %g, want %g", i, got[i], want)
		}
	}
}

// TestPathLengths compares with the slopes that finite differences give, and the gradient of the penalty by a weight with its own.
func TestPathLengths(t *testing.T) {
	backend := gantest.Go(t)
	const h, n, size = 1e-4, 3, 4
	weights := [][]float64{{0.5, -1, 0.3, 0.8}, {1.2, 0.1, -0.7, 0.4}, {-0.2, 0.9, 0.6, -1.1}}
	ws := [][]float64{{0.3, -0.5, 0.2}, {-1, 0.4, 0.7}}
	ys := [][][][]float64{{{{1}, {-0.5}}, {{0.2}, {2}}}, {{{-1}, {0.3}}, {{0.9}, {-0.4}}}}
	made := func(w, weights *Node) *Node { return Reshape(Tanh(MatMul(w, weights)), -1, 2, 2, 1) }
	lengths := MustNewExec(backend, func(w, weights, y *Node) []*Node {
		lengths := kind.PathLengths(made(w, weights), w, y)
		penalty := ReduceAllMean(Square(AddScalar(lengths, -0.7)))
		return []*Node{lengths, penalty, Gradient(penalty, weights)[0]}
	})
	defer lengths.Finalize()
	images := MustNewExec(backend, made)
	defer images.Finalize()
	of := lengths.MustCall(ws, weights, ys)
	got := tensors.MustCopyFlatData[float64](of[0])
	for i, w := range ws {
		square := 0.0
		for k := range n {
			moved := func(by float64) []float64 {
				there := append([]float64{}, w...)
				there[k] += by
				return tensors.MustCopyFlatData[float64](images.MustCall([][]float64{there}, weights)[0])
			}
			ahead, behind, slope := moved(h), moved(-h), 0.0
			for p := range size {
				slope += (ahead[p] - behind[p]) / (2 * h) * ys[i][p/2][p%2][0] / 2 // the root of 2·2 pixels
			}
			square += slope * slope
		}
		if math.Abs(got[i]-math.Sqrt(square)) > 1e-5 {
			t.Errorf("path %d has a length of %g, want %g", i, got[i], math.Sqrt(square))
		}
	}
	slopes := tensors.MustCopyFlatData[float64](of[2])
	for i := range n {
		for j := range size {
			penalty := func(by float64) float64 {
				weights[i][j] += by
				defer func() { weights[i][j] -= by }()
				return tensors.ToScalar[float64](lengths.MustCall(ws, weights, ys)[1])
			}
			want := (penalty(h) - penalty(-h)) / (2 * h)
			if math.Abs(slopes[i*size+j]-want) > 1e-5 {
				t.Errorf("the penalty's slope by weight %d, %d is %g, want %g", i, j, slopes[i*size+j], want)
			}
		}
	}
}

// TestChosen wants data, batch and seed of each kind to be chosen, and a wrong number of sets refused.
func TestChosen(t *testing.T) {
	for name, of := range all() {
		game, err := of.Game()
		if err != nil {
			t.Fatal(err)
		}
		sets := []data.Set{data.Moons(100, 3), data.SwissRoll(100, 3)}[:len(game.Data)]
		chosen, err := of.With(method.Choice{Data: sets, BatchSize: 8, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		if game, err = chosen.Game(); err != nil || game.BatchSize != 8 || game.Seed != 5 || game.Data[0].Name != sets[0].Name || game.Data[len(sets)-1].Name != sets[len(sets)-1].Name {
			t.Errorf("%s: batch %d, seed %d, data %s, error %v", name, game.BatchSize, game.Seed, game.DataName(), err)
		}
		if _, err := of.With(method.Choice{Data: make([]data.Set, 3)}); err == nil || !strings.Contains(err.Error(), "3 are given") {
			t.Errorf("%s takes three sets: %v", name, err)
		}
	}
}

// TestErrors wants one clear line about what a kind lacks.
func TestErrors(t *testing.T) {
	kinds := all()
	info, began, style, cycle, vae, bigan := kinds["infogan"].(kind.InfoGAN), kinds["began"].(kind.BEGAN), kinds["style"].(kind.Style),
		kinds["cyclegan"].(kind.CycleGAN), kinds["vae-gan"].(kind.VAEGAN), kinds["bigan"].(kind.BiGAN)
	info.Latent = 5
	began.Diversity = 2
	style.Mapping = nil
	cycle.Other = data.Set{}
	vae.Encoder = nil
	bigan.Critic = nil
	unnamed, averaged, reader, generator := kinds["began"].(kind.BEGAN), kinds["began"].(kind.BEGAN), kinds["infogan"].(kind.InfoGAN), kinds["infogan"].(kind.InfoGAN)
	unnamed.Name, averaged.EMA, reader.Reader, generator.Generator = "", 1, nil, nil
	for want, of := range map[string]method.Description{
		"fit a latent of 5": info, "Diversity 2": began, "needs a Mapping": style, "needs an Other set": cycle, "needs a network Encoder": vae, "needs a network Critic": bigan,
		"has no Name": unnamed, "EMA 1 must": averaged, "needs a network Reader": reader, "needs a network Generator": generator,
	} {
		if _, err := of.Game(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for want, of := range map[string]method.Description{
		"want an autoencoder":   kind.BEGAN{Common: common("began", 2), Generator: points, Critic: dense(1)},
		"want the same shape":   kind.CycleGAN{Common: common("c", 2), Other: data.Moons(512, 1), Forward: dense(2), Back: points, ForwardCritic: dense(1), BackCritic: dense(1)},
		"returns [batch, 1+fea": kind.VAEGAN{Common: common("v", 2), Generator: points, Encoder: dense(4), Critic: dense(1)},
		"want latents":          kind.BiGAN{Common: common("b", 2), Generator: points, Encoder: dense(3), Critic: net.JointCritic},
	} {
		made, err := train.New(gantest.Go(t), of)
		if err == nil {
			for _, err = range made.Train(t.Context(), 1) {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
