package store

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"
)

func example() *Manifest {
	return &Manifest{
		Clusters: []Cluster{
			{File: "m1-1", Size: 10, Sum: 5, Blocks: []Block{{File: "m1-2", Size: 1 << 40, Sum: 7, Time: -5}}},
			{File: "m1-3", Uses: Uses{
				Code: []string{"main.f"}, Globals: []string{"io.EOF"},
				Types:    []Type{{Expr: `*"net/url".URL`, Packages: []string{"net/url"}, Nameable: true}, {Expr: "int"}},
				StandIns: []Type{{Expr: `*"main".T`, Nameable: true}},
			}},
		},
		Values: []Value{
			{Name: "a", Type: "int", Print: 1 << 63, Cell: 3, Size: 8, Cluster: 1},
			{Name: "b", Cluster: NotKept, Why: "a channel (b.c)", Cell: -1, Types: []Named{{Name: "T", Print: 9}}},
			{Name: "b2", Cluster: NotKept, Why: "the type T has changed", Changed: true},
			{Name: "c", Cluster: 0},
		},
	}
}

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	m := example()
	if err := m.Write(dir, "m1"); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(dir, "m1")
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%v\n%+v\n%+v", err, got, m)
	}
	if info, err := os.Stat(Path(dir, "m1")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if _, err := ReadManifest(dir, "m2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a manifest that is not there: %v", err)
	}
	for _, name := range []string{"", "../m1", ".m1", "a\x00", "a/b"} {
		if _, err := ReadManifest(dir, name); err == nil {
			t.Errorf("%q was read", name)
		}
		if err := m.Write(dir, name); err == nil {
			t.Errorf("%q was written", name)
		}
	}
	whole, _ := os.ReadFile(Path(dir, "m1"))
	for i := range whole {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		if err := os.WriteFile(Path(dir, "m1"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadManifest(dir, "m1"); !errors.Is(err, ErrDamaged) {
			t.Fatalf("a flipped bit of byte %d: %v", i, err)
		}
		if err := Sweep(dir, "m1"); !errors.Is(err, ErrDamaged) {
			t.Fatalf("Sweep by a damaged manifest: %v", err)
		}
	}
}

func TestWithout(t *testing.T) {
	m := example().Without("c", "x")
	if len(m.Clusters) != 1 || m.Value("a").Cluster != 0 || m.Clusters[0].File != "m1-3" || m.Value("c") != nil || m.Value("b").Cluster != NotKept {
		t.Errorf("%+v", m)
	}
	if files := example().Files(); !slices.Equal(files, []string{"m1-1", "m1-2", "m1-3"}) {
		t.Error(files)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"m0", "m0-1", "m1-1", "m1-2", "m1-3", "m2.new"} {
		if err := Write(dir, name, []byte("x"), []byte("y")); err != nil {
			t.Fatal(err)
		}
	}
	if err := example().Write(dir, "m1"); err != nil {
		t.Fatal(err)
	}
	left := func() (names []string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if err := Sweep(dir, "m1"); err != nil || !slices.Equal(left(), []string{"m1", "m1-1", "m1-2", "m1-3"}) {
		t.Errorf("%v %v", err, left())
	}
	if err := Sweep(dir, ""); err != nil || len(left()) != 0 {
		t.Errorf("%v %v", err, left())
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, "f", []byte("hello"), []byte(" world")); err != nil {
		t.Fatal(err)
	}
	sum := Sum([]byte("hello world"))
	if sum != SumOn(Sum([]byte("hello")), []byte(" world")) {
		t.Error("sums do not add up")
	}
	if b, err := Read(dir, "f", 11, sum); err != nil || string(b) != "hello world" {
		t.Errorf("%q %v", b, err)
	}
	if _, err := Read(dir, "f", 10, sum); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if _, err := Read(dir, "f", 11, sum+1); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

func TestNumbers(t *testing.T) {
	var w Writer
	numbers := []int{0, 1, -1, 63, -64, 1 << 40, -1 << 63, 1<<63 - 1}
	for _, n := range numbers {
		w.Int(n)
	}
	w.Uint(1<<64 - 1)
	w.Texts([]string{"", "ä"})
	r := NewReader(w.Bytes)
	for _, n := range numbers {
		if got := r.Int(); got != n {
			t.Errorf("%d became %d", n, got)
		}
	}
	if r.Uint() != 1<<64-1 || !slices.Equal(r.Texts(), []string{"", "ä"}) || r.Failed() || r.Left() != 0 {
		t.Error("the rest")
	}
	if r.Uint(); !r.Failed() {
		t.Error("more than there is was read")
	}
}

func FuzzManifest(f *testing.F) {
	var w Writer
	example().encode(&w)
	f.Add(w.Bytes)
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := decodeManifest(b); m != nil {
			var w Writer
			m.encode(&w)
			if again := decodeManifest(w.Bytes); !reflect.DeepEqual(again, m) {
				t.Errorf("%+v\n%+v", m, again)
			}
		}
	})
}
