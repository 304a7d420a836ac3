// Package metric measures generated samples: how good and how varied they are, whether they are copies, and whether
// training has collapsed.
//
// # Distances
//
// An Extractor maps images of 28×28 to features with a small classifier that comes with this package, one for digits
// ("gantry-mnist-1") and one for clothes ("gantry-fashion-1"). Compare puts generated features beside real ones, by the
// Fréchet distance (Frechet), the kernel distance (Kernel) and the shares of Manifold (Neighbours), each with an interval
// and with the value that real data gets against real data: no generator can be expected to do better. The features are
// not those of Inception, so the distances are not to be compared with the literature's FID and KID; the report names the
// classifier. For other samples, Pixels makes features of the values themselves.
//
// # Modes
//
// Modes counts the modes of a mixture of normal distributions that points reach; Histogram does it for classes, up to the
// thousand of Stacked MNIST (Extractor.Classes).
//
// # Copies and smoothness
//
// Memorised compares samples with their nearest training and held-out images; PathLength measures how smoothly images
// follow the latent.
//
// # While training
//
// A Monitor looks at a hundred samples in a few milliseconds and says ok, watch or collapsed, and why. JudgeCritic,
// JudgeGradients and InputGradient tell a healthy critic from one that is fooled, perfect or learning by heart.
//
// # Pairs
//
// PSNR and SSIM compare an image with the one it should be, as in denoising.
//
// Everything random takes a seed, and equal input gives equal output. Bad input is an error of one line.
package metric
