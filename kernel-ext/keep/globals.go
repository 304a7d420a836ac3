package keep

import (
	"reflect"
	"time"
	"unsafe"
)

// globals are variables of packages whose identity is kept: they are written by name and found again.
type globals struct {
	byName    map[string]unsafe.Pointer
	byPointer map[unsafe.Pointer]string
	low, high uintptr
}

func newGlobals(lists ...map[string]any) globals {
	g := globals{byName: map[string]unsafe.Pointer{}, byPointer: map[unsafe.Pointer]string{}, low: ^uintptr(0)}
	for _, list := range lists {
		for name, v := range list {
			switch t := reflect.TypeOf(v); {
			case t == nil:
				continue
			case t.Kind() == reflect.Pointer && t.Elem().Size() > 0: // what has no size has no place of its own
			case t.Kind() == reflect.Map, t.Kind() == reflect.Func:
			default:
				continue
			}
			p := efaceOf(&v).data
			if p == nil {
				continue
			}
			g.byName[name] = p
			if known, ok := g.byPointer[p]; !ok || name < known { // one variable may have two names
				g.byPointer[p] = name
			}
			g.low, g.high = min(g.low, uintptr(p)), max(g.high, uintptr(p))
		}
	}
	return g
}

// name is the name of the variable that a pointer points to.
func (g *globals) name(p unsafe.Pointer) (string, bool) {
	if uintptr(p) < g.low || uintptr(p) > g.high {
		return "", false
	}
	name, ok := g.byPointer[p]
	return name, ok
}

// timeParts is the layout of a time.Time.
type timeParts struct {
	wall uint64
	ext  int64
	loc  unsafe.Pointer
}

// timeNumbers is the size in bytes of what stands in it before the pointer.
const timeNumbers = unsafe.Offsetof(timeParts{}.loc)

// reflectTime is a time without the reading of this process's own clock, which says nothing in another.
func reflectTime(p unsafe.Pointer) timeParts {
	t := (*time.Time)(p).Round(0)
	return *(*timeParts)(unsafe.Pointer(&t))
}
