// Package jupyter speaks Jupyter's messaging protocol as a kernel does, and as a front-end: signed messages over ZeroMQ
// sockets. It knows nothing of what is asked, of cells least of all.
//
// Reading order: wire.go (a message, its signature), connection.go (where to meet), gate.go, replay.go, recent.go and checked.go
// (what is let in), socket.go, peer.go and crowd.go (the end that listens), link.go (the end that connects), log.go.
// ZeroMQ itself is package zmtp.
package jupyter
