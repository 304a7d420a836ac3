package speed

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// Workload is something that is measured.
type Workload struct {
	Name  string
	About string
	exp   func() gan.Experiment // nil of the latencies
	work  work                  // what a peer must know beside what the experiment says
	draw  int                   // images to draw; 0: it trains
	first latency               // nil: it trains or draws
	of    string                // the recipe of a latency
}

// work is a workload as peers are told it. The names of networks, losses, orders and penalties are those of peers/.
type work struct {
	Name        string    `json:"name"`
	Networks    string    `json:"networks"`
	Size        int       `json:"size"`
	Channels    int       `json:"channels"`
	Width       int       `json:"width"`
	Norm        string    `json:"norm"`
	Latent      int       `json:"latent"`
	Batch       int       `json:"batch"`
	Pack        int       `json:"pack"`
	Order       string    `json:"order"`
	CriticSteps int       `json:"critic_steps"`
	Loss        string    `json:"loss"`
	Penalties   []penalty `json:"penalties"`
	Adam        adam      `json:"adam"` // of both networks
	EMA         float64   `json:"ema"`
	Draw        int       `json:"draw"`
	Data        dataFile  `json:"data"`
}

type penalty struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
}

type adam struct {
	Rate    float64 `json:"rate"`
	Beta1   float64 `json:"beta1"`
	Beta2   float64 `json:"beta2"`
	Epsilon float64 `json:"epsilon"`
}

// dataFile is where a peer finds the data set: bytes of pixels, or float32.
type dataFile struct {
	Path     string `json:"path"`
	N        int    `json:"n"`
	Height   int    `json:"height"`
	Width    int    `json:"width"`
	Channels int    `json:"channels"`
	Floats   bool   `json:"floats"`
}

// All lists the workloads in the order of the tables.
func All() []Workload {
	var all []Workload
	for _, order := range []struct {
		name, about string
		of          method.Method
	}{
		{"article", "the article's pair, critic on the real half, then on the fake half, then the generator", method.Halves{}},
		{"article-simultaneous", "the article's pair, both networks by gradients at the same weights", method.Simultaneous{}},
	} {
		for _, batch := range []int{32, 64, 128, 256} {
			all = append(all, Workload{Name: fmt.Sprintf("%s-%d", order.name, batch), About: fmt.Sprintf("%s, batch %d", order.about, batch),
				exp: func() gan.Experiment {
					exp := recipe.Article()
					exp.Method, exp.BatchSize = order.of, batch
					return exp
				},
				work: work{Networks: "article"}})
		}
	}
	pair := work{Networks: "dcgan", Width: 32}
	all = append(all,
		Workload{Name: "mlp", About: "the recipe mlp, batch 64", exp: recipe.MLP, work: work{Networks: "mlp"}},
		Workload{Name: "dcgan-28", About: "the recipe dcgan as it is between two penalties: 28×28, width 32, two images a judgement, batch 64", exp: dcgan28, work: pair},
		Workload{Name: "dcgan-64", About: "DCGAN for 64×64×3, width 32, batch 64", exp: dcgan64, work: pair},
		Workload{Name: "wgan-gp", About: "the recipe wgan-gp: five critic updates with layer norm and penalty, batch 64", exp: recipe.WGANGP,
			work: work{Networks: "dcgan", Width: 32, Norm: "layer"}},
		Workload{Name: "r3gan", About: "the recipe rsgan, R3GAN's objective: relativistic, R1 and R2 in each step, batch 64", exp: recipe.RSGAN, work: pair},
		Workload{Name: "ring", About: "the recipe toy: points in the plane, batch 128; steps so small that it is the overhead that counts",
			exp: recipe.Toy, work: work{Networks: "toy"}},
		Workload{Name: "sample-mlp", About: "10 000 digits from mlp's generator, to an array of the host", exp: recipe.MLP, work: work{Networks: "mlp"}, draw: 10_000},
		Workload{Name: "sample-dcgan", About: "10 000 digits from dcgan's generator, to an array of the host", exp: dcgan28, work: pair, draw: 10_000},
	)
	recipes := []Workload{{of: "article", exp: recipe.Article, work: work{Networks: "article"}}, {of: "mlp", exp: recipe.MLP, work: work{Networks: "mlp"}},
		{of: "dcgan", exp: dcgan28, work: pair}}
	for _, w := range recipes {
		w.Name, w.first = "first-"+w.of, (*measuring).firstSteps
		w.About = "from the start of a process to the end of its first step, and the memory of 30 steps"
		all = append(all, w)
	}
	for _, w := range recipes {
		all = append(all, Workload{Name: "resume-" + w.of, of: w.of, first: (*measuring).nextSteps,
			About: "from the start of a process that goes on with a kept run to the end of its next step"})
	}
	for _, w := range recipes {
		all = append(all, Workload{Name: "cell-" + w.of, of: w.of, first: (*measuring).stepsInCells,
			About: "from sending a cell that opens a new run to the end of its first step"})
	}
	return append(all, Workload{Name: "first-picture", first: (*measuring).firstPictures,
		About: "from sending the cell that opens a run of mlp to its first picture"})
}

// dcgan28 is the recipe dcgan without the penalty that it has in every eighth step: what is told to peers is one kind of step.
func dcgan28() gan.Experiment {
	exp := recipe.DCGAN()
	exp.Penalties, exp.Method = nil, nil
	return exp
}

// dcgan64 is DCGAN for small photographs. Their content does not matter here, so it is noise.
func dcgan64() gan.Experiment {
	networks := net.DCGAN{Size: 64, Channels: 3, Width: 32}
	exp := dcgan28()
	exp.Name, exp.View.Pack = "dcgan-64", 1
	exp.Generator, exp.Critic = networks.Generator, networks.Critic
	exp.Data = data.Set{Name: "noise", Load: func() (*sample.Images, error) {
		images := &sample.Images{N: 2048, Height: 64, Width: 64, Channels: 3}
		random := rand.New(rand.NewPCG(1, 2))
		images.Pixels = make([]byte, images.N*images.Height*images.Width*images.Channels)
		for i := range images.Pixels {
			images.Pixels[i] = byte(random.Uint32())
		}
		return images, nil
	}}
	return exp
}

// Named returns the workload called name, or an error that lists those there are.
func Named(name string) (Workload, error) {
	var names []string
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Workload{}, fmt.Errorf("unknown workload %q: use one of %s", name, strings.Join(names, ", "))
}

// experiment is the workload's, with every default that a peer must be told filled in.
func (w Workload) experiment() gan.Experiment {
	exp := w.exp()
	exp.Name = w.Name
	return exp.WithDefaults()
}

// order is a method as peers know it, "" for one that they do not, and how often it updates the critic in a step.
func order(m method.Method) (name string, criticSteps int) {
	switch m := m.(type) {
	case method.Alternating:
		if usual := (method.Alternating{CriticSteps: m.CriticSteps}); m == usual {
			return "alternating", max(m.CriticSteps, 1)
		}
	case method.Halves:
		return "halves", max(m.CriticSteps, 1)
	case method.Simultaneous:
		if usual := (method.Simultaneous{CriticSteps: m.CriticSteps}); m == usual {
			return "simultaneous", max(m.CriticSteps, 1)
		}
	}
	return "", 1
}

// forPeers is the workload as peers are told it, on the images of a file.
func (w Workload) forPeers(images *sample.Images, path string) (work, error) {
	exp, told := w.experiment(), w.work
	told.Name, told.Draw = w.Name, w.draw
	told.Size, told.Channels = images.Height, images.Channels
	told.Latent, told.Batch, told.Pack, told.EMA = exp.Latent, exp.BatchSize, exp.View.Pack, exp.Optimizers.EMA
	told.Data = dataFile{path, images.N, images.Height, images.Width, images.Channels, images.Values != nil}
	by, isAdam := exp.Optimizers.Critic.(optim.Adam)
	told.Adam = adam(by)
	told.Order, told.CriticSteps = order(exp.Method)
	told.Loss = map[loss.Loss]string{loss.NonSaturating: "bce", loss.Wasserstein: "wasserstein", loss.Paired: "paired"}[exp.Loss]
	for _, p := range exp.Penalties {
		name, _, _ := strings.Cut(p.String(), " ")
		told.Penalties = append(told.Penalties, penalty{name, p.Weight()})
	}
	if told.Loss == "" || told.Order == "" || !isAdam || exp.Optimizers.Generator != exp.Optimizers.Critic || exp.Optimizers.ClipWeights > 0 || exp.View.Augment != nil {
		return told, fmt.Errorf("workload %s: peers know no such experiment", w.Name)
	}
	return told, nil
}
