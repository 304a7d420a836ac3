package gan

import (
	"crypto/hmac"
	crypto "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Privacy makes the critic's updates differentially private with respect to single training images (DP-SGD: Abadi et
// al., "Deep learning with differential privacy", 2016, arXiv:1607.00133; for GANs: Xie et al., 2018, arXiv:1802.06739).
// An update looks at each image with the probability BatchSize/images, by a coin of its own, so its batch is BatchSize
// images on the average. The gradient of each, paired with a generated image, is scaled down to a norm of at most Clip,
// and Gaussian noise of standard deviation Noise·Clip is added to their sum. The generator sees real images through the
// critic alone, so what it makes is as private.
//
// Trainer.Epsilon says how private: of the weights of both networks, their averages, and what is made with them. Not
// private are a run's checkpoints, which hold the key that noise and coins are drawn by (from the system's random source;
// SaveWeights writes neither it nor the seed), and the losses, accuracies and metrics that it reports, which are of the
// real images themselves: publish neither. Nor does ε cover several branches of a run published side by side, or a choice
// among runs by what they report.
//
// What would let real images act otherwise than through the noisy sum is refused: penalties, augmentation, packing,
// classes, looking ahead (Unroll), losses that compare real with fake, and critics that keep statistics of images or
// compare the images of a batch, which NewTrainer finds out by trying.
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

// PrivacySpent is what a private run has spent so far.
type PrivacySpent struct {
	Epsilon float64 // +Inf: not private
	Delta   float64
	Open    int // updates of the critic, or of what the run is a branch of, without noise
}

// String is "ε = 1.79 at δ = 1e-05", or says why the run is not private.
func (s PrivacySpent) String() string {
	if s.Open > 0 {
		return fmt.Sprintf("not private: the weights come from %d updates without noise", s.Open)
	}
	return fmt.Sprintf("ε = %.3g at δ = %.3g", s.Epsilon, s.Delta)
}

// spentJSON is PrivacySpent as JSON, which has no infinity.
type spentJSON struct {
	Epsilon *float64 `json:"epsilon"` // null: not private
	Delta   float64  `json:"delta"`
	Open    int      `json:"updates_without_noise,omitempty"`
}

// MarshalJSON writes an infinite ε as null.
func (s PrivacySpent) MarshalJSON() ([]byte, error) {
	text := spentJSON{&s.Epsilon, s.Delta, s.Open}
	if math.IsInf(s.Epsilon, 0) {
		text.Epsilon = nil
	}
	return json.Marshal(text)
}

// UnmarshalJSON inverts MarshalJSON.
func (s *PrivacySpent) UnmarshalJSON(text []byte) error {
	var read spentJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = PrivacySpent{math.Inf(1), read.Delta, read.Open}
	if read.Epsilon != nil {
		s.Epsilon = *read.Epsilon
	}
	return nil
}

// Spent returns the privacy spent so far, whatever the noise was meanwhile; ok is false for a run without Privacy.
func (t *Trainer) Spent() (spent PrivacySpent, ok bool) {
	if t.private == nil {
		return PrivacySpent{}, false
	}
	delta := t.exp.Privacy.delta()
	return PrivacySpent{t.private.spent.epsilon(delta), delta, t.private.spent.open()}, true
}

// Epsilon returns the privacy spent so far: with it and the run's Privacy.Delta, the trained weights are (ε, δ)-
// differentially private. It is 0 before the first update, and an error for a run without Privacy. Updates before a fork,
// an adoption or a resume count, each with its own noise and share of the images; where they had no noise it is +Inf.
func (t *Trainer) Epsilon() (float64, error) {
	spent, private := t.Spent()
	if !private {
		return 0, errors.New("this run is not private; set Experiment.Privacy")
	}
	return spent.Epsilon, nil
}

// private is what a private run has beside its weights. Key and history are part of its state, and checkpoints keep them.
type private struct {
	key   [32]byte // noise and coins follow from it
	spent spending
	privateExecs
}

// privateExecs are the compiled graphs that an update is made of.
type privateExecs struct {
	fakes   *model.Exec // generates a batch
	pairs   *model.Exec // adds the clipped gradient of one pair to the sums
	descent *model.Exec // adds noise to the sums and updates the critic
}

func newPrivate() *private {
	p := &private{}
	crypto.Read(p.key[:]) // it never fails
	return p
}

// seed is where random numbers for a purpose, of one critic update, begin. Who does not know the key cannot tell it from
// chance.
func (p *private) seed(purpose string, call, update int, more ...[]byte) (seed [32]byte) {
	h := hmac.New(sha256.New, p.key[:])
	fmt.Fprintf(h, "%s %d %d\n", purpose, call, update)
	for _, part := range more {
		h.Write(part)
	}
	copy(seed[:], h.Sum(nil))
	return seed
}

func (p *privateExecs) compile(t *Trainer) error {
	build := func(exec **model.Exec, of func(s *step, inputs []*Node) *Node, inputs ...shapes.Shape) (err error) {
		*exec, err = model.NewExec(t.backend, t.store, func(_ *model.Scope, inputs []*Node) *Node {
			defer panicWithError()
			builder := t.builder
			builder.updates = updates{critic: true}
			return of(&builder, inputs)
		})
		if err == nil {
			_, err = (*exec).Compile(inputs...)
		}
		return err
	}
	e, images := t.exp, t.builder.images.Shape().Dimensions
	rows, index := shapes.Make(dtypes.Int32, 1, 1), shapes.Make(dtypes.Int32)
	fakes := shapes.Make(dtypes.Float32, e.BatchSize, images[1], images[2], t.builder.depth)
	settings := e.settingsShape()
	err := build(&p.fakes, (*step).fakesOfUpdate, rows, RNGStateShape, settings)
	if err == nil {
		err = build(&p.pairs, (*step).addPair, rows, RNGStateShape, settings, index, fakes)
	}
	if err == nil {
		values := 0
		for _, v := range t.builder.trainable(criticScope) {
			values += v.Shape().Size()
		}
		err = build(&p.descent, (*step).descendNoisily, rows, RNGStateShape, settings, shapes.Make(dtypes.Float32, values))
	}
	return err
}

func (p *privateExecs) finalize() {
	for _, exec := range []*model.Exec{p.fakes, p.pairs, p.descent} {
		if exec != nil {
			exec.Finalize()
		}
	}
}

// sumsScope holds the sum of clipped gradients of the update under way. Between steps it is zero, so no checkpoint keeps it.
const sumsScope = dataScope + "/sums"

// fakesOfUpdate generates the fakes of one critic update, all together: no real image acts on them, and a generator with
// batch statistics needs more than one.
func (s *step) fakesOfUpdate(inputs []*Node) *Node {
	s.begin(inputs[0], inputs[1], inputs[2])
	return s.fakeBatch(0, 0).images
}

// addPair adds the clipped gradient of a real image, that of the only row, and of one of the fakes to the sums, and
// reports their loss and logits. Nothing else changes: neither vectors of spectral normalisation nor random states may
// tell how many images a batch had.
func (s *step) addPair(inputs []*Node) *Node {
	s.BatchSize, s.CriticSteps = 1, 1
	s.begin(inputs[0], inputs[1], inputs[2])
	index, fakes := inputs[3], inputs[4]
	fake := batch{images: StopGradient(Gather(fakes, Reshape(index, 1, 1)))}
	restore := s.keep(index.Graph(), criticScope, "/"+model.RNGStateVariableName)
	objective := s.criticObjective(s.realBatch(0, 0), fake)
	gradients := Adam{ClipNorm: s.Privacy.Clip}.clip(Gradient(objective, s.criticValues()...))
	restore()
	for i, sum := range s.sums() {
		sum.SetNodeValue(Add(sum.NodeValue(index), gradients[i]))
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

// descendNoisily updates the critic by the mean of the sums, to which noise is added, and sets them back to zero.
// noise: N(0, (Noise·Clip)²) for all values of all weights, in their order.
func (s *step) descendNoisily(inputs []*Node) *Node {
	s.begin(inputs[0], inputs[1], inputs[2])
	noise, used := inputs[3], 0
	var gradients []*Node
	for _, v := range s.sums() {
		n := v.Shape().Size()
		part := Reshape(Slice(noise, AxisRange(used, used+n)), v.Shape().Dimensions...)
		used += n
		gradients = append(gradients, MulScalar(Add(v.NodeValue(noise), part), 1/float64(s.BatchSize)))
		v.SetNodeValue(ZerosLike(part))
	}
	blank := Zeros(noise.Graph(), shapes.Make(dtypes.Float32, 1, s.images.Shape().Dim(1), s.images.Shape().Dim(2), s.depth))
	s.judge(batch{images: blank}) // moves the vectors of spectral normalisation on, as an ordinary update does
	s.descendCritic(gradients)
	return Stack(s.report[:], 0)
}

// callPrivate is call of a private run that updates the critic.
func (t *Trainer) callPrivate(u updates) (report []float32, err error) {
	criticUpdates := 1
	if u.generator {
		criticUpdates = t.exp.CriticSteps
	}
	for update := range criticUpdates {
		if report, err = t.updatePrivately(update); err != nil {
			return nil, err
		}
	}
	if u.generator {
		ofGenerator, err := t.execute(updates{generator: true}, t.noRows())
		if err != nil {
			return nil, err
		}
		for _, i := range []int{reportGeneratorLoss, reportGeneratorGradient} {
			report[i] = ofGenerator[i]
		}
	}
	return report, nil
}

// noRows is what a step is given that looks at no real image.
func (t *Trainer) noRows() []int32 { return make([]int32, t.exp.CriticSteps*t.exp.BatchSize) }

// updatePrivately is one update of the critic. The pairs go one by one through a graph of a single pair, for a network's
// gradient cannot be taken sample by sample within a batch.
func (t *Trainer) updatePrivately(update int) (report []float32, err error) {
	p, settings := t.private, t.settingsOfStep()
	if p.descent == nil { // of a trainer that a notebook has kept
		if err := p.compile(t); err != nil {
			return nil, err
		}
	}
	state := randomState(t.exp.Seed, t.calls, 1+update)
	fakes, err := p.fakes.Call1([][]int32{{0}}, state, settings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fakes.FinalizeAll()) }()
	report = make([]float32, reports)
	rows := t.drawRows(update)
	for i, row := range rows {
		out, err := p.pairs.Call1([][]int32{{row}}, state, settings, int32(i%t.exp.BatchSize), fakes)
		if err != nil {
			return nil, err
		}
		of, err := tensors.CopyFlatData[float32](out)
		if err = errors.Join(err, out.FinalizeAll()); err != nil {
			return nil, err
		}
		for j, value := range of {
			report[j] += value / float32(len(rows))
		}
	}
	noise, err := t.noise(update)
	if err != nil {
		return nil, err
	}
	out, err := p.descent.Call1([][]int32{{0}}, state, settings, noise)
	if err != nil {
		return nil, err
	}
	p.spent.add(t.share(), t.exp.Privacy.Noise, 1)
	descent, err := tensors.CopyFlatData[float32](out)
	if err = errors.Join(err, out.FinalizeAll()); err != nil {
		return nil, err
	}
	report[reportCriticGradient] = descent[reportCriticGradient]
	return report, nil
}

// share is the probability with which an image is in a batch.
func (t *Trainer) share() float64 { return float64(t.exp.BatchSize) / float64(t.images) }

// drawRows draws the images of one critic update, each by its own coin.
func (t *Trainer) drawRows(update int) (rows []int32) {
	coins := rand.New(rand.NewChaCha8(t.private.seed("images", t.calls, update)))
	for row := range t.images {
		if coins.Float64() < t.share() {
			rows = append(rows, int32(row))
		}
	}
	return rows
}

// noise draws the noise of one critic update. It depends on the sums that it is to hide and on its own size, beside the
// key: two branches that differ in anything have noise of their own, or the difference of their weights would bare the
// gradients; and what is done again is done again bit for bit.
func (t *Trainer) noise(update int) ([]float32, error) {
	deviation := t.exp.Privacy.Noise * t.exp.Privacy.Clip
	parts := [][]byte{binary.LittleEndian.AppendUint64(nil, math.Float64bits(deviation))}
	values := 0
	for _, v := range t.builder.sums() {
		sum, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("sum of gradients: %w", err)
		}
		values += v.Shape().Size()
		if err := sum.ConstBytes(func(data []byte) { parts = append(parts, slices.Clone(data)) }); err != nil {
			return nil, fmt.Errorf("sum of gradients: %w", err)
		}
	}
	source := rand.New(rand.NewChaCha8(t.private.seed("noise", t.calls, update, parts...)))
	noise := make([]float32, values)
	for i := range noise {
		noise[i] = float32(source.NormFloat64() * deviation)
	}
	return noise, nil
}

// beginPrivately says what a private run begins with that has the weights of another: its key and history, or, where that
// was not private, that its updates were open. calls and images are the other's.
func (t *Trainer) beginPrivately(of *private, calls int) {
	if t.private == nil {
		return
	}
	if of != nil {
		t.private.key, t.private.spent = of.key, slices.Clone(of.spent)
		return
	}
	t.private.spent = nil
	t.private.spent.add(t.share(), 0, calls)
}

// Where a checkpoint keeps the state of a private run.
const (
	privacyKey     = "privacy key"
	privacyHistory = "privacy history"
)

// write adds key and history to a checkpoint.
func (p *private) write(metadata map[string]string) {
	metadata[privacyKey], metadata[privacyHistory] = hex.EncodeToString(p.key[:]), p.spent.String()
}

// readPrivate reads what write wrote. It is nil for a checkpoint of a run that was not private, and for one of an earlier
// version, whose noise followed from the seed.
func readPrivate(metadata map[string]string) (*private, error) {
	if metadata[privacyKey] == "" || metadata["privacy"] == (Privacy{}).String() {
		return nil, nil
	}
	p := &private{}
	key, err := hex.DecodeString(metadata[privacyKey])
	if err != nil || len(key) != len(p.key) {
		return nil, errors.New("the key of its noise is damaged")
	}
	copy(p.key[:], key)
	p.spent, err = parseSpending(metadata[privacyHistory])
	return p, err
}

// clearSums sets the sums back to zero, which an update that failed may have left.
func (t *Trainer) clearSums() error {
	if t.private == nil {
		return nil
	}
	for _, v := range t.builder.sums() {
		if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil {
			return fmt.Errorf("sum of gradients: %w", err)
		}
	}
	return nil
}
