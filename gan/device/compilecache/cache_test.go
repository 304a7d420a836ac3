//go:build linux

package compilecache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("GANTRY_TEST_WRITE_ENTRIES"); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

func open(t *testing.T) *Folder {
	t.Helper()
	f, err := Open(filepath.Join(t.TempDir(), "compiled"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func said(f *Folder) string {
	text, _ := os.ReadFile(filepath.Join(f.dir, logFile))
	return string(text)
}

// TestEntry wants an entry back as it was, and after each kind of damage nothing, and the reason in the log.
func TestEntry(t *testing.T) {
	key, other := Key{1}, Key{1: 1}
	payload := bytes.Repeat([]byte("native code "), 1000)
	write := func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) }
	for what, spoil := range map[string]func(path string, content []byte) error{
		"a bit of the code":  func(path string, c []byte) error { c[len(c)-7] ^= 4; return write(path, c) },
		"a bit of the sum":   func(path string, c []byte) error { c[len(form)+40] ^= 1; return write(path, c) },
		"a bit of the key":   func(path string, c []byte) error { c[len(form)] ^= 1; return write(path, c) },
		"another form":       func(path string, c []byte) error { c[0] ^= 1; return write(path, c) },
		"cut short":          func(path string, c []byte) error { return write(path, c[:len(c)/2]) },
		"cut to its head":    func(path string, c []byte) error { return write(path, c[:len(form)+2*sha256.Size]) },
		"empty":              func(path string, c []byte) error { return write(path, nil) },
		"a tail":             func(path string, c []byte) error { return write(path, append(c, 0)) },
		"longer than memory": func(path string, c []byte) error { return os.Truncate(path, 1<<40) },
		"writable by others": func(path string, c []byte) error { return os.Chmod(path, 0o666) },
		"a pipe":             func(path string, c []byte) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"a link": func(path string, c []byte) error {
			return errors.Join(os.Rename(path, path+".aside"), os.Symlink(path+".aside", path))
		},
		"a folder": func(path string, c []byte) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		f := open(t)
		if got := f.Load(key); got != nil || said(f) != "" {
			t.Fatalf("an empty folder gives %d bytes and says %q", len(got), said(f))
		}
		f.Store(key, payload)
		if got := f.Load(key); !bytes.Equal(got, payload) {
			t.Fatalf("%d bytes came back of %d; the log: %s", len(got), len(payload), said(f))
		}
		if f.Load(other) != nil {
			t.Fatal("an entry of another key came back")
		}
		path := f.path(key)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(path, content); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := f.Load(key); got != nil {
			t.Errorf("%s: %d bytes came back, want none", what, len(got))
		}
		if !strings.Contains(said(f), filepath.Base(path)) {
			t.Errorf("%s: the log says %q, want it to name the entry", what, said(f))
		}
		f.Store(key, payload)
		if got := f.Load(key); !bytes.Equal(got, payload) {
			t.Errorf("%s: after it was written anew %d bytes came back of %d; the log: %s", what, len(got), len(payload), said(f))
		}
	}
}

// TestOpen wants a folder that is this user's alone.
func TestOpen(t *testing.T) {
	f := open(t)
	if info, err := os.Stat(f.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v, want mode 0700", info, err)
	}
	public, link := filepath.Join(t.TempDir(), "public"), filepath.Join(t.TempDir(), "link")
	err := errors.Join(os.Mkdir(public, 0o777), os.Chmod(public, 0o777), os.Symlink(f.dir, link))
	if err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"a folder that others write to": public, "a link": link, "no folder": "/dev/null"} {
		if _, err := Open(dir); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}

// TestPrune wants those entries to stay that were used last, and the work of living processes.
func TestPrune(t *testing.T) {
	f := open(t)
	hour := func(ago int) time.Time { return time.Now().Add(-time.Duration(ago) * time.Hour) }
	for i := range 10 {
		f.Store(Key{byte(i)}, make([]byte, 1000))
		if err := os.Chtimes(f.path(Key{byte(i)}), hour(20-i), hour(20-i)); err != nil {
			t.Fatal(err)
		}
	}
	f.Load(Key{2}) // now it is the one that was used last
	for name, ago := range map[string]int{"old": 2, "young": 0} {
		path := filepath.Join(f.dir, tempPrefix+name)
		if err := errors.Join(os.WriteFile(path, make([]byte, 10), 0o600), os.Chtimes(path, hour(ago), hour(ago))); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.prune(3500); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if stays, want := f.Load(Key{byte(i)}) != nil, i == 2 || i >= 8; stays != want {
			t.Errorf("entry %d stays: %t, want %t", i, stays, want)
		}
	}
	for name, want := range map[string]bool{"old": false, "young": true} {
		if _, err := os.Stat(filepath.Join(f.dir, tempPrefix+name)); (err == nil) != want {
			t.Errorf("the %s half-written file is there: %t, want %t", name, err == nil, want)
		}
	}
}

// made is the payload of a key in TestKilled.
func made(key Key) []byte {
	payload := make([]byte, 300_000)
	random := rand.New(rand.NewPCG(uint64(key[0]), 0))
	for i := 0; i+8 <= len(payload); i += 8 {
		binary.LittleEndian.PutUint64(payload[i:], random.Uint64())
	}
	return payload
}

const killedKeys = 8

func writeForEver(dir string) {
	f, err := Open(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		key := Key{byte(i % killedKeys)}
		f.Store(key, made(key))
		fmt.Println(i)
	}
}

// TestKilled kills 200 processes while they write entries, two at a time, and wants none of what they leave to be wrong.
func TestKilled(t *testing.T) {
	f := open(t)
	whole := 0
	for round := range 100 {
		var writers [2]*exec.Cmd
		for i := range writers {
			w := exec.Command(os.Args[0])
			w.Env = append(os.Environ(), "GANTRY_TEST_WRITE_ENTRIES="+f.dir)
			out, err := w.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Start(); err != nil {
				t.Fatal(err)
			}
			writers[i] = w
			if _, err := out.Read(make([]byte, 1)); err != nil { // it has written one, and writes the next
				t.Fatal(err)
			}
		}
		for spins := rand.IntN(200_000); spins > 0; spins-- { // anywhere within the writing of an entry
		}
		for _, w := range writers {
			w.Process.Kill()
			w.Wait()
		}
		for i := range killedKeys {
			key := Key{byte(i)}
			switch got := f.Load(key); {
			case got == nil:
			case !bytes.Equal(got, made(key)):
				t.Fatalf("round %d: entry %d is not what was written", round, i)
			default:
				whole++
			}
		}
	}
	if whole < 100 {
		t.Errorf("only %d entries were there in 100 rounds: the test tests nothing", whole)
	}
	if said(f) != "" {
		t.Errorf("a half-written entry was seen under a final name: %s", said(f))
	}
}

// TestKey wants another key for all that changes what the compiler makes, and for nothing else.
func TestKey(t *testing.T) {
	f := open(t)
	plugin := filepath.Join(t.TempDir(), "plugin.so")
	if err := os.WriteFile(plugin, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := func(program, options string) Key {
		t.Helper()
		k, err := newKeyring(plugin, flags(), f)
		if err != nil {
			t.Fatal(err)
		}
		return k.key([]byte(program), []byte(options))
	}
	first := key("program", "options")
	if again := key("program", "options"); again != first {
		t.Error("the same gives another key")
	}
	if key("programo", "ptions") == first || key("program2", "options") == first || key("program", "options2") == first {
		t.Error("another program or other options have the same key")
	}
	if err := os.WriteFile(plugin, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := key("program", "options")
	if second == first {
		t.Error("another plugin has the same key")
	}
	if err := os.Rename(plugin, plugin+"2"); err != nil {
		t.Fatal(err)
	}
	plugin += "2"
	if key("program", "options") != second {
		t.Error("the same plugin in another place has another key")
	}
	t.Setenv("XLA_FLAGS", "--xla_cpu_prefer_vector_width=256")
	if key("program", "options") == second {
		t.Error("other flags have the same key")
	}
}
