package metric

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/net"
)

const (
	side         = 28  // height and width of the images a classifier reads
	featureWidth = 64  // components of a feature vector
	numClasses   = 10  // of MNIST, and of Fashion-MNIST
	leak         = 0.2 // slope of LeakyReLU
	dropped      = 0.3 // share of the inputs of the feature layer that is set to 0 while training
)

// Network is the classifier whose inner layer serves as features: Conv 16 3×3, pool 2, Conv 32 3×3, pool 2, Dense 64,
// Dense 10, with LeakyReLU(0.2) between, and dropout of 0.3 before the dense layer while training. It has 56 715
// weights. images: [batch, 28, 28, 1] in [-1, 1]; features: [batch, 64], the activations of the dense layer times the
// variable "scale"; logits: [batch, 10], one per class.
func Network(scope *model.Scope, images *Node) (features, logits *Node) {
	if d := images.Shape().Dimensions; len(d) != 4 || d[1] != side || d[2] != side || d[3] != 1 {
		panic(fmt.Errorf("the classifier reads images [batch, 28, 28, 1], not %s", images.Shape()))
	}
	x := net.MaxPool2(net.LeakyReLU(net.Conv2D(scope.In("conv_0"), images, 16, 3), leak))
	x = net.MaxPool2(net.LeakyReLU(net.Conv2D(scope.In("conv_1"), x, 32, 3), leak))
	x = net.Flatten(x)
	if scope.IsTraining(x.Graph()) {
		kept := GreaterThan(scope.Store().RandomUniform(x.Graph(), x.Shape()), Scalar(x.Graph(), x.DType(), dropped))
		x = Where(kept, MulScalar(x, 1/(1-dropped)), ScalarZero(x.Graph(), x.DType()))
	}
	x = net.LeakyReLU(net.Dense(scope.In("features"), x, featureWidth), leak)
	logits = net.Dense(scope.In("logits"), x, numClasses)
	scale := scope.WithInitializer(initializer.One).VariableWithShape("scale", shapes.Make(x.DType())).
		SetTrainable(false).NodeValue(x.Graph())
	return Mul(x, scale), logits
}

// crossEntropy is the mean cross-entropy of logits, [batch, classes], against labels, [batch] int32.
func crossEntropy(logits, labels *Node) *Node {
	likelihood := Mul(OneHot(labels, logits.Shape().Dim(1), logits.DType()), LogSoftmax(logits))
	return Neg(ReduceAllMean(ReduceSum(likelihood, -1)))
}
