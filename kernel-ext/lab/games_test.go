package lab_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/setting"
	"gantry.local/gan/train"
	"gantry.local/gan/translate"
	"gantry.local/kernel-ext/lab"
)

// Games of a plan that are no gan.Experiment.
const (
	translation = "translation" // from images to images, without samples
	twoCritics  = "two critics" // a generator against the critics "near" and "far"
)

// description is what the plan trains.
func (p plan) description() method.Description {
	switch p.Game {
	case translation:
		return restoring(p.L1)
	case twoCritics:
		return threeNetworks()
	}
	return p.experiment()
}

// restoring learns to take noise from small images.
func restoring(weight float64) translate.Experiment {
	images := &sample.Images{N: 40, Height: 4, Width: 4, Channels: 1, Values: make([]float32, 40*16)}
	for i := range images.Values {
		images.Values[i] = float32(math.Sin(float64(i)))
	}
	return translate.Experiment{
		Data: data.Of("waves", images), Degrade: translate.Noise{Sigma: 0.5}, BatchSize: 4, L1Weight: weight,
		Network: func(scope *model.Scope, x *Node) *Node {
			return Reshape(Tanh(net.Dense(scope, net.Flatten(x), 16)), -1, 4, 4, 1)
		},
		Critic: func(scope *model.Scope, x *Node) *Node { return net.Dense(scope, net.Flatten(x), 1) },
	}
}

// threeNetworks is a game of points in the plane with two critics, of which one sees the points as they are and the other their
// squares. Each second step reports how far the samples are from 0.
func threeNetworks() method.Game {
	critic := func(name string, seen func(x *Node) *Node) method.Phase {
		return method.Phase{Moves: []string{name}, Optimizer: optim.NewAdam(1e-3, 0.5, 0.999), LazyEvery: 2, Objective: func(p *method.Play) *Node {
			fake := StopGradient(p.Net("generator", p.Latents()))
			objective := loss.NonSaturating.Critic(p.Net(name, seen(p.Real().Images)), p.Net(name, seen(fake)))
			p.Report(name+" loss", objective)
			if _, due := p.Lazy(); due {
				p.Report(name+" size", ReduceAllMean(Square(fake)))
			}
			return objective
		}}
	}
	generator := method.Phase{Moves: []string{"generator"}, Optimizer: optim.NewAdam(1e-3, 0.5, 0.999), Objective: func(p *method.Play) *Node {
		fake := p.Net("generator", p.Latents())
		objective := Add(loss.NonSaturating.Generator(nil, p.Net("near", fake)),
			Mul(p.Setting("far.weight"), loss.NonSaturating.Generator(nil, p.Net("far", Square(fake)))))
		p.Report("generator loss", objective)
		return objective
	}}
	dense := func(name string) method.Network {
		return method.Of(name, func(scope *model.Scope, x *Node) *Node { return net.Dense(scope, net.Flatten(x), 1) })
	}
	itself := func(x *Node) *Node { return x }
	return method.Game{
		Name: "three", Data: []data.Set{data.Ring8().Set(200, 1)}, BatchSize: 8, Seed: 3,
		Networks: []method.Network{
			method.Of("generator", func(scope *model.Scope, z *Node) *Node { return Reshape(net.Dense(scope, z, 2), -1, 1, 1, 2) }),
			dense("near"), dense("far"),
		},
		Turns: []method.Turn{{Phases: []method.Phase{critic("near", itself)}}, {Phases: []method.Phase{critic("far", Square)}},
			{Phases: []method.Phase{generator}, Again: true}},
		Sampler:  method.Sampler{Network: "generator", Latent: 2},
		Settings: []setting.Setting{setting.NonNegative("far.weight", 1)},
	}
}

// TestGame trains a game of three networks as any other run: its own numbers are in its history, it goes on where it was, and what
// was made of it is what the library makes without a run.
func TestGame(t *testing.T) {
	runs(t)
	p := plan{Name: "three", Backend: "go", Game: twoCritics}
	r := p.open(t)
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	do(r.Train(5), r.TrainAlone("far", 2), r.Set("far.weight", 0.5), r.Train(3))
	s := status(t, r)
	if s.Step != 8 || s.Calls != 10 || !slices.Equal(s.Networks, []string{"near", "far", "generator"}) || s.Sampler != "generator" || s.Loss != "" {
		t.Errorf("it is %+v", s)
	}
	if want := []string{"near loss", "near size", "near gradient", "far loss", "far size", "far gradient",
		"generator loss", "generator gradient"}; !slices.Equal(s.Numbers, want) {
		t.Errorf("it reports %q, want %q", s.Numbers, want)
	}
	alone, err := train.New(gantest.Open(t, "go"), threeNetworks())
	do(err)
	var want []train.Progress
	note := func(p train.Progress, err error) { do(err); p.StepsPerSecond = 0; want = append(want, p) }
	for p, err := range alone.Train(t.Context(), 5) {
		note(p, err)
	}
	for p, err := range alone.TrainAlone(t.Context(), "far", 2) {
		note(p, err)
	}
	do(alone.Set("far.weight", 0.5))
	for p, err := range alone.Train(t.Context(), 3) {
		note(p, err)
	}
	whole(t, r, want)
	metrics, err := r.Metrics()
	do(err)
	if metrics[6].Alone != "far" || metrics[6].Ordinary() || metrics[7].Alone != "" {
		t.Errorf("calls 7 and 8 were of %q and %q, want the far critic and all", metrics[6].Alone, metrics[7].Alone)
	}
	dir := t.TempDir()
	do(alone.Save(dir))
	if !bytes.Equal(checkpoint(t, r, 8), state(t, alone.LastCheckpoint())) {
		t.Error("its weights are not those that the library trains without a run")
	}

	exact, err := r.Rewind(6)
	do(err)
	if again := status(t, r); !exact || again.Step != 6 || again.Calls != 8 {
		t.Errorf("going back leads to %v, exactly: %v", again, exact)
	}
	do(r.Stop())
	shown := fmt.Sprint(r.ShowValue()["text/plain"])
	if strings.Contains(shown, "\nloss ") {
		t.Errorf("it shows a loss that it has not:\n%s", shown)
	}
	weights := t.TempDir()
	do(r.SaveWeights(weights)) // of its folder
	if w := train.WeightsIn(weights, "near", "far", "generator"); !w.Whole() {
		t.Errorf("weights of a run without a process: %v", w)
	}
	r = p.open(t)
	if s := status(t, r); s.Step != 6 || r.Notice() != "" || s.Settings["far.weight"] != 0.5 {
		t.Errorf("opened again it is %v, %q", s, r.Notice())
	}
	if _, err := r.Sample(3, 1); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{r.TrainAlone("critic", 1), `no network "critic": use one of near, far, generator`},
		{r.SetLoss("hinge"), "no loss to change"},
		{func() error { _, err := r.Fork("other", func(*gan.Experiment) {}); return err }(), "use ForkTo"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
}

// TestTranslation steers a run that makes no samples: its panel has its own networks, settings and curves, and a fork of it has
// another weight.
func TestTranslation(t *testing.T) {
	runs(t)
	p := plan{Name: "restore", Backend: "go", Game: translation}
	r := p.open(t)
	if err := r.Train(4); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sample(3, 1); err == nil || !strings.Contains(err.Error(), "no network to draw samples from") {
		t.Errorf("sampling it: %v", err)
	}
	if _, err := lab.WeightsOf(r.Dir(), func(string) {}); err == nil || !strings.Contains(err.Error(), "no network to draw samples from") {
		t.Errorf("the weights that its samples are drawn with: %v", err)
	}
	n := notebook(t, "notebook")
	if err := lab.Panel(r); err != nil {
		t.Fatal(err)
	}
	within(t, "the panel shows the step", func() bool { return strings.Contains(n.html(), "step 4") })
	n.press("network step")
	within(t, "a step of the network", func() bool { return status(t, r).Calls == 5 && status(t, r).Step == 4 })
	for _, w := range n.widgets() {
		if w["description"] == "loss" {
			t.Error("the panel offers a loss to choose")
		}
	}
	losses := bytes.Join(n.pictures(), nil)
	n.choose("curves", translate.Difference)
	within(t, "the curve of the difference is drawn", func() bool { return !bytes.Equal(losses, bytes.Join(n.pictures(), nil)) })
	n.move("FloatSlider", "l1.weight", "value", 50.0)
	within(t, "the weight is set", func() bool { return status(t, r).Settings["l1.weight"] == 50 })
	if err := lab.Explore(r); err == nil || !strings.Contains(err.Error(), "no latent space") {
		t.Errorf("exploring it: %v", err)
	}

	other := p
	other.Name, other.L1 = "other", 10
	other.tell(t)
	branch, err := r.ForkTo("other", restoring(10))
	if err != nil {
		t.Fatal(err)
	}
	if err := branch.Train(2); err != nil {
		t.Fatal(err)
	}
	of, err := branch.Metrics()
	if err != nil || len(of) != 7 || !of[6].Reports(translate.NetworkLoss) {
		t.Errorf("the branch's history has %d records (%v), want 7, the last with a loss of the network", len(of), err)
	}
	trunk, err := r.Metrics()
	if err != nil || !reflect.DeepEqual(of[:5], trunk[:5]) {
		t.Errorf("the branch's first records are not the trunk's (%v)", err)
	}
	if weight := status(t, branch).Settings["l1.weight"]; weight != 10 {
		t.Errorf("the branch's weight is %g, want its own, 10", weight)
	}
}
