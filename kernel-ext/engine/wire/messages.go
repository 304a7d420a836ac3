package wire

import (
	"encoding/json"
	"time"
)

// Kind is what a frame is.
type Kind byte

// What the kernel says.
const (
	KindBegin     Kind = 1 + iota // Begin, once, first
	KindRun                       // Cell, when the one before is done
	KindInterrupt                 // Stop: what the cell runs gets SIGINT, and nothing more of it is started
	KindKill                      // Stop: the same, with SIGKILL
	KindAnswer                    // Answer
	KindFromPage                  // Comm
)

// What the engine says.
const (
	KindReady       Kind = KindFromPage + 1 + iota // Ready, once, after Begin
	KindStdout                                     // bytes that a program printed
	KindStderr                                     // the like
	KindDisplay                                    // Display
	KindAsk                                        // Ask
	KindRunning                                    // Running
	KindDefinitions                                // Definitions
	KindDone                                       // Done
	KindToPage                                     // Comm
	kinds
)

// Begin is how the engine is to work.
type Begin struct {
	ID         string // of the folder's package: hexadecimal digits
	Dir        string // the folder where cells are built; it exists, and is removed by the kernel
	Module     string // a folder with go.mod and go.sum as the module of cells is to begin; empty: Go makes an empty one
	Copy       string // the copy of GoNB's module that Module has in its place; empty: none
	KernelID   string // Jupyter's
	Go         string // paths of tools
	Goimports  string
	FetchFirst bool // `go get` before each build, as with %autoget
}

// Cell is a cell to run.
type Cell struct {
	ID         int    // names it in what follows; counts up from 1
	Code       string // Go and GoNB's commands
	AllowStdin bool   // whether somebody answers questions

	Env    []string `json:",omitempty"` // variables that its program has besides
	Forget []string `json:",omitempty"` // declarations of earlier cells that go when it is built, as GoNB calls them: f, T, T~method
	Leave  []string `json:",omitempty"` // declarations and imports that stay, but not in its program; imports are .~path
	// Methods are those of generic types in Code, with their comments, by type~method, which they are called from then on. GoNB has no names for them.
	Methods map[string]string `json:",omitempty"`
	// Instead are functions that its program has in another wording than they are remembered in, with as many lines, by what GoNB calls them.
	Instead map[string]string `json:",omitempty"`
	Revert  []string          `json:",omitempty"` // of its own that go again if its program fails; what they replaced comes back
	Keeps   string            `json:",omitempty"` // a file that a program leaves unless it has failed, or ended before its end; empty: none
}

// Stop names the cell that is meant. It is not done if another runs.
type Stop struct{ Cell int }

// Answer is what a person has entered.
type Answer struct {
	Cell int
	Text string
}

// Comm is a message of GoNB's widgets.
type Comm struct {
	Type    string          // comm_open, comm_msg, comm_close
	Content json.RawMessage // as in Jupyter's protocol
	Parent  json.RawMessage // what the kernel likes to have back with the answers; null: they belong to the cell
}

// Ready is what the kernel needs to know of GoNB.
type Ready struct {
	Info json.RawMessage // content of a kernel_info_reply
	Help string          // GoNB's page, Markdown
}

// Display is shown below the cell, after what was printed before.
type Display struct {
	Update  bool            // of an earlier one with the same id
	Content json.RawMessage // of display_data
	Parent  json.RawMessage // as in Comm
}

// Ask wants a line from a person.
type Ask struct {
	Cell     int
	Prompt   string
	Password bool
}

// Running says that the program of a cell, or one of its shell lines, begins. All before is analysis and building.
type Running struct {
	Cell  int
	Shell int     // the line that is one, from 0; -1: the program
	Lines []Place // of a program: where each line of its file comes from
	File  string  // its name
}

// Place is a line of a cell, counted from 0. Cell 0 is none.
type Place struct{ Cell, Line int }

// Definitions is what all cells so far declare, as one Go file. It is said when it changes.
type Definitions struct{ Source string }

// Failure is why a cell failed.
type Failure string

// The kinds of failures.
const (
	Refused  Failure = "refused"  // GoNB does not take the cell: Said
	Rejected Failure = "rejected" // the Go tools do not: Said
	Shelled  Failure = "shell"    // a shell line failed: Line, Words
	Exited   Failure = "exit"     // the program did: Words
)

// Done is the end of a cell. All that it printed and showed has been said before, up to what it left in the background.
type Done struct {
	Cell    int
	Failure Failure // empty: none
	Stopped bool    // it was interrupted
	Words   string  // exit status 1, or signal: killed
	Status  int     // of the program or shell line; -1: a signal ended it
	Line    int     // of the shell line that failed or was stopped, from 0; -1: it was none
	Said    []Said  // about the cell
	PID     int     // of its program; 0: there was none
	Build   time.Duration
}

// Said is a line that the Go tools or GoNB said.
type Said struct {
	Text   string
	At     Place  // the place that it is about; Cell 0: none
	Column int    // in the file, from 1; 0: not known
	Line   string // the file's, which may differ from the cell's
}
