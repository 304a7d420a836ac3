package method

import (
	"crypto/hmac"
	crypto "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
)

const dtypeOfRows = dtypes.Int32

// PrivateUpdates drives the critic's updates of Private. Key and history are part of a run's state, and checkpoints keep them.
type PrivateUpdates struct {
	of   Private
	pair Pair
	game Game

	key   [32]byte // noise and coins follow from it
	spent spending

	fakes   *driven // generates a batch
	pairs   *driven // adds the clipped gradient of one pair to the sums
	descent *driven // adds noise to the sums and updates the critic
}

func newPrivate(of Private, pair Pair, game Game) *PrivateUpdates {
	u := &PrivateUpdates{of: of, pair: pair, game: game}
	crypto.Read(u.key[:]) // it never fails
	return u
}

// Spent returns the privacy spent so far, whatever the noise was meanwhile. ε is 0 before the first update. Updates before a fork,
// an adoption or a resume count, each with its own noise and share of the images; where they had no noise it is +Inf.
func (u *PrivateUpdates) Spent() PrivacySpent {
	delta := u.of.delta()
	return PrivacySpent{u.spent.epsilon(delta), delta, u.spent.open()}
}

// Fact is the line that a trainer shows of it.
func (u *PrivateUpdates) Fact() (name, value string) { return "privacy", u.Spent().String() }

// seed is where random numbers for a purpose, of one critic update, begin. Who does not know the key cannot tell it from
// chance.
func (u *PrivateUpdates) seed(purpose string, call, update int, more ...[]byte) (seed [32]byte) {
	h := hmac.New(sha256.New, u.key[:])
	fmt.Fprintf(h, "%s %d %d\n", purpose, call, update)
	for _, part := range more {
		h.Write(part)
	}
	copy(seed[:], h.Sum(nil))
	return seed
}

// Admit implements Driver: see separate.
func (u *PrivateUpdates) Admit(backend compute.Backend, images *sample.Images) error {
	return u.separate(backend, images)
}

// Compile implements Driver.
func (u *PrivateUpdates) Compile(h Host) (err error) {
	if u.descent != nil {
		return nil
	}
	set, values := h.Ground.Sets[0], 0
	d := set.Images.Shape().Dimensions
	batch := shapes.Make(dtypes.Float32, u.game.BatchSize, d[1], d[2], set.Depth)
	if u.fakes, err = h.exec(u.game, u.fakesOfUpdate); err != nil {
		return err
	}
	alone := u.game // with batches of one image
	alone.BatchSize, alone.Parts = 1, 1
	if u.pairs, err = h.exec(alone, u.addPair, shapes.Make(dtypes.Int32), batch); err != nil {
		return err
	}
	for _, v := range Trainable(h.Ground.Store, CriticName) {
		values += v.Shape().Size()
	}
	u.descent, err = h.exec(u.game, u.descendNoisily, shapes.Make(dtypes.Float32, values))
	return err
}

// Reports implements Driver.
func (u *PrivateUpdates) Reports() []string {
	return append(slices.Clone(u.pairs.names), u.descent.names...)
}

// Release implements Driver.
func (u *PrivateUpdates) Release() {
	u.fakes.release()
	u.pairs.release()
	u.descent.release()
	u.fakes, u.pairs, u.descent = nil, nil, nil
}

// sumsScope holds the sum of clipped gradients of the update under way. Between steps it is zero, so no checkpoint keeps it.
const sumsScope = "/data/sums"

// fakesOfUpdate generates the fakes of one critic update, all together: no real image acts on them, and a generator with
// batch statistics needs more than one.
func (u *PrivateUpdates) fakesOfUpdate(s *step, _ []*Node) (*Node, []string) {
	return u.pair.fake(u.play(s)).Images, nil
}

func (u *PrivateUpdates) play(s *step) *Play {
	return &Play{step: s, turn: &turnState{map[string]*Node{}}}
}

// addPair adds the clipped gradient of a real image, that of the only row, and of one of the fakes to the sums, and
// reports their loss and logits. Nothing else changes: neither vectors of spectral normalisation nor random states may
// tell how many images a batch had.
func (u *PrivateUpdates) addPair(s *step, more []*Node) (*Node, []string) {
	index, fakes, p := more[0], more[1], u.play(s)
	fake := Batch{Images: StopGradient(Gather(fakes, Reshape(index, 1, 1)))}
	restore := p.Keep(CriticName, model.RNGStateVariableName)
	objective := u.pair.criticObjective(p, p.Real(), fake, 0)
	gradients := Gradient(objective, optim.ValuesOf(s.rows.Graph(), p.Variables(CriticName))...)
	restore()
	sums := u.sums(s.ground.Store)
	for i, gradient := range optim.ClipByNorm(gradients, Scalar(s.rows.Graph(), dtypes.Float32, u.of.Clip)) {
		sum := sums[i]
		sum.SetNodeValue(Add(sum.NodeValue(index), gradient))
	}
	return s.stacked()
}

// sums are the variables of sumsScope, one for each of the critic's weights.
func (u *PrivateUpdates) sums(store *model.Store) (all []*model.Variable) {
	scope := store.Scope(sumsScope).WithInitializer(initializer.Zero)
	for _, v := range Trainable(store, CriticName) {
		all = append(all, scope.At("%s", model.EscapeScopeName(v.Path()[1:])).VariableWithShape("sum", v.Shape()).SetTrainable(false))
	}
	return all
}

// descendNoisily updates the critic by the mean of the sums, to which noise is added, and sets them back to zero.
// noise: N(0, (Noise·Clip)²) for all values of all weights, in their order.
func (u *PrivateUpdates) descendNoisily(s *step, more []*Node) (*Node, []string) {
	noise, used, p := more[0], 0, u.play(s)
	var gradients []*Node
	for _, v := range u.sums(s.ground.Store) {
		n := v.Shape().Size()
		part := Reshape(Slice(noise, AxisRange(used, used+n)), v.Shape().Dimensions...)
		used += n
		gradients = append(gradients, MulScalar(Add(v.NodeValue(noise), part), 1/float64(u.game.BatchSize)))
		v.SetNodeValue(ZerosLike(part))
	}
	set := s.ground.Sets[0]
	d := set.Images.Shape().Dimensions
	blank := Zeros(noise.Graph(), shapes.Make(dtypes.Float32, 1, d[1], d[2], set.Depth))
	u.pair.judge(p, Batch{Images: blank}) // moves the vectors of spectral normalisation on, as an ordinary update does
	p.descend(u.pair.criticPhase(nil), gradients)
	return s.stacked()
}

// Update implements Driver. The pairs go one by one through a graph of a single pair, for a network's gradient cannot be taken
// sample by sample within a batch.
func (u *PrivateUpdates) Update(h Host, update int) (reports Reports, err error) {
	if err := u.Compile(h); err != nil {
		return reports, err
	}
	state := RandomState(u.game.Seed, h.Call, 1+update)
	fakes, err := u.fakes.call(0, state, h.Settings)
	if err != nil {
		return reports, err
	}
	defer func() { err = errors.Join(err, fakes.FinalizeAll()) }()
	reports = Reports{Names: slices.Clone(u.pairs.names), Values: make([]float32, len(u.pairs.names))}
	rows := u.drawRows(h, update)
	for i, row := range rows {
		out, err := u.pairs.call(row, state, h.Settings, int32(i%u.game.BatchSize), fakes)
		if err != nil {
			return reports, err
		}
		of, err := tensors.CopyFlatData[float32](out)
		if err = errors.Join(err, out.FinalizeAll()); err != nil {
			return reports, err
		}
		for j, value := range of {
			reports.Values[j] += value / float32(len(rows))
		}
	}
	noise, err := u.noise(h, update)
	if err != nil {
		return reports, err
	}
	out, err := u.descent.call(0, state, h.Settings, noise)
	if err != nil {
		return reports, err
	}
	u.spent.add(u.share(h), u.of.Noise, 1)
	descent, err := tensors.CopyFlatData[float32](out)
	if err = errors.Join(err, out.FinalizeAll()); err != nil {
		return reports, err
	}
	reports.Names, reports.Values = append(reports.Names, u.descent.names...), append(reports.Values, descent...)
	return reports, nil
}

// share is the probability with which an image is in a batch.
func (u *PrivateUpdates) share(h Host) float64 { return float64(u.game.BatchSize) / float64(h.Images) }

// drawRows draws the images of one critic update, each by its own coin.
func (u *PrivateUpdates) drawRows(h Host, update int) (rows []int32) {
	coins := rand.New(rand.NewChaCha8(u.seed("images", h.Call, update)))
	for row := range h.Images {
		if coins.Float64() < u.share(h) {
			rows = append(rows, int32(row))
		}
	}
	return rows
}

// noise draws the noise of one critic update. It depends on the sums that it is to hide and on its own size, beside the
// key: two branches that differ in anything have noise of their own, or the difference of their weights would bare the
// gradients; and what is done again is done again bit for bit.
func (u *PrivateUpdates) noise(h Host, update int) ([]float32, error) {
	deviation := u.of.Noise * u.of.Clip
	parts := [][]byte{binary.LittleEndian.AppendUint64(nil, math.Float64bits(deviation))}
	values := 0
	for _, v := range u.sums(h.Ground.Store) {
		sum, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("sum of gradients: %w", err)
		}
		values += v.Shape().Size()
		if err := sum.ConstBytes(func(data []byte) { parts = append(parts, slices.Clone(data)) }); err != nil {
			return nil, fmt.Errorf("sum of gradients: %w", err)
		}
	}
	source := rand.New(rand.NewChaCha8(u.seed("noise", h.Call, update, parts...)))
	noise := make([]float32, values)
	for i := range noise {
		noise[i] = float32(source.NormFloat64() * deviation)
	}
	return noise, nil
}

// Where a checkpoint keeps the state of a private run.
const (
	privacyKey     = "privacy key"
	privacyHistory = "privacy history"
)

// State implements Driver: key and history.
func (u *PrivateUpdates) State() map[string]string {
	return map[string]string{privacyKey: hex.EncodeToString(u.key[:]), privacyHistory: u.spent.String()}
}

// Read implements Driver. A run that goes on from one that was not private, or from a checkpoint of an earlier version, whose noise
// followed from the seed, has `calls` open updates.
func (u *PrivateUpdates) Read(state map[string]string, h Host, calls int) (apply func(), err error) {
	if state[privacyKey] == "" {
		return func() {
			u.spent = nil
			u.spent.add(u.share(h), 0, calls)
		}, nil
	}
	key, err := hex.DecodeString(state[privacyKey])
	if err != nil || len(key) != len(u.key) {
		return nil, errors.New("the key of its noise is damaged")
	}
	spent, err := parseSpending(state[privacyHistory])
	if err != nil {
		return nil, err
	}
	return func() { copy(u.key[:], key); u.spent = spent }, nil
}

// Clear implements Driver: it sets the sums back to zero, which an update that failed may have left.
func (u *PrivateUpdates) Clear(h Host) error {
	for _, v := range u.sums(h.Ground.Store) {
		if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil {
			return fmt.Errorf("sum of gradients: %w", err)
		}
	}
	return nil
}
