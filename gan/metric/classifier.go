package metric

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
)

// Names of the built-in classifiers. Distances on their features are comparable with each other for one name only, and
// never with the Inception distances of the literature.
const (
	MNIST1   = "gantry-mnist-1"   // digits 0 to 9
	Fashion1 = "gantry-fashion-1" // Fashion-MNIST's ten kinds of clothes
)

//go:embed weights/*.safetensors
var builtIn embed.FS

const (
	classifierScope = "/classifier"
	scaleName       = "scale" // the variable that scales the features
	extractBatch    = 100     // images per call of the compiled network
)

// Names lists the names Open understands.
func Names() []string { return []string{MNIST1, Fashion1} }

// NameFor returns the built-in classifier for a data set of gan/data by the set's name, whatever options or choice of
// samples the name goes on with, or "" where none fits.
func NameFor(set string) string {
	if end := strings.IndexAny(set, ", "); end >= 0 {
		set = set[:end]
	}
	switch set {
	case "mnist", "mnist-test", "stacked-mnist":
		return MNIST1
	case "fashion-mnist", "fashion-mnist-test":
		return Fashion1
	}
	return ""
}

// Classifier is an Extractor, and a Labeller, by a small network that reads images of 28×28 and tells ten classes apart. It is not
// safe for concurrent use.
type Classifier struct {
	name    string
	backend compute.Backend
	weights *safetensors.File
	exec    *model.Exec
}

// keptClassifier stands in for a Classifier in a notebook whose variables live on from cell to cell.
type keptClassifier struct {
	Name    string
	Backend compute.Backend
	Weights *safetensors.File
}

// Kept returns what a notebook keeps of the classifier between two cells.
func (c *Classifier) Kept() (any, error) { return keptClassifier{c.name, c.backend, c.weights}, nil }

// Restored returns the classifier again.
func (k keptClassifier) Restored() (any, error) { return newClassifier(k.Backend, k.Name, k.Weights) }

// Open loads a built-in classifier by its name.
func Open(backend compute.Backend, name string) (*Classifier, error) {
	content, err := builtIn.ReadFile("weights/" + name + ".safetensors")
	if err != nil {
		return nil, fmt.Errorf("unknown classifier %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	weights, err := safetensors.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("classifier %s: %w", name, err)
	}
	if weights.Metadata == nil {
		weights.Metadata = map[string]string{}
	}
	weights.Metadata[referenceKey] = builtInReference(name)
	return newClassifier(backend, name, weights)
}

// JudgesFor returns what finds features in samples like those of a data set by the set's name, and what tells their classes apart, nil
// for data without classes that are known: the built-in classifier, or, where it reads no such images, OwnValues.
func JudgesFor(backend compute.Backend, set string, samples sample.Images) (Extractor, Labeller, error) {
	name := NameFor(set)
	if name == "" {
		return OwnValues{}, nil, nil
	}
	c, err := Open(backend, name)
	if err != nil {
		return nil, nil, err
	}
	if c.Fits(samples) != nil { // several channels, each of which it knows
		return OwnValues{}, c, nil
	}
	return c, c, nil
}

// builtInReference says what a built-in classifier was trained on.
func builtInReference(name string) string {
	set := "MNIST"
	if name == Fashion1 {
		set = "Fashion-MNIST"
	}
	return "a network of 56 715 weights (metric.Network), trained on the 60 000 training images of " + set
}

// Load reads a classifier that Classifier.Save wrote.
func Load(backend compute.Backend, path string) (*Classifier, error) {
	weights, err := safetensors.Load(path)
	if err != nil {
		return nil, fmt.Errorf("classifier: %w", err)
	}
	return newClassifier(backend, weights.Metadata[nameKey], weights)
}

// Keys of the metadata of a classifier's file.
const (
	nameKey      = "classifier"
	referenceKey = "reference" // see Extractor
)

func newClassifier(backend compute.Backend, name string, weights *safetensors.File) (*Classifier, error) {
	store := model.NewStore()
	for _, t := range weights.Tensors {
		if t.DType != "F32" {
			return nil, fmt.Errorf("classifier %s: %s is %s, want F32", name, t.Name, t.DType)
		}
		if err := t.CheckFinite(); err != nil {
			return nil, fmt.Errorf("classifier %s: %w", name, err)
		}
		value := tensors.FromShape(shapes.Make(dtypes.Float32, t.Shape...))
		err := value.MutableBytes(func(content []byte) { copy(content, t.Data) })
		if err == nil {
			_, err = store.CreateVariable(classifierScope+"/"+t.Name, value)
		}
		if err != nil {
			return nil, fmt.Errorf("classifier %s: %w", name, err)
		}
	}
	known := store.NumVariables()
	exec, err := model.NewExec(backend, store, func(_ *model.Scope, images *graph.Node) (features, logits *graph.Node) {
		store.SetTraining(images.Graph(), false)
		return Network(store.Scope(classifierScope), images)
	})
	if err == nil {
		_, err = exec.Compile(shapes.Make(dtypes.Float32, extractBatch, side, side, 1))
	}
	if err != nil {
		return nil, fmt.Errorf("classifier %s: %w", name, err)
	}
	if store.NumVariables() != known {
		return nil, fmt.Errorf("classifier %s: its file lacks %d of the network's variables", name,
			store.NumVariables()-known)
	}
	return &Classifier{name: name, backend: backend, weights: weights, exec: exec}, nil
}

// Name implements Extractor.
func (c *Classifier) Name() string { return c.name }

// Reference implements Extractor; it is "" for a file that does not say it.
func (c *Classifier) Reference() string { return c.weights.Metadata[referenceKey] }

// NumClasses returns how many classes the classifier tells apart.
func (c *Classifier) NumClasses() int { return numClasses }

// Save writes the classifier's weights to path as safetensors.
func (c *Classifier) Save(path string) error { return c.weights.Save(path) }

// Fits returns nil for images the classifier can read, 28×28×1, and otherwise an error that names their size.
func (c *Classifier) Fits(images sample.Images) error {
	if images.Channels != 1 {
		return fmt.Errorf("classifier %s reads images of 28×28×1, not %d×%d×%d", c.name, images.Height, images.Width, images.Channels)
	}
	return c.fitsEachChannel(images)
}

func (c *Classifier) fitsEachChannel(images sample.Images) error {
	if images.Height != side || images.Width != side || images.Channels < 1 || images.Alphabet != nil {
		return fmt.Errorf("classifier %s reads images of 28×28×1, not %d×%d×%d", c.name, images.Height, images.Width, images.Depth())
	}
	return images.Check()
}

// Features returns the classifier's features of images of 28×28×1 in [-1, 1]: 64 components each, whose variance over
// the training images is 1 on average.
func (c *Classifier) Features(images sample.Images) (Features, error) {
	if err := c.Fits(images); err != nil {
		return Features{}, err
	}
	features, _, err := c.run(images.Seen())
	return features, err
}

// Classes returns each image's most likely class, 0 to 9, and the classifier's confidence in it, in (0, 1]. Images of
// several channels, as in Stacked MNIST, are classified channel by channel: the class is the number whose decimal
// digits are the channels' classes, the first channel's foremost (0 to 999 for three), and the confidence the product.
func (c *Classifier) Classes(images sample.Images) (classes []int32, confidence []float64, err error) {
	if err := c.fitsEachChannel(images); err != nil {
		return nil, nil, err
	}
	_, logits, err := c.run(channelsApart(images.Seen()))
	if err != nil {
		return nil, nil, err
	}
	classes, confidence = make([]int32, images.N), make([]float64, images.N)
	for i := range classes {
		confidence[i] = 1
		for channel := range images.Channels {
			class, share := mostLikely(logits.Row(i*images.Channels + channel))
			classes[i] = classes[i]*numClasses + int32(class)
			confidence[i] *= share
		}
	}
	return classes, confidence, nil
}

// mostLikely returns the class of the largest logit and its share in the softmax.
func mostLikely(logits []float32) (class int, share float64) {
	for c, logit := range logits {
		if logit > logits[class] {
			class = c
		}
	}
	sum := 0.0
	for _, logit := range logits {
		sum += math.Exp(float64(logit) - float64(logits[class]))
	}
	return class, 1 / sum
}

// channelsApart turns every channel into an image of its own: [n, h, w, c] to [n·c, h, w, 1].
func channelsApart(images sample.Images) sample.Images {
	if images.Channels == 1 {
		return images
	}
	size, c := images.Height*images.Width, images.Channels
	out := sample.Images{Values: make([]float32, len(images.Values)), N: images.N * c, Height: images.Height, Width: images.Width, Channels: 1}
	for i, value := range images.Values {
		image, place, channel := i/(size*c), i%(size*c)/c, i%c
		out.Values[(image*c+channel)*size+place] = value
	}
	return out
}

// run classifies images of 28×28×1 in batches of one size, the last one padded.
func (c *Classifier) run(images sample.Images) (features, logits Features, err error) {
	const size = side * side
	features, logits = Features{N: images.N, D: featureWidth}, Features{N: images.N, D: numClasses}
	for first := 0; first < images.N; first += extractBatch {
		n := min(extractBatch, images.N-first)
		batch := make([]float32, extractBatch*size)
		copy(batch, images.Values[first*size:(first+n)*size])
		f, l, err := c.exec.Call2(tensors.FromFlatDataAndDimensions(batch, extractBatch, side, side, 1))
		if err != nil {
			return features, logits, fmt.Errorf("classifier %s: %w", c.name, err)
		}
		fs, err1 := tensors.CopyFlatData[float32](f)
		ls, err2 := tensors.CopyFlatData[float32](l)
		if err := errors.Join(err1, err2, f.FinalizeAll(), l.FinalizeAll()); err != nil {
			return features, logits, fmt.Errorf("classifier %s: %w", c.name, err)
		}
		features.Values = append(features.Values, fs[:n*featureWidth]...)
		logits.Values = append(logits.Values, ls[:n*numClasses]...)
	}
	return features, logits, nil
}

func float32Bytes(v float32) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))
}
