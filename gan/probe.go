package gan

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/device"
	"gantry.local/gan/sample"
)

// probed is what tracing an experiment's networks and running them once at fresh weights shows.
type probed struct {
	generatorEnd, criticEnd string // the last activation: "tanh", "sigmoid", "relu", "softmax", "clip", …, or ""
	columns                 int    // of the critic's output

	spread float64 // largest difference between images of different latents

	generatorWeights, generatorUntouched []string // trainable variables, and those whose gradient is exactly 0
	criticWeights, criticUntouched       []string

	generatorStatistics, criticStatistics []string // averages over batches
	spectral                              bool     // every weight matrix of the critic is normalised, as by its spectral norm

	saturating bool     // the generator's loss has no gradient where the critic is sure
	unbounded  bool     // the critic's loss has no lower bound
	slopes     bool     // a penalty grows with the slope of the critic's logits by its images
	shared     []string // one line for each variable that is used in more places than one
}

// probe traces both networks on the pure Go backend, and runs them and their gradients on a few samples.
func (e Experiment) probe(images *sample.Images) (*probed, error) {
	backend, err := device.Open("go")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	if e.Privacy.on() {
		if err := e.separate(backend, images); err != nil {
			return nil, err
		}
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(e.Seed); err != nil {
		return nil, err
	}
	n := 2 * e.Pack
	z := tensors.FromFlatDataAndDimensions(Latents(n, e.Latent, 1), n, e.Latent)
	realImages := &sample.Images{N: n, Height: images.Height, Width: images.Width, Channels: images.Depth(), Values: []float32{}}
	labels := make([]int32, n)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		row := random.IntN(images.N)
		realImages.Values = append(realImages.Values, images.Floats(row, 1)...)
		if images.Labels != nil {
			labels[i] = images.Labels[row]
		}
	}
	x := tensors.FromFlatDataAndDimensions(realImages.Values, n, images.Height, images.Width, images.Depth())

	seen := &probed{}
	exec, err := model.NewExec(backend, store, func(_ *model.Scope, z, x, labels *Node) []*Node {
		defer panicWithError()
		return e.trace(seen, store, z, x, labels)
	})
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	if _, err := exec.Compile(z.Shape(), x.Shape(), shapes.Make(dtypes.Int32, n)); err != nil {
		return nil, err
	}
	if err := store.InitializeVariables(backend, nil); err != nil {
		return nil, err
	}
	isZero := func(values []float32) bool {
		return !slices.ContainsFunc(values, func(v float32) bool { return v != 0 })
	}
	for _, scope := range []string{generatorScope, criticScope} { // a gate that starts closed lets no gradient through
		if err := (&step{store: store}).shake(scope, random, 0.1, isZero); err != nil {
			return nil, err
		}
	}
	outputs, err := exec.Call(z, x, labels)
	if err != nil {
		return nil, err
	}
	seen.spread = spread(tensors.MustCopyFlatData[float32](outputs[0]), n)
	for i, name := range append(slices.Clone(seen.generatorWeights), seen.criticWeights...) {
		if tensors.ToScalar[float32](outputs[1+i]) != 0 {
			continue
		}
		if i >= len(seen.generatorWeights) {
			seen.criticUntouched = append(seen.criticUntouched, name)
		} else if seen.spread > 0 { // else there is one cause, which has a finding of its own
			seen.generatorUntouched = append(seen.generatorUntouched, name)
		}
	}
	if err := e.probeLoss(seen, backend); err != nil {
		return nil, err
	}
	return seen, e.probePenalties(seen, backend, x)
}

// spread is the largest difference between the first of n samples and another, in any value.
func spread(values []float32, n int) (largest float64) {
	size := len(values) / n
	for i, v := range values {
		largest = max(largest, math.Abs(float64(v-values[i%size])))
	}
	return largest
}

// trace builds both networks and their objectives' gradients, and notes what the graph shows. It returns the generated
// images and the largest value of the gradient by each weight, the generator's first.
func (e Experiment) trace(seen *probed, store *model.Store, z, x, labels *Node) []*Node {
	g := z.Graph()
	s := step{Experiment: e, store: store, rows: z}
	store.SetTraining(g, true)
	fake := e.generate(store.Scope(generatorScope), z, labels)
	seen.generatorEnd = lastActivation(fake)
	if fake.Rank() != 4 {
		panic(fmt.Errorf("the generator makes %s, want images [batch, height, width, channels]", fake.Shape()))
	}
	d := fake.Shape().Dimensions
	if want := x.Shape().Dimensions; !slices.Equal(d, want) {
		panic(fmt.Errorf("the generator makes images of %v and %s has %v [batch, height, width, channels]", d, e.Data.Name, want))
	}

	output := e.judge(store.Scope(criticScope), packed(x, e.Pack), labels)
	seen.criticEnd = lastActivation(unscaled(output))
	seen.columns = output.Shape().Dim(-1)
	noteVariables(seen, store, output, x, fake, z)

	// What a generated image depends on shows in inference mode, in which no batch statistics mix the samples, and with all
	// of one class, so that only z differs.
	store.SetTraining(g, false)
	drawn := e.generate(store.Scope(generatorScope), z, ZerosLike(labels))
	store.SetTraining(g, true)

	real, made := s.logits(packed(x, e.Pack), labels), s.logits(packed(fake, e.Pack), labels)
	generatorObjective := Add(e.Loss.Generator(real.logits, made.logits), made.classLoss)
	held := s.logits(packed(StopGradient(fake), e.Pack), labels)
	criticObjective := Add(e.Loss.Critic(real.logits, held.logits), Add(real.classLoss, held.classLoss))
	outputs := []*Node{drawn}
	for _, network := range []struct {
		scope     string
		objective *Node
		names     *[]string
	}{{generatorScope, generatorObjective, &seen.generatorWeights}, {criticScope, criticObjective, &seen.criticWeights}} {
		variables := s.trainable(network.scope)
		for i, gradient := range Gradient(network.objective, values(g, variables)...) {
			*network.names = append(*network.names, strings.TrimPrefix(variables[i].Path(), network.scope+"/"))
			outputs = append(outputs, ReduceAllMax(Abs(gradient)))
		}
	}
	return outputs
}

// noteVariables looks at which variables the networks made and how they use them.
func noteVariables(seen *probed, store *model.Store, critic, x, generator, z *Node) {
	g := z.Graph()
	matrices, bare := 0, bareWeights(critic, x)
	uses := productsOf(critic, x)
	maps.Copy(uses, productsOf(generator, z))
	seen.spectral = true
	for v := range store.IterVariables() {
		inGenerator := strings.HasPrefix(v.Path(), generatorScope+"/")
		inCritic := strings.HasPrefix(v.Path(), criticScope+"/")
		if !v.Trainable && v.ChangedInGraph(g) { // by what passes through the network, or by weights alone as spectral norms
			switch now := v.NodeValue(g); {
			case inCritic && dependsOn(now, x):
				seen.criticStatistics = append(seen.criticStatistics, v.Path()[1:])
			case inGenerator && dependsOn(now, z):
				seen.generatorStatistics = append(seen.generatorStatistics, v.Path()[1:])
			}
		}
		if inCritic && v.Trainable && v.Shape().Rank() > 1 {
			matrices++
			seen.spectral = seen.spectral && !bare[v.Path()]
		}
		if v.Trainable && !inGenerator && !inCritic {
			seen.shared = append(seen.shared, fmt.Sprintf("%s lies outside of both networks' scopes, so no optimizer, or both, would train it", v.Path()))
		}
		// A recurrent layer uses its weights at every step of a sequence; two to four times is a name given twice.
		if n := uses[v.Path()]; v.Trainable && n >= 2 && n <= 4 {
			seen.shared = append(seen.shared, fmt.Sprintf("%s is multiplied with %d different inputs, as if it were %d layers", v.Path()[1:], n, n))
		}
	}
	seen.spectral = seen.spectral && matrices > 0
}

// bareWeights are the variables that meet something that depends on the network's input as they are: not divided by a norm
// of their own.
func bareWeights(output, input *Node) map[string]bool {
	bare, known := map[string]bool{}, map[*Node]bool{}
	var note func(n *Node)
	note = func(n *Node) {
		if known[n] {
			return
		}
		known[n] = true
		if n.Type() == NodeTypeDiv && dependsOn(n.Inputs()[1], unshaped(n.Inputs()[0])) {
			return
		}
		if n.Type() == NodeTypeParameter {
			bare[n.GetParameterName()] = true
		}
		for _, operand := range n.Inputs() {
			note(operand)
		}
	}
	fromInput(output, input, func(n *Node, depends map[*Node]bool) {
		for _, operand := range n.Inputs() {
			if !depends[operand] {
				note(operand)
			}
		}
	})
	return bare
}

// productsOf counts, for each variable, the products of matrices or convolutions in which it meets something that depends
// on the network's input. Products with anything else, as in spectral normalisation, or of slices do not count.
func productsOf(output, input *Node) map[string]int {
	uses := map[string]int{}
	fromInput(output, input, func(n *Node, depends map[*Node]bool) {
		if kind := n.Type(); kind == NodeTypeDotGeneral || kind == NodeTypeConvGeneral {
			for _, operand := range n.Inputs() {
				if origin := unshaped(operand); origin.Type() == NodeTypeParameter && !depends[origin] {
					uses[origin.GetParameterName()]++
				}
			}
		}
	})
	return uses
}

// fromInput calls do for each node on the way from input to output, operands first. depends holds the nodes found so far
// that depend on the input.
func fromInput(output, input *Node, do func(n *Node, depends map[*Node]bool)) {
	depends := map[*Node]bool{input: true}
	known := map[*Node]bool{input: true}
	var visit func(n *Node) bool
	visit = func(n *Node) bool {
		if known[n] {
			return depends[n]
		}
		known[n] = true
		for _, operand := range n.Inputs() {
			if visit(operand) {
				depends[n] = true
			}
		}
		if depends[n] {
			do(n, depends)
		}
		return depends[n]
	}
	visit(output)
}

// dependsOn tells whether output is computed from input.
func dependsOn(output, input *Node) bool {
	found := output == input
	fromInput(output, input, func(n *Node, _ map[*Node]bool) { found = found || n == output })
	return found
}

// unshaped follows a node back through what only changes its shape or type.
func unshaped(n *Node) *Node {
	for {
		switch n.Type() {
		case NodeTypeReshape, NodeTypeConvertDType, NodeTypeTranspose, NodeTypeIdentity, NodeTypeBroadcastInDim:
			n = n.Inputs()[0]
		default:
			return n
		}
	}
}

// unscaled follows a node back through what only changes its shape, and through sums and products with constants, behind
// which an activation bounds its output all the same.
func unscaled(output *Node) *Node {
	for {
		n := unshaped(output)
		switch n.Type() {
		case NodeTypeNeg:
			output = n.Inputs()[0]
			continue
		case NodeTypeAdd, NodeTypeSub, NodeTypeMul, NodeTypeDiv:
			first, second := n.Inputs()[0], n.Inputs()[1]
			if isConstant(second) {
				output = first
				continue
			}
			if isConstant(first) && n.Type() != NodeTypeDiv {
				output = second
				continue
			}
		}
		return n
	}
}

// isConstant tells whether a node is computed from numbers alone.
func isConstant(n *Node) bool {
	return n.Type() != NodeTypeParameter && !slices.ContainsFunc(n.Inputs(), func(operand *Node) bool { return !isConstant(operand) })
}

// lastActivation names the activation that a network ends in, "" where it is none that bounds its output.
func lastActivation(output *Node) string {
	switch n := unshaped(output); n.Type() {
	case NodeTypeErf:
		return "erf"
	case NodeTypeSin, NodeTypeCos:
		return "sine"
	case NodeTypeMin:
		return "clip"
	case NodeTypeTanh:
		return "tanh"
	case NodeTypeLogistic:
		return "sigmoid"
	case NodeTypeMax:
		return "relu"
	case NodeTypeFusedSoftmax:
		return "softmax"
	case NodeTypeDiv: // as written out: exp(x) / Σ exp(x), or 1 / (1 + exp(-x))
		numerator, denominator := unshaped(n.Inputs()[0]), unshaped(n.Inputs()[1])
		if numerator.Type() == NodeTypeExp && denominator.Type() == NodeTypeReduceSum {
			return "softmax"
		}
		if denominator.Type() == NodeTypeAdd && slices.ContainsFunc(denominator.Inputs(), func(x *Node) bool { return unshaped(x).Type() == NodeTypeExp }) {
			return "sigmoid"
		}
	}
	return ""
}
