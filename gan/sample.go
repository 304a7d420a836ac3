package gan

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/safetensors"
)

// Images are N pictures of H×W×C float32 in [-1, 1], row-major, channels last.
type Images struct {
	Data       []float32
	N, H, W, C int
}

// Generator draws samples from a trained generator network.
type Generator struct {
	latent int
	exec   *model.Exec
}

// sampleBatch is how many images one call of the compiled generator makes; fewer are cut off, so that any number of
// samples needs one compilation.
const sampleBatch = 100

func newGenerator(backend compute.Backend, exp Experiment, store *model.Store) (*Generator, error) {
	exec, err := model.NewExec(backend, store, func(_ *model.Scope, z *graph.Node) *graph.Node {
		store.SetTraining(z.Graph(), false)
		return exp.Generator(store.Scope(generatorScope), z)
	})
	if err != nil {
		return nil, fmt.Errorf("generator: %w", err)
	}
	return &Generator{latent: exp.Latent, exec: exec}, nil
}

// LoadGenerator makes a Generator of exp.Generator with the weights that Trainer.SaveWeights wrote into dir. Only
// Generator and Latent of the experiment are used.
func LoadGenerator(backend compute.Backend, exp Experiment, dir string) (*Generator, error) {
	path := filepath.Join(dir, generatorFile)
	file, err := safetensors.Load(path)
	if err != nil {
		return nil, fmt.Errorf("no generator weights: %w", err)
	}
	store := model.NewStore()
	for _, stored := range file.Tensors {
		value, err := fromStored(stored)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if _, err := store.CreateVariable(generatorScope+"/"+stored.Name, value); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	known := store.NumVariables()
	g, err := newGenerator(backend, exp.withDefaults(), store)
	if err != nil {
		return nil, err
	}
	if _, err := g.Sample(1, 0); err != nil {
		return nil, fmt.Errorf("the weights in %s do not fit the generator network: %w", path, err)
	}
	if store.NumVariables() != known {
		return nil, fmt.Errorf("the weights in %s lack %d of the generator network's variables", path,
			store.NumVariables()-known)
	}
	return g, nil
}

// Sample draws n images from latents that depend on the seed alone: image i is the same for every n, on every backend
// up to rounding, and at every step of training shows the same latent.
func (t *Trainer) Sample(n int, seed int64) (Images, error) {
	if t.failed != nil {
		return Images{}, t.failed
	}
	return t.sampler.Sample(n, seed)
}

// Sample draws n images from latents that depend on the seed alone: image i is the same for every n.
func (g *Generator) Sample(n int, seed int64) (Images, error) {
	if n <= 0 {
		return Images{}, fmt.Errorf("cannot draw %d samples: ask for at least 1", n)
	}
	return g.Generate(Latents(n, g.latent, seed))
}

// Latents returns n standard normal latents of the given number of components, [n, latent] row-major, that depend on
// the seed alone.
func Latents(n, latent int, seed int64) []float32 {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	z := make([]float32, n*latent)
	for i := range z {
		z[i] = float32(random.NormFloat64())
	}
	return z
}

// Generate maps latents, [n, latent] row-major, to n images.
func (g *Generator) Generate(z []float32) (Images, error) {
	if len(z) == 0 || len(z)%g.latent != 0 {
		return Images{}, fmt.Errorf("latents have %d values, which is no multiple of the %d components of z",
			len(z), g.latent)
	}
	images := Images{N: len(z) / g.latent}
	for first := 0; first < images.N; first += sampleBatch {
		n := min(sampleBatch, images.N-first)
		batch := make([]float32, sampleBatch*g.latent)
		copy(batch, z[first*g.latent:(first+n)*g.latent])
		out, err := g.exec.Call1(tensors.FromFlatDataAndDimensions(batch, sampleBatch, g.latent))
		if err != nil {
			return Images{}, fmt.Errorf("sampling: %w", err)
		}
		if out.Rank() != 4 {
			return Images{}, fmt.Errorf("generator made %s, want images [batch, height, width, channels]", out.Shape())
		}
		d := out.Shape().Dimensions
		images.H, images.W, images.C = d[1], d[2], d[3]
		pixels, err := tensors.CopyFlatData[float32](out)
		if err != nil {
			return Images{}, fmt.Errorf("sampling: %w", err)
		}
		images.Data = append(images.Data, pixels[:n*images.H*images.W*images.C]...)
		out.MustFinalizeAll()
	}
	return images, nil
}
