package keep

import (
	"os"
	"reflect"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

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
			v.why, v.changed = was.Why, was.Changed
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
				gone.Cluster, gone.Size, gone.Why, gone.Changed = store.NotKept, 0, d.lost[dv.typ].what+" has changed", true
				s.dropped = append(s.dropped, gone)
				continue
			}
			v = &variable{Var: Var{Name: dv.name}, typ: t, p: reflect.New(t).UnsafePointer(), cell: was.Cell}
			s.vars = append(s.vars, v)
		}
		if lack, lacking := lacks[dv.thing]; s.print.of(v.typ) != was.Print {
			v.why, v.changed = s.whatChanged(v.typ, was), true
		} else if lacking && !lack.changed {
			return plainError(dv.name + " needs " + lack.what + ", which is not in this program")
		} else if lacking {
			v.why, v.changed = lack.what+" has changed", true
		} else if dv.thing >= 0 {
			if t := &d.things[dv.thing]; int(t.number) != i+1 || t.size != v.typ.Size() || !d.suits(t, v.typ) {
				return errFile
			}
			places[i] = v.p
		}
	}
	for _, v := range s.vars {
		if was := s.was.Value(v.Name); was != nil && was.Cluster == number && v.why != "" && !v.New && !v.Old {
			os.Stderr.WriteString("gantry: " + v.Name + ": gone, for " + v.why + "\n") // the cell goes on, and must not wonder
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
