package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/data"
	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
)

// Signature tells what an experiment is by what it computes: its settings one by one, its data, and the traced graphs of
// its networks, loss and penalties. The source text does not matter. Two experiments without Differences train alike.
//
// What is not seen: how weights are initialised, and the values of constants in a graph that are longer than a few
// numbers.
type Signature struct {
	Parts []Part // in a fixed order
}

// Part is one part of a Signature, such as "batch size" or "critic".
type Part struct {
	Name    string
	Summary string   // for a person: the value, or the layers
	Steps   []string // of a graph: its layers and activations in order; else nil
	Counts  string   // of a graph: how often each operation is in it
	Hash    string   // of all that matters; "" where it was not looked at
}

// Difference is a part in which two signatures differ.
type Difference struct {
	Part          string
	Before, After string // what differs within it
}

// String is "part: before → after".
func (d Difference) String() string { return fmt.Sprintf("%s: %s → %s", d.Part, d.Before, d.After) }

// DataShape is what a Signature keeps of a data set.
type DataShape struct {
	Name                    string
	N, Height, Width, Depth int
	Classes                 int
	Labels, Alphabet        bool
	Content                 string // a hash of all samples and labels; of the files of a stream; "" where they were not looked at
}

// ofFiles is what hashes begin with that tell files by their names and sizes. They are not compared with those of samples: a set
// may be a stream here and fit into memory there.
const ofFiles = "files "

// DescribeData loads a data set and describes it, its content included. Of a stream it is the files that are told.
func DescribeData(set data.Set) (DataShape, error) {
	images, err := set.Head()
	if err != nil {
		return DataShape{}, err
	}
	shape := ShapeOf(set.Name, images)
	stream, err := set.Stream()
	if err != nil {
		return DataShape{}, err
	}
	if stream != nil {
		files, err := stream.Content()
		shape.Content = ofFiles + files
		return shape, err
	}
	h := sha256.New()
	h.Write(images.Pixels)
	h.Write(bytesOf(images.Values))
	h.Write(bytesOf(images.Labels))
	h.Write(bytesOf(images.Alphabet))
	shape.Content = sum(h)
	return shape, nil
}

// ShapeOf describes a data set without its content.
func ShapeOf(name string, images *sample.Images) DataShape {
	return DataShape{Name: name, N: images.N, Height: images.Height, Width: images.Width, Depth: images.Depth(),
		Classes: images.Classes(), Labels: images.Labels != nil, Alphabet: images.Alphabet != nil}
}

// part is the data's part of a signature.
func (d DataShape) part(name string) Part {
	p := Part{Name: name, Summary: d.String()}
	if d.Content != "" {
		p.Hash = hashOf(d.String(), d.Content)
	}
	if strings.HasPrefix(d.Content, ofFiles) {
		p.Hash = ofFiles + p.Hash
	}
	return p
}

// Head is a set of that shape without its samples.
func (d DataShape) Head() *sample.Images {
	images := &sample.Images{N: d.N, Height: d.Height, Width: d.Width, Channels: d.Depth}
	if d.Alphabet {
		images.Channels, images.Alphabet = 1, make([]rune, d.Depth)
	}
	if d.Labels {
		images.Labels, images.Names = []int32{0}, make([]string, d.Classes)
	}
	return images
}

// String is the set in a few words.
func (d DataShape) String() string {
	text := fmt.Sprintf("%s, %d of %d×%d×%d", d.Name, d.N, d.Height, d.Width, d.Depth)
	if d.Labels {
		text += fmt.Sprintf(" in %d classes", d.Classes)
	}
	return text
}

func bytesOf[T float32 | int32](values []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:16]) }

// Signature loads the data set and traces the game on the Go backend, without compiling anything. It fails where the game cannot
// be trained at all.
func (e Subject) Signature() (Signature, error) {
	shape, err := DescribeData(e.Game.Data[0])
	if err != nil {
		return Signature{}, err
	}
	return e.SignatureOn(shape)
}

// SignatureOn is Signature on a data set that is described already, and so costs milliseconds whatever the set's size.
func (e Subject) SignatureOn(shape DataShape) (Signature, error) {
	described := shape.Head()
	var err error
	if e.Game, err = e.Game.On([]*sample.Images{described}); err == nil {
		err = e.Game.Fits([]*sample.Images{described})
	}
	if err != nil {
		return Signature{}, err
	}
	s := Signature{Parts: []Part{shape.part("data")}}
	settings := maps.Clone(e.Game.Identity)
	settings["classes"] = strconv.Itoa(cmp.Or(e.Game.Classes, shape.Classes))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		switch name {
		case "data", "experiment", "loss", "penalties", "augmentation": // the first above, the others by their graphs
		default:
			s.Parts = append(s.Parts, Part{Name: name, Summary: settings[name], Hash: hashOf(settings[name])})
		}
	}
	// Nothing is computed on it. Networks that choose their operations by the backend have the same ones there in every
	// version, so that a run's signature stays what it was.
	backend, err := gobackend.New("ops_sequential")
	if err != nil {
		return Signature{}, err
	}
	defer backend.Finalize()
	traced, err := graphs(e, backend, shape)
	if err != nil {
		return Signature{}, fmt.Errorf("experiment %q: %w", e.Game.Name, err)
	}
	s.Parts = append(s.Parts, traced...)
	return s, nil
}

func hashOf(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d %s\n", len(text), text)
	}
	return sum(h)
}

// graphs traces what the experiment computes, part by part, on as few samples as there can be.
func graphs(e Subject, backend compute.Backend, shape DataShape) (parts []Part, err error) {
	defer func() { err = tracing.Error(recover(), err) }()
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(e.Game.Seed); err != nil {
		return nil, err
	}
	n := 2 * e.Pair.Pack
	imageShape := shapes.Make(dtypes.Float32, n, shape.Height, shape.Width, shape.Depth)
	trace := func(name, summary string, build func(g *Graph) (input, output *Node)) {
		g := NewGraph(backend, name)
		defer g.Finalize()
		store.SetTraining(g, true)
		input, output := build(g)
		part := Part{Name: name, Summary: summary, Steps: stepsOf(output, input)}
		part.Hash, part.Counts = fingerprint(output, store)
		part.Hash = hashOf(part.Hash, summary)
		if summary == "" {
			part.Summary = strings.Join(part.Steps, ", ")
		}
		parts = append(parts, part)
	}
	labels := func(g *Graph) *Node { return Parameter(g, "labels", shapes.Make(dtypes.Int32, n)) }
	trace("generator", "", func(g *Graph) (*Node, *Node) {
		z := Parameter(g, "z", shapes.Make(dtypes.Float32, n, e.Game.Sampler.Latent))
		made := e.Pair.Generator(store.Scope("/"+method.GeneratorName), z, labels(g))
		if want := imageShape.Dimensions; !slices.Equal(made.Shape().Dimensions, want) {
			panic(fmt.Errorf("the generator makes images of %v and %s has %v [batch, height, width, channels]",
				made.Shape().Dimensions, shape.Name, want))
		}
		return z, made
	})
	trace("critic", "", func(g *Graph) (*Node, *Node) {
		x := Parameter(g, "images", imageShape)
		return x, e.Pair.Critic(store.Scope("/"+method.CriticName), method.Packed(x, e.Pair.Pack), labels(g))
	})
	trace("loss", fmt.Sprint(e.Pair.Loss), func(g *Graph) (*Node, *Node) {
		logits := shapes.Make(dtypes.Float32, n, 1)
		real, fake := Parameter(g, "real", logits), Parameter(g, "fake", logits)
		ofGenerator := real
		if _, separable := e.Pair.Loss.(loss.Halves); separable {
			ofGenerator = nil
		}
		return real, Stack([]*Node{e.Pair.Loss.Critic(real, fake), e.Pair.Loss.Generator(ofGenerator, fake)}, 0)
	})
	names := e.Pair.PenaltyNames()
	for i, p := range e.Pair.Penalties {
		name := strings.Replace(names[i], ".", " ", 1)
		trace(name, p.String(), func(g *Graph) (*Node, *Node) {
			// Of a stand-in, so that another critic is no other penalty.
			weights := Parameter(g, "weights", shapes.Make(dtypes.Float32, imageShape.Size()/n, 1))
			critic := func(x *Node) *Node { return Tanh(MatMul(Reshape(x, x.Shape().Dim(0), -1), weights)) }
			real, fake := Parameter(g, "real", imageShape), Parameter(g, "fake", imageShape)
			source := method.NewRandom(Parameter(g, "state", RNGStateShape))
			return real, p.Term(loss.Judged{Critic: critic, Real: real, Fake: fake, RealLogits: critic(real), FakeLogits: critic(fake),
				Random: source})
		})
	}
	if e.Pair.Augment != nil {
		trace("augmentation", fmt.Sprint(e.Pair.Augment), func(g *Graph) (*Node, *Node) {
			x := Parameter(g, "images", imageShape)
			strength := Parameter(g, "strength", shapes.Make(dtypes.Float32))
			return x, e.Pair.Augment.Apply(x, strength, method.NewRandom(Parameter(g, "state", RNGStateShape)))
		})
	}
	return parts, nil
}

// fingerprint hashes a graph: what output is computed from, and what the variables of the store become. Nodes are
// numbered by their place below these, so the order in which a program makes them does not matter. counts says how often
// each operation occurs.
func fingerprint(output *Node, store *model.Store) (hash, counts string) {
	g := output.Graph()
	roots := []*Node{output}
	var names []string
	for v := range store.IterVariables() {
		if v.InUseByGraph(g) && v.ChangedInGraph(g) {
			names = append(names, v.Path())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		roots = append(roots, store.GetVariable(name).NodeValue(g))
	}
	var order []*Node
	place := map[NodeId]int{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if _, seen := place[n.Id()]; seen {
			return
		}
		place[n.Id()] = -1
		for _, input := range n.Inputs() {
			visit(input)
		}
		place[n.Id()] = len(order)
		order = append(order, n)
	}
	for _, root := range roots {
		visit(root)
	}
	for _, n := range g.Nodes() { // what the bodies of loops and branches compute is no input of theirs
		if n.Function() != output.Function() {
			visit(n)
		}
	}
	h := sha256.New()
	reference := regexp.MustCompile(`#\d+`)
	operations := map[string]int{}
	for _, n := range order {
		text := reference.ReplaceAllStringFunc(n.String(), func(id string) string {
			number, err := strconv.Atoi(id[1:])
			if at, found := place[NodeId(number)]; err == nil && found {
				return "#" + strconv.Itoa(at)
			}
			return id
		})
		fmt.Fprintln(h, text)
		operations[n.Type().String()]++
	}
	for i, root := range roots {
		binary.Write(h, binary.LittleEndian, [2]int64{int64(i), int64(place[root.Id()])})
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		list = append(list, fmt.Sprintf("%s×%d", name, operations[name]))
	}
	return sum(h), strings.Join(list, " ")
}

// stepsOf names the layers and activations between a network's input and output, in the order in which data passes them.
func stepsOf(output, input *Node) (steps []string) {
	tracing.FromInput(output, input, func(n *Node, depends map[*Node]bool) {
		step := stepName(n, depends)
		if step != "" && !(len(steps) > 0 && steps[len(steps)-1] == step) { // a layer may be several nodes of a kind
			steps = append(steps, step)
		}
	})
	return steps
}

// stepName is the layer or activation that a node is the heart of, or "".
func stepName(n *Node, depends map[*Node]bool) string {
	switch n.Type() {
	case NodeTypeTanh:
		return "tanh"
	case NodeTypeLogistic:
		return "sigmoid"
	case NodeTypeMax:
		return "relu"
	case NodeTypeWhere:
		return "leaky relu"
	case NodeTypeFusedSoftmax:
		return "softmax"
	case NodeTypeReduceMax, NodeTypeReduceWindow:
		return "max"
	case NodeTypeRsqrt:
		return "normalise"
	case NodeTypeDotGeneral, NodeTypeConvGeneral, NodeTypeFusedDense:
		for _, operand := range n.Inputs() {
			origin := tracing.Unshaped(operand)
			for origin.Type() == NodeTypeDiv || origin.Type() == NodeTypeMul { // weights that are normalised
				origin = tracing.Unshaped(origin.Inputs()[0])
			}
			if origin.Type() != NodeTypeParameter || depends[origin] {
				continue
			}
			switch d := origin.Shape().Dimensions; len(d) {
			case 4:
				return fmt.Sprintf("conv %d×%d %d→%d", d[0], d[1], d[2], d[3])
			case 2:
				return fmt.Sprintf("dense %d→%d", d[0], d[1])
			default:
				return fmt.Sprintf("weights %v", d)
			}
		}
	}
	return ""
}

// Differences lists how s differs from an earlier signature. A part that either was not looked at counts as the same
// where its summary is.
func (s Signature) Differences(before Signature) (all []Difference) {
	was := map[string]Part{}
	for _, part := range before.Parts {
		was[part.Name] = part
	}
	for _, part := range s.Parts {
		old, found := was[part.Name]
		delete(was, part.Name)
		switch {
		case !found:
			all = append(all, Difference{part.Name, "none", part.Summary})
		case optim.Canonical(old.Summary) == part.Summary && old.Summary != part.Summary: // as the version before said it
		case part.Summary != old.Summary || part.Hash != old.Hash && alike(part.Hash, old.Hash):
			all = append(all, part.differenceFrom(old))
		}
	}
	for _, part := range before.Parts {
		if _, gone := was[part.Name]; gone {
			all = append(all, Difference{part.Name, part.Summary, "none"})
		}
	}
	return all
}

// alike tells whether two hashes are of the same kind of thing, and so tell something by being different.
func alike(a, b string) bool {
	return a != "" && b != "" && strings.HasPrefix(a, ofFiles) == strings.HasPrefix(b, ofFiles)
}

// differenceFrom says what differs in one part.
func (part Part) differenceFrom(old Part) Difference {
	d := Difference{Part: part.Name, Before: old.Summary, After: part.Summary}
	separator, before, after := " ", strings.Fields(old.Summary), strings.Fields(part.Summary)
	if part.Steps != nil && old.Steps != nil && !strings.HasPrefix(part.Name, "penalty") {
		separator, before, after = ", ", old.Steps, part.Steps
	}
	switch {
	case part.Name == "data" && old.Summary == part.Summary:
		d.After = "the same name and shape with other samples"
	case old.Summary == part.Summary && old.Counts != part.Counts:
		d.Before, d.After = cut(strings.Fields(old.Counts), strings.Fields(part.Counts), " ", 0)
	case old.Summary == part.Summary:
		d.Before, d.After = "as it was", "the same operations with other numbers or in another order"
	case part.Name == "data" || part.Name == "loss":
	default:
		keep := 0
		if separator == " " {
			keep = 1 // the name of a number is the word before it
		}
		d.Before, d.After = cut(before, after, separator, keep)
	}
	return d
}

// Cut leaves out what two lists of words have in common at both ends, but for the word before the first difference, which is the
// name of the number there.
func Cut(before, after []string) (string, string) { return cut(before, after, " ", 1) }

// cut leaves out what two lists have in common at both ends, but for `keep` elements before the first difference.
func cut(before, after []string, separator string, keep int) (string, string) {
	head := 0
	for head < min(len(before), len(after)) && before[head] == after[head] {
		head++
	}
	head = max(0, head-keep)
	tail := 0
	for tail < min(len(before), len(after))-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	join := func(list []string) string {
		if list = list[head : len(list)-tail]; len(list) > 0 {
			return strings.Join(list, separator)
		}
		return "none"
	}
	return join(before), join(after)
}

// SignatureOfGame tells what any game is by what it computes: its identity, its data, and the traced graph of a whole step, lazy
// terms included.
func SignatureOfGame(game method.Game, shapesOf []DataShape) (s Signature, err error) {
	var sets []*sample.Images
	var stored []shapes.Shape
	for i, shape := range shapesOf {
		sets = append(sets, shape.Head())
		if shape.Alphabet {
			stored = append(stored, shapes.Make(dtypes.Uint8, shape.N, shape.Height, shape.Width, 1))
		} else {
			stored = append(stored, shapes.Make(dtypes.Float32, shape.N, shape.Height, shape.Width, shape.Depth))
		}
		name := "data"
		if i > 0 {
			name = fmt.Sprintf("data %d", i+1)
		}
		s.Parts = append(s.Parts, shape.part(name))
	}
	if game, err = game.On(sets); err != nil {
		return Signature{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(game.Identity)) {
		if name != "experiment" && !strings.HasPrefix(name, "data") {
			s.Parts = append(s.Parts, Part{Name: name, Summary: game.Identity[name], Hash: hashOf(game.Identity[name])})
		}
	}
	err = traceOf(game.Seed, func(backend compute.Backend, store *model.Store) {
		ground := groundOf(store, game, shapesOf, stored)
		g := NewGraph(backend, "step")
		defer g.Finalize()
		values, _ := game.Build(ground, game.VariantOf(0, ""), inputsOf(g, game))
		part := Part{Name: "step"}
		part.Hash, part.Counts = fingerprint(values, store)
		part.Summary = "a graph of " + part.Counts
		s.Parts = append(s.Parts, part)
	})
	return s, err
}

// inputsOf are the parameters of a step's graph.
func inputsOf(g *Graph, game method.Game) method.Inputs {
	return method.Inputs{Rows: Parameter(g, "rows", game.RowsShape()), State: Parameter(g, "state", RNGStateShape),
		Settings: Parameter(g, "settings", game.SettingsShape())}
}

// groundOf makes variables of the shapes that data sets are stored in, without their samples.
func groundOf(store *model.Store, game method.Game, sets []DataShape, stored []shapes.Shape) method.Ground {
	ground := method.Ground{Store: store}
	for i, shape := range sets {
		number := ""
		if i > 0 {
			number = fmt.Sprint(i + 1)
		}
		held := func(name string, of shapes.Shape) *model.Variable {
			return store.VariableWithShape("/data/"+name+number, of, initializer.Zero).SetTrainable(false)
		}
		placed := method.Placed{Depth: shape.Depth, OneHot: shape.Alphabet, Images: held("images", stored[i])}
		if i == 0 && game.Classes > 0 {
			placed.Labels = held("labels", shapes.Make(dtypes.Int32, shape.N))
		}
		ground.Sets = append(ground.Sets, placed)
	}
	return ground
}
