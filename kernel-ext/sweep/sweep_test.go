package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/lab/record"
)

// asTrain makes the test binary behave as a `gantry train` to which happens what its recipe says. What a real one does is tested in cmd/gantry.
const asTrain = "SWEEP_TEST_AS_TRAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asTrain) != "" {
		standIn(os.Args[1:])
	}
	os.Exit(m.Run())
}

func standIn(args []string) {
	value := func(name string) string {
		for i, arg := range args {
			if v, is := strings.CutPrefix(arg, "--"+name+"="); is {
				return v
			}
			if arg == "--"+name {
				return args[i+1]
			}
		}
		return ""
	}
	out := value("out")
	switch value("recipe") {
	case "full": // as a run that waits for room
		fmt.Fprintf(os.Stderr, "run x: it cannot be saved (write checkpoint: %v): make room\n", syscall.ENOSPC)
		select {}
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "failing":
		fmt.Fprintln(os.Stderr, "gantry: it is Monday")
		os.Exit(1)
	}
	line := fmt.Sprintf(`{"step":%s,"loss":%s}`, value("steps"), value("seed"))
	if err := os.MkdirAll(out, 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(out, progressFile), []byte(line+"\n"), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(line)
	os.Exit(0)
}

func stoodIn(t *testing.T) Train {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asTrain, "1")
	return Train{
		Command: []string{self, "train"}, Kinds: map[string]string{"recipe": "string", "batch": "int", "seed": "int64", "rate": "float64"},
		Metrics: []string{"loss", "step"}, Check: func([]string) error { return nil },
	}
}

func parsed(t *testing.T, text string, train Train) *Spec {
	t.Helper()
	s, err := Parse([]byte(text), train)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const judged = `"steps": 10, "metric": "loss", "best": "least"`

// TestLocal has trials that end in all ways: a full disk, a signal each time, a failure. The others are done, and a second sweep takes up what may go
// well another time.
func TestLocal(t *testing.T) {
	train := stoodIn(t)
	spec := parsed(t, `{"grid": {"recipe": ["failing", "fine", "full", "killed"]}, "seeds": [5], "retries": 1, "slots": 4, `+judged+`}`, train)
	s, err := Open(filepath.Join(t.TempDir(), "sweep"), spec, train)
	if err != nil {
		t.Fatal(err)
	}
	s.roomPatience = 200 * time.Millisecond
	var log strings.Builder
	for again := 1; again <= 2; again++ {
		if err := s.Local(t.Context(), &log); err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct {
			state    State
			problem  string
			attempts int
		}{{Failed, "it is Monday", again}, {Done, "", 1}, {NoRoom, "no space left", again}, {Died, "signal 9", 2 * again}} {
			r := s.Rows()[i]
			o, _ := s.outcome(r.Trial)
			if r.State != want.state || !strings.Contains(r.Problem, want.problem) {
				t.Errorf("time %d: %s is %s (%s), want %s with %q", again, r.Trial, r.State, r.Problem, want.state, want.problem)
			}
			if record.Holds(s.dirOf(r.Trial)) && o.Attempts != want.attempts { // the outcome of one without a run goes with its folder
				t.Errorf("time %d: %s had %d processes, want %d", again, r.Trial, o.Attempts, want.attempts)
			}
		}
	}
	if s.Code() != CodeAgain {
		t.Errorf("exit code %d, want %d", s.Code(), CodeAgain)
	}
	if line := strings.Fields(strings.Split(s.Table(), "\n")[1]); !slices.Equal(line[len(line)-2:], []string{"done", "best"}) {
		t.Errorf("the best is not first:\n%s", s.Table())
	}
}

// TestNothingKept trains where nothing can be noted in the folder: the table still says what became of the trial.
func TestNothingKept(t *testing.T) {
	train := stoodIn(t)
	s, err := Open(filepath.Join(t.TempDir(), "sweep"), parsed(t, `{"train": {"recipe": "failing"}, `+judged+`}`, train), train)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.dirOf(s.Trials[0]), nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	var log strings.Builder
	if err := s.Local(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	if r := s.Rows()[0]; r.State != Failed || r.Problem != "it is Monday" || !strings.Contains(log.String(), "cannot note") {
		t.Errorf("it is %s (%s), and the log says %s", r.State, r.Problem, log.String())
	}
}

// TestBeforeBegin interrupts a sweep before it has begun.
func TestBeforeBegin(t *testing.T) {
	train := stoodIn(t)
	s, err := Open(filepath.Join(t.TempDir(), "sweep"), parsed(t, `{"train": {"recipe": "fine"}, "seeds": 3, `+judged+`}`, train), train)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := s.Local(ctx, os.Stderr); err != nil || s.Code() != CodeInterrupted {
		t.Errorf("%v, exit code %d: %s", err, s.Code(), s.Summary())
	}
}

// TestDraws wants draws within their ranges, all different, the same again, and the first ones the same where more are asked for.
func TestDraws(t *testing.T) {
	train := stoodIn(t)
	settings := func(draws int) (all []string) {
		spec := parsed(t, fmt.Sprintf(`{"random": {"draws": %d, "seed": 7, "from": {"batch": {"low": 1, "high": 64, "log": true},
			"rate": {"low": 1e-4, "high": 1e-2, "log": true}, "recipe": ["a", "b"]}}, %s}`, draws, judged), train)
		trials, err := spec.Trials(train)
		if err != nil {
			t.Fatal(err)
		}
		low := 0
		for _, trial := range trials {
			batch, err := strconv.Atoi(string(trial.Settings["batch"]))
			rate, err2 := strconv.ParseFloat(string(trial.Settings["rate"]), 64)
			if err != nil || err2 != nil || batch < 1 || batch > 64 || rate < 1e-4 || rate > 1e-2 {
				t.Errorf("drawn: %s", trial)
			}
			if batch < 8 {
				low++
			}
			all = append(all, trial.String())
		}
		if draws == 200 && (low < 70 || low > 130) {
			t.Errorf("%d of 200 batches are below the middle by logarithm, want about half", low)
		}
		return all
	}
	few, many := settings(20), settings(200)
	if !slices.Equal(few, many[:20]) || !slices.Equal(few, settings(20)) {
		t.Errorf("%v are not the first of %v", few, many[:20])
	}
	if slices.Sort(many); len(slices.Compact(many)) != 200 {
		t.Error("two draws are the same")
	}
}

// TestNames wants names that runs may have, which follow from a trial's settings alone.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, settings := range []map[string]Value{
		{}, {"recipe": "toy"}, {"recipe": "toy", "seed": "-3"}, {"data": "csv:/some/where/a very long name indeed.csv,window=32,stride=4,columns=é"},
		{"data": "csv:/some/where/a very long name indeed.csv,window=32,stride=4,columns=ö"}, {"recipe": "--"}, {"batch": "64", "recipe": "toy"},
	} {
		name := nameOf(settings)
		if err := record.CheckName(name); err != nil || seen[name] {
			t.Errorf("%v: %q (%v)", settings, name, err)
		}
		seen[name] = true
	}
	if name := nameOf(map[string]Value{"seed": "1", "recipe": "toy", "batch": "64"}); name != "toy_batch64_seed1-81eb94709c" {
		t.Errorf("the name is %s: folders of earlier sweeps would be lost", name)
	}
}

// TestOrder wants the trials of a grid in the order that arrays count on.
func TestOrder(t *testing.T) {
	train := stoodIn(t)
	trials, err := parsed(t, `{"grid": {"rate": [1e-3, 0.1], "batch": [64, 8]}, "seeds": [3, 1], `+judged+`}`, train).Trials(train)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, trial := range trials {
		all = append(all, trial.String())
	}
	if got, want := strings.Join(all, "; "), "batch 64, rate 0.001, seed 3; batch 64, rate 0.001, seed 1; batch 64, rate 0.1, seed 3; batch 64, rate 0.1, seed 1; "+
		"batch 8, rate 0.001, seed 3; batch 8, rate 0.001, seed 1; batch 8, rate 0.1, seed 3; batch 8, rate 0.1, seed 1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestWrongSpecs are specs with what is said of them.
func TestWrongSpecs(t *testing.T) {
	train := stoodIn(t)
	for text, want := range map[string]string{
		`{}`:                               "say how far to train",
		`{"steps": 5}`:                     "say by what to compare",
		`{"steps": -5}`:                    "say how far",
		`{"steps": "5"}`:                   `line 1: "steps" cannot be of kind string`,
		"{\n\"steps\": 5,\n}":              "line 3 is no JSON",
		`{"steps": 5`:                      "it ends in the middle",
		``:                                 "it ends in the middle",
		`[]`:                               "want { and settings",
		`{"stepz": 5}`:                     `a spec has no "stepz"; did you mean steps?`,
		`{"xylophone": 5}`:                 `a spec has no "xylophone"; use one of train, grid`,
		`{` + judged + `} {}`:              "there is more",
		`{"seeds": 0, ` + judged + `}`:     "0 seeds: want 1",
		`{"seeds": [1.5], ` + judged + `}`: "are no seeds",
		`{"seeds": 2, "train": {"seed": 1}, ` + judged + `}`:                                             `"seed" has its values in "train" already`,
		`{"grid": {"batch": []}, ` + judged + `}`:                                                        `"batch" has no values`,
		`{"grid": {"batch": [null]}, ` + judged + `}`:                                                    "is no value of a setting",
		`{"grid": {"batch": [{}]}, ` + judged + `}`:                                                      "is no value of a setting",
		`{"slots": 5000, ` + judged + `}`:                                                                "slots 5000: want 1 to 1024",
		`{"retries": -1, ` + judged + `}`:                                                                "retries -1",
		`{"halving": {"first": 10}, ` + judged + `}`:                                                     "halving first 10: want 1 to 9",
		`{"halving": {"first": 2, "factor": 1}, ` + judged + `}`:                                         "halving factor 1",
		`{"random": {"draws": 0, "from": {"rate": [1]}}, ` + judged + `}`:                                "0 draws",
		`{"random": {"draws": 2}, ` + judged + `}`:                                                       "say what to draw",
		`{"random": {"draws": 2, "from": {"rate": 5}}, ` + judged + `}`:                                  "is nothing to draw from",
		`{"random": {"draws": 2, "from": {"rate": {"low": 5}}}, ` + judged + `}`:                         "is nothing to draw from",
		`{"random": {"draws": 2, "from": {"rate": {"low": 5, "high": 5}}}, ` + judged + `}`:              "want low < high",
		`{"random": {"draws": 2, "from": {"rate": {"low": 0, "high": 5, "log": true}}}, ` + judged + `}`: "want low > 0",
		`{"random": {"draws": 2, "from": {"rate": {"low": 0, "hihg": 5}}}, ` + judged + `}`:              "did you mean high?",
		`{"random": {"draws": 4, "from": {"batch": {"low": 1, "high": 3}}}, ` + judged + `}`:             "no 4 different draws, but about 3",
		`{"random": {"draws": 4, "from": {"batch": {"low": 1.2, "high": 1.8}}}, ` + judged + `}`:         "no whole number",
		`{"seeds": 9999, "grid": {"rate": [1, 2]}, ` + judged + `}`:                                      "want at most 10000",
		`{"grid": {"rate": [1e-3, 0.001]}, ` + judged + `}`:                                              "trials 0 and 1 are the same: rate 0.001",
	} {
		spec, err := Parse([]byte(text), train)
		if err == nil {
			_, err = spec.Trials(train)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want %q in one line", text, err, want)
		}
	}
}

// TestAxes wants values at their places: by size, by the logarithm where sizes are many, and names evenly.
func TestAxes(t *testing.T) {
	for _, c := range []struct {
		values []string
		at     string
		want   float64
		ticks  int
	}{
		{[]string{"1", "2", "3"}, "2", 0.5, 3}, {[]string{"1", "10", "100"}, "10", 0.5, 3}, {[]string{"-100", "0", "100"}, "0", 0.5, 3},
		{[]string{"a", "b", "a", "c"}, "b", 0.5, 3}, {[]string{"7"}, "7", 0.5, 1}, {[]string{"a"}, "a", 0.5, 1}, {[]string{"64", "NaN"}, "NaN", 1, 2},
		{strings.Fields("1 2 3 4 5 6 7 8 9 10 11"), "6", 0.5, 5},
	} {
		a := newAxis("x", c.values)
		if got := a.place(c.at); got < c.want-1e-9 || got > c.want+1e-9 || len(a.ticks) != c.ticks {
			t.Errorf("%v: %s is at %g with ticks %v, want %g and %d ticks", c.values, c.at, got, a.ticks, c.want, c.ticks)
		}
	}
}

// TestMeans wants mean and deviation over the seeds, by hand, the best first.
func TestMeans(t *testing.T) {
	train := stoodIn(t)
	spec := parsed(t, `{"grid": {"recipe": ["failing", "fine", "good"]}, "seeds": [1, 2, 6], `+judged+`}`, train)
	s, err := Open(filepath.Join(t.TempDir(), "sweep"), spec, train)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Local(t.Context(), io.Discard); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dirOf(s.Trials[8]), progressFile)
	if err := os.WriteFile(path, []byte(`{"step":10,"loss":0}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"recipe", "loss over seeds", "seeds"}, {"good", "1 ± 1", "3 of 3"}, {"fine", "3 ± 2.6", "3 of 3"}, {"failing", "", "0 of 3"}}
	if got := s.means(s.Rows()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPage escapes what settings say, and is a page without trials that have a value.
func TestPage(t *testing.T) {
	train := stoodIn(t)
	spec := parsed(t, `{"grid": {"recipe": ["<script>", "fine"]}, `+judged+`}`, train)
	s, err := Open(filepath.Join(t.TempDir(), "a&b"), spec, train)
	if err != nil {
		t.Fatal(err)
	}
	page := s.Page()
	if strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, "<h1>a&amp;b</h1>") || strings.Contains(page, "NaN") {
		t.Errorf("the page is\n%s", page)
	}
}

// TestKept wants an outcome to be read back as it was, and a damaged one to be none.
func TestKept(t *testing.T) {
	train := stoodIn(t)
	s, err := Open(filepath.Join(t.TempDir(), "sweep"), parsed(t, `{"seeds": 1, `+judged+`}`, train), train)
	if err != nil {
		t.Fatal(err)
	}
	want := Outcome{Diverged, "why", 10, 1.5, 2, time.Now().UTC().Round(0)}
	if err := s.keep(s.Trials[0], want); err != nil {
		t.Fatal(err)
	}
	if got, ended := s.outcome(s.Trials[0]); !ended || got != want {
		t.Errorf("%+v came back as %+v", want, got)
	}
	loaded, err := Load(s.Dir)
	if err != nil || loaded.Table() != s.Table() || loaded.Rows()[0].State != Diverged {
		t.Errorf("loaded (%v) it is\n%s", err, loaded.Table())
	}
	path := filepath.Join(s.dirOf(s.Trials[0]), outcomeFile)
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, ended := s.outcome(s.Trials[0]); ended {
		t.Errorf("a damaged file is read as %+v", got)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, planFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s.Dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged plan: %v", err)
	}
}

// TestSpecAgain wants a spec to be read back from what is written of it.
func TestSpecAgain(t *testing.T) {
	train := stoodIn(t)
	spec := parsed(t, `{"train": {"recipe": "a"}, "random": {"draws": 2, "from": {"batch": {"low": 1, "high": 9}, "rate": [1, 2]}}, "seeds": 2,
		"halving": {"first": 2}, `+judged+`}`, train)
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	before, err := spec.Trials(train)
	if err != nil {
		t.Fatal(err)
	}
	after, err := parsed(t, string(text), train).Trials(train)
	if err != nil || fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("%v came back as %v (%v)", before, after, err)
	}
}
