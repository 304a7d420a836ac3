package keep

import (
	"reflect"
	"slices"
	"strconv"

	"gantry.local/kernel-ext/keep/store"
)

// A saving is one try to write a state.
type saving struct {
	*session
	w      *walk
	now    *store.Manifest
	vars   []*variable // that may be kept, by name
	roots  []int32     // their nodes
	why    []string    // the reason why one is not kept
	things []thing
	links  [][]int32       // what each of them leads to, once that is asked
	files  int             // that have got a name
	taken  map[string]bool // names of files that hold what was
	last   bool            // what changes meanwhile is not kept
}

// tries is how often it is tried to find a moment at which no goroutine changes what is being kept.
const tries = 3

// end writes what has changed, and the manifest.
func (s *session) end() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	for try := 1; ; try++ {
		sv := &saving{session: s, w: newWalk(s), now: &store.Manifest{}, taken: map[string]bool{}, last: try == tries}
		if err := sv.write(); err != errMoved {
			return err
		}
	}
}

func (s *saving) write() error {
	s.list()
	s.roots = make([]int32, len(s.vars))
	for i, v := range s.vars {
		s.roots[i] = s.w.root(v.p, v.typ)
	}
	s.w.all()
	var mark []bool
	s.things, s.why, mark = s.w.settle(s.vars, s.roots)
	s.w.joinAll(s.things, mark)
	for _, file := range s.was.Files() {
		s.taken[file] = true
	}
	for _, cluster := range s.clusters() {
		if err := s.cluster(cluster); err != nil {
			return err
		}
	}
	s.now.Values = sorted(s.now.Values, func(v store.Value) string { return v.Name })
	return s.now.Write(s.dir, s.to)
}

// list finds the variables that may be kept, and takes over what is known of all others: that they were not kept, or the
// clusters that the program did not list.
func (s *saving) list() {
	saved, former := map[string]bool{}, map[string]bool{}
	for _, v := range s.session.vars {
		former[v.Name] = former[v.Name] || !v.declared()
	}
	for _, v := range s.session.vars {
		if !v.declared() {
			continue // what was under its name stays
		}
		saved[v.Name] = true
		switch {
		case v.Old && !former[v.Name]:
		case v.why != "" && isZero(bytesAt(v.p, v.typ.Size())):
			s.now.Values = append(s.now.Values, store.Value{
				Name: v.Name, Type: v.typ.String(), Print: s.print.of(v.typ), Cell: v.cell, Cluster: store.NotKept, Why: v.why, Changed: v.changed,
			})
		default:
			s.vars = append(s.vars, v)
		}
	}
	s.vars = sorted(s.vars, func(v *variable) string { return v.Name })
	rest := s.was.Only(func(v store.Value) bool {
		_, loaded := s.loaded[v.Cluster]
		return !saved[v.Name] && (v.Cluster == store.NotKept || !loaded)
	})
	s.now.Clusters = rest.Clusters
	s.now.Values = append(append(s.now.Values, rest.Values...), s.dropped...)
}

// declared tells whether the cell has come to where it declares the variable.
func (v *variable) declared() bool {
	return v.Now == nil || reflect.ValueOf(v.Now).Elem().UnsafePointer() == v.p
}

// sorted puts a list in the order of its names.
func sorted[T any](list []T, name func(T) string) []T {
	out := make([]T, 0, len(list))
	for _, i := range byText(len(list), func(i int32) string { return name(list[i]) }) {
		out = append(out, list[i])
	}
	return out
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

// clusters are the variables that can be kept, those together that share memory. The others are noted in the manifest.
func (s *saving) clusters() [][]member {
	number := map[int32]int{} // of the cluster of a set of things
	var list [][]member
	for i, v := range s.vars {
		if s.why[i] != "" {
			s.now.Values = append(s.now.Values, s.value(v, store.NotKept, s.why[i]))
			continue
		}
		m := member{name: v.Name, typ: v.typ, thing: -1, index: i}
		set := -1 - int32(i) // what has no memory shares none
		if s.roots[i] >= 0 {
			m.thing = s.w.nodes[s.roots[i]].thing
			set = find(s.things, m.thing)
		}
		n, ok := number[set]
		if !ok {
			n = len(list)
			number[set] = n
			list = append(list, nil)
		}
		list[n] = append(list[n], m)
	}
	return list
}

// file is the name of a new file.
func (s *saving) file() string {
	for {
		s.files++
		if name := s.to + "-" + strconv.Itoa(s.files); !s.taken[name] {
			return name
		}
	}
}

// cluster writes what belongs to one cluster and is not there already, and notes it in the manifest.
func (s *saving) cluster(members []member) error {
	for i, m := range members {
		if m.thing >= 0 {
			s.things[m.thing].variable = i
		}
	}
	e, file, err := encode(s.w, s.print, s.things, members)
	if err == errMoved && !s.last {
		return err
	}
	if err != nil {
		for _, m := range members {
			s.now.Values = append(s.now.Values, s.value(s.vars[m.index], store.NotKept, oneLine(err.Error())))
		}
		return nil
	}
	c := store.Cluster{Uses: e.used(members)}
	for _, t := range e.blocks {
		b, err := s.blocks.save(s.things[t].base, s.things[t].size, s.file)
		if err != nil {
			return err
		}
		c.Blocks = append(c.Blocks, b)
	}
	if same := s.sameFile(file); same != nil {
		c.File, c.Size, c.Sum = same.File, same.Size, same.Sum
	} else {
		c.File, c.Size, c.Sum = s.file(), int64(len(file)), store.Sum(file)
		if err := store.Write(s.dir, c.File, file); err != nil {
			return err
		}
	}
	number := len(s.now.Clusters)
	s.now.Clusters = append(s.now.Clusters, c)
	for _, m := range members {
		v := s.value(s.vars[m.index], number, "")
		v.Size = s.size(e, m, len(members) == 1)
		v.Types = s.needed(v.Types, e, m)
		s.now.Values = append(s.now.Values, v)
	}
	return nil
}

// size is how many bytes a variable of a cluster reaches, about.
func (s *saving) size(e *encoder, m member, alone bool) (size int64) {
	if alone {
		for _, t := range e.order {
			size += int64(s.things[t].footprint(s.w))
		}
		return size
	}
	reached, counted := make([]bool, len(s.w.nodes)), map[int32]bool{}
	s.w.reach(s.roots[m.index], reached)
	for i, is := range reached {
		if t := s.w.nodes[i].thing; is && !counted[t] {
			counted[t] = true
			size += int64(s.things[t].footprint(s.w))
		}
	}
	return size
}

// sameFile is the cluster that was brought back from a file of this content, or nil.
func (s *saving) sameFile(file []byte) *store.Cluster {
	for number, was := range s.loaded {
		if string(was) == string(file) {
			return &s.was.Clusters[number]
		}
	}
	return nil
}

// value is what the manifest says of a variable.
func (s *saving) value(v *variable, cluster int, why string) store.Value {
	out := store.Value{
		Name: v.Name, Type: v.typ.String(), Print: s.print.of(v.typ), Cell: v.cell, Cluster: cluster, Why: why,
	}
	out.Types = s.cellTypes(nil, v.typ)
	return out
}

// cellTypes adds the types of cells that a type is made of.
func (s *saving) cellTypes(list []store.Named, t reflect.Type) []store.Named {
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
