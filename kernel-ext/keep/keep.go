package keep

import (
	"os"
	"reflect"
	"sync/atomic"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// The environment by which a kernel says where values are. Without EnvDir nothing is kept.
const (
	EnvDir  = "GANTRY_VALUES"      // folder of package store, private to the kernel
	EnvFrom = "GANTRY_VALUES_FROM" // name of the manifest that says what there is; none if empty
	EnvTo   = "GANTRY_VALUES_TO"   // name of the manifest to write at the end; nothing is written if empty
)

// A Program says what of a program is kept. The kernel writes it, beside the text of a cell.
type Program struct {
	Cell int   // number of the cell
	Vars []Var // that the cell can reach or declares, and those that share memory with them

	// Code are functions that values may hold, by the names that runtime.FuncForPC gives, such as "main.add" or
	// "strings.ToUpper"; for an instance of a generic function any name. All functions of cells that values may hold must be
	// there, those of packages if nothing else makes the linker keep them.
	//
	// A literal that captures variables is made by a function of its own, main.gantryLit3_1, that takes pointers to them in
	// the order of their first use and must not be inlined. It is listed by its name. A method value is listed by its
	// name too, "main.(*T).Add-fm", with a function that makes it of its receiver.
	Code map[string]any

	// Types are values of types, usually nil pointers to them, that interfaces in values may hold.
	Types []any

	// Globals are pointers that packages' variables hold, whose identity is kept, by any names: sql.ErrNoRows.
	Globals map[string]any

	// Adapters are for types of packages that have no method Kept.
	Adapters []Foreign
}

// A Var is a variable of package main.
type Var struct {
	Name string
	At   any  // a pointer to it
	New  bool // the cell declares it: what is kept under its name is another one
	// Now points to a pointer that the cell sets to the variable where it declares it anew; until then the name is that of what was kept
	// under it. If it is nil, the name is the variable's from the beginning.
	Now any
	Old bool // what was kept under its name before the cell declared it anew; it is brought back and not kept again
}

// Foreign is an Adapter. Generated calls know no more of it: the compiler takes long over a program that knows reflect.Type.
type Foreign interface{ foreign() }

// An Adapter makes a type of another package take part by a stand-in, as if it had the method Kept.
type Adapter struct {
	Type reflect.Type           // a pointer's type, if all pointers to a value are to lead to the same one again
	Kept func(any) (any, error) // the stand-in of a value of Type; it has a method Restored() (any, error), which gives a Type
}

func (Adapter) foreign() {}

// current is what Begin has brought back in this process, for End and Snapshot: the generated calls have no other way to
// each other, and both are of the whole process.
var current atomic.Pointer[session]

// A session is one process's part in a notebook's values.
type session struct {
	Program
	dir, from, to string

	ls     *layouts
	print  *printer
	finder *finder
	code   *code
	names  globals
	blocks *mappings

	was     *store.Manifest
	loaded  map[int][]byte // files of clusters, by their index in was
	vars    []*variable
	dropped []store.Value // not brought back, and no variable of the program
}

// A variable is a Var, or one that shares a cluster with those and that the program does not know.
type variable struct {
	Var
	typ     reflect.Type
	p       unsafe.Pointer
	cell    int
	why     string // it was not brought back
	changed bool   // for what it is made of has changed
}

// Begin brings back what the program's variables held. It is called before main. A failure is told in one line, and ends
// the program.
func Begin(p Program) {
	if err := begin(p); err != nil {
		exit("values are not brought back: ", err)
	}
}

// End keeps what the program's variables hold. It is called when main has done its work. A failure is told in one line, and
// ends the program with exit status 1: a cell whose values are not kept has failed.
func End() {
	s := current.Load()
	if s == nil || s.to == "" {
		return
	}
	if err := s.end(); err != nil {
		exit("values are not kept: ", err)
	}
}

func exit(what string, err error) {
	os.Stderr.WriteString("gantry: " + what + oneLine(err.Error()) + "\n")
	os.Exit(1)
}

func begin(p Program) (err error) {
	s := &session{Program: p, dir: os.Getenv(EnvDir), from: os.Getenv(EnvFrom), to: os.Getenv(EnvTo)}
	if s.dir == "" {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	s.ls = newLayouts(p.Adapters)
	s.print = newPrinter(s.ls)
	s.finder = newFinder(p.Types)
	s.code = newCode(p.Code, s.finder)
	s.names = newGlobals(ownGlobals(), p.Globals)
	s.blocks = &mappings{dir: s.dir}
	s.loaded = map[int][]byte{}
	s.was = &store.Manifest{}
	if s.from != "" {
		if s.was, err = store.ReadManifest(s.dir, s.from); err != nil {
			return err
		}
	}
	for _, v := range p.Vars {
		if err := s.add(v); err != nil {
			return err
		}
	}
	if err := s.restore(); err != nil {
		return err
	}
	current.Store(s)
	return nil
}

func (s *session) add(v Var) error {
	at := reflect.ValueOf(v.At)
	if at.Kind() != reflect.Pointer || at.IsNil() {
		return plainError("variable " + v.Name + " is not given by a pointer to it")
	}
	s.vars = append(s.vars, &variable{Var: v, typ: at.Type().Elem(), p: at.UnsafePointer(), cell: s.Cell})
	s.finder.vars = append(s.finder.vars, at.Type().Elem())
	return nil
}
