package gan

import (
	"errors"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Privacy makes the critic's updates differentially private with respect to single training images (DP-SGD: Abadi et
// al., "Deep learning with differential privacy", 2016, arXiv:1607.00133; for GANs: Xie et al., 2018, arXiv:1802.06739):
// the gradient of each pair of a real and a fake image is scaled down to a norm of at most Clip, and Gaussian noise of
// standard deviation Noise·Clip is added to their sum. The generator sees real images through the critic alone, so what
// it makes is as private. A critic with batch statistics would let images act on each other's gradients: use none.
type Privacy struct {
	Clip  float64 // largest norm of one image's gradient; default 0, no privacy
	Noise float64 // noise multiplier, > 0
	Delta float64 // probability with which the bound may fail, in (0, 1); default 1e-5
}

func (p Privacy) on() bool { return p != Privacy{} }

func (p Privacy) delta() float64 { return orDefault(p.Delta, 1e-5) }

func (p Privacy) validate() error {
	if p.on() && !(p.Clip > 0 && p.Noise > 0 && p.delta() > 0 && p.delta() < 1 && p.Clip+p.Noise < math.Inf(1)) {
		return fmt.Errorf("Privacy: Clip %g and Noise %g must be positive, Delta %g between 0 and 1", p.Clip, p.Noise, p.delta())
	}
	return nil
}

// String names the option and its constants, as kept in checkpoints.
func (p Privacy) String() string {
	if !p.on() {
		return "off"
	}
	return fmt.Sprintf("clip %g noise %g delta %g", p.Clip, p.Noise, p.delta())
}

// sumsScope holds the sum of clipped gradients of the update under way. Between steps it is zero, so no checkpoint keeps it.
const sumsScope = dataScope + "/sums"

// addPair adds the clipped gradient of one pair of a real and a fake image, the only ones of the graph, to the sums, and
// reports its loss and logits.
func (s *step) addPair(rows, state, settings *Node) *Node {
	s.begin(rows, state, settings)
	objective := s.criticObjective(s.realBatch(0, 0), s.constant(s.fakeBatch(0, 0)))
	gradients := Adam{ClipNorm: s.Privacy.Clip}.clip(Gradient(objective, s.criticValues()...))
	for i, sum := range s.sums() {
		sum.SetNodeValue(Add(sum.NodeValue(rows), gradients[i]))
	}
	return Stack(s.report[:], 0)
}

// sums are the variables of sumsScope, one for each of the critic's weights.
func (s *step) sums() (all []*model.Variable) {
	scope := s.store.Scope(sumsScope).WithInitializer(initializer.Zero)
	for _, v := range s.trainable(criticScope) {
		all = append(all, scope.At("%s", model.EscapeScopeName(v.Path()[1:])).VariableWithShape("sum", v.Shape()).SetTrainable(false))
	}
	return all
}

// noisyGradients turns the sums of a batch into the mean gradient with noise, and sets them back to zero.
func (s *step) noisyGradients() (gradients []*Node) {
	s.judge(s.realBatch(0, 0)) // so that the critic's variables exist
	for _, v := range s.sums() {
		noise := MulScalar(s.noise.Normal(v.Shape()), s.Privacy.Noise*s.Privacy.Clip)
		gradients = append(gradients, MulScalar(Add(v.NodeValue(s.rows), noise), 1/float64(s.BatchSize)))
		v.SetNodeValue(ZerosLike(noise))
	}
	return gradients
}

// addPairs runs addPair over the rows of one critic update. The pairs go one by one through a graph of a single pair, for
// a network's gradient cannot be taken sample by sample within a batch.
func (t *Trainer) addPairs(rows []int32) (report []float32, err error) {
	report = make([]float32, reports)
	if t.pairs == nil {
		t.pairs, err = model.NewExec(t.backend, t.store, func(_ *model.Scope, rows, state, settings *Node) *Node {
			defer panicWithError()
			builder := t.builder
			builder.updates, builder.BatchSize, builder.CriticSteps = updates{critic: true}, 1, 1
			return builder.addPair(rows, state, settings)
		})
		if err != nil {
			return report, err
		}
	}
	for i, row := range rows {
		out, err := t.pairs.Call1([][]int32{{row}}, randomState(t.exp.Seed, t.calls, 1+i), t.settingsOfStep())
		if err != nil {
			return report, err
		}
		of, err := tensors.CopyFlatData[float32](out)
		if err = errors.Join(err, out.FinalizeAll()); err != nil {
			return report, err
		}
		for j, value := range of {
			report[j] += value / float32(len(rows))
		}
	}
	return report, nil
}

// Epsilon returns the privacy spent so far: with it, the run's Privacy.Delta and the critic's updates done, the trained
// weights are (ε, δ)-differentially private. It is 0 before the first update, and an error for a run without Privacy.
func (t *Trainer) Epsilon() (float64, error) {
	p := t.exp.Privacy
	if !p.on() {
		return 0, errors.New("this run is not private; set Experiment.Privacy")
	}
	updates, err := t.store.GetVariable(adamScope + criticScope + "/updates").Value()
	if err != nil {
		return 0, fmt.Errorf("privacy: %w", err)
	}
	n := updates.Value().(int64)
	return p.Epsilon(float64(t.exp.BatchSize)/float64(t.images), int(n)), nil
}

// Epsilon returns ε after a number of updates on batches that hold each image with the probability share =
// batch/images. It composes the Rényi divergences of the sampled Gaussian mechanism of integer orders 2 to 256 (Mironov,
// Talwar and Zhang, "Rényi differential privacy of the sampled Gaussian mechanism", 2019, arXiv:1908.10530, section 3.3)
//
//	A_α = Σ_k C(α,k) (1-q)^(α-k) q^k exp((k²-k)/2σ²),  RDP(α) = log A_α / (α-1)
//
// and converts by Canonne, Kamath and Steinke, 2020, arXiv:2004.00010, proposition 12:
//
//	ε = min_α updates·RDP(α) + log((α-1)/α) - (log δ + log α)/(α-1)
//
// The bound is for batches drawn by independent coins (Poisson sampling); batches here are cut from a shuffled epoch,
// for which it is customary but not proved.
func (p Privacy) Epsilon(share float64, updates int) float64 {
	if updates == 0 {
		return 0
	}
	best := math.Inf(1)
	for order := 2; order <= 256; order++ {
		a := float64(order)
		epsilon := float64(updates)*rdpSampledGaussian(order, share, p.Noise) +
			math.Log((a-1)/a) - (math.Log(p.delta())+math.Log(a))/(a-1)
		best = min(best, epsilon)
	}
	return max(best, 0)
}

// rdpSampledGaussian is the Rényi divergence of order α of one update, by the sum above in logarithms.
func rdpSampledGaussian(order int, q, sigma float64) float64 {
	a := float64(order)
	if q >= 1 {
		return a / (2 * sigma * sigma)
	}
	sum := math.Inf(-1) // of the terms' logarithms
	for k := range order + 1 {
		x := float64(k)
		term := logBinomial(order, k) + (a-x)*math.Log1p(-q) + x*math.Log(q) + (x*x-x)/(2*sigma*sigma)
		larger, smaller := max(sum, term), min(sum, term)
		sum = larger + math.Log1p(math.Exp(smaller-larger))
	}
	return sum / (a - 1)
}

func logBinomial(n, k int) float64 {
	factorial := func(m int) float64 { l, _ := math.Lgamma(float64(m + 1)); return l }
	return factorial(n) - factorial(k) - factorial(n-k)
}
