package analysis

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"runtime"
	"slices"
	"strings"

	"gantry.local/kernel-ext/failure"
	"gantry.local/kernel-ext/golang"
)

// Notebook is what a cell is read with.
type Notebook struct {
	Packages *Packages
	// Imports returns the imports that a Go file lacks, each as it stands in a file, as goimports knows. lacking says for what: the name of a
	// package, and what is used of it. A name alone asks for all packages that are known under it.
	Imports func(ctx context.Context, source string, lacking []string) ([]string, error)
	Earlier *golang.Earlier
	Serial  int              // another one for each cell
	Values  map[string]Value // of the variables of earlier cells, by name
}

// Value is what is kept of a variable.
type Value struct {
	Cell  int               // as the front-end shows the one that made it
	Why   string            // it is not kept, in words; empty: it is
	Group int               // of those that share memory
	Cells []string          // types of cells that it holds
	Types []string          // types in interfaces of its group, in Go, each package by its path in quotes; they can be named
	Code  map[string]string // functions that its group holds, by their names in programs, in Go as Types are
	// Makers are packages with types in interfaces of its group that they alone can name: a program has these types if it has the functions
	// that make them.
	Makers []string
}

// Cell is what is known of a cell, and what GoNB gets.
type Cell struct {
	Problems []failure.Problem // that keep it from being run

	Code   string // what GoNB gets
	Lines  []int  // for each line of it the cell's, from 0; -1: none
	Beside string // the file beside the program; empty: there is none

	Forget  []string          // declarations of earlier cells that this one replaces by something of another kind
	Leave   []string          // declarations and imports that the program does not need
	Revert  []string          // declarations of this cell that do not outlive its failure
	Methods map[string]string // of generic types, by type~name, as they stand in Code with their comments
	Instead map[string]string // functions that the program has otherwise than they are remembered

	Local   map[string]string // variables that are not kept, and why
	Values  []string          // the variables that are given to the next cells, if this one ends well
	Dropped []string          // variables of earlier cells that are no longer there
	Changed []string          // types of earlier cells that are others now
	Shows   bool              // it shows a value
	Wraps   bool              // its statements are a function literal in main
}

// reading is a cell on its way.
type reading struct {
	*Notebook
	ctx      context.Context
	text     *golang.Text
	number   int
	source   string // the cell's Go, every byte where it is in the cell
	items    []golang.Item
	main     *golang.Item // the cell's own function main; nil: there is none
	early    bool         // variables in front of all statements are declared as those of a package
	files    *token.FileSet
	loaded   types.Importer // of the packages of paths
	paths    map[string]bool
	more     []string        // imports that are neither in the cell nor in earlier ones
	declared map[string]bool // what the cell declares at package level: ~name, or type~name of a method

	looked    written // the cell as it is written
	shownList []edit  // what makes several last expressions a call
	file      *ast.File
	rest      *ast.File // of earlier cells, what it does not declare again
	pkg       *types.Package
	info      *types.Info
	edits     []edit
	said      map[int]string // what is wrong with the cell as it is written, by where
	lifted    []*variable
	literals  []*literal
	byObject  map[types.Object]*variable
	inits     []initialiser
	flags     []initialiser     // variables that stay as they are
	aliases   map[string]string // path -> name, of imports for the types of variables
	ours      map[string]bool   // functions of ours that the cell uses

	olds          map[string]types.Type // of variables that the cell replaces and can still use
	bound         []binding             // what the file beside the program binds
	needed        need
	carried       map[string]bool // new variables that functions read by pointers, see again.go
	made          map[string]bool // variables of earlier cells that had no value and that the cell gives one
	showsPictures bool
	makers        map[string][]string // package -> functions of it that make types without a name outside
	out           *Cell
}

// ErrUnread says that a cell is one that GoNB must read by itself, as with %wasm or C.
var ErrUnread = errors.New("the cell is read by GoNB alone")

// Read reads a cell that a front-end shows with a number, unless ctx ends.
func (n *Notebook) Read(ctx context.Context, text *golang.Text, number int) (_ *Cell, err error) {
	defer func() { // a cell that this package has a mistake about must not end the kernel
		if v := recover(); v != nil {
			err = fmt.Errorf("a mistake of the kernel's: %v; `%%values off` has GoNB read cells by itself", v)
		}
	}()
	if text.Magic != "" || text.Has("%wasm") {
		return nil, ErrUnread
	}
	own := *n // earlier cells get imports in it
	r := &reading{
		Notebook: &own, ctx: ctx, text: text, number: number, files: token.NewFileSet(), out: &Cell{}, byObject: map[types.Object]*variable{}, aliases: map[string]string{},
		ours: map[string]bool{}, olds: map[string]types.Type{}, made: map[string]bool{}, carried: map[string]bool{},
	}
	r.source = text.Go()
	r.items = golang.Split(r.source)
	if text.Has("%test") {
		return r.alone(), nil
	}
	if err := r.look(); err != nil {
		return nil, err
	}
	if len(r.out.Problems) > 0 {
		return r.out, nil
	}
	r.lift()
	if r.calledTooSoon(); len(r.out.Problems) > 0 {
		return r.out, nil
	}
	r.last()
	r.unused()
	r.nameBlanks()
	r.loops()
	r.nodes()
	r.moveLiterals()
	if err := r.compose(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// load returns what imports packages of these paths. What has been loaded for the cell is not looked for again.
func (r *reading) load(paths []string) (types.Importer, error) {
	if r.loaded != nil && !slices.ContainsFunc(paths, func(path string) bool { return !r.paths[path] }) {
		return r.loaded, nil
	}
	from, err := r.Packages.load(r.ctx, paths)
	if err != nil {
		return nil, err
	}
	if r.paths == nil {
		r.paths = map[string]bool{}
	}
	for _, path := range paths {
		r.paths[path] = true
	}
	r.loaded = from
	return from, nil
}

// place is a place in the cell.
func (r *reading) place(offset int) (line, column int) {
	offset = min(offset, len(r.source))
	return strings.Count(r.source[:offset], "\n"), offset - 1 - strings.LastIndexByte(r.source[:offset], '\n')
}

func (r *reading) problem(offset int, text string) {
	line, column := r.place(offset)
	p := failure.Problem{Text: text, Line: line, Column: column}
	if !slices.Contains(r.out.Problems, p) {
		r.out.Problems = append(r.out.Problems, p)
	}
}

// syntax takes down what the parser says about what is written.
func (r *reading) syntax(w *written, err error) {
	var list scanner.ErrorList
	if !errors.As(err, &list) {
		r.problem(0, err.Error())
		return
	}
	for _, e := range list {
		at, ours := w.origin(e.Pos.Offset)
		if !ours && len(r.out.Problems) > 0 {
			return // it follows from what is in the cell
		}
		if !ours && at >= len(r.source) {
			at = len(strings.TrimRight(r.source, " \t\n"))
		}
		r.problem(at, e.Msg)
	}
}

// checked type-checks files as one package main.
func checked(files *token.FileSet, from types.Importer, asts ...*ast.File) (*types.Package, *types.Info, []types.Error) {
	var wrong []types.Error
	conf := types.Config{
		Importer: from, Sizes: types.SizesFor("gc", runtime.GOARCH), DisableUnusedImportCheck: true,
		Error: func(err error) {
			var one types.Error
			if errors.As(err, &one) {
				wrong = append(wrong, one)
			}
		},
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{},
	}
	pkg, _ := conf.Check("main", files, slices.DeleteFunc(asts, func(f *ast.File) bool { return f == nil }), info)
	return pkg, info, wrong
}
