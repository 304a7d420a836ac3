package store

import (
	"errors"
	"os"
	"syscall"
)

// A Manifest says what one state of a notebook's values is.
type Manifest struct {
	Values   []Value   // by name
	Clusters []Cluster // what values share no memory with each other
}

// NotKept is the cluster of a value that has none.
const NotKept = -1

// A Value is what is kept under one name, or the reason why nothing is.
type Value struct {
	Name    string
	Type    string // as reflect writes it
	Print   uint64 // fingerprint of the type and of all types that it is made of
	Cell    int    // that declared it
	Size    int64  // bytes of memory, what it shares with others included
	Cluster int    // index in Clusters, or NotKept
	Why     string // for a value that is not kept: the reason in words, such as "a channel (x.done)"
	Changed bool   // it was kept until a cell changed what it is made of; Why is a clause then, such as "the type T has changed"
	Types   []Named
}

// Named is a type of a cell that a value reaches.
type Named struct {
	Name  string
	Print uint64 // fingerprint, as in Value
}

// A Cluster is what is read and written together: values that share memory.
type Cluster struct {
	File   string
	Size   int64  // bytes of File
	Sum    uint32 // of File
	Blocks []Block
	Uses
}

// Uses is what a program must have to bring a cluster back.
type Uses struct {
	Code     []string // functions, by the names that runtime.FuncForPC gives; for a function literal of a cell that of its code
	Types    []Type   // in interfaces
	StandIns []Type   // kept by a stand-in or an adapter
	Globals  []string // variables of packages whose identity is kept
}

// A Block is a file that holds a large piece of memory without pointers and nothing else.
type Block struct {
	File string
	Size int64  // bytes
	Sum  uint32 // of the content
	Time int64  // when it was last written to, in nanoseconds since 1970
}

// A Type can be named in a program's text or not.
type Type struct {
	// Expr is the type in Go, with each package's import path in quotes for its name: map[string]*"net/url".URL. A type of
	// a cell has "main".
	Expr string
	// Packages are the import paths in Expr, each once, without main.
	Packages []string
	// Nameable says whether all names in Expr are exported ones, predeclared, or of package main.
	Nameable bool
}

const manifestMagic = "gantry values 2\n"

// ReadManifest reads a manifest of a folder. The error is ErrDamaged where the file is not as it was written.
func ReadManifest(dir, name string) (*Manifest, error) {
	if !Proper(name) {
		return nil, errors.New("no manifest of kept values is named " + name)
	}
	b, err := readAll(dir, name)
	if err != nil {
		return nil, err
	}
	head := len(manifestMagic)
	if len(b) < head+sumSize || string(b[:head]) != manifestMagic {
		return nil, Damaged(name, "it is no manifest")
	}
	body, end := b[head:len(b)-sumSize], b[len(b)-sumSize:]
	if appended := appendSum(nil, Sum(body)); string(appended) != string(end) {
		return nil, Damaged(name, "its checksum is another one")
	}
	m := decodeManifest(body)
	if m == nil {
		return nil, Damaged(name, "it is no manifest")
	}
	return m, nil
}

const sumSize = 4

func appendSum(b []byte, sum uint32) []byte {
	return append(b, byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

// Write leaves the manifest in a folder as a file that is there whole or not at all.
func (m *Manifest) Write(dir, name string) error {
	if !Proper(name) {
		return errors.New("no manifest of kept values can be named " + name)
	}
	var w Writer
	w.Bytes = append(w.Bytes, manifestMagic...)
	m.encode(&w)
	w.Bytes = appendSum(w.Bytes, Sum(w.Bytes[len(manifestMagic):]))
	beside := name + besideSuffix
	if err := Write(dir, beside, w.Bytes); err != nil {
		return err
	}
	if err := syscall.Rename(Path(dir, beside), Path(dir, name)); err != nil {
		return &os.LinkError{Op: "rename", Old: Path(dir, beside), New: Path(dir, name), Err: err}
	}
	return nil
}

const besideSuffix = ".new"

// Proper says whether a file of this package may have this name.
func Proper(name string) bool {
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return false
		}
	}
	return name != "" && len(name) < 200 && name[0] != '.'
}

// Value returns what the manifest says of a name, or nil.
func (m *Manifest) Value(name string) *Value {
	for i := range m.Values {
		if m.Values[i].Name == name {
			return &m.Values[i]
		}
	}
	return nil
}

// Without returns a manifest that has forgotten some names. Clusters that no name is left of go with them.
func (m *Manifest) Without(names ...string) *Manifest {
	forgotten := map[string]bool{}
	for _, name := range names {
		forgotten[name] = true
	}
	return m.Only(func(v Value) bool { return !forgotten[v.Name] })
}

// Only returns a manifest of some of the values.
func (m *Manifest) Only(keep func(Value) bool) *Manifest {
	out := &Manifest{}
	moved := map[int]int{NotKept: NotKept}
	for _, v := range m.Values {
		if !keep(v) {
			continue
		}
		to, ok := moved[v.Cluster]
		if !ok {
			to = len(out.Clusters)
			moved[v.Cluster] = to
			out.Clusters = append(out.Clusters, m.Clusters[v.Cluster])
		}
		v.Cluster = to
		out.Values = append(out.Values, v)
	}
	return out
}

// Files are the names of all files that the manifest needs.
func (m *Manifest) Files() []string {
	var files []string
	for _, c := range m.Clusters {
		files = append(files, c.File)
		for _, b := range c.Blocks {
			files = append(files, b.File)
		}
	}
	return files
}

func (m *Manifest) encode(w *Writer) {
	w.Uint(uint64(len(m.Clusters)))
	for _, c := range m.Clusters {
		w.Text(c.File)
		w.Uint(uint64(c.Size))
		w.Uint(uint64(c.Sum))
		w.Uint(uint64(len(c.Blocks)))
		for _, b := range c.Blocks {
			w.Text(b.File)
			w.Uint(uint64(b.Size))
			w.Uint(uint64(b.Sum))
			w.Int(int(b.Time))
		}
		w.Texts(c.Code)
		encodeTypes(w, c.Types)
		encodeTypes(w, c.StandIns)
		w.Texts(c.Globals)
	}
	w.Uint(uint64(len(m.Values)))
	for _, v := range m.Values {
		w.Text(v.Name)
		w.Text(v.Type)
		w.Uint(v.Print)
		w.Int(v.Cell)
		w.Uint(uint64(v.Size))
		w.Int(v.Cluster)
		w.Text(v.Why)
		w.Uint(uint64(oneIf(v.Changed)))
		w.Uint(uint64(len(v.Types)))
		for _, t := range v.Types {
			w.Text(t.Name)
			w.Uint(t.Print)
		}
	}
}

func encodeTypes(w *Writer, list []Type) {
	w.Uint(uint64(len(list)))
	for _, t := range list {
		w.Text(t.Expr)
		w.Texts(t.Packages)
		w.Uint(uint64(oneIf(t.Nameable)))
	}
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// decodeManifest is nil for bytes that are no manifest.
func decodeManifest(b []byte) *Manifest {
	r := NewReader(b)
	m := &Manifest{}
	for range r.Count() {
		c := Cluster{File: r.Text(), Size: int64(r.Uint()), Sum: uint32(r.Uint())}
		for range r.Count() {
			c.Blocks = append(c.Blocks, Block{File: r.Text(), Size: int64(r.Uint()), Sum: uint32(r.Uint()), Time: int64(r.Int())})
		}
		c.Code, c.Types, c.StandIns, c.Globals = r.Texts(), decodeTypes(r), decodeTypes(r), r.Texts()
		m.Clusters = append(m.Clusters, c)
	}
	for range r.Count() {
		v := Value{
			Name: r.Text(), Type: r.Text(), Print: r.Uint(), Cell: r.Int(), Size: int64(r.Uint()), Cluster: r.Int(), Why: r.Text(),
			Changed: r.Uint() == 1,
		}
		for range r.Count() {
			v.Types = append(v.Types, Named{Name: r.Text(), Print: r.Uint()})
		}
		if v.Cluster < NotKept || v.Cluster >= len(m.Clusters) {
			return nil
		}
		m.Values = append(m.Values, v)
	}
	for _, file := range m.Files() {
		if !Proper(file) {
			return nil
		}
	}
	if r.Failed() || r.Left() != 0 {
		return nil
	}
	return m
}

func decodeTypes(r *Reader) []Type {
	var list []Type
	for range r.Count() {
		list = append(list, Type{Expr: r.Text(), Packages: r.Texts(), Nameable: r.Uint() == 1})
	}
	return list
}
