// Package kind holds kinds of GAN that are not a game of two networks. Each is a struct of plain fields, a
// method.Description that train.New trains, and names its paper.
//
// What can be said of the usual pair of networks is a method of package method instead: top-k training, feature matching,
// self-supervision, growing pairs.
//
// Reading order: common.go (what all share), infogan.go (codes that mean something), bigan.go (an encoder as the generator's inverse),
// vaegan.go (an encoder, and features of the critic), began.go (a critic that is an autoencoder), cyclegan.go (two domains without
// pairs), style.go (a mapping network, and paths of even length), with paths.go.
package kind
