package method

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/net"
	"gantry.local/gan/setting"
)

// Growing is Alternating for a pair that grows, net.Growing: it begins with small images, and fades in one resolution after the other
// (Karras et al., 2017, arXiv:1710.10196). The first resolution is trained for Hold steps; each further one is faded in over Fade steps
// and held for Hold. Where it stands is the setting "growth", from 0 for the smallest images to 1 for the largest. Real images are blurred
// to the resolutions that count, as in the paper.
//
// Each resolution asks of the networks that they read "shares" as net.SharesOf makes it.
type Growing struct {
	Alternating
	Stages int // resolutions, each twice the one before; required
	Hold   int // steps with each; default 500
	Fade   int // steps over which the next one is faded in; default 500
}

// GrowthSetting is the name of Growing's setting.
const GrowthSetting = "growth"

const (
	mostStages   = 16
	sharesName   = "shares"
	standardHold = 500
)

func (m Growing) withDefaults() Growing {
	if m.Hold == 0 {
		m.Hold = standardHold
	}
	if m.Fade == 0 {
		m.Fade = standardHold
	}
	return m
}

// Arrange implements Method.
func (m Growing) Arrange(game *Game, pair Pair) {
	m = m.withDefaults()
	growth := setting.Fraction(GrowthSetting, 1)
	growth.Schedule = growing{m.Stages, m.Hold, m.Fade}
	game.Settings = append(game.Settings, growth)

	grown := func(p *Play) *Node { // the shares, which both networks are given
		return p.Shared(sharesName, func() *Node {
			shares := Shares(p.Setting(GrowthSetting), m.Stages)
			for _, network := range []string{GeneratorName, CriticName} {
				net.SharesOf(p.ground.Store.Scope("/"+network), shares, m.Stages).SetNodeValue(shares)
			}
			return shares
		})
	}
	m.arrange(game, pair, func(p *Play) *Node {
		grown(p)
		return pair.generatorObjective(p, pair.fake(p))
	})
	game.Turns[0].Phases[0].Objective = func(p *Play) *Node {
		shares := grown(p)
		real := p.Real()
		real.Images = Resolved(real.Images, shares)
		return pair.criticObjective(p, real, pair.fake(p).Constant(), m.LabelNoise)
	}
}

// Shares are how far each of n resolutions counts at a growth of 0 to 1: two at most that follow each other, of sum 1, [n] float32.
func Shares(growth *Node, n int) *Node {
	place := MulScalar(growth, float64(n-1))
	distance := Abs(Sub(Iota(growth.Graph(), shapes.Make(dtypes.Float32, n), 0), place))
	return MaxScalar(OneMinus(distance), 0)
}

// Resolved are images [batch, height, width, channels] as the resolutions show them, [n] shares: the last one as they are, each one
// before it at half the size of the next, repeated.
func Resolved(images, shares *Node) *Node {
	n := shares.Shape().Dim(0)
	var sum *Node
	for stage := n - 1; stage >= 0; stage-- {
		small := images
		for range n - 1 - stage {
			small = net.AveragePool2(small)
		}
		for range n - 1 - stage {
			small = net.Upsample2(small)
		}
		part := Mul(small, Squeeze(Slice(shares, AxisElem(stage))))
		if sum == nil {
			sum = part
		} else {
			sum = Add(sum, part)
		}
	}
	return sum
}

// growing is the schedule of "growth".
type growing struct{ stages, hold, fade int }

// Factor implements setting.Schedule.
func (s growing) Factor(step int) float64 {
	past := step - s.hold // since the first resolution was held
	if past < 0 {
		return 0
	}
	stage, within := past/(s.fade+s.hold), past%(s.fade+s.hold)
	return min((float64(stage)+min(float64(within)/float64(s.fade), 1))/float64(s.stages-1), 1)
}

// String implements setting.Schedule.
func (s growing) String() string {
	return fmt.Sprintf("growing through %d stages, hold %d, fade %d", s.stages, s.hold, s.fade)
}

// Check implements Method.
func (m Growing) Check(game Game, pair Pair) error {
	m = m.withDefaults()
	switch {
	case m.Stages < 2 || m.Stages > mostStages:
		return fmt.Errorf("Stages %d must lie in 2 to %d: use those of the networks, net.Growing{…}.Stages()", m.Stages, mostStages)
	case m.Hold < 0 || m.Fade < 0:
		return errors.New("Hold and Fade must not be negative")
	case m.Parts > 1:
		return errors.New("a pair that grows takes its batch whole: leave Parts at 1")
	case pair.Pack > 1:
		return fmt.Errorf("Pack %d: images of a pair that grows are judged alone, leave Pack at 1", pair.Pack)
	}
	return m.Alternating.Check(game, pair)
}

// Identity implements Method.
func (m Growing) Identity() map[string]string {
	identity := m.Alternating.Identity()
	identity["order"] = "alternating, " + growing{m.Stages, m.withDefaults().Hold, m.withDefaults().Fade}.String()
	return identity
}

// String implements Method.
func (m Growing) String() string { return describe(m.Identity()["order"], m.Identity()) }
