package lint

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
	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
)

// probed is what tracing an experiment's networks and running them once at fresh weights shows.
type probed struct {
	generator, critic seenNetwork
	columns           int  // of the critic's output
	spectral          bool // every weight matrix of the critic is normalised, as by its spectral norm

	spread float64 // largest difference between images of different latents

	saturating bool     // the generator's loss has no gradient where the critic is sure
	unbounded  bool     // the critic's loss has no lower bound
	slopes     bool     // a penalty grows with the slope of the critic's logits by its images
	shared     []string // one line for each variable that is used in more places than one
}

// seenNetwork is what shows of one network.
type seenNetwork struct {
	end                string   // the last activation: "tanh", "sigmoid", "relu", "softmax", "clip", …, or ""
	weights, untouched []string // trainable variables, and those whose gradient is exactly 0
	statistics         []string // averages over batches
}

// probe traces both networks on the pure Go backend, and runs them and their gradients on a few samples.
func probe(e Subject, images *sample.Images) (*probed, error) {
	backend, err := device.Open("go")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	if driver := e.Game.Turns[0].Phases[0].Driver; driver != nil {
		if err := driver(e.Game).Admit(backend, images); err != nil {
			return nil, err
		}
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(e.Game.Seed); err != nil {
		return nil, err
	}
	n := 2 * e.Pair.Pack
	latents := make([]float32, n*e.Game.Sampler.Latent)
	method.Normals(1)(latents)
	z := tensors.FromFlatDataAndDimensions(latents, n, e.Game.Sampler.Latent)
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
		defer tracing.PanicWithError()
		return trace(e, seen, store, z, x, labels)
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
	for _, network := range []string{method.GeneratorName, method.CriticName} { // a gate that starts closed lets no gradient through
		if err := method.Shake(store, network, random, 0.1, isZero); err != nil {
			return nil, err
		}
	}
	outputs, err := exec.Call(z, x, labels)
	if err != nil {
		return nil, err
	}
	seen.spread = spread(tensors.MustCopyFlatData[float32](outputs[0]), n)
	for i, name := range append(slices.Clone(seen.generator.weights), seen.critic.weights...) {
		if tensors.ToScalar[float32](outputs[1+i]) != 0 {
			continue
		}
		if i >= len(seen.generator.weights) {
			seen.critic.untouched = append(seen.critic.untouched, name)
		} else if seen.spread > 0 { // else there is one cause, which has a finding of its own
			seen.generator.untouched = append(seen.generator.untouched, name)
		}
	}
	if err := probeLoss(e, seen, backend); err != nil {
		return nil, err
	}
	return seen, probePenalties(e, seen, backend, x)
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
func trace(e Subject, seen *probed, store *model.Store, z, x, labels *Node) []*Node {
	g := z.Graph()
	critic := func(images *Node) *Node { return e.Pair.Critic(store.Scope("/"+method.CriticName), images, labels) }
	store.SetTraining(g, true)
	fake := e.Pair.Generator(store.Scope("/"+method.GeneratorName), z, labels)
	seen.generator.end = lastActivation(fake)
	if fake.Rank() != 4 {
		panic(fmt.Errorf("the generator makes %s, want images [batch, height, width, channels]", fake.Shape()))
	}
	d := fake.Shape().Dimensions
	if want := x.Shape().Dimensions; !slices.Equal(d, want) {
		panic(fmt.Errorf("the generator makes images of %v and %s has %v [batch, height, width, channels]", d, e.Game.Data[0].Name, want))
	}

	output := critic(method.Packed(x, e.Pair.Pack))
	seen.critic.end = lastActivation(unscaled(output))
	seen.columns = output.Shape().Dim(-1)
	noteVariables(seen, store, output, x, fake, z)

	// What a generated image depends on shows in inference mode, in which no batch statistics mix the samples, and with all
	// of one class, so that only z differs.
	store.SetTraining(g, false)
	drawn := e.Pair.Generator(store.Scope("/"+method.GeneratorName), z, ZerosLike(labels))
	store.SetTraining(g, true)

	real, made := e.Pair.Judge(critic, method.Packed(x, e.Pair.Pack), labels), e.Pair.Judge(critic, method.Packed(fake, e.Pair.Pack), labels)
	generatorObjective := Add(e.Pair.Loss.Generator(real.Logits, made.Logits), made.ClassLoss)
	held := e.Pair.Judge(critic, method.Packed(StopGradient(fake), e.Pair.Pack), labels)
	criticObjective := Add(e.Pair.Loss.Critic(real.Logits, held.Logits), Add(real.ClassLoss, held.ClassLoss))
	if e.Columns != "" && real.Others != nil { // which the method asks something of
		criticObjective = Add(criticObjective, ReduceAllMean(Square(real.Others)))
	}
	outputs := []*Node{drawn}
	for _, network := range []struct {
		scope     string
		objective *Node
		names     *[]string
	}{{"/" + method.GeneratorName, generatorObjective, &seen.generator.weights}, {"/" + method.CriticName, criticObjective, &seen.critic.weights}} {
		variables := method.Trainable(store, network.scope[1:])
		for i, gradient := range Gradient(network.objective, optim.ValuesOf(g, variables)...) {
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
		inGenerator := strings.HasPrefix(v.Path(), "/"+method.GeneratorName+"/")
		inCritic := strings.HasPrefix(v.Path(), "/"+method.CriticName+"/")
		if !v.Trainable && v.ChangedInGraph(g) { // by what passes through the network, or by weights alone as spectral norms
			switch now := v.NodeValue(g); {
			case inCritic && tracing.DependsOn(now, x):
				seen.critic.statistics = append(seen.critic.statistics, v.Path()[1:])
			case inGenerator && tracing.DependsOn(now, z):
				seen.generator.statistics = append(seen.generator.statistics, v.Path()[1:])
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
		if n.Type() == NodeTypeDiv && tracing.DependsOn(n.Inputs()[1], tracing.Unshaped(n.Inputs()[0])) {
			return
		}
		if n.Type() == NodeTypeParameter {
			bare[n.GetParameterName()] = true
		}
		for _, operand := range n.Inputs() {
			note(operand)
		}
	}
	tracing.FromInput(output, input, func(n *Node, depends map[*Node]bool) {
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
	tracing.FromInput(output, input, func(n *Node, depends map[*Node]bool) {
		if kind := n.Type(); kind == NodeTypeDotGeneral || kind == NodeTypeConvGeneral {
			for _, operand := range n.Inputs() {
				if origin := tracing.Unshaped(operand); origin.Type() == NodeTypeParameter && !depends[origin] {
					uses[origin.GetParameterName()]++
				}
			}
		}
	})
	return uses
}

// unscaled follows a node back through what only changes its shape, and through sums and products with constants, behind
// which an activation bounds its output all the same.
func unscaled(output *Node) *Node {
	for {
		n := tracing.Unshaped(output)
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
	switch n := tracing.Unshaped(output); n.Type() {
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
		numerator, denominator := tracing.Unshaped(n.Inputs()[0]), tracing.Unshaped(n.Inputs()[1])
		if numerator.Type() == NodeTypeExp && denominator.Type() == NodeTypeReduceSum {
			return "softmax"
		}
		if denominator.Type() == NodeTypeAdd && slices.ContainsFunc(denominator.Inputs(), func(x *Node) bool { return tracing.Unshaped(x).Type() == NodeTypeExp }) {
			return "sigmoid"
		}
	}
	return ""
}
