package gan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/loss"
)

// Where the state of a run lies in its store. Everything outside dataScope belongs in a checkpoint.
const (
	generatorScope = "/generator"
	criticScope    = "/critic"
	averageScope   = "/average"
	adamScope      = "/adam"
	dataScope      = "/data"
)

// The numbers a step reports, by their place in its output.
const (
	reportCriticLoss = iota
	reportGeneratorLoss
	reportPenalty
	reportRealLogit
	reportFakeLogit
	reportRealAccuracy
	reportFakeAccuracy
	reportRealSign
	reportCriticGradient
	reportGeneratorGradient
	reports
)

// updates says which networks one call of a compiled step updates.
type updates struct {
	critic, generator bool
	penalties         bool // whether the critic's penalties are in this step
}

// step builds the graph of one training step of an experiment, and holds what is current while it is built.
type step struct {
	Experiment
	updates
	store   *model.Store
	images  *model.Variable // the whole data set on the device, as package data keeps it
	labels  *model.Variable // [n] int32; nil where no network asks for classes
	depth   int             // length of the images' last axis as the networks see it
	oneHot  bool            // whether the images are indices into an alphabet
	latents func(g *Graph) *Node

	rows     *Node         // [CriticSteps, BatchSize] int32
	settings *settingNodes // rates and weights, which may change from step to step
	noise    *random       // for all but latents, so that a penalty that draws leaves the latents as they are
	report   [reports]*Node
}

// batch is what one update of a network looks at.
type batch struct {
	images *Node // [batch, height, width, depth]
	labels *Node // [batch] int32 or nil
}

// begin takes the inputs of the graph that is to be built: rows of the data set, a random state and the settings.
func (s *step) begin(rows, state, settings *Node) {
	g := rows.Graph()
	s.store.SetTraining(g, true)
	forLatents, forNoise := RNGStateSplit(state)
	s.rows, s.noise, s.settings = rows, &random{forNoise}, s.newSettingNodes(settings)
	if s.latents == nil {
		source := &random{forLatents}
		s.latents = func(*Graph) *Node { return source.Normal(latentShape(s.BatchSize/s.Accumulate, s.Latent)) }
	}
	for i := range s.report {
		s.report[i] = ScalarZero(g, dtypes.Float32)
	}
}

// build is the whole step: from its inputs to the reports, [reports] float32. Weights, optimizer state and averages are
// updated in the store.
func (s *step) build(rows, state, settings *Node) *Node {
	s.begin(rows, state, settings)
	switch last := s.CriticSteps - 1; {
	case !s.critic:
		s.updateGenerator(last)
	case !s.generator:
		s.updateCritic(0)
	default:
		for update := range last {
			s.updateCritic(update)
		}
		if s.Order == Simultaneous {
			s.updateBoth(last)
		} else {
			s.updateCritic(last)
			s.updateGenerator(last)
		}
	}
	if s.generator {
		s.average(rows.Graph())
	}
	return Stack(s.report[:], 0)
}

// gradientNorms is a step that updates nothing: it returns the norm of the gradient by each variable, the critic's first.
func (s *step) gradientNorms(rows, state, settings *Node) (norms []*Node) {
	s.begin(rows, state, settings)
	g := rows.Graph()
	restore := s.keep(g, "")
	real, fake := s.realBatch(0, 0), s.fakeBatch(0, 0)
	gradients := Gradient(s.criticObjective(real, s.constant(fake)), s.criticValues()...)
	realLogits := s.judge(real).logits
	gradients = append(gradients, Gradient(s.generatorObjective(realLogits, s.judge(fake)), s.generatorValues()...)...)
	for _, gradient := range gradients {
		norms = append(norms, norm([]*Node{gradient}))
	}
	restore() // averages that layers keep
	return norms
}

// keep notes the values of the variables at and below paths. restore brings them back, whatever was made of them meanwhile:
// weights, batch statistics, the vectors of spectral normalisation.
func (s *step) keep(g *Graph, paths ...string) (restore func()) {
	before := map[*model.Variable]*Node{}
	for v := range s.store.IterVariables() {
		for _, path := range paths {
			if v.Path() == path || strings.HasPrefix(v.Path(), path+"/") {
				before[v] = v.NodeValue(g)
			}
		}
	}
	return func() {
		for v, value := range before {
			if v.ChangedInGraph(g) {
				v.SetNodeValue(value)
			}
		}
	}
}

// updateCritic is one update of the critic, on the real batch number `update` of the step.
func (s *step) updateCritic(update int) {
	switch {
	case s.Order == AlternatingHalves:
		halves := s.Loss.(loss.Halves)
		real := s.judge(s.realBatch(update, 0))
		realLoss := Add(halves.Real(real.logits), real.classLoss)
		s.descendCritic(Gradient(realLoss, s.criticValues()...))
		fake := s.judge(s.constant(s.fakeBatch(update, 0)))
		fakeLoss := Add(halves.Fake(fake.logits), fake.classLoss)
		s.descendCritic(Gradient(fakeLoss, s.criticValues()...))
		s.reportCritic(MulScalar(Add(realLoss, fakeLoss), 0.5), real.logits, fake.logits)
	default:
		gradients := s.accumulate(func(part int) (*Node, []*Node) {
			objective := s.criticObjective(s.realBatch(update, part), s.constant(s.fakeBatch(update, part)))
			return objective, s.criticValues()
		})
		s.descendCritic(gradients)
	}
}

// updateGenerator is one update of the generator, beside the real batch number `update` of the step.
func (s *step) updateGenerator(update int) {
	gradients := s.accumulate(func(part int) (*Node, []*Node) {
		fake := s.fakeBatch(update, part)
		restore := s.lookAhead(s.Unroll, s.realBatch(update, part), fake)
		var realLogits *Node // only a loss whose halves do not separate compares fake with real here
		if _, separable := s.Loss.(loss.Halves); !separable {
			realLogits = s.judge(s.realBatch(update, part)).logits
		}
		objective := s.generatorObjective(realLogits, s.judge(fake))
		restore()
		return objective, s.generatorValues()
	})
	s.descendGenerator(gradients)
}

// updateBoth updates both networks by gradients at the same weights and on the same batches.
func (s *step) updateBoth(update int) {
	real, fake := s.realBatch(update, 0), s.fakeBatch(update, 0)
	criticGradients := Gradient(s.criticObjective(real, fake), s.criticValues()...)
	realLogits := s.judge(real).logits
	generatorGradients := Gradient(s.generatorObjective(realLogits, s.judge(fake)), s.generatorValues()...)
	s.descendCritic(criticGradients)
	s.descendGenerator(generatorGradients)
}

// accumulate averages the gradients of an objective over the parts that a batch is cut into.
func (s *step) accumulate(of func(part int) (objective *Node, variables []*Node)) []*Node {
	var sum []*Node
	for part := range s.Accumulate {
		objective, variables := of(part)
		for i, gradient := range Gradient(objective, variables...) {
			if part == 0 {
				sum = append(sum, gradient)
			} else {
				sum[i] = Add(sum[i], gradient)
			}
		}
	}
	for i := range sum {
		sum[i] = MulScalar(sum[i], 1/float64(s.Accumulate))
	}
	return sum
}

// lookAhead lets the critic make k updates on one batch, which the generator's objective is then built on and
// differentiated through. restore takes back all that happened to the critic since.
func (s *step) lookAhead(k int, real, fake batch) (restore func()) {
	if k == 0 {
		return func() {}
	}
	g := fake.images.Graph()
	restore = s.keep(g, criticScope)
	variables := s.trainable(criticScope)
	adam := s.CriticAdam.state(s.store.Scope(adamScope+criticScope), g, variables)
	for range k {
		objective := s.Loss.Critic(s.judge(real).logits, s.judge(fake).logits)
		gradients := s.CriticAdam.clip(Gradient(objective, s.criticValues()...))
		for i, change := range adam.advance(s.settings.criticRate, gradients) {
			variables[i].SetNodeValue(Sub(variables[i].NodeValue(g), change))
		}
	}
	return restore
}

// criticObjective is the loss with its penalties, and reports them.
func (s *step) criticObjective(real, fake batch) *Node {
	ofReal, ofFake := s.judge(real), s.judge(fake)
	realLogits, fakeLogits := ofReal.logits, ofFake.logits
	if s.LabelNoise > 0 {
		realLogits, fakeLogits = loss.SwapLabels(realLogits, fakeLogits, s.LabelNoise, s.noise)
	}
	objective := Add(s.Loss.Critic(realLogits, fakeLogits), Add(ofReal.classLoss, ofFake.classLoss))
	s.reportCritic(objective, ofReal.logits, ofFake.logits)
	if !s.penalties {
		return objective
	}
	judged := loss.Judged{
		Critic: ofReal.critic, FakeCritic: ofFake.critic, Real: ofReal.images, Fake: StopGradient(ofFake.images),
		RealLogits: ofReal.logits, FakeLogits: ofFake.logits, Random: s.noise,
	}
	sum := ScalarZero(objective.Graph(), dtypes.Float32)
	for i, p := range s.Penalties {
		sum = Add(sum, Mul(s.settings.penaltyWeights[i], p.Term(judged)))
	}
	s.report[reportPenalty] = Add(s.report[reportPenalty], MulScalar(sum, 1/float64(s.Accumulate)))
	return Add(objective, MulScalar(sum, float64(s.PenaltyEvery)))
}

// generatorObjective is the generator's loss, and reports it.
func (s *step) generatorObjective(realLogits *Node, fake judgement) *Node {
	objective := Add(s.Loss.Generator(realLogits, fake.logits), fake.classLoss)
	s.report[reportGeneratorLoss] = Add(s.report[reportGeneratorLoss], MulScalar(objective, 1/float64(s.Accumulate)))
	return objective
}

// reportCritic reports the critic's loss and what it thinks of real and fake. Of several critic updates the last counts.
func (s *step) reportCritic(objective, realLogits, fakeLogits *Node) {
	parts, zero := float64(s.Accumulate), ScalarZero(objective.Graph(), dtypes.Float32)
	columns := []*Node{realLogits, fakeLogits, // [batch/Pack, 1], of which one mean is taken
		ConvertDType(GreaterThan(realLogits, zero), dtypes.Float32), ConvertDType(LessThan(fakeLogits, zero), dtypes.Float32)}
	means := ReduceMean(Concatenate(columns, -1), 0)
	s.report[reportCriticLoss] = s.ofParts(reportCriticLoss, objective)
	for column, place := range []int{reportRealLogit, reportFakeLogit, reportRealAccuracy, reportFakeAccuracy} {
		s.report[place] = s.ofParts(place, Reshape(Slice(means, AxisElem(column))))
	}
	if s.Adapt != nil { // over all of the step's real images
		if s.generator {
			parts *= float64(s.CriticSteps)
		}
		signs := MulScalar(ReduceAllMean(Sign(realLogits)), 1/parts)
		s.report[reportRealSign] = Add(s.report[reportRealSign], signs)
	}
}

// ofParts is what stands at a place of the report, with the value of one more part of the batch.
func (s *step) ofParts(place int, value *Node) *Node {
	if s.Accumulate == 1 {
		return value
	}
	return Add(s.report[place], MulScalar(value, 1/float64(s.Accumulate)))
}

// realBatch gathers part of row `update` of rows from the data set, as the networks see it.
func (s *step) realBatch(update, part int) batch {
	size := s.BatchSize / s.Accumulate
	row := Reshape(Slice(s.rows, AxisElem(update), AxisRange(part*size, (part+1)*size)), size, 1)
	images := Gather(s.images.NodeValue(s.rows), row)
	switch {
	case s.oneHot:
		images = OneHot(ConvertDType(Squeeze(images, -1), dtypes.Int32), s.depth, dtypes.Float32)
	case images.DType() == dtypes.Uint8:
		images = AddScalar(MulScalar(ConvertDType(images, dtypes.Float32), 1/127.5), -1)
	}
	b := batch{images: images}
	if s.labels != nil {
		b.labels = Gather(s.labels.NodeValue(s.rows), row)
	}
	return b
}

// fakeBatch generates images from fresh latents, for the classes of the real batch.
func (s *step) fakeBatch(update, part int) batch {
	b := batch{}
	if s.labels != nil {
		b.labels = s.realBatch(update, part).labels
	}
	b.images = s.generate(s.store.Scope(generatorScope), s.latents(s.rows.Graph()), b.labels)
	made, data := b.images.Shape().Dimensions, s.images.Shape().Dimensions
	if want := []int{s.BatchSize / s.Accumulate, data[1], data[2], s.depth}; !slices.Equal(made, want) {
		panic(fmt.Errorf("the generator makes images of %v and %s has %v [batch, height, width, channels]", made, s.Data.Name, want))
	}
	return b
}

func (s *step) constant(b batch) batch { return batch{StopGradient(b.images), b.labels} }

// judgement is what the critic says of a batch.
type judgement struct {
	images    *Node                    // the batch, packed, before it is augmented
	critic    func(images *Node) *Node // the critic behind the augmentation of this batch, see loss.Judged
	logits    *Node                    // [batch/Pack, 1]
	classLoss *Node                    // the weighted cross-entropy of its class logits, 0 where it has none
}

// judge shows the critic a batch, augmented and packed.
func (s *step) judge(b batch) judgement {
	images := packed(b.images, s.Pack)
	if s.Augment == nil {
		return s.logits(images, b.labels)
	}
	draws := &recorded{from: s.noise}
	augmented := func(packs *Node) *Node {
		draws.next = 0
		return packed(s.augment(unpacked(packs, s.Pack), s.settings.augmentStrength, draws), s.Pack)
	}
	j := s.logits(augmented(images), b.labels)
	critic := j.critic
	j.images, j.critic = images, func(packs *Node) *Node { return critic(augmented(packs)) }
	return j
}

// packed joins each n images along the last axis: [batch, h, w, c] to [batch/n, h, w, n·c].
func packed(images *Node, n int) *Node {
	if n == 1 {
		return images
	}
	d := images.Shape().Dimensions
	images = Reshape(images, d[0]/n, n, d[1], d[2], d[3])
	images = TransposeAllAxes(images, 0, 2, 3, 1, 4)
	return Reshape(images, d[0]/n, d[1], d[2], n*d[3])
}

// unpacked takes packs apart: the inverse of packed.
func unpacked(packs *Node, n int) *Node {
	if n == 1 {
		return packs
	}
	d := packs.Shape().Dimensions
	packs = Reshape(packs, d[0], d[1], d[2], n, d[3]/n)
	packs = TransposeAllAxes(packs, 0, 3, 1, 2, 4)
	return Reshape(packs, d[0]*n, d[1], d[2], d[3]/n)
}

// logits calls the critic on images as they are.
func (s *step) logits(images, labels *Node) judgement {
	j := judgement{images: images, classLoss: ScalarZero(images.Graph(), dtypes.Float32)}
	j.critic = func(images *Node) *Node { return s.Experiment.judge(s.store.Scope(criticScope), images, labels) }
	j.logits = j.critic(images)
	if columns := j.logits.Shape().Dim(-1); columns > 1 && labels != nil {
		classes := Slice(j.logits, AxisRange(), AxisRange(1))
		j.logits = Slice(j.logits, AxisRange(), AxisRange(0, 1))
		logProbability := LogSoftmax(classes)
		right := OneHot(labels, columns-1, dtypes.Float32)
		j.classLoss = MulScalar(ReduceAllMean(ReduceSum(Mul(right, logProbability), -1)), -s.Auxiliary)
	}
	return j
}

func (s *step) criticValues() []*Node {
	return values(s.rows.Graph(), s.trainable(criticScope))
}

func (s *step) generatorValues() []*Node {
	return values(s.rows.Graph(), s.trainable(generatorScope))
}

func (s *step) descendCritic(gradients []*Node) {
	variables := s.trainable(criticScope)
	s.report[reportCriticGradient] = norm(gradients)
	s.CriticAdam.apply(s.store.Scope(adamScope+criticScope), s.settings.criticRate, gradients, variables)
	if s.ClipWeights > 0 {
		for _, v := range variables {
			v.SetNodeValue(ClipScalar(v.NodeValue(s.rows), -s.ClipWeights, s.ClipWeights))
		}
	}
}

func (s *step) descendGenerator(gradients []*Node) {
	s.report[reportGeneratorGradient] = norm(gradients)
	s.GeneratorAdam.apply(s.store.Scope(adamScope+generatorScope), s.settings.generatorRate, gradients,
		s.trainable(generatorScope))
}

// trainable lists the trainable variables of a network in the order of their creation.
func (s *step) trainable(scope string) []*model.Variable {
	var variables []*model.Variable
	for v := range s.store.IterVariables() {
		if v.Trainable && strings.HasPrefix(v.Path(), scope+"/") {
			variables = append(variables, v)
		}
	}
	return variables
}
