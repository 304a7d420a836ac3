package jupyter

import (
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp"
)

// TestANameIsNotTaken lets a stranger connect under the identity of a client.
func TestANameIsNotTaken(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "s")
	s, err := Listen(zmtp.Router, endpoint, &Logger{To: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(0)
	s.Serve(func(frames [][]byte, trust func()) {
		if string(frames[1]) == "signed" {
			trust()
		}
		s.Send(frames)
	})
	got := make(chan string, 10)
	hear := func(l *Link, name string) {
		for {
			frames, err := l.Receive()
			if err != nil {
				got <- name + " cut off"
				return
			}
			got <- name + " " + string(frames[0])
		}
	}
	client := dialForTest(t, zmtp.Dealer, endpoint, "same")
	go hear(client, "client")
	say := func(l *Link, text, want string) {
		t.Helper()
		if err := l.Send([][]byte{[]byte(text)}); err != nil {
			t.Fatal(err)
		}
		select {
		case heard := <-got:
			if heard != want {
				t.Errorf("%s, want %s", heard, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("nothing is heard, want %s", want)
		}
	}
	say(client, "signed", "client signed")
	stranger := dialForTest(t, zmtp.Dealer, endpoint, "same")
	go hear(stranger, "stranger")
	say(stranger, "guess", "client guess") // the answer goes to whom the name belongs
	say(client, "signed", "client signed")
	again := dialForTest(t, zmtp.Dealer, endpoint, "same") // the client once more, its first connection not seen dead yet
	go hear(again, "again")
	if err := again.Send([][]byte{[]byte("signed")}); err != nil {
		t.Fatal(err)
	}
	var heard []string
	for range 3 {
		select {
		case h := <-got:
			heard = append(heard, h)
		case <-time.After(5 * time.Second):
			t.Fatalf("only %q", heard)
		}
	}
	slices.Sort(heard)
	if want := []string{"again signed", "client cut off", "stranger cut off"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// TestManySubscribersThatDoNotReadAreCutOffTogether: each of them alone would hold up a cell for as long as it may.
func TestManySubscribersThatDoNotReadAreCutOffTogether(t *testing.T) {
	s, endpoint := listenForTest(t, zmtp.Pub, func(*Socket, [][]byte) {})
	const stopped = 20
	for range stopped {
		if err := dialForTest(t, zmtp.Sub, endpoint, "").Subscribe(); err != nil {
			t.Fatal(err)
		}
	}
	subscribed := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		n := 0
		for p := range s.peers {
			if p.subscribed([]byte("x")) {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(5 * time.Second); subscribed() < stopped; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no subscription")
		}
	}
	started := time.Now()
	body := make([]byte, 1<<20)
	for range peerBytes>>20 + 16 {
		s.Send([][]byte{[]byte("x"), body})
	}
	if took := time.Since(started); took > stopped/2*s.patience {
		t.Errorf("%d subscribers that do not read hold up the kernel for %s", stopped, took)
	}
}
