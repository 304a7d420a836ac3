package method

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/net"
)

// SelfSupervised is Alternating with a critic that also tells by which of four quarter turns an image was rotated, a task that needs
// no labels and keeps it from forgetting what images look like (SSGAN: Chen et al., "Self-supervised GANs via auxiliary rotation
// loss", 2019, arXiv:1811.11212):
//
//	L_D = L(x, G(z)) + Real · CE(r, D_r(turned x)),    L_G = L(G(z)) + Fake · CE(r, D_r(turned G(z)))
//
// The critic returns [batch, 1+4], the logit and those of the angles 0°, 90°, 180° and 270°. Images must be square. A quarter of each
// batch is turned by each angle; the logit is that of images as they are. The critic learns the angles of real images alone.
type SelfSupervised struct {
	Alternating
	Real float64 // weight β in the critic's objective; default 1, as in the paper
	Fake float64 // weight α in the generator's objective; default 0.2, as in the paper
}

// Names of the numbers that SelfSupervised reports: the parts of turned images whose angle the critic tells.
const (
	RealTurns = "real turns told"
	FakeTurns = "fake turns told"
)

func (s SelfSupervised) withDefaults() SelfSupervised {
	if s.Real == 0 {
		s.Real = 1
	}
	if s.Fake == 0 {
		s.Fake = 0.2
	}
	return s
}

// Arrange implements Method.
func (s SelfSupervised) Arrange(game *Game, pair Pair) {
	s = s.withDefaults()
	s.arrange(game, pair, func(p *Play) *Node {
		fake := pair.fake(p)
		return Add(pair.generatorObjective(p, fake), MulScalar(turned(p, pair, fake.Images, FakeTurns), s.Fake))
	})
	critic := &game.Turns[0].Phases[0]
	judge := critic.Objective
	critic.Objective = func(p *Play) *Node {
		return Add(judge(p), MulScalar(turned(p, pair, p.Real().Images, RealTurns), s.Real))
	}
}

// turned is the cross-entropy of the angles that the critic tells of turned images, and reports how many it tells right.
func turned(p *Play, pair Pair, images *Node, report string) *Node {
	images, angles := Turned(images)
	told := pair.judge(p, Batch{Images: images}).Others
	if told == nil || told.Shape().Dim(-1) != quarters {
		panic(fmt.Errorf("self-supervision asks for a critic that returns [batch, 1+%d], the logit and the angles', as net.DCGAN{Classes: 4}.AuxiliaryCritic does", quarters))
	}
	right := Equal(ArgMax(told, -1, dtypes.Int32), angles)
	p.Report(report, ReduceAllMean(ConvertDType(right, dtypes.Float32)))
	return Neg(ReduceAllMean(ReduceSum(Mul(OneHot(angles, quarters, told.DType()), LogSoftmax(told)), -1)))
}

// quarters is how many quarter turns are told from each other.
const quarters = 4

// Turned turns a quarter of a batch by each of 0, 90, 180 and 270 degrees, counterclockwise, and returns the number of quarter turns of
// each image, [batch] int32. Of fewer than four images some angles have none. images: [batch, size, size, channels].
func Turned(images *Node) (turned, angles *Node) {
	n := images.Shape().Dim(0)
	var parts, numbers []*Node
	for quarter := range quarters {
		from, to := quarter*n/quarters, (quarter+1)*n/quarters
		if from == to {
			continue
		}
		parts = append(parts, net.Rotated(Slice(images, AxisRange(from, to)), quarter))
		numbers = append(numbers, AddScalar(Zeros(images.Graph(), shapes.Make(dtypes.Int32, to-from)), quarter))
	}
	return Concatenate(parts, 0), Concatenate(numbers, 0)
}

// Columns says what the critic's columns behind the logit are.
func (SelfSupervised) Columns() string { return "angles" }

// Check implements Method.
func (s SelfSupervised) Check(game Game, pair Pair) error {
	s = s.withDefaults()
	switch {
	case game.Classes != 0:
		return errors.New("self-supervision takes the critic's further columns for angles, and in a class-conditional experiment they are classes")
	case pair.Pack > 1:
		return fmt.Errorf("Pack %d joins images of different angles; leave Pack at 1 under self-supervision", pair.Pack)
	case !(min(s.Real, s.Fake) >= 0) || math.IsInf(s.Real+s.Fake, 0):
		return fmt.Errorf("the weights Real %g and Fake %g must be finite and not negative", s.Real, s.Fake)
	}
	return s.Alternating.Check(game, pair)
}

// Identity implements Method.
func (s SelfSupervised) Identity() map[string]string {
	s = s.withDefaults()
	identity := s.Alternating.Identity()
	identity["order"] = fmt.Sprintf("alternating, self-supervised real %g fake %g", s.Real, s.Fake)
	return identity
}

// String implements Method.
func (s SelfSupervised) String() string { return describe(s.Identity()["order"], s.Identity()) }
