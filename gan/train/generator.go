package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"golang.org/x/sync/errgroup"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
)

// Generator draws samples from trained weights. It is not safe for concurrent use.
type Generator struct {
	of      method.Description // what it was made of
	game    method.Game        // its Sampler, Networks and Classes are used
	backend compute.Backend
	store   *model.Store
	scope   string // where the weights lie in the store
	exec    *model.Exec
}

// One call of the compiled generator makes so many images; fewer are cut off, so that any number of samples needs one
// compilation, and many need two: each call reads all weights, so large ones take less time for an image.
const (
	sampleBatch = 100
	manySamples = 250
)

func newGenerator(backend compute.Backend, of method.Description, game method.Game, store *model.Store, scope string) (*Generator, error) {
	g := &Generator{of: of, game: game, backend: backend, store: store, scope: scope}
	var err error
	g.exec, err = model.NewExec(backend, store, func(_ *model.Scope, inputs []*graph.Node) *graph.Node {
		defer tracing.PanicWithError()
		var labels *graph.Node
		if len(inputs) > 1 {
			labels = inputs[1]
		}
		return g.Build(inputs[0], labels)
	})
	if err != nil {
		return nil, fmt.Errorf("generator: %w", err)
	}
	return g, nil
}

// NewGenerator makes a Generator of a game's sampled network with weights as Generator.Weights returns them, which must be
// finite. Only the game's Sampler, that network and Classes are used.
func NewGenerator(backend compute.Backend, of method.Description, weights *safetensors.File) (*Generator, error) {
	game, wanted, err := samplerAlone(backend, of)
	if err != nil {
		return nil, err
	}
	if difference := misfit(wanted, weights.Tensors); difference != "" {
		return nil, fmt.Errorf("the weights do not fit the %s network: %s", game.Sampler.Network, difference)
	}
	return generatorWith(backend, of, game, weights)
}

// LoadGenerator makes a Generator with the weights that Trainer.SaveWeights wrote into dir, as NewGenerator does. The error
// is fs.ErrNotExist where there are none, and ErrDamaged where they are not whole. The file is read once its header fits
// the network, so that one of another size costs no memory.
func LoadGenerator(backend compute.Backend, of method.Description, dir string) (*Generator, error) {
	game, wanted, err := samplerAlone(backend, of)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, weightsFile(game.Sampler.Network))
	weights, err := loadNetwork(path, game.Sampler.Network, wanted)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no %s weights: %w", game.Sampler.Network, err)
	}
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%w; go on from a checkpoint that is whole and save the weights anew", err)
	}
	if err != nil {
		return nil, err
	}
	g, err := generatorWith(backend, of, game, weights)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// samplerAlone traces the network that a game's samples are drawn from for the variables it has, by their paths within it.
func samplerAlone(backend compute.Backend, of method.Description) (game method.Game, wanted map[string]shapes.Shape, err error) {
	if game, err = of.Game(); err != nil {
		return game, nil, err
	}
	if game.Sampler.Network == "" {
		return game, nil, fmt.Errorf("%q has no network to draw samples from", game.Name)
	}
	if game.Sampler.Classed && game.Classes == method.AllClasses {
		if game.Data[0].Load == nil {
			return game, nil, fmt.Errorf("the %s is conditional, and how many classes it has is not known: there is no data set", game.Sampler.Network)
		}
		if game, err = onData(game); err != nil {
			return game, nil, fmt.Errorf("the %s is conditional, and how many classes it has is not known: %w", game.Sampler.Network, err)
		}
	}
	defer func() { err = tracing.Error(recover(), err) }()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(game.Seed); err != nil {
		return game, nil, err
	}
	g := graph.NewGraph(backend, "sampler")
	defer g.Finalize()
	store.SetTraining(g, true) // in which a network has all of its variables
	inputs := []*graph.Node{graph.Parameter(g, "z", shapes.Make(dtypes.Float32, 2, game.Sampler.Latent)), nil}
	if game.Sampler.Classed {
		inputs[1] = graph.Parameter(g, "labels", shapes.Make(dtypes.Int32, 2))
	}
	callNetwork(game, game.Sampler.Network, store.Scope("/"+game.Sampler.Network), inputs...)
	wanted = map[string]shapes.Shape{}
	for v := range store.IterVariables() {
		if name, below := strings.CutPrefix(v.Path(), "/"+game.Sampler.Network+"/"); below {
			wanted[name] = v.Shape()
		}
	}
	return game, wanted, nil
}

// onData is the game on its data sets, whatever their size.
func onData(game method.Game) (method.Game, error) {
	images, err := game.Data[0].Head()
	if err != nil {
		return game, err
	}
	return game.On([]*sample.Images{images})
}

// callNetwork is the first output of a network that there is.
func callNetwork(game method.Game, name string, scope *model.Scope, inputs ...*graph.Node) *graph.Node {
	network, _ := game.Network(name)
	return network.Build(scope, inputs...)[0]
}

// generatorWith makes a generator of a network and weights that fit it.
func generatorWith(backend compute.Backend, of method.Description, game method.Game, weights *safetensors.File) (*Generator, error) {
	store := model.NewStore()
	for _, stored := range weights.Tensors {
		value, err := fromStored(stored)
		if err != nil {
			return nil, err
		}
		if _, err := store.CreateVariable("/"+game.Sampler.Network+"/"+stored.Name, value); err != nil {
			return nil, err
		}
	}
	g, err := newGenerator(backend, of, game, store, "/"+game.Sampler.Network)
	if err != nil {
		return nil, err
	}
	if _, err := g.Sample(1, 0); err != nil {
		return nil, err
	}
	return g, nil
}

// Latent returns the number of components of z.
func (g *Generator) Latent() int { return g.game.Sampler.Latent }

// Classes returns how many classes the generator was trained to tell apart, 0 where it is not conditional.
func (g *Generator) Classes() int {
	if !g.game.Sampler.Classed {
		return 0
	}
	return g.game.Classes
}

// Backend returns the backend that the generator runs on.
func (g *Generator) Backend() compute.Backend { return g.backend }

// Store returns the store that holds the weights, for graphs of one's own made with Build.
func (g *Generator) Store() *model.Store { return g.store }

// Scope returns the path below which the weights lie in the Store.
func (g *Generator) Scope() string { return g.scope }

// Build adds the network in inference mode to a graph that is run by a model.Exec over Store. z: [batch, latent]
// float32; labels: [batch] int32, nil where Classes is 0; the result: [batch, height, width, channels].
func (g *Generator) Build(z, labels *graph.Node) *graph.Node {
	g.store.SetTraining(z.Graph(), false)
	return callNetwork(g.game, g.game.Sampler.Network, g.store.Scope(g.scope), z, labels)
}

// Weights returns a copy of the network's weights, named by their path within the network.
func (g *Generator) Weights() (*safetensors.File, error) {
	return collect(g.store, g.scope+"/", nil)
}

// Clone returns a generator with a copy of the weights.
func (g *Generator) Clone() (*Generator, error) {
	weights, err := g.Weights()
	if err != nil {
		return nil, err
	}
	return NewGenerator(g.backend, g.of, weights)
}

// Sample draws n images from latents that depend on the seed alone: image i is the same for every n. A conditional
// generator takes the classes in turn, 0, 1, …, so image i is of class i modulo Classes. It draws at most 4 GiB of images.
func (g *Generator) Sample(n int, seed int64) (sample.Images, error) {
	if n <= 0 {
		return sample.Images{}, fmt.Errorf("cannot draw %d samples: ask for at least 1", n)
	}
	return g.draw(n, method.Normals(seed), g.classInTurn)
}

// Latents returns n standard normal latents of the given number of components, [n, latent] row-major, that depend on
// the seed alone.
func Latents(n, latent int, seed int64) []float32 {
	z := make([]float32, n*latent)
	method.Normals(seed)(z)
	return z
}

// Generate maps latents, [n, latent] row-major, to n images; a conditional generator takes the classes in turn.
func (g *Generator) Generate(z []float32) (sample.Images, error) {
	var classes []int32
	for i := 0; g.Classes() > 0 && i < len(z)/g.game.Sampler.Latent; i++ {
		classes = append(classes, g.classInTurn(i))
	}
	return g.GenerateClasses(z, classes)
}

func (g *Generator) classInTurn(i int) int32 { return int32(i % g.Classes()) }

// GenerateClasses maps latents, [n, latent] row-major, to n images of the given classes, one per image; classes is
// empty for a generator that is not conditional.
func (g *Generator) GenerateClasses(z []float32, classes []int32) (sample.Images, error) {
	latent := g.game.Sampler.Latent
	images := sample.Images{N: len(z) / latent}
	switch {
	case len(z) == 0 || len(z)%latent != 0:
		return images, fmt.Errorf("latents have %d values, which is no multiple of the %d components of z", len(z), latent)
	case g.Classes() == 0 && len(classes) > 0:
		return images, fmt.Errorf("classes were given, and the generator is not conditional")
	case g.Classes() > 0 && len(classes) != images.N:
		return images, fmt.Errorf("%d classes were given for %d latents", len(classes), images.N)
	}
	for _, class := range classes {
		if class < 0 || int(class) >= g.Classes() {
			return images, fmt.Errorf("there is no class %d: the generator knows 0 to %d", class, g.Classes()-1)
		}
	}
	return g.draw(images.N, func(part []float32) { z = z[copy(part, z):] }, func(i int) int32 { return classes[i] })
}

// draw makes n images of the latents that fill puts into a part of them, and of the class of each in a conditional generator.
// Two parts are under way at a time: one is computed while the other's latents are drawn and its images copied.
func (g *Generator) draw(n int, fill func(z []float32), class func(i int) int32) (sample.Images, error) {
	images := sample.Images{N: n}
	group, failing := errgroup.WithContext(context.Background())
	group.SetLimit(2)
	var size int
	for first := 0; first < n && failing.Err() == nil; first += size {
		if size = sampleBatch; n-first >= manySamples {
			size = manySamples
		}
		count := min(size, n-first)
		batch := make([]float32, size*g.game.Sampler.Latent)
		fill(batch[:count*g.game.Sampler.Latent])
		inputs := []any{tensors.FromFlatDataAndDimensions(batch, size, g.game.Sampler.Latent)}
		if g.Classes() > 0 {
			labels := make([]int32, size)
			for i := range count {
				labels[i] = class(first + i)
			}
			inputs = append(inputs, labels)
		}
		if first == 0 { // tells how large an image is
			if err := g.drawPart(&images, 0, inputs); err != nil {
				return sample.Images{}, err
			}
			continue
		}
		group.Go(func() error { return g.drawPart(&images, first, inputs) })
	}
	if err := group.Wait(); err != nil {
		return sample.Images{}, err
	}
	return images, nil
}

// drawPart makes the images of one batch of inputs, and puts them where image number first is; what is too many is cut off.
// Image 0 makes the room.
func (g *Generator) drawPart(images *sample.Images, first int, inputs []any) error {
	const mostValues = 1 << 30 // float32, 4 GiB
	out, err := g.exec.Call1(inputs...)
	if err != nil {
		return fmt.Errorf("sampling: %w", err)
	}
	defer out.MustFinalizeAll()
	if out.Rank() != 4 {
		return fmt.Errorf("generator made %s, want images [batch, height, width, channels]", out.Shape())
	}
	d := out.Shape().Dimensions
	size := d[1] * d[2] * d[3]
	if first == 0 {
		images.Height, images.Width, images.Channels = d[1], d[2], d[3]
		if most := mostValues / max(1, size); images.N > most {
			return fmt.Errorf("cannot draw %d samples at once, which take more than 4 GiB: draw at most %d, and others with other seeds",
				images.N, most)
		}
		images.Values = make([]float32, images.N*size)
	}
	err = tensors.ConstFlatData(out, func(pixels []float32) { copy(images.Values[first*size:], pixels) })
	if err != nil {
		return fmt.Errorf("sampling: %w", err)
	}
	return nil
}
