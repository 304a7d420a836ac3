package keep

import (
	"reflect"

	"gantry.local/kernel-ext/keep/store"
)

// used is what another program must have to read what is encoded.
func (e *encoder) used(members []member) store.Uses {
	u := store.Uses{Code: e.codes.list, Globals: e.names.list}
	for _, t := range e.dynamic {
		u.Types = append(u.Types, describe(t))
	}
	for _, t := range e.unknown(members) {
		u.Types = append(u.Types, describe(t))
	}
	for _, t := range e.standIns {
		u.StandIns = append(u.StandIns, describe(t))
	}
	return u
}

// unknown are the types of memory that a program may not know although it has a variable of the cluster, and what is in interfaces: as
// when a pointer leads into a struct whose variable is gone.
func (e *encoder) unknown(members []member) (list []reflect.Type) {
	var finders []*finder // what each of the variables makes known
	looked := map[reflect.Type]bool{}
	for _, i := range e.order {
		th := &e.list[i]
		if th.raw || th.kind != memoryNode && th.kind != mapNode || th.layout == nil {
			continue
		}
		t := th.layout.typ
		if looked[t] {
			continue
		}
		looked[t] = true
		if isComposite(t) || t.Name() != "" && t.PkgPath() == "" {
			continue
		}
		if finders == nil {
			finders = e.knownBy(members)
		}
		for _, f := range finders {
			if !f.seen[t] {
				list = append(list, t)
				break
			}
		}
	}
	return list
}

// knownBy is, for each variable of a cluster, what a program knows that has it and all that is in interfaces.
func (e *encoder) knownBy(members []member) []*finder {
	list := make([]*finder, len(members))
	for i, m := range members {
		list[i] = newFinder(nil)
		list[i].learn(m.typ)
		for _, types := range [][]reflect.Type{e.dynamic, e.standIns, e.standingIn} {
			for _, t := range types {
				list[i].learn(t)
			}
		}
	}
	return list
}
