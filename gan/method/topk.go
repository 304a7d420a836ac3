package method

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// TopKTraining is Alternating with a generator that learns from the k images of its batch that the critic takes for the most real, and from
// none of the others, whose gradients point away from the data more often than towards it (Sinha et al., "Top-k training of GANs:
// improving GAN performance by throwing away bad samples", 2020, arXiv:2002.06224):
//
//	L_G = 1/k · Σ of the loss of the k highest D(G(z))
//
// A critic knows little at first, so k falls from the whole batch to Share of it over Steps. That is the setting "topk.share",
// which can be changed while a run trains. The loss must be a loss.Halves, a mean of one term per image.
type TopKTraining struct {
	Alternating
	Share float64 // ν, in (0, 1]; default 0.5, as in the paper
	Steps int     // until the share is reached; default 2000
}

// ShareSetting is the name of TopKTraining's setting: the part of a batch that the generator learns from.
const ShareSetting = "topk.share"

func (t TopKTraining) withDefaults() TopKTraining {
	if t.Share == 0 {
		t.Share = 0.5
	}
	if t.Steps == 0 {
		t.Steps = 2000
	}
	return t
}

// Arrange implements Method.
func (t TopKTraining) Arrange(game *Game, pair Pair) {
	t = t.withDefaults()
	t.arrange(game, pair, func(p *Play) *Node {
		ofFake := pair.judge(p, pair.fake(p))
		objective := Add(best(pair.Loss, ofFake.Logits, p.Setting(ShareSetting)), ofFake.ClassLoss)
		p.Report(GeneratorLoss, objective)
		return objective
	})
	share := setting.Fraction(ShareSetting, 1)
	share.Schedule = optim.Linear{To: t.Steps, Final: t.Share}
	game.Settings = append(game.Settings, share)
}

// best is the generator's loss on a share of its logits [n, 1], the highest, at least one of them. A loss of means of one term per
// logit, of which m are replaced by a constant c, is ((n-m)·L_best + m·L(c)) / n, which is solved for L_best: the others have no
// part in it, and no gradient.
func best(of loss.Loss, logits, share *Node) *Node {
	n := float64(logits.Shape().Dim(0))
	kept := MaxScalar(Floor(AddScalar(MulScalar(share, n), 0.5)), 1)
	among := LessThan(ConvertDType(rank(logits), dtypes.Float32), kept)
	nothing := ZerosLike(logits)
	mixed := of.Generator(nil, Where(among, logits, nothing))
	return Div(Sub(MulScalar(mixed, n), Mul(Sub(Scalar(kept.Graph(), kept.DType(), n), kept), of.Generator(nil, nothing))), kept)
}

// rank is how many of the logits [n, 1] stand before each: those that are higher, and of equal ones those with a lower place.
func rank(logits *Node) *Node {
	n := logits.Shape().Dim(0)
	logits = StopGradient(logits)
	column, row := BroadcastToDims(logits, n, n), BroadcastToDims(Reshape(logits, 1, n), n, n)
	places := shapes.Make(dtypes.Int32, n, n)
	earlier := LessThan(Iota(logits.Graph(), places, 1), Iota(logits.Graph(), places, 0))
	before := LogicalOr(GreaterThan(row, column), LogicalAnd(Equal(row, column), earlier))
	return ReduceAndKeep(ConvertDType(before, dtypes.Int32), ReduceSum, -1)
}

// Check implements Method.
func (t TopKTraining) Check(game Game, pair Pair) error {
	t = t.withDefaults()
	if _, separable := pair.Loss.(loss.Halves); !separable {
		return fmt.Errorf("loss %v compares each fake image with a real one, so none can be left out: use method.Alternating", pair.Loss)
	}
	if !(t.Share > 0 && t.Share <= 1) {
		return fmt.Errorf("Share %g must lie in (0, 1]", t.Share)
	}
	if t.Steps < 0 {
		return errors.New("Steps must not be negative")
	}
	return t.Alternating.Check(game, pair)
}

// Identity implements Method.
func (t TopKTraining) Identity() map[string]string {
	t = t.withDefaults()
	identity := t.Alternating.Identity()
	identity["order"] = fmt.Sprintf("alternating, top-k share %g after %d steps", t.Share, t.Steps)
	return identity
}

// String implements Method.
func (t TopKTraining) String() string { return describe(t.Identity()["order"], t.Identity()) }
