package kernel

// state is how far a cell has come.
type state int

const (
	waiting  state = iota // in the queue
	building              // read, and built; what the kernel does itself for it is done then, too
	running               // its program, or one of its shell lines
	stopping              // it was told to end
	over                  // nothing of it happens any more; its reply comes after
)

// event is what can happen to a cell.
type event int

const (
	begins      event = iota // it is its turn, or that of its program, behind its commands
	starts                   // the engine starts a program or a shell line
	interrupted              // a person wants its end
	impatient                // it was told to end a while ago
	ends                     // the engine is done with it, or never gets it
)

// action is what is to be done about an event.
type action int

const (
	nothing  action = iota
	askToEnd        // and be impatient after a while
	kill
)

// next returns the state behind an event and what is to be done. Events that come too late, or for a cell whose turn it is
// not, change nothing.
func next(s state, e event) (state, action) {
	switch {
	case s == over || s == waiting && e != begins:
		return s, nothing
	case e == ends:
		return over, nothing
	case s == waiting:
		return building, nothing
	case e == begins && s == running:
		return building, nothing
	case e == starts && s == building:
		return running, nothing
	case e == interrupted && s != stopping:
		return stopping, askToEnd
	case s == stopping && (e == interrupted || e == impatient):
		return stopping, kill
	}
	return s, nothing
}
