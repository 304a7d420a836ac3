package keep

import (
	"reflect"
	"strconv"
)

// fault says what about a node, reached from a variable, keeps the variable from being kept: the reason and the path. It is
// empty if all that the variable reaches can be kept.
func (w *walk) fault(name string, root int32, stamp []int32, mark int32) string {
	if root < 0 {
		return ""
	}
	type step struct {
		node int32
		from int // index in list
		off  uint32
	}
	list := []step{{node: root, from: -1}}
	stamp[root] = mark
	for i := 0; i < len(list); i++ {
		n := &w.nodes[list[i].node]
		if n.extra != nil && n.extra.why != "" {
			var path []string
			for k := i; k >= 0; k = list[k].from {
				if from := list[k].from; from >= 0 {
					path = append(path, w.place(&w.nodes[list[from].node], uintptr(list[k].off)))
				}
			}
			where := name
			for k := len(path) - 1; k >= 0; k-- {
				where += path[k]
			}
			if where == name {
				return n.extra.why
			}
			if len(where) > 200 {
				where = where[:200] + "…"
			}
			return n.extra.why + " (" + where + ")"
		}
		for _, e := range w.edges[n.first:n.last] {
			if stamp[e.to] != mark {
				stamp[e.to] = mark
				list = append(list, step{node: e.to, from: i, off: e.off})
			}
		}
	}
	return ""
}

// place is the way from a node to what lies at an offset of it.
func (w *walk) place(n *node, off uintptr) string {
	switch n.kind {
	case mapNode:
		if e := n.extra.entries; off%2 == 0 {
			return "[a key]"
		} else if key := reflect.NewAt(e.key.typ, at(e.keys, off/2*e.key.size)).Elem(); key.Kind() == reflect.String {
			return "[" + strconv.Quote(key.String()) + "]"
		} else if key.CanInt() {
			return "[" + strconv.FormatInt(key.Int(), 10) + "]"
		}
		return "[…]"
	case memoryNode:
		where := ""
		if n.count > 1 && n.layout.size > 0 {
			where, off = "["+strconv.Itoa(int(off/n.layout.size))+"]", off%n.layout.size
		}
		return where + w.fieldAt(n.layout.typ, off)
	}
	return ""
}

// fieldAt is the way to what lies at an offset of a value, as far into it as its parts are walked.
func (w *walk) fieldAt(t reflect.Type, off uintptr) string {
	where := ""
	for {
		if is, _ := w.ls.keeping(t); off == 0 && (is != notAKeeper || unkept(t.PkgPath(), t.Name()) != "") {
			return where
		}
		switch t.Kind() {
		case reflect.Struct:
			found := false
			for i := range t.NumField() {
				if f := t.Field(i); f.Offset <= off && off < f.Offset+f.Type.Size() {
					where += "." + f.Name
					t, off, found = f.Type, off-f.Offset, true
					break
				}
			}
			if !found {
				return where
			}
		case reflect.Array:
			size := t.Elem().Size()
			where += "[" + strconv.Itoa(int(off/size)) + "]"
			t, off = t.Elem(), off%size
		default:
			return where
		}
	}
}
