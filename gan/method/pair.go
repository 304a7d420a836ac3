package method

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// Names of a pair's networks, which are their scopes too.
const (
	GeneratorName = "generator"
	CriticName    = "critic"
)

// Names of the numbers that a pair's step reports.
const (
	CriticLoss        = "critic loss"        // of the step's last critic update, without penalties
	GeneratorLoss     = "generator loss"     //
	PenaltyTerm       = "penalty"            // weighted sum of the penalties; 0 in a step without them
	RealLogit         = "real logit"         // the critic's mean logits before its last update
	FakeLogit         = "fake logit"         //
	RealAccuracy      = "real accuracy"      // shares of reals with a logit above 0, and of fakes with one below
	FakeAccuracy      = "fake accuracy"      //
	CriticGradient    = "critic gradient"    // norms of whole gradients, before clipping
	GeneratorGradient = "generator gradient" //
	RealSign          = "real sign"          // E[sign(D(x))] over all real images of the step, with an Adaptation
)

// Names of a pair's settings, beside those of Pair.PenaltyNames. A rate is the one before its schedule.
const (
	GeneratorRate   = GeneratorName + "." + optim.SettingRate
	CriticRate      = CriticName + "." + optim.SettingRate
	StrengthSetting = "augment.strength" // with an Augmentation
)

// Pair is the usual game of two networks, with every default filled in, as the methods of this package play it and the linter
// looks at it. Its networks compute float32 logits and images, whatever they compute in themselves.
type Pair struct {
	// Generator maps z, [batch, latent], and labels, [batch] int32, to images. Critic maps images, or packs of them, and labels to
	// [batch, 1], or to [batch, 1+classes]: it then also names the class; some methods take the further columns for something else. Labels are nil where the networks ask for none.
	Generator, Critic func(scope *model.Scope, x, labels *Node) *Node

	Loss      loss.Loss
	Penalties []loss.Penalty
	Auxiliary float64 // weight of the cross-entropy of class logits

	Augment  Augmentation // nil: none
	Strength float64      // in [0, 1]
	Adapt    Adaptation   // nil: the strength stays
	Pack     int          // images that the critic judges at once, ≥ 1

	GeneratorOptimizer, CriticOptimizer optim.Optimizer
	ClipWeights                         float64 // 0: off
}

// Augmentation changes the images that the critic sees, real and fake alike, so that gradients flow through it (Zhao et
// al., "Differentiable augmentation for data-efficient GAN training", 2020, arXiv:2006.10738). Implementations are
// comparable values.
type Augmentation interface {
	// Apply returns images of the same shape. strength is a scalar in [0, 1], the probability of each change.
	Apply(images, strength *Node, random loss.Random) *Node

	// String names the augmentation, as kept in checkpoints.
	String() string
}

// Adaptation moves the strength of an Augmentation while a run trains (Karras et al., "Training generative adversarial
// networks with limited data", 2020, arXiv:2006.06676). Implementations are comparable values.
type Adaptation interface {
	// Next returns the next strength, which is held in [0, 1]. meanSign is E[sign(D(x))] over the step's real images, and
	// images their number.
	Next(strength, meanSign float64, images int) float64

	// String names the adaptation, as kept in checkpoints.
	String() string
}

// Method arranges the turns of a pair's step. Implementations are comparable values, a file each: Alternating, Halves,
// Simultaneous, Unrolled, TopKTraining, FeatureMatching, SelfSupervised, Growing, Private. One that takes the critic's columns behind the
// logit for something else than classes says for what by a method Columns() string.
type Method interface {
	// Arrange gives the game its Turns, and its Parts where the method cuts batches.
	Arrange(game *Game, pair Pair)

	// Check returns an error where the method cannot play a pair.
	Check(game Game, pair Pair) error

	// Identity is what a checkpoint must share, by the names there: what differs from Alternating{}.
	Identity() map[string]string

	// String names the method with its constants.
	String() string
}

// Settings lists the settings of a pair's parts.
func (pr Pair) Settings() (all []setting.Setting) {
	if pr.Augment != nil {
		s := setting.Fraction(StrengthSetting, pr.Strength)
		if pr.Adapt != nil {
			s.Follow = following{pr.Adapt}
		}
		all = append(all, s)
	}
	for i, name := range pr.PenaltyNames() {
		all = append(all, setting.NonNegative(name, pr.Penalties[i].Weight()))
	}
	return all
}

// following moves an augmentation's strength by how sure the critic is of the real images.
type following struct{ Adaptation }

// Follows implements setting.Follower.
func (following) Follows() string { return RealSign }

// PenaltyNames are the names of the penalties' settings: "penalty." and the penalty's name, as in "penalty.wgan-gp", and a second
// penalty of that name its number.
func (pr Pair) PenaltyNames() (names []string) {
	for _, p := range pr.Penalties {
		kind, _, _ := strings.Cut(p.String(), " weight")
		kind = strings.ReplaceAll(kind, " ", "-")
		name := "penalty." + kind
		for number := 2; slices.Contains(names, name); number++ {
			name = fmt.Sprintf("penalty.%s.%d", kind, number)
		}
		names = append(names, name)
	}
	return names
}

// Networks are the pair's two, by name.
func (pr Pair) Networks() []Network {
	network := func(name string, build func(scope *model.Scope, x, labels *Node) *Node) Network {
		return Network{Name: name, Build: func(scope *model.Scope, inputs ...*Node) []*Node {
			return []*Node{build(scope, inputs[0], inputs[1])}
		}}
	}
	return []Network{network(GeneratorName, pr.Generator), network(CriticName, pr.Critic)}
}

// criticPhase and generatorPhase are phases of the pair with an objective.
func (pr Pair) criticPhase(objective Objective) Phase {
	phase := Phase{Moves: []string{CriticName}, Objective: objective, Optimizer: pr.CriticOptimizer}
	if pr.ClipWeights > 0 {
		phase.After = func(p *Play) {
			for _, v := range p.Variables(CriticName) {
				v.SetNodeValue(ClipScalar(v.NodeValue(p.rows), -pr.ClipWeights, pr.ClipWeights))
			}
		}
	}
	return phase
}

func (pr Pair) generatorPhase(objective Objective) Phase {
	return Phase{Moves: []string{GeneratorName}, Objective: objective, Optimizer: pr.GeneratorOptimizer}
}

// fake generates images from fresh latents, for the classes of the real batch.
func (pr Pair) fake(p *Play) Batch {
	b := Batch{}
	if p.ground.Sets[0].Labels != nil {
		b.Labels = p.Real().Labels
	}
	b.Images = p.Net(GeneratorName, p.Latents(), b.Labels)
	made, set := b.Images.Shape().Dimensions, p.ground.Sets[0]
	data := set.Images.Shape().Dimensions
	if want := []int{p.Size(), data[1], data[2], set.Depth}; !slices.Equal(made, want) {
		panic(fmt.Errorf("the generator makes images of %v and %s has %v [batch, height, width, channels]", made, p.game.Data[0].Name, want))
	}
	return b
}

// criticObjective is the loss with its penalties, and reports them. noise is the probability that a pair changes sides.
func (pr Pair) criticObjective(p *Play, real, fake Batch, noise float64) *Node {
	ofReal, ofFake := pr.judge(p, real), pr.judge(p, fake)
	realLogits, fakeLogits := ofReal.Logits, ofFake.Logits
	if noise > 0 {
		realLogits, fakeLogits = loss.SwapLabels(realLogits, fakeLogits, noise, p.noise)
	}
	objective := Add(pr.Loss.Critic(realLogits, fakeLogits), Add(ofReal.ClassLoss, ofFake.ClassLoss))
	pr.reportCritic(p, objective, ofReal.Logits, ofFake.Logits)
	times, due := p.Lazy()
	if !due {
		return objective
	}
	judged := loss.Judged{
		Critic: ofReal.Critic, FakeCritic: ofFake.Critic, Real: ofReal.Images, Fake: StopGradient(ofFake.Images),
		RealLogits: ofReal.Logits, FakeLogits: ofFake.Logits, Random: p.noise,
	}
	sum := ScalarZero(objective.Graph(), dtypes.Float32)
	for i, name := range pr.PenaltyNames() {
		sum = Add(sum, Mul(p.Setting(name), pr.Penalties[i].Term(judged)))
	}
	p.Report(PenaltyTerm, sum)
	return Add(objective, MulScalar(sum, float64(times)))
}

// generatorObjective is the generator's loss against the critic as it is, and reports it.
func (pr Pair) generatorObjective(p *Play, fake Batch) *Node {
	var realLogits *Node // only a loss whose halves do not separate compares fake with real here
	if _, separable := pr.Loss.(loss.Halves); !separable {
		realLogits = pr.judge(p, p.Real()).Logits
	}
	ofFake := pr.judge(p, fake)
	objective := Add(pr.Loss.Generator(realLogits, ofFake.Logits), ofFake.ClassLoss)
	p.Report(GeneratorLoss, objective)
	return objective
}

// reportCritic reports the critic's loss and what it thinks of real and fake.
func (pr Pair) reportCritic(p *Play, objective, realLogits, fakeLogits *Node) {
	ReportCritic(p, objective, realLogits, fakeLogits)
	if pr.Adapt != nil {
		p.ReportMean(RealSign, ReduceAllMean(Sign(realLogits)))
	}
}

// ReportCritic reports a critic's loss, its mean logits [n, 1] of real and fake, and how many of each it takes for what they are.
func ReportCritic(p *Play, objective, realLogits, fakeLogits *Node) {
	zero := ScalarZero(objective.Graph(), dtypes.Float32)
	columns := []*Node{realLogits, fakeLogits, // [batch/Pack, 1], of which one mean is taken
		ConvertDType(GreaterThan(realLogits, zero), dtypes.Float32), ConvertDType(LessThan(fakeLogits, zero), dtypes.Float32)}
	means := ReduceMean(Concatenate(columns, -1), 0)
	p.Report(CriticLoss, objective)
	for column, name := range []string{RealLogit, FakeLogit, RealAccuracy, FakeAccuracy} {
		p.Report(name, Reshape(Slice(means, AxisElem(column))))
	}
}

// Judgement is what the critic says of a batch.
type Judgement struct {
	Images    *Node                    // the batch, packed, before it is augmented
	Critic    func(images *Node) *Node // the critic behind the augmentation of this batch, see loss.Judged
	Logits    *Node                    // [batch/Pack, 1]
	Others    *Node                    // the critic's columns behind the logit, [batch/Pack, n]: classes, angles, features; nil where there are none
	ClassLoss *Node                    // the weighted cross-entropy of its class logits, 0 where it has none
}

// judge shows the critic a batch, augmented and packed.
func (pr Pair) judge(p *Play, b Batch) Judgement {
	critic := func(images *Node) *Node { return p.Net(CriticName, images, b.Labels) }
	images := Packed(b.Images, pr.Pack)
	if pr.Augment == nil {
		return pr.Judge(critic, images, b.Labels)
	}
	draws := &recorded{from: p.noise}
	augmented := func(packs *Node) *Node {
		draws.next = 0
		return Packed(pr.ApplyAugment(Unpacked(packs, pr.Pack), p.Setting(StrengthSetting), draws), pr.Pack)
	}
	j := pr.Judge(critic, augmented(images), b.Labels)
	j.Images, j.Critic = images, func(packs *Node) *Node { return critic(augmented(packs)) }
	return j
}

// Judge calls a critic on packed images as they are.
func (pr Pair) Judge(critic func(images *Node) *Node, images, labels *Node) Judgement {
	j := Judgement{Images: images, Critic: critic, Logits: critic(images), ClassLoss: ScalarZero(images.Graph(), dtypes.Float32)}
	columns := j.Logits.Shape().Dim(-1)
	if columns > 1 {
		j.Others = Slice(j.Logits, AxisRange(), AxisRange(1))
		j.Logits = Slice(j.Logits, AxisRange(), AxisRange(0, 1))
	}
	if columns > 1 && labels != nil {
		logProbability := LogSoftmax(j.Others)
		right := OneHot(labels, columns-1, dtypes.Float32)
		j.ClassLoss = MulScalar(ReduceAllMean(ReduceSum(Mul(right, logProbability), -1)), -pr.Auxiliary)
	}
	return j
}

// ApplyAugment calls the augmentation.
func (pr Pair) ApplyAugment(images, strength *Node, random loss.Random) *Node {
	altered := pr.Augment.Apply(images, strength, random)
	if !altered.Shape().Equal(images.Shape()) {
		panic(fmt.Errorf("the augmentation %v makes %s of images %s, want the same shape", pr.Augment, altered.Shape(), images.Shape()))
	}
	return altered
}

// Packed joins each n images along the last axis: [batch, h, w, c] to [batch/n, h, w, n·c].
func Packed(images *Node, n int) *Node {
	if n == 1 {
		return images
	}
	d := images.Shape().Dimensions
	images = Reshape(images, d[0]/n, n, d[1], d[2], d[3])
	images = TransposeAllAxes(images, 0, 2, 3, 1, 4)
	return Reshape(images, d[0]/n, d[1], d[2], n*d[3])
}

// Unpacked takes packs apart: the inverse of Packed.
func Unpacked(packs *Node, n int) *Node {
	if n == 1 {
		return packs
	}
	d := packs.Shape().Dimensions
	packs = Reshape(packs, d[0], d[1], d[2], n, d[3]/n)
	packs = TransposeAllAxes(packs, 0, 3, 1, 2, 4)
	return Reshape(packs, d[0]*n, d[1], d[2], d[3]/n)
}

// check reports what of a pair no method can play.
func (pr Pair) check() error {
	for _, p := range pr.Penalties {
		if w := p.Weight(); !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("penalty %v: its weight must be finite and not negative", p)
		}
	}
	return nil
}
