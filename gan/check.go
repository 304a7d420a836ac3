package gan

import (
	"fmt"
	"math"
	"slices"
	"strings"

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
// The rules: impossible; bounded critic; data range; no lipschitz constraint; batch statistics under a penalty;
// saturating generator; momentum under clipping; generator ignores z; no gradient; classes on one side; batch of the whole
// data; shared parameters; statistics of one.
func (e Experiment) Check() Findings {
	e = e.withDefaults()
	impossible := func(err error) Findings {
		return Findings{{"impossible", firstLine(err.Error()), "mend this first; nothing else was examined"}}
	}
	if err := e.validate(); err != nil {
		return impossible(err)
	}
	images, err := e.Data.Load()
	if err != nil {
		return impossible(err)
	}
	if e.Classes == 0 {
		e.Classes = images.Classes()
	}
	var findings Findings
	find := func(rule, remedy, problem string, values ...any) {
		findings = append(findings, Finding{rule, fmt.Sprintf(problem, values...), remedy})
	}
	e.checkSettings(images, find)
	if err := e.fits(images); err != nil && e.needsLabels() && images.Labels == nil {
		return impossible(err)
	}
	traced, err := e.probe(images)
	if err != nil && strings.Contains(err.Error(), "already visited") { // GoMLX sees a name that is given twice by itself
		_, problem, _ := strings.Cut(err.Error(), "panicked: ")
		find("shared parameters", "give each layer a scope of its own, by scope.In(name)", "%s", problem)
		return findings
	}
	if err != nil {
		return append(findings, impossible(err)...)
	}
	e.checkNetworks(images, traced, find)
	return findings
}

// CheckGrid is Check's counterpart for a picture: samples that no cell of a grid will show were drawn for nothing.
func CheckGrid(samples, cells int) Findings {
	if samples <= cells {
		return nil
	}
	return Findings{{"samples without a cell", fmt.Sprintf("%d samples are drawn for a grid of %d cells", samples, cells),
		fmt.Sprintf("draw %d", cells)}}
}

type finder = func(rule, remedy, problem string, values ...any)

// checkSettings holds the rules that need no network.
func (e Experiment) checkSettings(images *sample.Images, find finder) {
	if e.BatchSize > images.N/e.CriticSteps {
		find("batch of the whole data", fmt.Sprintf("use a batch of at most %d", max(images.N/e.CriticSteps/4, 1)),
			"a step takes %g images and %s has %d", float64(e.BatchSize)*float64(e.CriticSteps), e.Data.Name, images.N)
	} else if 2*e.BatchSize > images.N {
		find("batch of the whole data", "use batches of 32 to 256, so that an epoch has many steps",
			"one batch of %d is more than half of the %d images, so every step sees nearly the same", e.BatchSize, images.N)
	}
	if e.ClipWeights > 0 && e.CriticAdam.Beta1 > 0.5 {
		find("momentum under clipping", "set CriticAdam.Beta1 to -1 (none) or to at most 0.5",
			"the critic's weights are clipped while its Adam has Beta1 %g, and momentum pushes on against the limit", e.CriticAdam.Beta1)
	}
}

// checkNetworks holds the rules on what the probe saw.
func (e Experiment) checkNetworks(images *sample.Images, seen *probed, find finder) {
	if seen.criticEnd != "" {
		find("bounded critic", "return the logit itself; the loss applies the sigmoid",
			"the critic ends in %s and the loss %v expects unbounded logits: its gradient vanishes where the critic is sure",
			seen.criticEnd, e.Loss)
	}
	e.checkRange(images, seen, find)
	if seen.saturating {
		find("saturating generator", "use loss.NonSaturating, whose generator gradient is largest where this one vanishes",
			"the generator's loss %v has no gradient while the critic is sure that its samples are fake", e.Loss)
	}
	if seen.unbounded && e.ClipWeights == 0 && !seen.slopes && !seen.spectral {
		find("no lipschitz constraint", "add loss.WGANGP(10), or ClipWeights 0.01, or spectral normalisation in every layer",
			"the loss %v has no lower bound while nothing limits the critic's slope: its weights will grow without end", e.Loss)
	}
	if len(seen.criticStatistics) > 0 && seen.slopes {
		find("batch statistics under a penalty", "use net.LayerNorm or no normalisation in the critic",
			"the critic normalises over the batch (%s), so the penalty on each sample's gradient takes in the others'",
			seen.criticStatistics[0])
	}
	size := e.BatchSize / e.Accumulate
	for _, statistics := range []struct {
		of    []string
		batch int
	}{{seen.generatorStatistics, size}, {seen.criticStatistics, size / e.Pack}} {
		if len(statistics.of) > 0 && statistics.batch == 1 {
			find("statistics of one", "use larger batches, or parts of them, or net.LayerNorm",
				"%s is a statistic over a batch, and a batch here is one sample (BatchSize %d, Accumulate %d, Pack %d), which it would "+
					"subtract from itself", statistics.of[0], e.BatchSize, e.Accumulate, e.Pack)
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
		"generator": {withoutBiases(seen.generatorUntouched), withoutBiases(seen.generatorWeights)},
		"critic":    {withoutBiases(seen.criticUntouched), withoutBiases(seen.criticWeights)}} {
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
	switch toldCritic := e.ClassCritic != nil || seen.columns > 1; {
	case e.ClassGenerator == nil && toldCritic:
		find("classes on one side", "use ClassGenerator, or a critic that is not told the class",
			"the critic sees the class and the generator does not")
	case e.ClassGenerator != nil && !toldCritic:
		find("classes on one side", fmt.Sprintf("use ClassCritic, or a critic of 1+%d logits", e.Classes),
			"the generator is told the class and nothing asks whether it obeys")
	case seen.columns > 1 && seen.columns != 1+e.Classes:
		find("classes on one side", fmt.Sprintf("return 1+%d logits", e.Classes),
			"the critic has %d class logits for %d classes", seen.columns-1, e.Classes)
	}
	for _, name := range seen.shared {
		find("shared parameters", "give each layer a scope of its own, by scope.In(name), and call each network once",
			"%s", name)
	}
}

// checkRange compares the range of the data with that of the generator's last activation.
func (e Experiment) checkRange(images *sample.Images, seen *probed, find finder) {
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
	case seen.generatorEnd == "tanh" && !within(-1, 1):
		find("data range", "scale the data to [-1, 1], or end the generator without tanh",
			"the data lies in [%.3g, %.3g] and the generator ends in tanh, which cannot leave [-1, 1]", low, high)
	case seen.generatorEnd == "tanh" && low >= -slack && images.Alphabet == nil:
		find("data range", "scale the data to [-1, 1]",
			"the data lies in [%.3g, %.3g] and the generator ends in tanh: half of its range can only be wrong, which the critic sees at once",
			low, high)
	case seen.generatorEnd == "sigmoid" && !within(0, 1):
		find("data range", "end the generator in tanh",
			"the data lies in [%.3g, %.3g] and the generator ends in a sigmoid, which cannot leave [0, 1]", low, high)
	case seen.generatorEnd == "relu" && low < -slack:
		find("data range", "end the generator in tanh", "the data goes down to %.3g and the generator ends in ReLU", low)
	case seen.generatorEnd == "" && images.Pixels != nil && images.Alphabet == nil:
		find("data range", "end the generator in tanh", "pictures lie in [-1, 1] and nothing bounds what the generator makes")
	}
}
