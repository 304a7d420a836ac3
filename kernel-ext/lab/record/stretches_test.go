package record

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/show"
)

// TestStretches wants a file of any length to be told in so many stretches, which together have each step once, the last one included.
func TestStretches(t *testing.T) {
	dir := t.TempDir()
	var file []byte
	const n = 1003
	for step := 1; step <= n; step++ {
		file = columnsBefore().append(file, Metric{Progress: train.Progress{Step: step}})
	}
	if err := os.WriteFile(filepath.Join(dir, HistoryFile), append(file, 1, 2, 3), 0o600); err != nil { // and one that is being written
		t.Fatal(err)
	}
	for _, most := range []int{1, 2, 100, 1000, n, 5000} {
		all, err := Stretches(dir, most)
		if err != nil || len(all) > most || 2*len(all) < min(most, n) {
			t.Fatalf("%d stretches (%v), want %d at most and at least half of them", len(all), err, most)
		}
		checkWhole(t, all, n)
	}
	if _, err := Stretches(t.TempDir(), 5); err == nil {
		t.Error("a folder without a history has stretches")
	}
}

// checkWhole wants stretches to have steps 1 to n once each.
func checkWhole(t *testing.T, all []show.Stretch, n int) {
	t.Helper()
	next := 1.0
	for i, s := range all {
		if want := next + float64(s.Steps-1)/2; s.Middle != want {
			t.Fatalf("the middle of stretch %d of %d is %g, want %g", i, len(all), s.Middle, want)
		}
		next += float64(s.Steps)
	}
	if int(next) != n+1 {
		t.Errorf("the last step of %d stretches is %g, want %d", len(all), next-1, n)
	}
}

// long is a history of ordinary steps but for each hundredth call, which moves the critic alone, with one spike.
type long struct {
	t    *testing.T
	path string
	*History
}

const (
	spikeAt     = 1234
	smallWindow = 600
)

func newLong(t *testing.T) *long {
	l := &long{t: t, path: filepath.Join(t.TempDir(), HistoryFile)}
	l.open("critic loss", "penalty")
	return l
}

func (l *long) open(numbers ...string) {
	l.t.Helper()
	h, err := OpenHistory(l.path, Columns{Numbers: numbers, Networks: []string{"critic"}})
	if err != nil {
		l.t.Fatal(err)
	}
	l.History = h
}

// call is what the history was given of a call.
func call(n int) Metric {
	m := metric(n, float64(n)/10, train.Number{Name: "critic loss", Value: math.Sin(float64(n))})
	m.Step = n - n/100
	if n%100 == 0 {
		m.Alone = "critic"
	}
	if m.Step == spikeAt && m.Alone == "" {
		m.Numbers[0].Value = 1000
	}
	return m
}

// goOn adds calls until there are n, and condenses as often as a run is saved.
func (l *long) goOn(n int, checkpoints ...int) {
	l.t.Helper()
	for l.N < n {
		if err := l.Add(call(l.N + 1)); err != nil {
			l.t.Fatal(err)
		}
		if l.N%500 == 0 {
			l.save(checkpoints...)
		}
	}
	l.save(checkpoints...)
}

func (l *long) save(checkpoints ...int) {
	l.t.Helper()
	if err := l.Sync(); err != nil {
		l.t.Fatal(err)
	}
	if err := l.condense(checkpoints, smallWindow); err != nil {
		l.t.Fatal(err)
	}
}

// check wants all calls to be known, and those that are kept one by one to be as they were.
func (l *long) check(n int) {
	l.t.Helper()
	if missing, err := l.Missing(); err != nil || missing != 0 || l.N != n {
		l.t.Fatalf("there are %d calls, %d of them missing (%v), want %d", l.N, missing, err, n)
	}
	at := 0
	for m, err := range l.Made(0, n) {
		at++
		want := call(at)
		if err != nil || m.Calls != at || m.Step != want.Step || m.Alone != want.Alone || m.Lost {
			l.t.Fatalf("call %d is %+v (%v), want %+v", at, m.Metric, err, want)
		}
		if !m.Agrees(want.Progress) {
			l.t.Fatalf("call %d is not recognised when it is made again", at)
		}
		if at > l.First() && m.At("critic loss") != want.Numbers[0].Value {
			l.t.Fatalf("call %d reports %g, want %g", at, m.At("critic loss"), want.Numbers[0].Value)
		}
		if m.Ordinary() && (at%997 == 1 || at == n) {
			if calls, found, err := l.CallsOf(m.Step); err != nil || !found || calls != at {
				l.t.Fatalf("step %d is found at call %d (%v, %v), want %d", m.Step, calls, found, err, at)
			}
		}
	}
	if at != n {
		l.t.Fatalf("%d calls can be made again, want %d", at, n)
	}
	for _, most := range []int{1, 7, 40} {
		all, err := l.Stretches(0, l.N, most)
		if err != nil {
			l.t.Fatal(err)
		}
		checkWhole(l.t, all, n-n/100)
		l.checkSpike(all)
	}
}

// checkSpike wants the one spike to be in one stretch, and means that are those of the steps.
func (l *long) checkSpike(all []show.Stretch) {
	l.t.Helper()
	spikes, sum, want := 0, 0.0, 0.0
	for _, s := range all {
		n, _ := s.Summary("critic loss")
		if n.Greatest == 1000 {
			spikes++
		}
		sum += n.Mean * float64(n.Reports)
	}
	for i := 1; i <= l.N; i++ {
		if m := call(i); m.Ordinary() {
			want += m.Numbers[0].Value
		}
	}
	there := 0
	if l.N > spikeAt+spikeAt/90 {
		there = 1
	}
	if spikes != there || math.Abs(sum-want) > 1e-6 {
		l.t.Errorf("%d of %d stretches have the spike, and the sum of all is %g, want %d and %g", spikes, len(all), sum, there, want)
	}
}

// TestLongHistory wants a long history to stay small and to have every spike, step and move of a network alone in it, read by its
// process, by the next, and by who only looks.
func TestLongHistory(t *testing.T) {
	l := newLong(t)
	for _, n := range []int{1000, 3000, 10_000, 10_777} {
		l.goOn(n, 1001, 2345)
		l.check(n)
		if info, err := os.Stat(l.path); err != nil || info.Size() > int64(l.columns.Size()*(2*smallWindow+700)) {
			t.Errorf("after %d calls the file of the newest has %d bytes (%v)", n, info.Size(), err)
		}
		l.open("critic loss", "penalty")
		l.check(n)
	}
	all, err := Stretches(filepath.Dir(l.path), 50)
	if err != nil {
		t.Fatal(err)
	}
	checkWhole(t, all, l.N-l.N/100)
	l.checkSpike(all)
	recorded, err := Recorded(filepath.Dir(l.path))
	if err != nil || len(recorded) != l.N-l.First() || recorded[0].Calls != l.First()+1 {
		t.Errorf("who looks sees %d records (%v), want %d", len(recorded), err, l.N-l.First())
	}
	unpacked := l.columns.Stretches(l.columns.PackStretches(all))
	if len(unpacked) != len(all) || !slices.EqualFunc(unpacked, all, func(a, b show.Stretch) bool {
		return a.Steps == b.Steps && a.Middle == b.Middle && slices.Equal(a.Numbers, b.Numbers)
	}) {
		t.Error("stretches change when they are packed")
	}
}

// TestLongHistoryGoesBack wants a long history to be cut anywhere: at a checkpoint, and between two with the calls since made again.
func TestLongHistoryGoesBack(t *testing.T) {
	const checkpoint = 2345
	for _, n := range []int{9000, checkpoint, checkpoint + 1, 2500, 2700, 0} {
		l := newLong(t)
		l.goOn(10_000, 1001, checkpoint)
		if n > 0 && n < l.First() && l.First() < checkpoint {
			t.Fatalf("the newest records begin at call %d, which tests nothing", l.First())
		}
		var again []Metric
		for i := max(checkpoint, n-1000) + 1; i <= n; i++ {
			again = append(again, call(i))
		}
		if err := l.Cut(n, again...); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			l.check(n)
		}
		l.goOn(10_000)
		l.check(10_000)
		l.open("critic loss", "penalty")
		l.check(10_000)
	}
}

// TestLongHistoryLosesLittle wants a cut within a block whose calls were not made again to lose the calls of that block alone.
func TestLongHistoryLosesLittle(t *testing.T) {
	l := newLong(t)
	l.goOn(10_000)
	if err := l.Cut(2700); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for m, err := range l.Made(0, 2700) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Lost {
			lost++
		} else if lost > 0 {
			t.Fatalf("call %d is there, but not those before it", m.Calls)
		}
	}
	if lost == 0 || lost >= blockCalls || l.N != 2700 {
		t.Errorf("%d of %d calls are lost, want fewer than %d", lost, l.N, blockCalls)
	}
	for i := 2701; i <= 6000; i++ {
		m := call(i)
		if err := l.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	l.save()
	l.open("critic loss", "penalty")
	again := 0
	for m, err := range l.Made(0, 6000) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Lost {
			again++
		} else if m.Step != call(m.Calls).Step {
			t.Fatalf("call %d is step %d, want %d", m.Calls, m.Step, call(m.Calls).Step)
		}
	}
	if again != lost {
		t.Errorf("%d calls are lost once it is condensed, want the same %d", again, lost)
	}
}

// TestKilledWhileCondensed wants a process that was killed between the two files to have lost and doubled nothing.
func TestKilledWhileCondensed(t *testing.T) {
	l := newLong(t)
	l.goOn(3000)
	for l.N < 4500 {
		if err := l.Add(call(l.N + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	first := l.First()
	l.save()
	if l.First() == first {
		t.Fatal("nothing was condensed")
	}
	if err := os.WriteFile(l.path, before, 0o600); err != nil { // the new one did not get its place
		t.Fatal(err)
	}
	past, err := os.OpenFile(earlierBeside(l.path), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := past.Write([]byte("half a block")); err != nil {
		t.Fatal(err)
	}
	past.Close()
	l.open("critic loss", "penalty")
	l.check(4500)
	l.goOn(9000)
	l.check(9000)
}

// TestCondensedAgain wants what could not be finished, because the disk was full, to be done anew, with other checkpoints.
func TestCondensedAgain(t *testing.T) {
	l := newLong(t)
	l.goOn(3000)
	for l.N < 4500 {
		if err := l.Add(call(l.N + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	records, err := l.read(l.First(), l.First()+100)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.addEarlier([]block{l.columns.blockOf(records, l.First())}); err != nil { // and no more
		t.Fatal(err)
	}
	l.check(4500)
	l.save(3333)
	l.check(4500)
}

// TestDamagedEarlier wants a damaged block to be a gap, not numbers, and a file that cannot be read at all to be moved aside.
func TestDamagedEarlier(t *testing.T) {
	l := newLong(t)
	l.goOn(10_000)
	path := earlierBeside(l.path)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := l.earlier.header + 3*l.columns.blockSize() + 70
	content[at] ^= 0x40
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	l.open("critic loss", "penalty")
	if missing, err := l.Missing(); err != nil || missing != blockCalls {
		t.Errorf("%d calls are missing (%v), want those of a block, %d", missing, err, blockCalls)
	}
	lost := 0
	for m, err := range l.Made(0, l.N) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Lost {
			lost++
		}
	}
	if lost != blockCalls {
		t.Errorf("%d calls cannot be made again, want %d", lost, blockCalls)
	}
	steps := 0
	all, err := l.Stretches(0, l.N, 5000)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		steps += s.Steps
	}
	if want := 9900 - blockCalls; steps < want || steps > want+3 {
		t.Errorf("the stretches have %d steps, want about %d", steps, want)
	}
	first := l.First()
	if err := os.WriteFile(path, content[5:], 0o600); err != nil {
		t.Fatal(err)
	}
	l.open("critic loss", "penalty")
	if missing, err := l.Missing(); err != nil || missing != first {
		t.Errorf("%d calls are missing (%v) without the file, want %d", missing, err, first)
	}
	if aside, err := filepath.Glob(path + ".damaged-*"); err != nil || len(aside) != 1 {
		t.Errorf("%q (%v) lie aside", aside, err)
	}
	if recorded, err := Recorded(filepath.Dir(l.path)); err != nil || len(recorded) != l.N-first {
		t.Errorf("who looks sees %d records (%v), want %d", len(recorded), err, l.N-first)
	}
}

// TestDamagedNewest wants a history whose newest records cannot be read to keep what came before them.
func TestDamagedNewest(t *testing.T) {
	l := newLong(t)
	l.goOn(10_000)
	first := l.First()
	if err := os.WriteFile(l.path, []byte(headerMark+"{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.open("critic loss", "penalty")
	if l.N != first {
		t.Fatalf("there are %d calls, want the earlier %d", l.N, first)
	}
	l.check(first)
	if last, err := l.Last(); err != nil || last.Calls != first || last.Step != call(first).Step {
		t.Errorf("the last is %+v (%v)", last, err)
	}
}

// TestLongHistoryWidens wants a long history to go on with numbers that its earlier calls do not have.
func TestLongHistoryWidens(t *testing.T) {
	l := newLong(t)
	l.goOn(5000)
	l.open("critic loss", "cycle loss")
	l.goOn(9000)
	l.check(9000)
	l.open("critic loss", "penalty", "cycle loss")
	l.check(9000)
	if got := l.Columns().Numbers; !slices.Equal(got, []string{"critic loss", "penalty", "cycle loss"}) {
		t.Errorf("the columns are %q", got)
	}
}

// TestLastNumbers wants of each number the one that Each tells last, also where only older calls or none report it.
func TestLastNumbers(t *testing.T) {
	l := newLong(t)
	l.open("critic loss", "penalty", "distance", "never")
	check := func(numbers int) {
		t.Helper()
		want := map[string]float64{}
		err := Each(filepath.Dir(l.path), func(m Metric) error {
			for _, n := range m.Numbers {
				want[n.Name] = n.Value
			}
			return nil
		})
		got, lastErr := LastNumbers(filepath.Dir(l.path))
		if err != nil || lastErr != nil || len(want) != numbers || !maps.Equal(got, want) {
			t.Errorf("after %d calls the last are %v (%v), want %v (%v)", l.N, got, lastErr, want, err)
		}
	}
	check(0)
	for n := 1; n <= 9000; n++ {
		m := call(n)
		if n < 2000 {
			m.Numbers = append(m.Numbers, train.Number{Name: "penalty", Value: float64(n)})
		}
		if n%700 == 0 {
			m.Numbers = append(m.Numbers, train.Number{Name: "distance", Value: float64(n)})
		}
		if err := l.Add(m); err != nil {
			t.Fatal(err)
		}
		if n%500 == 0 {
			l.save()
		}
		if n == 500 {
			check(2)
		}
	}
	if l.First() < 2000 {
		t.Fatalf("only %d calls are older", l.First())
	}
	check(3)
}
