// Package metric measures generated samples: how good and how varied they are, whether they are copies, and whether
// training has collapsed.
//
// # Comparisons
//
// An Extractor maps samples to features. A Classifier is one, a small network for images of 28×28 that comes with this package for
// digits ("gantry-mnist-1") and for clothes ("gantry-fashion-1"); OwnValues are the samples' own values; a type of one's own with the
// same methods is as good. Compare puts generated features beside real ones by any number of Measurements, in Standard the Fréchet
// distance (FrechetDistance), the kernel distance (KernelDistance) and the four Shares. Its Report lists what they found: named numbers,
// each with an interval and with the value that real data gets against real data: no generator can be expected to do better. A
// measurement of one's own is a function in a Resampled, or a type with a method; it takes part without a change elsewhere. The features are
// not those of Inception, so the distances are not to be compared with the literature's FID and KID; the report names the
// extractor.
//
// # Modes
//
// Modes counts the modes of a mixture of normal distributions that points reach; Histogram does it for classes, up to the
// thousand of Stacked MNIST (Classifier.Classes).
//
// # Copies and smoothness
//
// Memorised compares samples with their nearest training and held-out images; PathLength measures how smoothly images
// follow the latent.
//
// # While training
//
// A Monitor looks at a hundred samples in a few milliseconds and says ok, watch or collapsed, and why. A Gauge measures the kernel distance
// of a few hundred samples. JudgeCritic,
// JudgeGradients and InputGradient tell a healthy critic from one that is fooled, perfect or learning by heart.
//
// # Pairs
//
// PSNR and SSIM compare an image with the one it should be, as in denoising.
//
// Everything random takes a seed, and equal input gives equal output. Bad input is an error of one line. The package knows samples,
// not what draws them.
//
// Reading order: extractor.go (features) and classifier.go with network.go and training.go, measurement.go with frechet.go, kernel.go
// and neighbours.go, compare.go, report.go; modes.go; memorisation.go, pathlength.go; monitor.go with reach.go, gauge.go, critic.go,
// inputgradient.go; similarity.go.
package metric
