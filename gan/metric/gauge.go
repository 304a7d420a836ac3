package metric

import (
	"fmt"

	"gantry.local/gan/sample"
)

// Gauge measures a distance that is cheap enough to be measured again and again while a network trains: the kernel distance (Kernel) of
// samples from real ones that stay the same. Its expectation does not depend on how many samples there are, so a few hundred will do, which
// take some ten milliseconds; their scatter shows as noise around it. It is not safe for concurrent use where its extractor is not.
type Gauge struct {
	extractor Extractor
	real      Features
	within    float64 // the part of the distance that is the real ones' alone
}

// NewGauge makes a Gauge on the features of an extractor. real are the samples that others are compared with, at least two.
func NewGauge(extractor Extractor, real sample.Images) (*Gauge, error) {
	features, err := extractor.Features(real)
	if err == nil {
		err = checkPair(features, features, 2)
	}
	if err != nil {
		return nil, fmt.Errorf("gauge: %w", err)
	}
	return &Gauge{extractor: extractor, real: features, within: kernelWithin(features)}, nil
}

// Distance measures samples, at least two.
func (g *Gauge) Distance(samples sample.Images) (float64, error) {
	features, err := g.extractor.Features(samples)
	if err == nil {
		err = checkPair(g.real, features, 2)
	}
	if err != nil {
		return 0, fmt.Errorf("gauge: %w", err)
	}
	return g.within + kernelWithin(features) - 2*kernelBetween(g.real, features), nil
}
