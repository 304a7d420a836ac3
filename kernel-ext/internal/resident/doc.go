// Package resident is for a process that outlives the one which started it: the running program once more, in a session of
// its own, which keeps a folder and answers other processes of its user over a socket in it.
//
// Its folder is private to the user and holds a copy of the executable (GoNB overwrites a cell's), the notebook's variables
// that the cell began with, the log that takes what
// the process prints, its lock and its socket. A client asks one thing over each connection; while there is nothing to
// answer yet, the process says every two seconds that it lives, so that a client knows soon when it does not.
//
// Reading order: start.go (the program, once more), values.go (what it begins with), lock.go (whose a folder is), frame.go (what is said over the socket),
// server.go (the process's end), client.go (the other), await.go (until a process that was started answers), then the
// system's part.
package resident
