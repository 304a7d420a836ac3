package lint_test

import (
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/lint"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// rules lists the names of the rules that found something.
func rules(findings []lint.Finding) (names []string) {
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// inRange is tiny's data as values in [low, high].
func inRange(low, high float32) data.Set {
	set, err := tiny.Experiment(method.Alternating{}).Data.Load()
	if err != nil {
		panic(err)
	}
	images := *set
	images.Pixels, images.Values = nil, nil
	for _, p := range set.Pixels {
		images.Values = append(images.Values, low+(high-low)*float32(p)/255)
	}
	return data.Of("scaled", &images)
}

// regression is a generator loss that asks for fixed images or logits and ignores the critic.
type regression struct{ loss.CrossEntropy }

func (regression) Generator(_, fake *Node) *Node { return ReduceAllMean(StopGradient(fake)) }
func (regression) String() string                { return "regression" }

// TestCheck plants each mistake in an experiment without any, and wants it found alone. Those marked are the article's.
func TestCheck(t *testing.T) {
	base := tiny.Experiment(method.Alternating{})
	if found := base.Check(); len(found) > 0 {
		t.Fatalf("the experiment to plant mistakes in has some: %v", found)
	}
	sigmoidCritic := func(scope *model.Scope, x *Node) *Node { return Sigmoid(base.Critic(scope, x)) }
	batchCritic := func(scope *model.Scope, x *Node) *Node {
		x = net.LeakyReLU(net.BatchNorm(scope.In("norm"), net.Dense(scope.In("dense"), net.Flatten(x), 32)), 0.2)
		return net.Dense(scope.In("logit"), x, 1)
	}
	labelled := func() data.Set {
		set, _ := base.Data.Load()
		images := *set
		images.Labels = make([]int32, images.N)
		for i := range images.Labels {
			images.Labels[i] = int32(i % 3)
		}
		return data.Of("labelled", &images)
	}()
	for name, c := range map[string]struct {
		plant func(*gan.Experiment)
		want  []string
		says  string
	}{
		"article: sigmoid into a loss of logits": {func(e *gan.Experiment) { e.Critic = sigmoidCritic },
			[]string{"bounded critic"}, "ends in sigmoid"},
		"a method without its columns": {func(e *gan.Experiment) { e.Method = method.FeatureMatching{} }, []string{"columns missing"},
			"needs features behind the critic's logit"},
		"article: data in [0,1] against tanh": {func(e *gan.Experiment) { e.Data = inRange(0, 1) },
			[]string{"data range"}, "scale the data to [-1, 1]"},
		"article: train_on_batch(noise, ones), the generator's loss has no critic": {
			func(e *gan.Experiment) { e.Loss = regression{} }, []string{"no gradient"}, "no weight of the generator"},
		"article: the tape does not watch the generator": {func(e *gan.Experiment) {
			e.Generator = func(scope *model.Scope, z *Node) *Node { return StopGradient(base.Generator(scope, z)) }
		}, []string{"no gradient"}, "no weight of the generator"},
		"article: the critic is called twice on one image": {func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				return Add(base.Critic(scope.In("d"), x), base.Critic(scope.Shared("d"), x))
			}
		}, []string{"shared parameters"}, "multiplied with 2 different inputs"},
		"article: Wasserstein with a sigmoid and no constraint": {func(e *gan.Experiment) {
			e.Loss, e.Critic = loss.Wasserstein, sigmoidCritic
		}, []string{"bounded critic", "no lipschitz constraint"}, "grow without end"},
		"article: the whole data as one batch": {func(e *gan.Experiment) { e.BatchSize = 64 },
			[]string{"batch of the whole data"}, "64"},
		"a batch larger than the data": {func(e *gan.Experiment) { e.BatchSize, e.Method = 16, method.Alternating{CriticSteps: 5} },
			[]string{"batch of the whole data"}, "80 images"},
		"Wasserstein without a constraint": {func(e *gan.Experiment) { e.Loss = loss.Wasserstein },
			[]string{"no lipschitz constraint"}, "loss.WGANGP"},
		"batch statistics under a penalty": {func(e *gan.Experiment) {
			e.Critic, e.Penalties = batchCritic, []loss.Penalty{loss.R1(1)}
		}, []string{"batch statistics under a penalty"}, "critic/norm/mean"},
		"saturating generator": {func(e *gan.Experiment) { e.Loss = loss.Saturating },
			[]string{"saturating generator"}, "loss.NonSaturating"},
		"momentum under clipping": {func(e *gan.Experiment) { e.Loss, e.Optimizers.ClipWeights = loss.Wasserstein, 0.01 },
			[]string{"momentum under clipping"}, "momentum of 0.9"},
		"a generator that ignores z": {func(e *gan.Experiment) {
			e.Generator = func(scope *model.Scope, z *Node) *Node { return base.Generator(scope, OnesLike(z)) }
		}, []string{"generator ignores z"}, "whatever its latent"},
		"a critic that is told the class alone": {func(e *gan.Experiment) {
			e.Data, e.Critic = labelled, nil
			e.View.ClassCritic = func(scope *model.Scope, x, labels *Node) *Node {
				return base.Critic(scope, Concatenate([]*Node{net.Flatten(x), OneHot(labels, 3, x.DType())}, -1))
			}
		}, []string{"classes on one side"}, "the critic sees the class"},
		"a generator that is told the class alone": {func(e *gan.Experiment) {
			e.Data, e.Generator = labelled, nil
			e.View.ClassGenerator = func(scope *model.Scope, z, labels *Node) *Node {
				return base.Generator(scope, Concatenate([]*Node{z, OneHot(labels, 3, z.DType())}, -1))
			}
		}, []string{"classes on one side"}, "nothing asks"},
		"two layers in one scope": {func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 64), 0.2)
				x = net.LeakyReLU(net.Dense(scope.In("dense"), x, 64), 0.2)
				return net.Dense(scope.In("logit"), x, 1)
			}
		}, []string{"shared parameters"}, `"dense" already visited`},
		"two layers in one shared scope": {func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.LeakyReLU(net.Dense(scope.In("dense"), net.Flatten(x), 64), 0.2)
				x = net.LeakyReLU(net.Dense(scope.Shared("dense"), x, 64), 0.2)
				return net.Dense(scope.In("logit"), x, 1)
			}
		}, []string{"shared parameters"}, "critic/dense/weights is multiplied with 2"},
		"weights in the other network's scope": {func(e *gan.Experiment) {
			e.Critic = func(scope *model.Scope, x *Node) *Node {
				x = net.Dense(scope.Store().Scope("/common").In("dense"), net.Flatten(x), 64)
				return net.Dense(scope.In("logit"), net.ReLU(x), 1)
			}
		}, []string{"shared parameters"}, "/common/dense/weights lies outside"},
		"data beyond tanh": {func(e *gan.Experiment) { e.Data = inRange(-3, 2) }, []string{"data range"}, "cannot leave [-1, 1]"},
		"data beyond a sigmoid": {func(e *gan.Experiment) {
			e.Generator = func(scope *model.Scope, z *Node) *Node {
				return Reshape(Sigmoid(net.Dense(scope.In("output"), z, 64)), -1, 8, 8, 1)
			}
		}, []string{"data range"}, "cannot leave [0, 1]"},
		"nothing bounds the pictures": {func(e *gan.Experiment) {
			e.Generator = func(scope *model.Scope, z *Node) *Node {
				return Reshape(net.Dense(scope.In("output"), z, 64), -1, 8, 8, 1)
			}
		}, []string{"data range"}, "nothing bounds"},
		"no name": {func(e *gan.Experiment) { e.Name = "" }, []string{"impossible"}, "no Name"},
		"networks that do not fit": {func(e *gan.Experiment) {
			e.Generator = func(_ *model.Scope, z *Node) *Node { return z }
		}, []string{"impossible"}, "images [batch, height, width, channels]"},
	} {
		exp := base
		c.plant(&exp)
		findings := exp.Check()
		if got := rules(findings); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", name, findings, c.want)
			continue
		}
		all := ""
		for _, f := range findings {
			all += f.String() + "\n"
			if f.Problem == "" || f.Remedy == "" || strings.ContainsAny(f.String(), "\n%") {
				t.Errorf("%s: a finding needs a problem and a remedy in one line: %q", name, f)
			}
		}
		if !strings.Contains(all, c.says) {
			t.Errorf("%s: the findings do not say %q: %s", name, c.says, all)
		}
	}
}

// TestCheckAcceptsRemedies wants no finding once the remedy is taken.
func TestCheckAcceptsRemedies(t *testing.T) {
	base := tiny.Experiment(method.Alternating{})
	spectral := func(scope *model.Scope, x *Node) *Node {
		x = net.LeakyReLU(net.SpectralDense(scope.In("dense"), net.Flatten(x), 32), 0.2)
		return net.SpectralDense(scope.In("logit"), x, 1)
	}
	for name, remedy := range map[string]func(*gan.Experiment){
		"gradient penalty": func(e *gan.Experiment) {
			e.Loss, e.Penalties = loss.Wasserstein, []loss.Penalty{loss.WGANGP(10)}
		},
		"clipping without momentum": func(e *gan.Experiment) {
			e.Loss, e.Optimizers.ClipWeights, e.Optimizers.Critic = loss.Wasserstein, 0.01, optim.NewAdam(1e-3, 0, 0.999)
		},
		"spectral normalisation": func(e *gan.Experiment) { e.Loss, e.Critic = loss.Wasserstein, spectral },
		"packing":                func(e *gan.Experiment) { e.View.Pack = 4 },
		"everything":             func(e *gan.Experiment) { *e = everything() },
	} {
		exp := base
		remedy(&exp)
		if found := exp.Check(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}
