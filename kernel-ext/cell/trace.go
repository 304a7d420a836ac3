package cell

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Span is one step of a cell's build in a trace.
type Span struct {
	Phase      string    `json:"phase"` // goimports, list, compile, link, or get for a look-up of modules
	Start, End time.Time // taken from one clock on one machine
	Real       bool      `json:"real"` // done by the real tool
}

// ReadTrace reads the file that EnvTrace named; one that is not there is empty.
func ReadTrace(file string) ([]Span, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var spans []Span
	d := json.NewDecoder(strings.NewReader(string(text)))
	for d.More() {
		var s Span
		if err := d.Decode(&s); err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// trace adds spans to a file; a nil trace adds none.
type trace struct{ file string }

func openTrace() *trace {
	if file := os.Getenv(EnvTrace); file != "" {
		return &trace{file}
	}
	return nil
}

func (t *trace) add(phase string, start, end time.Time, real bool) {
	if t == nil {
		return
	}
	line, err := json.Marshal(Span{phase, start, end, real})
	if err != nil {
		return
	}
	f, err := os.OpenFile(t.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return // a measurement, never a reason to fail a build
	}
	defer f.Close()
	f.Write(append(line, '\n'))
}

// realTool prepares to time a real tool: it returns the arguments to use, and what to call when the tool has ended.
// The go command is asked for a trace of its own, which tells loading, compiling and linking apart.
func (t *trace) realTool(name string, args []string) ([]string, func()) {
	start := time.Now()
	if name != "go" || len(args) == 0 || args[0] != "build" {
		phase := name
		if name == "go" && len(args) > 0 {
			phase = args[0]
		}
		return args, func() { t.add(phase, start, time.Now(), true) }
	}
	events := filepath.Join(filepath.Dir(t.file), filepath.Base(t.file)+".go")
	return append([]string{"build", "-debug-trace=" + events}, args[1:]...), func() {
		t.addGoBuild(events, start, time.Now())
		os.Remove(events)
	}
}

// addGoBuild adds the steps of one go build from the go command's trace of itself. What it does apart from compiling
// and linking, loading packages and comparing them with its cache, is listing.
func (t *trace) addGoBuild(file string, start, end time.Time) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	var events []struct {
		Name string  `json:"name"`
		Ph   string  `json:"ph"`
		Time float64 `json:"ts"` // microseconds
	}
	if err := json.Unmarshal(text, &events); err != nil {
		return
	}
	began := map[string]time.Time{}
	var busy time.Duration
	for _, e := range events {
		at := time.UnixMicro(int64(e.Time))
		phase := ""
		if action, ok := strings.CutPrefix(e.Name, "Executing action ("); ok {
			phase, _, _ = strings.Cut(action, " ")
		}
		switch {
		case phase != "build" && phase != "link" && phase != "link-install":
		case e.Ph == "B":
			began[e.Name] = at
		case e.Ph == "E" && strings.Contains(e.Name, "link"):
			t.add("link", began[e.Name], at, true)
			busy += at.Sub(began[e.Name])
		case e.Ph == "E" && strings.Contains(e.Name, "gonb_"):
			t.add("compile", began[e.Name], at, true)
			busy += at.Sub(began[e.Name])
		}
	}
	t.add("list", start, end.Add(-busy), true)
}
