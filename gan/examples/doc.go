// Package examples holds kinds of GAN, and parts of them, that are written outside of the library, each in one file of a page: what
// is exported is enough. They are examples of their tests, so that each is run.
//
// Games: cyclegan_test.go (two domains without pairs), vaegan_test.go (an encoder, features of the critic), infogan_test.go (a code
// that the critic reads back), twocritics_test.go (two opinions), wgan_test.go (clipped weights and RMSProp). The first three are in package kind
// too, with all that their papers have, and are recipes; here is how little it takes to write one. Parts: optimizer_test.go,
// penalty_test.go (on the generator), layer_test.go (that differentiates twice), dataset_test.go and metric_test.go.
package examples
