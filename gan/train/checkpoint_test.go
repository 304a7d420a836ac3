package train_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// save trains for n steps and saves.
func save(t testing.TB, of *train.Trainer, n int, dir string) {
	t.Helper()
	tiny.Steps(t, of, n)
	if err := of.Save(dir); err != nil {
		t.Fatal(err)
	}
}

// files are the names in a folder, with their content.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, entry := range entries {
		if all[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func names(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return strings.Join(all, " ")
}

func flip(t testing.TB, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 4
	write(t, path, content)
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantWords wants a line that says all of the words.
func wantWords(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has more than one line: %v", err)
	}
}

// TestDamageIsNotAbsence damages all checkpoints: that is no run without checkpoints, and what is whole is named.
func TestDamageIsNotAbsence(t *testing.T) {
	backend := gantest.Go(t)
	run := t.TempDir()
	dir := filepath.Join(run, "checkpoints")
	of := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	for _, missing := range []string{dir, run} {
		if _, err := of.Restore(missing); !errors.Is(err, train.ErrNoCheckpoint) || errors.Is(err, train.ErrDamaged) {
			t.Errorf("without any file: %v", err)
		}
	}
	save(t, of, 2, dir)
	save(t, of, 1, dir)
	older, newer := filepath.Join(dir, "checkpoint-0000000002.safetensors"), filepath.Join(dir, "checkpoint-0000000003.safetensors")
	flip(t, newer)
	other := trainer(t, backend, tiny.Experiment(method.Alternating{}))
	skipped, err := other.Restore(dir)
	if err != nil || other.Step() != 2 || len(skipped) != 1 || !strings.Contains(skipped[0], newer) {
		t.Fatalf("with a damaged newest one: step %d, skipped %q, %v", other.Step(), skipped, err)
	}
	if err := os.Truncate(older, 100); err != nil {
		t.Fatal(err)
	}
	before := saved(t, other)
	want := func(words ...string) *train.DamagedError {
		t.Helper()
		skipped, err := other.Restore(dir)
		wantWords(t, err, append(words, "is whole", older, newer, "begin anew in another folder")...)
		var damaged *train.DamagedError
		if !errors.Is(err, train.ErrDamaged) || errors.Is(err, train.ErrNoCheckpoint) || !errors.As(err, &damaged) || len(skipped) != 2 {
			t.Errorf("both damaged: skipped %q, %v", skipped, err)
		}
		return damaged
	}
	want("no weights were saved")
	if err := of.SaveWeights(run); err != nil {
		t.Fatal(err)
	}
	if e := want("go on from the weights", run, "generator.safetensors", "step 3"); !e.Weights.Whole() || e.Weights.Step != 3 {
		t.Errorf("the weights are %+v", e.Weights)
	}
	flip(t, filepath.Join(run, "critic.safetensors"))
	if e := want("generator.safetensors is whole", "critic.safetensors: damaged file"); e.Weights.Whole() || e.Weights.Networks[0].Err != nil {
		t.Errorf("the weights are %+v", e.Weights)
	}
	flip(t, filepath.Join(run, "generator.safetensors"))
	want("none of the weights is whole")
	if !bytes.Equal(saved(t, other), before) {
		t.Error("a refused folder changed the trainer")
	}
	all, err := train.Checkpoints(dir)
	if err != nil || len(all) != 2 || all[0].Step != 2 || all[1].Step != 3 ||
		!errors.Is(all[0].Problem, train.ErrDamaged) || !errors.Is(all[1].Problem, train.ErrDamaged) {
		t.Errorf("the list is %+v, %v", all, err)
	}
	for _, path := range []string{older, newer} {
		if err := other.RestoreFile(path); !errors.Is(err, train.ErrDamaged) {
			t.Errorf("restoring a damaged file: %v", err)
		}
		if _, err := other.Adopt(path, nil); !errors.Is(err, train.ErrDamaged) {
			t.Errorf("adopting a damaged file: %v", err)
		}
	}
}

// TestUnreadable has a checkpoint of which it cannot be told whether it is whole: not damaged, not absent, and not passed
// over where it may be the newest. (A link to itself cannot be read by root either.)
func TestUnreadable(t *testing.T) {
	of, dir := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), t.TempDir()
	loop := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(name, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	early, late := "checkpoint-0000000001.safetensors", "checkpoint-0000000009.safetensors"
	loop(early)
	if _, err := of.Restore(dir); !errors.Is(err, syscall.ELOOP) || errors.Is(err, train.ErrDamaged) || errors.Is(err, train.ErrNoCheckpoint) {
		t.Errorf("alone: %v", err)
	}
	save(t, of, 2, dir)
	save(t, of, 2, dir)
	save(t, of, 2, dir)
	if got := names(t, dir); got != early+" checkpoint-0000000004.safetensors checkpoint-0000000006.safetensors" {
		t.Errorf("saving beside it left %s", got)
	}
	if _, err := of.Restore(dir); err != nil || of.Step() != 6 {
		t.Errorf("an older one cannot be read: step %d, %v", of.Step(), err)
	}
	path := loop(late)
	if _, err := of.Restore(dir); !errors.Is(err, syscall.ELOOP) || !strings.Contains(err.Error(), path) {
		t.Errorf("what may be the newest cannot be read: %v", err)
	}
}

// TestNoFile puts a folder, a pipe and a link to nothing in the place of checkpoints.
func TestNoFile(t *testing.T) {
	of, dir := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), t.TempDir()
	for step, put := range []func(path string) error{
		func(path string) error { return os.MkdirAll(filepath.Join(path, "inside"), 0o700) },
		func(path string) error { return syscall.Mkfifo(path, 0o600) },
		func(path string) error { return os.Symlink("nothing", path) },
		func(path string) error { return os.Symlink("/dev/zero", path) },
		func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if err := put(filepath.Join(dir, fmt.Sprintf("checkpoint-%010d.safetensors", 20+step))); err != nil {
			t.Fatal(err)
		}
	}
	skipped, err := of.Restore(dir)
	if !errors.Is(err, train.ErrDamaged) || len(skipped) != 5 {
		t.Errorf("skipped %q, %v", skipped, err)
	}
	wantWords(t, err, "it is no file but a folder", "it is no file but a named pipe", "a link to nothing", "it is no file but a device",
		"0 bytes")
	save(t, of, 1, dir)
	save(t, of, 1, dir)
	if skipped, err := of.Restore(dir); err != nil || of.Step() != 2 || len(skipped) > 5 {
		t.Errorf("step %d, skipped %q, %v", of.Step(), skipped, err)
	}
	write(t, filepath.Join(dir, "checkpoint-best.safetensors"), []byte("a copy that somebody keeps"))
	save(t, of, 1, dir)
	if !strings.Contains(names(t, dir), "checkpoint-best.safetensors") {
		t.Error("a file of another name was removed")
	}
}

// TestPruneKeepsVerified saves beside damaged checkpoints of later steps: they do not count, take no good one's place and
// are bounded, and what was just saved stays.
func TestPruneKeepsVerified(t *testing.T) {
	backend := gantest.Go(t)
	of, dir := trainer(t, backend, tiny.Experiment(method.Alternating{})), t.TempDir()
	save(t, of, 1, dir)
	first := saved(t, of)
	for _, step := range []int{300, 400, 500, 600} { // as of a run with more steps
		write(t, filepath.Join(dir, fmt.Sprintf("checkpoint-%010d.safetensors", step)), first[:len(first)/2])
	}
	for step := 2; step <= 4; step++ {
		save(t, of, 1, dir)
		want := fmt.Sprintf("checkpoint-%010d.safetensors checkpoint-%010d.safetensors "+
			"checkpoint-0000000500.safetensors checkpoint-0000000600.safetensors", step-1, step)
		if got := names(t, dir); got != want {
			t.Fatalf("after step %d the folder holds %s, want %s", step, got, want)
		}
	}
	if skipped, err := of.Restore(dir); err != nil || of.Step() != 4 || len(skipped) != 2 {
		t.Errorf("step %d, skipped %q, %v", of.Step(), skipped, err)
	}
}

// TestSaveAtLowerStep goes back and saves: the state saved last is what Restore brings back, though its step is lower.
func TestSaveAtLowerStep(t *testing.T) {
	of, dir, aside := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), t.TempDir(), t.TempDir()
	save(t, of, 2, t.TempDir())
	early := of.LastCheckpoint()
	save(t, of, 5, dir)
	save(t, of, 5, dir)
	if err := of.RestoreFile(early); err != nil {
		t.Fatal(err)
	}
	save(t, of, 1, dir)
	if got, want := names(t, dir), "checkpoint-0000000003.safetensors checkpoint-0000000012.safetensors"; got != want {
		t.Errorf("the folder holds %s, want %s", got, want)
	}
	want := saved(t, of)
	other := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	for range 2 { // a run that did not go back has the same file, however often it is saved
		save(t, other, 1, aside)
		save(t, other, 0, aside)
	}
	if content := files(t, aside)["checkpoint-0000000002.safetensors"]; !bytes.Equal(content, saved(t, other)) {
		t.Error("a checkpoint depends on how often its run was saved")
	}
	if _, err := other.Restore(dir); err != nil || other.Step() != 3 || !bytes.Equal(saved(t, other), want) {
		t.Errorf("restored step %d (%v), want 3, which was saved last", other.Step(), err)
	}
	flip(t, filepath.Join(dir, "checkpoint-0000000003.safetensors"))
	if _, err := other.Restore(dir); err != nil || other.Step() != 12 {
		t.Errorf("with that damaged: step %d (%v), want 12", other.Step(), err)
	}
}

// TestSaveOnceThereIsRoom fails to save on a full disk, and saves the very state later.
func TestSaveOnceThereIsRoom(t *testing.T) {
	of, dir := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), filepath.Join(t.TempDir(), "runs [1*?")
	save(t, of, 3, dir)
	tiny.Steps(t, of, 2)
	want := saved(t, of)
	left := []string{".checkpoint-0000000009.safetensors.123.tmp", ".generator.safetensors.5.tmp"} // of processes that were killed
	for _, name := range left {
		write(t, filepath.Join(dir, name), []byte("half"))
	}
	before := files(t, dir)
	limited(t, 4096, func() {
		wantWords(t, of.Save(dir), "cannot save", "earlier files are untouched")
		wantWords(t, of.SaveWeights(dir), "cannot save")
	})
	for _, name := range left {
		delete(before, name)
	}
	if got := files(t, dir); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("the folder holds %s, want what was there before", names(t, dir))
	}
	if err := errors.Join(of.Save(dir), of.SaveWeights(dir)); err != nil {
		t.Fatal(err)
	}
	other := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{}))
	if _, err := other.Restore(dir); err != nil || other.Step() != 5 || !bytes.Equal(saved(t, other), want) {
		t.Errorf("restored step %d, %v; want the state of step 5", other.Step(), err)
	}
	if fmt.Sprint(tiny.Steps(t, of, 2)) != fmt.Sprint(tiny.Steps(t, other, 2)) {
		t.Error("training goes on otherwise than from the checkpoint")
	}
	if err := os.RemoveAll(dir); err != nil { // the folder is made anew
		t.Fatal(err)
	}
	save(t, of, 0, dir)
}

// limited lets no file grow beyond a number of bytes, as a full disk does.
func limited(t testing.TB, most uint64, do func()) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	short := limit
	short.Cur = most
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &short); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	do()
}

// TestFlippedCheckpoint flips bits all over a checkpoint: no flip is trusted, and none is taken for another
// experiment or version.
func TestFlippedCheckpoint(t *testing.T) {
	of, dir := trainer(t, gantest.Go(t), tiny.Experiment(method.Alternating{})), t.TempDir()
	save(t, of, 1, dir)
	content, err := os.ReadFile(of.LastCheckpoint())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoint-0000000001.safetensors")
	random := rand.New(rand.NewPCG(3, 3))
	header := len(content) - len(variablesOf(content))
	for i := range 1500 {
		bit := random.IntN(8 * header)
		if i%5 == 0 {
			bit = random.IntN(8 * len(content))
		}
		content[bit/8] ^= 1 << (bit % 8)
		write(t, path, content)
		if _, err := of.Restore(filepath.Dir(path)); !errors.Is(err, train.ErrDamaged) {
			t.Fatalf("bit %d of byte %d, …%q…: %v", bit%8, bit/8, content[max(0, bit/8-20):min(len(content), bit/8+20)], err)
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
}

// world is a folder of checkpoints and what is known of it from outside: each content that was saved, in order.
type world struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	of     *train.Trainer // that trains
	reader *train.Trainer // that only looks
	saves  map[[sha256.Size]byte]savedState
	count  int
	log    []string
}

type savedState struct {
	order, step int
	variables   string
}

// newest is the state saved last whose content a file still has.
func (w *world) newest() (newest savedState, found bool, present int) {
	for _, content := range files(w.t, w.dir) {
		present++
		if s, intact := w.saves[sha256.Sum256(content)]; intact && (!found || s.order > newest.order) {
			newest, found = s, true
		}
	}
	return newest, found, present
}

func (w *world) check() {
	w.t.Helper()
	want, found, present := w.newest()
	_, err := w.reader.Restore(w.dir)
	switch {
	case present == 0 && !errors.Is(err, train.ErrNoCheckpoint), present > 0 && errors.Is(err, train.ErrNoCheckpoint),
		present > 0 && !found && !errors.Is(err, train.ErrDamaged), found && err != nil:
		w.t.Fatalf("%d files, one of them whole: %v; Restore says %v\n%s", present, found, err, strings.Join(w.log, "\n"))
	case found && (w.reader.Step() != want.step || string(variablesOf(saved(w.t, w.reader))) != want.variables):
		w.t.Fatalf("Restore gives step %d, want the state of step %d, save %d\n%s", w.reader.Step(), want.step, want.order,
			strings.Join(w.log, "\n"))
	}
}

func (w *world) save(steps int) {
	w.t.Helper()
	before, had, _ := w.newest()
	earlier := files(w.t, w.dir)
	save(w.t, w.of, steps, w.dir)
	w.log = append(w.log, fmt.Sprintf("save step %d", w.of.Step()))
	content, err := os.ReadFile(w.of.LastCheckpoint())
	if err != nil {
		w.t.Fatalf("what was just saved is not there: %v\n%s", err, strings.Join(w.log, "\n"))
	}
	w.count++
	w.saves[sha256.Sum256(content)] = savedState{w.count, w.of.Step(), string(variablesOf(content))}
	kept, whole := false, 0
	all := files(w.t, w.dir)
	for _, content := range all {
		if s, intact := w.saves[sha256.Sum256(content)]; intact {
			whole++
			kept = kept || s.step == before.step && s.variables == before.variables
		}
	}
	replaced, was := w.saves[sha256.Sum256(earlier[filepath.Base(w.of.LastCheckpoint())])]
	if had && !kept && !(was && replaced == before) { // one of the same name makes room for what is saved later
		w.t.Fatalf("the good checkpoint of step %d is gone\n%s", before.step, strings.Join(w.log, "\n"))
	}
	if whole > 2 || len(all) > 4 {
		w.t.Fatalf("%d files are kept, %d of them whole\n%s", len(all), whole, strings.Join(w.log, "\n"))
	}
}

// damage does something to a file.
func (w *world) damage() {
	all := files(w.t, w.dir)
	if len(all) == 0 {
		return
	}
	list := slices.Sorted(maps.Keys(all))
	name := list[w.random.IntN(len(list))]
	path, content := filepath.Join(w.dir, name), slices.Clone(all[name])
	at := w.random.IntN(len(content) + 1)
	header := min(len(content), 6000)
	if w.random.IntN(2) == 0 {
		at = w.random.IntN(header + 1)
	}
	what := []string{"flip", "cut", "zero", "delete", "append", "replace", "swap"}[w.random.IntN(7)]
	w.log = append(w.log, fmt.Sprintf("%s %s at %d of %d", what, name, at, len(content)))
	switch other := list[w.random.IntN(len(list))]; {
	case what == "delete":
		if err := os.Remove(path); err != nil {
			w.t.Fatal(err)
		}
		return
	case what == "flip" && at < len(content):
		content[at] ^= 1 << w.random.IntN(8)
	case what == "cut":
		content = content[:at]
	case what == "zero":
		clear(content[at:min(len(content), at+512)])
	case what == "append":
		content = append(content, make([]byte, 1+w.random.IntN(100))...)
	case what == "replace": // by another's
		content = all[other]
	case what == "swap":
		write(w.t, filepath.Join(w.dir, other), content)
		content = all[other]
	}
	write(w.t, path, content)
}

// TestScenarios makes random sequences of saving, damaging, going back and resuming. After each, the state saved last
// that is whole is what Restore returns, and the last good one is never lost by a save.
func TestScenarios(t *testing.T) {
	backend := gantest.Go(t)
	of, reader := trainer(t, backend, tiny.Experiment(method.Alternating{})), trainer(t, backend, tiny.Experiment(method.Alternating{}))
	begin := t.TempDir()
	save(t, of, 0, begin)
	begin = of.LastCheckpoint()
	for seed := range scenarios {
		w := &world{t: t, random: rand.New(rand.NewPCG(uint64(seed), 1)), dir: t.TempDir(), of: of, reader: reader,
			saves: map[[sha256.Size]byte]savedState{}, log: []string{fmt.Sprint("seed ", seed)}}
		if err := of.RestoreFile(begin); err != nil {
			t.Fatal(err)
		}
		for range 12 {
			switch w.random.IntN(8) {
			case 0, 1, 2:
				w.save(w.random.IntN(3))
			case 3, 4, 5:
				w.damage()
			case 6: // as a new process with other --steps would
				if err := of.RestoreFile(begin); err != nil {
					t.Fatal(err)
				}
				w.log = append(w.log, "begin anew")
				w.save(w.random.IntN(3))
			case 7:
				if _, found, _ := w.newest(); found {
					if _, err := of.Restore(w.dir); err != nil {
						t.Fatal(err, w.log)
					}
					w.log = append(w.log, fmt.Sprint("resume at ", of.Step()))
				}
			}
			w.check()
		}
	}
}

const scenarios = 30
