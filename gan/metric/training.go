package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"gantry.local/gan/safetensors"
	"gantry.local/gan/sample"
)

const (
	trainingBatch = 128
	trainingRate  = 2e-3 // of Adam at first; it falls to 0 as a cosine
)

// TrainClassifier trains a Network from scratch on labelled images of 28×28×1 for a number of passes and returns an
// Classifier called name. It is how the built-in classifiers were made (gan/metric/trainfeatures), and how to make one
// for other images of that size. The same seed gives the same weights on one backend and number of cores.
func TrainClassifier(backend compute.Backend, name string, images *sample.Images, passes int, seed int64) (
	*Classifier, error) {
	switch {
	case images.Labels == nil || images.Classes() > numClasses:
		return nil, fmt.Errorf("a classifier needs images with up to %d classes as labels", numClasses)
	case images.N < trainingBatch || passes < 1:
		return nil, fmt.Errorf("a classifier needs at least %d images and one pass, not %d images and %d passes",
			trainingBatch, images.N, passes)
	}
	store := model.NewStore()
	if err := store.SetRNGStateFromSeed(seed); err != nil {
		return nil, fmt.Errorf("random state: %w", err)
	}
	step, err := model.NewExec(backend, store, func(_ *model.Scope, images, labels, rate *graph.Node) *graph.Node {
		store.SetTraining(images.Graph(), true)
		_, logits := Network(store.Scope(classifierScope), images)
		loss := crossEntropy(logits, labels)
		optimizer.LearningRateVar(store.RootScope(), dtypes.Float32, trainingRate).SetNodeValue(rate)
		optimizer.Adam().Done().UpdateGraph(store.RootScope(), images.Graph(), loss)
		return loss
	})
	if err != nil {
		return nil, fmt.Errorf("classifier: %w", err)
	}
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	perPass := images.N / trainingBatch
	for pass := range passes {
		order := random.Perm(images.N)
		for i := range perPass {
			done := float64(pass*perPass+i) / float64(passes*perPass)
			rate := float32(trainingRate * (1 + math.Cos(math.Pi*done)) / 2)
			pixels, labels := batchOf(images, order[i*trainingBatch:(i+1)*trainingBatch])
			loss, err := step.Call1(pixels, labels, rate)
			if err == nil {
				err = loss.FinalizeAll()
			}
			if err != nil {
				return nil, fmt.Errorf("training the classifier: %w", err)
			}
		}
	}
	reference := fmt.Sprintf("a network of 56 715 weights (metric.Network), trained on %d images in %d passes", images.N, passes)
	weights, err := weightsOf(store, map[string]string{nameKey: name, referenceKey: reference})
	if err != nil {
		return nil, err
	}
	return calibrated(backend, name, weights, images)
}

// weightsOf collects the classifier's variables.
func weightsOf(store *model.Store, metadata map[string]string) (*safetensors.File, error) {
	weights := &safetensors.File{Metadata: metadata}
	for v := range store.IterVariables() {
		path, found := strings.CutPrefix(v.Path(), classifierScope+"/")
		if !found {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, fmt.Errorf("weights of the classifier: %w", err)
		}
		stored := safetensors.Tensor{Name: path, DType: "F32", Shape: value.Shape().Dimensions}
		err = value.ConstBytes(func(content []byte) { stored.Data = append(stored.Data, content...) })
		if err != nil {
			return nil, fmt.Errorf("weights of the classifier: %w", err)
		}
		weights.Tensors = append(weights.Tensors, stored)
	}
	return weights, nil
}

// batchOf gathers images and labels by their rows.
func batchOf(images *sample.Images, rows []int) (pixels, labels *tensors.Tensor) {
	var floats []float32
	classes := make([]int32, len(rows))
	for i, row := range rows {
		floats = append(floats, images.Floats(row, 1)...)
		classes[i] = images.Labels[row]
	}
	pixels = tensors.FromFlatDataAndDimensions(floats, len(rows), images.Height, images.Width, images.Depth())
	return pixels, tensors.FromFlatDataAndDimensions(classes, len(rows))
}

// calibrated sets the variable "scale" so that the features of the images have a variance of 1 on average over the
// components: distances of different classifiers then share a scale.
func calibrated(backend compute.Backend, name string, weights *safetensors.File, images *sample.Images) (
	*Classifier, error) {
	e, err := newClassifier(backend, name, weights)
	if err != nil {
		return nil, err
	}
	n := min(images.N, 10_000)
	features, err := e.Features(images.Part(0, n))
	if err != nil {
		return nil, err
	}
	_, covariance := moments(features)
	variance := 0.0
	for i := range features.D {
		variance += covariance.at(i, i) / float64(features.D)
	}
	for i, t := range weights.Tensors {
		if t.Name == scaleName {
			weights.Tensors[i].Data = float32Bytes(float32(1 / math.Sqrt(variance)))
		}
	}
	return newClassifier(backend, name, weights)
}
