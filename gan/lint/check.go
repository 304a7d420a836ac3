package lint

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
)

// Finding is one mistake in an experiment, with its remedy.
type Finding struct {
	Rule    string // a short name that stays the same, such as "bounded critic"
	Problem string // what is wrong, with the numbers and names of this experiment
	Remedy  string // what to do
}

// String is "rule: problem; remedy".
func (f Finding) String() string { return fmt.Sprintf("%s: %s; %s", f.Rule, f.Problem, f.Remedy) }

// Findings are the mistakes in an experiment. A notebook shows them as a table.
type Findings []Finding

// Check is the recipe linter: it looks at the settings, the data and the traced graphs of the experiment, and at what the
// fresh networks make of random inputs (on the pure Go backend, so that nothing is compiled), and names each mistake it
// finds. An experiment that cannot run at all has one finding, "impossible". No finding is no proof that training will go
// well.
//
// The rules: impossible; bounded critic; columns missing; data range; no lipschitz constraint; batch statistics under a penalty;
// saturating generator; momentum under clipping; generator ignores z; no gradient; classes on one side; batch of the whole
// data; shared parameters; statistics of one.
func (e Subject) Check() Findings {
	images, err := e.Game.Data[0].Load()
	if err == nil {
		e.Game, err = e.Game.On([]*sample.Images{images})
	}
	if err != nil {
		return Impossible(err)
	}
	var findings Findings
	find := findings.add
	checkSettings(e, images, find)
	traced, err := probe(e, images)
	if err != nil && strings.Contains(err.Error(), "already visited") { // GoMLX sees a name that is given twice by itself
		_, problem, _ := strings.Cut(err.Error(), "panicked: ")
		find("shared parameters", "give each layer a scope of its own, by scope.In(name)", "%s", problem)
		return findings
	}
	if err != nil {
		return append(findings, Impossible(err)...)
	}
	checkNetworks(e, images, traced, find)
	return findings
}

// Impossible is the one finding on what cannot run at all.
func Impossible(err error) Findings {
	return Findings{{"impossible", tracing.FirstLine(err.Error()), "mend this first; nothing else was examined"}}
}

// add adds a finding.
func (all *Findings) add(rule, remedy, problem string, values ...any) {
	*all = append(*all, Finding{rule, fmt.Sprintf(problem, values...), remedy})
}

type finder = func(rule, remedy, problem string, values ...any)

// checkSettings holds the rules that need no network.
func checkSettings(e Subject, images *sample.Images, find finder) {
	checkBatch(e.Game, images, find)
	if inertia := optim.Inertia(e.Pair.CriticOptimizer); e.Pair.ClipWeights > 0 && inertia > 0.5 {
		find("momentum under clipping", "give the critic an optimizer without momentum, or with one of at most 0.5",
			"the critic's weights are clipped while its optimizer has a momentum of %g, which pushes on against the limit", inertia)
	}
}

// checkBatch compares what a step takes with the whole data.
func checkBatch(game method.Game, images *sample.Images, find finder) {
	if game.BatchSize > images.N/game.Draws() {
		find("batch of the whole data", fmt.Sprintf("use a batch of at most %d", max(images.N/game.Draws()/4, 1)),
			"a step takes %g images and %s has %d", float64(game.BatchSize)*float64(game.Draws()), game.Data[0].Name, images.N)
	} else if 2*game.BatchSize > images.N {
		find("batch of the whole data", "use batches of 32 to 256, so that an epoch has many steps",
			"one batch of %d is more than half of the %d images, so every step sees nearly the same", game.BatchSize, images.N)
	}
}

// checkNetworks holds the rules on what the probe saw.
func checkNetworks(e Subject, images *sample.Images, seen *probed, find finder) {
	if seen.critic.end != "" {
		find("bounded critic", "return the logit itself; the loss applies the sigmoid",
			"the critic ends in %s and the loss %v expects unbounded logits: its gradient vanishes where the critic is sure",
			seen.critic.end, e.Pair.Loss)
	}
	checkRange(e, images, seen, find)
	if seen.saturating {
		find("saturating generator", "use loss.NonSaturating, whose generator gradient is largest where this one vanishes",
			"the generator's loss %v has no gradient while the critic is sure that its samples are fake", e.Pair.Loss)
	}
	if seen.unbounded && e.Pair.ClipWeights == 0 && !seen.slopes && !seen.spectral {
		find("no lipschitz constraint", "add loss.WGANGP(10), or ClipWeights 0.01, or spectral normalisation in every layer",
			"the loss %v has no lower bound while nothing limits the critic's slope: its weights will grow without end", e.Pair.Loss)
	}
	if len(seen.critic.statistics) > 0 && seen.slopes {
		find("batch statistics under a penalty", "use net.LayerNorm or no normalisation in the critic",
			"the critic normalises over the batch (%s), so the penalty on each sample's gradient takes in the others'",
			seen.critic.statistics[0])
	}
	size := e.Game.BatchSize / e.Game.Parts
	for _, statistics := range []struct {
		of    []string
		batch int
	}{{seen.generator.statistics, size}, {seen.critic.statistics, size / e.Pair.Pack}} {
		if len(statistics.of) > 0 && statistics.batch == 1 {
			find("statistics of one", "use larger batches, or parts of them, or net.LayerNorm",
				"%s is a statistic over a batch, and a batch here is one sample (BatchSize %d, Accumulate %d, Pack %d), which it would "+
					"subtract from itself", statistics.of[0], e.Game.BatchSize, e.Game.Parts, e.Pair.Pack)
		}
	}
	if seen.spread == 0 {
		find("generator ignores z", "use z in the generator",
			"the generator makes the same image whatever its latent")
	}
	// A bias is not seen by what takes the mean away: a norm after its layer, or a loss of the differences of logits. Whether the
	// layer is used, its weights tell.
	withoutBiases := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.HasSuffix(name, "/biases") })
	}
	for network, variables := range map[string]struct{ without, all []string }{
		"generator": {withoutBiases(seen.generator.untouched), withoutBiases(seen.generator.weights)},
		"critic":    {withoutBiases(seen.critic.untouched), withoutBiases(seen.critic.weights)}} {
		switch n := len(variables.without); {
		case len(variables.all) == 0:
			find("no gradient", "make its weights by its scope", "the %s has no trainable weights in its scope", network)
		case n == len(variables.all):
			find("no gradient", "let the loss depend on the critic's logits of the generated images, and take no StopGradient or "+
				"numbers that were computed outside of the graph in between", "no weight of the %s gets a gradient from its loss", network)
		case n > 0:
			find("no gradient", "use or remove it", "%s of the %s gets no gradient", strings.Join(variables.without, ", "), network)
		}
	}
	switch toldCritic := e.ToldCritic || seen.columns > 1 && e.Columns == ""; {
	case e.Columns != "" && seen.columns == 1:
		find("columns missing", "return the logit and the "+e.Columns+", [batch, 1+n]", "the method needs %s behind the critic's logit, and it returns one column", e.Columns)
	case !e.ToldGenerator && toldCritic:
		find("classes on one side", "use ClassGenerator, or a critic that is not told the class",
			"the critic sees the class and the generator does not")
	case e.ToldGenerator && !toldCritic:
		find("classes on one side", fmt.Sprintf("use ClassCritic, or a critic of 1+%d logits", e.Game.Classes),
			"the generator is told the class and nothing asks whether it obeys")
	case e.Columns == "" && seen.columns > 1 && seen.columns != 1+e.Game.Classes:
		find("classes on one side", fmt.Sprintf("return 1+%d logits", e.Game.Classes),
			"the critic has %d class logits for %d classes", seen.columns-1, e.Game.Classes)
	}
	for _, name := range seen.shared {
		find("shared parameters", "give each layer a scope of its own, by scope.In(name), and call each network once",
			"%s", name)
	}
}

// checkRange compares the range of the data with that of the generator's last activation.
func checkRange(e Subject, images *sample.Images, seen *probed, find finder) {
	looked := images.N
	if images.Pixels != nil { // which cannot leave the range of pictures
		looked = min(looked, 500)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for row := range looked {
		for _, v := range images.Floats(row, 1) {
			low, high = min(low, float64(v)), max(high, float64(v)) // NaN where one is
		}
	}
	if !(low > math.Inf(-1) && high < math.Inf(1)) {
		find("data range", "leave out what is not finite", "the data has values that are no finite numbers")
		return
	}
	const slack = 1e-3
	switch within := func(a, b float64) bool { return low >= a-slack && high <= b+slack }; {
	case seen.generator.end == "tanh" && !within(-1, 1):
		find("data range", "scale the data to [-1, 1], or end the generator without tanh",
			"the data lies in [%.3g, %.3g] and the generator ends in tanh, which cannot leave [-1, 1]", low, high)
	case seen.generator.end == "tanh" && low >= -slack && images.Alphabet == nil:
		find("data range", "scale the data to [-1, 1]",
			"the data lies in [%.3g, %.3g] and the generator ends in tanh: half of its range can only be wrong, which the critic sees at once",
			low, high)
	case seen.generator.end == "sigmoid" && !within(0, 1):
		find("data range", "end the generator in tanh",
			"the data lies in [%.3g, %.3g] and the generator ends in a sigmoid, which cannot leave [0, 1]", low, high)
	case seen.generator.end == "relu" && low < -slack:
		find("data range", "end the generator in tanh", "the data goes down to %.3g and the generator ends in ReLU", low)
	case seen.generator.end == "" && images.Pixels != nil && images.Alphabet == nil:
		find("data range", "end the generator in tanh", "pictures lie in [-1, 1] and nothing bounds what the generator makes")
	}
}
