package keep

import (
	"os"
	"reflect"
	"slices"
	"strconv"
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
	// name too, "main.(*T).Add-fm", with one of any receiver, (*T)(nil).Add, or a function that makes it of its receiver.
	// store.FunctionNamed writes what belongs to a name.
	Code map[string]any

	// Types are values of types, usually nil pointers to them, that interfaces in values may hold.
	Types []any

	// Globals are pointers that packages' variables hold, whose identity is kept, by any names: sql.ErrNoRows.
	Globals map[string]any

	// Adapters are for types of packages that have no method Kept.
	Adapters []Adapter
}

// A Var is a variable of package main.
type Var struct {
	Name string
	At   any  // a pointer to it
	New  bool // the cell declares it: what is kept under its name is another one
	Old  bool // what was kept under its name before the cell declared it anew; it is brought back and not kept again
}

// An Adapter makes a type of another package take part by a stand-in, as if it had the method Kept.
type Adapter struct {
	Type reflect.Type           // a pointer's type, if all pointers to a value are to lead to the same one again
	Kept func(any) (any, error) // the stand-in of a value of Type; it has a method Restored() (any, error), which gives a Type
}

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
	typ  reflect.Type
	p    unsafe.Pointer
	cell int
	why  string // it was not brought back
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
	s.code = newCode(p.Code)
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
	s.finder.learn(at.Type().Elem())
	return nil
}

// restore brings back each cluster that a variable is of.
func (s *session) restore() error {
	wanted := map[int]bool{}
	var order []int
	for _, v := range s.vars {
		was := s.was.Value(v.Name)
		if v.New || was == nil {
			continue
		}
		v.cell = was.Cell
		if was.Cluster == store.NotKept {
			v.why = was.Why
			continue
		}
		if !wanted[was.Cluster] {
			wanted[was.Cluster] = true
			order = append(order, was.Cluster)
		}
	}
	for _, c := range order {
		if err := s.restoreCluster(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) restoreCluster(number int) (err error) {
	c := &s.was.Clusters[number]
	file, err := store.Read(s.dir, c.File, c.Size, c.Sum)
	if err != nil {
		return err
	}
	s.loaded[number] = file
	d := &decoder{ls: s.ls, code: s.code, names: s.names, finder: s.finder, print: s.print}
	d.block = func(n int, size uintptr, into unsafe.Pointer) (unsafe.Pointer, error) {
		if n >= len(c.Blocks) {
			return nil, errFile
		}
		return s.blocks.bring(c.Blocks[n], size, into)
	}
	if err := d.open(file); err != nil {
		return err
	}
	places := make([]unsafe.Pointer, len(d.vars))
	lacks := d.losses()
	for i, dv := range d.vars {
		was := s.was.Value(dv.name)
		if was == nil || was.Cluster != number {
			continue // forgotten meanwhile; what others share with it is memory like other
		}
		v := s.variable(dv.name)
		if v == nil {
			if s.hidden(dv.name) {
				continue
			}
			t := d.types[dv.typ]
			if t == nil {
				gone := *was
				gone.Cluster, gone.Size, gone.Why = store.NotKept, 0, d.lost[dv.typ].what+" has changed"
				s.dropped = append(s.dropped, gone)
				continue
			}
			v = &variable{Var: Var{Name: dv.name}, typ: t, p: reflect.New(t).UnsafePointer(), cell: was.Cell}
			s.vars = append(s.vars, v)
		}
		if lack, lacking := lacks[dv.thing]; s.print.of(v.typ) != was.Print {
			v.why = s.whatChanged(v.typ, was)
		} else if lacking && !lack.changed {
			return plainError(dv.name + " needs " + lack.what + ", which is not in this program")
		} else if lacking {
			v.why = lack.what + " has changed"
		} else if dv.thing >= 0 {
			if t := &d.things[dv.thing]; int(t.number) != i+1 || t.size != v.typ.Size() || !d.suits(t, v.typ) {
				return errFile
			}
			places[i] = v.p
		}
	}
	err = d.restore(func(i int) unsafe.Pointer { return places[i] })
	if failed, ok := err.(*standInError); ok {
		return plainError(s.namesOf(number) + " cannot be brought back: " + failed.Error())
	}
	return err
}

// suits says whether a thing is the memory of a variable of this type.
func (d *decoder) suits(t *decoded, of reflect.Type) bool {
	of, n := flat(of, 1)
	if l := d.ls.of(of); t.layout == nil {
		return l.raw
	} else {
		return t.head == headMemory && t.layout == l && t.count == n
	}
}

// variable is the program's variable into which what is kept under a name belongs, or nil.
func (s *session) variable(name string) *variable {
	for _, v := range s.vars {
		if v.Name == name && !v.New {
			return v
		}
	}
	return nil
}

// hidden says whether the program declares a name anew and does not use what is kept under it.
func (s *session) hidden(name string) bool {
	for _, v := range s.vars {
		if v.Name == name && v.New {
			return true
		}
	}
	return false
}

// namesOf are the names of a cluster's values.
func (s *session) namesOf(number int) string {
	names := ""
	for _, v := range s.was.Values {
		if v.Cluster == number {
			if names != "" {
				names += ", "
			}
			names += v.Name
		}
	}
	return names
}

// whatChanged says which type of a cell is no longer what it was.
func (s *session) whatChanged(t reflect.Type, was *store.Value) string {
	for _, c := range s.print.madeOf(t) {
		for _, named := range was.Types {
			if named.Name == c.Name() && named.Print != s.print.of(c) && c != t {
				return "the type " + c.Name() + " has changed"
			}
		}
	}
	if t.PkgPath() == "main" {
		return "the type " + t.Name() + " has changed"
	}
	return "its type was " + was.Type
}

// end writes what has changed, and the manifest.
func (s *session) end() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	w := newWalk(s)
	now := &store.Manifest{}
	saved := map[string]bool{}
	var vars []*variable
	for _, v := range s.vars {
		if v.Old {
			continue
		}
		saved[v.Name] = true
		if v.why != "" && isZero(bytesAt(v.p, v.typ.Size())) {
			now.Values = append(now.Values, store.Value{
				Name: v.Name, Type: v.typ.String(), Print: s.print.of(v.typ), Cell: v.cell, Cluster: store.NotKept, Why: v.why,
			})
			continue
		}
		vars = append(vars, v)
	}
	for _, v := range s.vars {
		if v.Old {
			saved[v.Name] = true
		}
	}
	s.carry(now, saved)
	now.Values = append(now.Values, s.dropped...)
	vars = sorted(vars, func(v *variable) string { return v.Name })
	roots := make([]int32, len(vars))
	for i, v := range vars {
		roots[i] = w.root(v.p, v.typ)
	}
	w.all()
	things, why, mark := w.settle(vars, roots)
	if err := s.write(now, w, things, mark, vars, roots, why); err != nil {
		return err
	}
	now.Values = sorted(now.Values, func(v store.Value) string { return v.Name })
	return now.Write(s.dir, s.to)
}

// sorted puts a list in the order of its names.
func sorted[T any](list []T, name func(T) string) []T {
	order := make([]ranked, len(list))
	for i, v := range list {
		order[i] = ranked{text: name(v), index: int32(i)}
	}
	slices.SortFunc(order, ranked.compare)
	out := make([]T, len(list))
	for i, r := range order {
		out[i] = list[r.index]
	}
	return out
}

// carry takes over what the program did not know.
func (s *session) carry(now *store.Manifest, saved map[string]bool) {
	rest := s.was.Only(func(v store.Value) bool {
		_, loaded := s.loaded[v.Cluster]
		return !saved[v.Name] && (v.Cluster == store.NotKept || !loaded)
	})
	now.Values, now.Clusters = append(now.Values, rest.Values...), rest.Clusters
}

// settle finds the variables that can be kept, the reasons for the others, and the things that those are made of.
func (w *walk) settle(vars []*variable, roots []int32) (list []thing, why []string, mark []bool) {
	why = make([]string, len(vars))
	stamp := make([]int32, len(w.nodes))
	for i := range stamp {
		stamp[i] = -1
	}
	for round := int32(0); ; round++ {
		mark = make([]bool, len(w.nodes))
		for i, v := range vars {
			if why[i] == "" && w.anyBad() {
				why[i] = w.fault(v.Name, roots[i], stamp, round*int32(len(vars))+int32(i))
			}
			if why[i] == "" {
				w.reach(roots[i], mark)
			}
		}
		var ok bool
		if list, ok = w.things(mark); ok {
			for i := range vars {
				if t := roots[i]; t >= 0 && why[i] == "" {
					if n := &w.nodes[t]; list[n.thing].base != n.at || list[n.thing].size != n.bytes() {
						w.bad(int(t), twoTypes)
						ok = false
					}
				}
			}
		}
		if ok {
			return list, why, mark
		}
	}
}

func (w *walk) anyBad() bool {
	for i := range w.nodes {
		if x := w.nodes[i].extra; x != nil && x.why != "" {
			return true
		}
	}
	return false
}

// write writes the clusters of the variables that can be kept, and notes all of them in the manifest.
func (s *session) write(now *store.Manifest, w *walk, list []thing, mark []bool, vars []*variable, roots []int32, why []string) error {
	w.joinAll(list, mark)
	groups := map[int32][]member{}
	var order []int32
	for i, v := range vars {
		if why[i] != "" {
			now.Values = append(now.Values, s.value(v, store.NotKept, why[i]))
			continue
		}
		m := member{name: v.Name, typ: v.typ, thing: -1, index: i}
		group := -1 - int32(i)
		if roots[i] >= 0 {
			m.thing = w.nodes[roots[i]].thing
			group = find(list, m.thing)
		}
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(groups[group], m)
	}
	taken := map[string]bool{}
	for _, file := range s.was.Files() {
		taken[file] = true
	}
	count := 0
	name := func() string {
		for {
			count++
			if name := s.to + "-" + strconv.Itoa(count); !taken[name] {
				return name
			}
		}
	}
	for _, group := range order {
		if err := s.writeCluster(now, w, list, groups[group], vars, roots, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) writeCluster(now *store.Manifest, w *walk, list []thing, members []member, vars []*variable, roots []int32, name func() string) error {
	for i, m := range members {
		if m.thing >= 0 {
			list[m.thing].variable = i
		}
	}
	e, file, err := encode(w, s.print, list, members)
	if err != nil {
		for _, m := range members {
			now.Values = append(now.Values, s.value(vars[m.index], store.NotKept, oneLine(err.Error())))
		}
		return nil
	}
	c := store.Cluster{Uses: e.used()}
	for _, t := range e.blocks {
		b, err := s.blocks.save(list[t].base, list[t].size, name)
		if err != nil {
			return err
		}
		c.Blocks = append(c.Blocks, b)
	}
	if same := s.sameFile(file); same != nil {
		c.File, c.Size, c.Sum = same.File, same.Size, same.Sum
	} else {
		c.File, c.Size, c.Sum = name(), int64(len(file)), store.Sum(file)
		if err := store.Write(s.dir, c.File, file); err != nil {
			return err
		}
	}
	number := len(now.Clusters)
	now.Clusters = append(now.Clusters, c)
	seen := make([]bool, 0)
	for _, m := range members {
		v := s.value(vars[m.index], number, "")
		if len(members) == 1 {
			for _, t := range e.order {
				v.Size += int64(list[t].footprint(w))
			}
		} else {
			seen = append(seen[:0], make([]bool, len(w.nodes))...)
			w.reach(roots[m.index], seen)
			counted := map[int32]bool{}
			for i, is := range seen {
				if t := w.nodes[i].thing; is && !counted[t] {
					counted[t] = true
					v.Size += int64(list[t].footprint(w))
				}
			}
		}
		for _, t := range e.dynamic {
			v.Types = s.cellTypes(v.Types, t)
		}
		now.Values = append(now.Values, v)
	}
	return nil
}

// sameFile is the cluster that was brought back from a file of this content, or nil.
func (s *session) sameFile(file []byte) *store.Cluster {
	for number, was := range s.loaded {
		if string(was) == string(file) {
			return &s.was.Clusters[number]
		}
	}
	return nil
}

// value is what the manifest says of a variable.
func (s *session) value(v *variable, cluster int, why string) store.Value {
	out := store.Value{
		Name: v.Name, Type: v.typ.String(), Print: s.print.of(v.typ), Cell: v.cell, Cluster: cluster, Why: why,
	}
	out.Types = s.cellTypes(nil, v.typ)
	return out
}

// cellTypes adds the types of cells that a type is made of.
func (s *session) cellTypes(list []store.Named, t reflect.Type) []store.Named {
	for _, c := range s.print.madeOf(t) {
		named := store.Named{Name: c.Name(), Print: s.print.of(c)}
		if !slices.Contains(list, named) {
			list = append(list, named)
		}
	}
	return list
}

// footprint is how many bytes of memory a thing takes, about.
func (t *thing) footprint(w *walk) uintptr {
	if t.kind == mapNode {
		e := w.nodes[t.node].extra.entries
		return uintptr(e.n) * (e.key.size + e.elem.size)
	}
	return t.size
}

// used is what another program must have to read what is encoded.
func (e *encoder) used() store.Uses {
	u := store.Uses{Code: e.codes.list, Globals: e.names.list}
	for _, t := range e.dynamic {
		u.Types = append(u.Types, describe(t))
	}
	for _, t := range e.standIns {
		u.StandIns = append(u.StandIns, describe(t))
	}
	return u
}
