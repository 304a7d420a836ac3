package train

import (
	"math/rand/v2"

	"gantry.local/gan/method"
)

// batches tells which rows of the data sets each step looks at. They depend on the seed and the number of calls alone, so a
// resumed run sees the batches it would have seen. A set's order is a permutation of the whole of it, four bytes a row: of a
// stream's, a fraction of what the names of its pictures take, and the same as if it lay on the device.
type batches struct {
	size, draws int // samples in a batch, and batches in a step
	seed        int64
	samples     []int     // in each set
	orders      []ordered // of each set
	feed        feed
}

// ordered is a set's rows in the order of an epoch.
type ordered struct {
	epoch int
	rows  []int32
}

func newBatches(game method.Game, samples []int) batches {
	b := batches{size: game.BatchSize, draws: game.Draws(), seed: game.Seed, samples: samples, orders: make([]ordered, len(samples))}
	for i := range b.orders {
		b.orders[i].epoch = -1
	}
	return b
}

// stepsPerEpoch is how many steps pass once through a set; what is left over is dropped.
func (b *batches) stepsPerEpoch(set int) int { return b.samples[set] / b.perStep() }

// perStep is how many samples of each set a step looks at.
func (b *batches) perStep() int { return b.size * b.draws }

// next returns the rows of call number `call`, [sets·draws, size].
func (b *batches) next(call int) (rows []int32) {
	perStep := b.perStep()
	for set, n := range b.samples {
		o := &b.orders[set]
		if epoch := call / b.stepsPerEpoch(set); epoch != o.epoch {
			random := rand.New(rand.NewPCG(uint64(b.seed), uint64(epoch)|uint64(set)<<48))
			o.rows = make([]int32, n)
			for i := range o.rows {
				o.rows[i] = int32(i)
			}
			random.Shuffle(n, func(i, j int) { o.rows[i], o.rows[j] = o.rows[j], o.rows[i] })
			o.epoch = epoch
		}
		first := call % b.stepsPerEpoch(set) * perStep
		rows = append(rows, o.rows[first:first+perStep]...)
	}
	return rows
}

// none is what a step is given that looks at no real sample.
func (b *batches) none() []int32 { return make([]int32, len(b.samples)*b.draws*b.size) }
