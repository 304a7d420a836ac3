package goexec

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/janpfeifer/gonb/common"
	"github.com/janpfeifer/gonb/internal/comms"
	"github.com/janpfeifer/gonb/internal/kernel"
	"github.com/pkg/errors"
)

// Detached returns a State that neither starts gopls nor makes a folder or module: dir is there, with a go.mod.
func Detached(id, dir string) *State {
	return &State{
		UniqueID: id, Package: "gonb_" + id, TempDir: dir, Definitions: NewDeclarations(), trackingInfo: newTrackingInfo(),
		rawError: true, Comms: comms.New(),
	}
}

// Tool runs a program in the folder of the cells and returns what it said.
type Tool func(env []string, name string, args ...string) ([]byte, error)

// Cell is what Build builds.
type Cell struct {
	ID      int
	Lines   []string
	Skip    common.Set[int]   // lines that are not Go
	Forget  []string          // declarations that are no longer there
	Leave   []string          // declarations and imports that the program does not get
	Methods map[string]string // of generic types in Lines, by the keys that they get
	Instead map[string]string // functions that the program gets in another wording, with as many lines
}

// Tools are the programs that a build needs.
type Tools struct {
	Run           Tool
	Go, Goimports string // paths
}

// Build does what ExecuteCell does before it executes the program, which is written to output. It returns for each line
// of the file that it has come to where that comes from, with an error too.
func (s *State) Build(msg kernel.Message, cell Cell, output string, tools Tools) (places []CellIdAndLine, err error) {
	if s.CellIsTest && s.CellIsWasm {
		return nil, errors.New("a cell is either a %wasm one or a %test one")
	}
	before := s.Definitions
	s.Definitions = before.Copy()
	s.Definitions.remove(cell.Forget)
	defer func() {
		if err != nil {
			s.Definitions = before
		}
	}()
	decls, main, _, places, err := s.parseLinesAndComposeMain(msg, cell.ID, cell.Lines, cell.Skip, NoCursor)
	if err != nil {
		return places, err
	}
	decls.takeMethods(cell)
	needed := decls
	if len(cell.Leave)+len(cell.Instead) > 0 {
		needed = decls.Copy()
		needed.remove(cell.Leave)
		needed.reword(cell.Instead)
		if _, places, err = s.createCodeFileFromDecls(needed, main); err != nil {
			return places, err
		}
	}
	if places, err = s.addImports(msg, needed, main, places, tools); err != nil {
		return places, err
	}
	if s.AutoGet {
		if said, err := tools.Run(nil, tools.Go, s.getArguments()...); err != nil {
			text := s.filterGoGetError(fmt.Sprintf("%v\n\n%s", err, said))
			return places, s.DisplayErrorWithContext(msg, places, text, err)
		}
	}
	if err = s.compile(msg, places, output, tools); err == nil {
		s.Definitions = decls
	}
	return places, err
}

// remove removes declarations and imports by their keys.
func (d *Declarations) remove(keys []string) {
	for _, key := range keys {
		delete(d.Imports, key)
		delete(d.Functions, key)
		delete(d.Variables, key)
		delete(d.Types, key)
		delete(d.Constants, key)
	}
}

// takeMethods gives the cell's methods of generic types keys of their own. GoNB's are the same for all types, where the receiver is no
// pointer, or have the names of type parameters in them.
func (d *Declarations) takeMethods(cell Cell) {
	if len(cell.Methods) == 0 {
		return
	}
	code := strings.Join(cell.Lines, "\n")
	for key, f := range d.Functions {
		if f.Id == cell.ID && strings.Contains(key, "~") && (strings.HasPrefix(key, "unknown~") || strings.Contains(key, "[")) {
			delete(d.Functions, key)
		}
	}
	for key, text := range cell.Methods {
		f := &Function{Cursor: NoCursor, CellLines: CellLines{Id: cell.ID}, Key: key, Definition: text}
		first := strings.Count(code[:max(0, strings.Index(code, text))], "\n")
		for i := range 1 + strings.Count(text, "\n") {
			f.Lines = append(f.Lines, first+i)
		}
		d.Functions[key] = f
	}
}

// reword gives functions another wording, by their keys.
func (d *Declarations) reword(functions map[string]string) {
	for key, text := range functions {
		if f, ok := d.Functions[key]; ok {
			reworded := *f
			reworded.Definition = text
			d.Functions[key] = &reworded
		}
	}
}

// Revert gives declarations back what they were before, or takes them away if they were not there.
func (s *State) Revert(before *Declarations, keys []string) {
	after := s.Definitions.Copy()
	after.remove(keys)
	for _, key := range keys {
		restore(after.Functions, before.Functions, key)
		restore(after.Variables, before.Variables, key)
		restore(after.Types, before.Types, key)
		restore(after.Constants, before.Constants, key)
	}
	s.Definitions = after
}

func restore[V any](to, from map[string]V, key string) {
	if v, ok := from[key]; ok {
		to[key] = v
	}
}

func (s *State) getArguments() []string {
	if s.CellIsTest {
		return []string{"get", "-t"}
	}
	return []string{"get"}
}

// addImports is GoImports without its tools.
func (s *State) addImports(msg kernel.Message, decls *Declarations, main *Function, places []CellIdAndLine, tools Tools) ([]CellIdAndLine, error) {
	if said, err := tools.Run(nil, tools.Goimports, "-w", s.CodePath()); err != nil {
		return places, s.DisplayErrorWithContext(msg, places, string(said)+"\n"+err.Error(), err)
	}
	found, err := s.parseFromGoCode(msg, -1, NoCursor, nil)
	if err != nil {
		return places, err
	}
	found.DropFuncInit()
	used := common.MakeSet[string]()
	for key := range found.Imports {
		used.Insert(key)
	}
	for key := range found.Functions {
		if _, ok := decls.Functions[key]; !ok {
			delete(found.Functions, key) // GoNB's key of a method of a generic type
		}
	}
	found.MergeFrom(decls) // these know their cells' lines
	for _, key := range common.SortedKeys(found.Imports) {
		if !used.Has(key) {
			delete(found.Imports, key)
		}
	}
	delete(found.Functions, "main")
	_, places, err = s.createCodeFileFromDecls(found, main)
	return places, err
}

// compile is Compile to a place of choice. A build that fails because the module lacks what the cell imports is tried
// again after `go get`, so that other cells need not wait for that.
func (s *State) compile(msg kernel.Message, places []CellIdAndLine, output string, tools Tools) error {
	args, env := []string{"build", "-o", output}, []string(nil)
	switch {
	case s.CellIsTest:
		args = []string{"test", "-c", "-o", output}
	case s.CellIsWasm:
		args, env = []string{"build", "-o", path.Join(s.WasmDir, CompiledWasmName)}, []string{"GOARCH=wasm", "GOOS=js"}
	}
	args = append(args, s.GoBuildFlags...)
	said, err := tools.Run(env, tools.Go, args...)
	if err != nil && lacksModule(string(said)) {
		if _, failed := tools.Run(nil, tools.Go, "get", "-t", "."); failed == nil {
			said, err = tools.Run(env, tools.Go, args...)
		}
	}
	if err != nil {
		return s.DisplayErrorWithContext(msg, places, string(said), err)
	}
	return nil
}

func lacksModule(said string) bool {
	for _, words := range []string{"no required module provides package", "updates to go.mod needed", "missing go.sum entry"} {
		if strings.Contains(said, words) {
			return true
		}
	}
	return false
}

// Complaint is a line that was said about a cell.
type Complaint struct {
	Text   string
	At     CellIdAndLine // Id 0 where nothing is known
	Column int           // in the file, from 1; 0: not known
	Line   string        // the file's
}

// Complaints takes an error of Build apart, which has come with places. It returns nil for one that is not about lines.
func (s *State) Complaints(err error, places []CellIdAndLine) []Complaint {
	var all *GonbError
	if !errors.As(err, &all) || all == nil {
		return nil
	}
	code, _ := os.ReadFile(s.CodePath())
	file := strings.Split(string(code), "\n")
	var out []Complaint
	for _, l := range all.Lines {
		c := Complaint{Text: l.Message}
		if _, location, found := strings.Cut(l.Location, ".go:"); found && l.HasContext {
			line := 0
			fmt.Sscanf(location, "%d:%d", &line, &c.Column)
			if line > 0 && line <= len(file) {
				c.Line = file[line-1]
			}
			c.At = PlaceOf(line, places)
		}
		out = append(out, c)
	}
	return out
}

// PlaceOf returns where a line of a file comes from, counted from 1. What was added belongs to what is above it.
func PlaceOf(line int, places []CellIdAndLine) CellIdAndLine {
	for i := min(line, len(places)) - 1; i >= 0; i-- {
		if at := places[i]; at.Id > 0 && at.Line != NoCursorLine {
			return at
		}
	}
	return CellIdAndLine{}
}

// Source is what all cells so far declare, as a Go file.
func (s *State) Source() string {
	var b strings.Builder
	if _, _, err := s.createCodeFromDecls(&b, s.Definitions, nil); err != nil {
		return ""
	}
	return b.String()
}
