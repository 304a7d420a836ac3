package gan

import (
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
	adamScope      = "/adam"
	dataScope      = "/data"
)

// step builds the graph of one training step of an experiment.
type step struct {
	Experiment
	store   *model.Store
	images  *model.Variable      // [n, height, width, channels] uint8, on the device
	latents func(g *Graph) *Node // draws the next latents, [BatchSize, Latent] N(0,1)
}

// build is the whole step: from rows of the data set, [CriticSteps, BatchSize] int32, to the pair (critic loss,
// generator loss), [2] float32. Weights, optimizer and random state are updated in the store.
func (s *step) build(rows *Node) *Node {
	g := rows.Graph()
	s.store.SetTraining(g, true)
	var criticLoss, generatorLoss *Node
	for update := range s.CriticSteps {
		real := s.realBatch(rows, update)
		switch last := update == s.CriticSteps-1; {
		case s.Order == Simultaneous && last:
			fake := s.fakeBatch(g)
			realLogits, fakeLogits := s.critic(real), s.critic(fake)
			criticLoss = s.Loss.Critic(realLogits, fakeLogits)
			generatorLoss = s.Loss.Generator(realLogits, fakeLogits)
			// The critic's update leaves generatorLoss as it was built: on the critic's former weights.
			s.updateCritic(criticLoss)
			s.updateGenerator(generatorLoss)
		case s.Order == AlternatingHalves:
			halves := s.Loss.(loss.Halves)
			realLoss := halves.Real(s.critic(real))
			s.updateCritic(realLoss)
			fakeLoss := halves.Fake(s.critic(StopGradient(s.fakeBatch(g))))
			s.updateCritic(fakeLoss)
			criticLoss = MulScalar(Add(realLoss, fakeLoss), 0.5)
		default:
			fake := StopGradient(s.fakeBatch(g))
			criticLoss = s.Loss.Critic(s.critic(real), s.critic(fake))
			s.updateCritic(criticLoss)
		}
		if s.Order != Simultaneous && update == s.CriticSteps-1 {
			var realLogits *Node // only a loss whose halves do not separate compares fake with real here
			if _, separable := s.Loss.(loss.Halves); !separable {
				realLogits = s.critic(real)
			}
			generatorLoss = s.Loss.Generator(realLogits, s.critic(s.fakeBatch(g)))
			s.updateGenerator(generatorLoss)
		}
	}
	return Stack([]*Node{criticLoss, generatorLoss}, 0)
}

// realBatch gathers row update of rows from the data set and scales it to [-1, 1].
func (s *step) realBatch(rows *Node, update int) *Node {
	row := Reshape(Slice(rows, AxisElem(update)), s.BatchSize, 1)
	batch := ConvertDType(Gather(s.images.NodeValue(rows), row), dtypes.Float32)
	return AddScalar(MulScalar(batch, 1/127.5), -1)
}

// fakeBatch generates images from fresh latents.
func (s *step) fakeBatch(g *Graph) *Node {
	return s.Generator(s.store.Scope(generatorScope), s.latents(g))
}

// critic returns the logits of a batch of images, one per pack: [batch/Pack, 1].
func (s *step) critic(images *Node) *Node {
	if s.Pack > 1 {
		d := images.Shape().Dimensions
		images = Reshape(images, d[0]/s.Pack, s.Pack, d[1], d[2], d[3])
		images = TransposeAllAxes(images, 0, 2, 3, 1, 4)
		images = Reshape(images, d[0]/s.Pack, d[1], d[2], s.Pack*d[3])
	}
	return s.Critic(s.store.Scope(criticScope), images)
}

func (s *step) updateCritic(objective *Node) {
	variables := s.trainable(criticScope)
	s.CriticAdam.minimise(s.store.Scope(adamScope+criticScope), objective, variables)
	if s.ClipWeights > 0 {
		for _, v := range variables {
			v.SetNodeValue(ClipScalar(v.NodeValue(objective), -s.ClipWeights, s.ClipWeights))
		}
	}
}

func (s *step) updateGenerator(objective *Node) {
	s.GeneratorAdam.minimise(s.store.Scope(adamScope+generatorScope), objective, s.trainable(generatorScope))
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
