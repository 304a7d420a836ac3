package kernel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// transaction is a notebook whose cells change many variables, all to the number of the round: small ones and ones that are files of
// their own, some of which lead to one another.
const transaction = `type Stamp struct { n int; next *Stamp }
round := 0
small := []int{0}
table := map[string]*int{"round": &round}
ring := &Stamp{}
ring.next = &Stamp{0, ring}
large := make([]uint64, 300_000)
half := large[150_000:]
more := make([]float64, 20_000)
words := []string{"0"}
var thing any = ring
told := func() int { return ring.next.n }
func change(to int) {
	*table["round"] = to
	small = append(small[:0], to, to, to)
	ring.n, ring.next.n = to, to
	for i := range half { half[i] = uint64(to) }
	more[7] = float64(to)
	words = nil
	for range 2000 { words = append(words, fmt.Sprint(to)) }
	thing = &Stamp{to, ring}
}
// stamps are the different numbers that are anywhere.
func stamps() []int {
	all := map[int]bool{round: true, ring.n: true, ring.next.n: true, int(half[9]): true, int(large[299_999]): true, int(more[7]): true, told(): true}
	for _, n := range small { all[n] = true }
	for _, w := range words { all[must(strconv.Atoi(w))] = true }
	if s, ok := thing.(*Stamp); ok { all[s.n] = true }
	return slices.Sorted(maps.Keys(all))
}`

// found checks that all variables have the number of one round.
func (c *client) found(round int, after string) {
	c.t.Helper()
	if r := c.run("fmt.Println(stamps())"); r.status != "ok" || r.stdout != fmt.Sprintf("[%d]\n", round) {
		c.t.Fatalf("%s the variables are of the rounds %q, not all of round %d: %s", after, r.stdout, round, r.evalue)
	}
}

// TestKilledCells kills cells with SIGKILL at random moments, while they change variables and while these are written. Behind it
// all variables are as before the cell, or all as after it, and which says the reply. GANTRY_TEST_KILLS says how many.
func TestKilledCells(t *testing.T) {
	seed := uint64(asked(t, "GANTRY_TEST_SEED", 1))
	rnd := rand.New(rand.NewPCG(seed, 1))
	c := startKernel(t)
	c.mustRun(transaction, "")
	type moment struct {
		code  string
		limit time.Duration // so that about every other kill comes in time
	}
	moments := []*moment{
		{"time.AfterFunc(%[1]d, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })\nchange(%[2]d)", 20 * time.Millisecond},
		{"change(%[2]d)\ntime.AfterFunc(%[1]d, func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })", 10 * time.Millisecond},
	}
	round, killed, kept := 0, 0, 0
	for i := range asked(t, "GANTRY_TEST_KILLS", 20) {
		m := moments[i%len(moments)]
		r := c.run(fmt.Sprintf(m.code, rnd.Int64N(int64(m.limit)), round+1))
		if r.status == "ok" {
			round++
			kept++
			m.limit -= m.limit / 5
		} else if killed++; !strings.Contains(r.evalue, "killed") {
			t.Fatalf("the cell fails otherwise: %s", r.evalue)
		} else {
			m.limit += m.limit / 5
		}
		c.found(round, fmt.Sprintf("seed %d, kill %d, the cell ended %s:", seed, i, r.status))
	}
	t.Logf("seed %d: %d cells were killed, %d had ended; the moments were within %s and %s", seed, killed, kept, moments[0].limit, moments[1].limit)
	if killed == 0 || kept == 0 {
		t.Errorf("all kills came on one side of the moment that matters: %d killed, %d kept", killed, kept)
	}
	c.expectSwept(t)
}

// expectSwept checks that of the values no files are left that nothing needs.
func (c *client) expectSwept(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.temp, "*", "values", "*"))
	const most = 20 // a manifest, and a few files of its values
	if err != nil || len(files) == 0 || len(files) > most {
		t.Errorf("%d files of values: %v %v", len(files), files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
}

// TestInterruptedCells interrupts cells at random moments: while they are read, built, run, and while their variables are written.
func TestInterruptedCells(t *testing.T) {
	seed := uint64(asked(t, "GANTRY_TEST_SEED", 1))
	rnd := rand.New(rand.NewPCG(seed, 2))
	c := startKernel(t)
	c.mustRun(transaction, "")
	limit := 400 * time.Millisecond
	round, stopped, kept := 0, 0, 0
	for i := range asked(t, "GANTRY_TEST_KILLS", 20) {
		id := c.execute(fmt.Sprintf("change(%d)", round+1))
		<-time.After(time.Duration(rnd.Int64N(int64(limit)))) // what is tested is a moment that nobody chose
		asking := c.send(c.control, "interrupt_request", map[string]any{})
		c.next(c.control, cellPatience, "interrupt_reply", answers(asking, "interrupt_reply"))
		r := c.finish(id)
		if r.status == "ok" {
			round++
			kept++
			limit -= limit / 8
		} else if strings.Contains(r.evalue, "its values are kept") { // it had come to its end when it was told to
			round++
			stopped++
		} else if stopped++; !strings.Contains(r.evalue, "Interrupted") {
			t.Fatalf("the cell fails otherwise: %s", r.evalue)
		} else {
			limit += limit / 8
		}
		c.found(round, fmt.Sprintf("seed %d, interrupt %d, the cell ended %s:", seed, i, r.status))
	}
	t.Logf("seed %d: %d cells were interrupted, %d had ended; the moments were within %s", seed, stopped, kept, limit)
	if stopped == 0 || kept == 0 {
		t.Errorf("all interrupts came on one side of the moment that matters: %d interrupted, %d kept", stopped, kept)
	}
	c.expectSwept(t)
}
