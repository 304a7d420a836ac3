package keep

import (
	"io"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

const ptrSize = unsafe.Sizeof(uintptr(0))

func efaceOf(v *any) *eface { return (*eface)(unsafe.Pointer(v)) }

// unkept are the types of the standard library that stand for something outside of the program's memory, or that mean
// something in one process only.
func unkept(pkg, name string) string {
	switch pkg {
	case "os":
		switch name {
		case "File", "Root", "file", "root":
			return "an open file"
		case "Process":
			return "a process"
		}
	case "internal/poll":
		if name == "FD" {
			return "an open file or connection"
		}
	case "context":
		switch name {
		case "cancelCtx", "timerCtx", "afterFuncCtx", "stopCtx":
			return "a context that can be cancelled"
		}
	case "reflect":
		if name == "Value" {
			return "a reflect.Value"
		}
	case "time":
		switch name {
		case "Timer", "Ticker":
			return "a running timer"
		}
	case "hash/maphash":
		if name == "Seed" {
			return "a hash seed, which is good in one process"
		}
	case "weak":
		return "a weak pointer"
	case "unique":
		return "a unique handle"
	case "runtime":
		switch name {
		case "Func", "Frames", "Pinner", "Cleanup":
			return "a part of Go's runtime"
		}
	}
	return ""
}

// isTypeDescriptor says whether a type is that of types' descriptors.
func isTypeDescriptor(t reflect.Type) bool {
	return t.Name() == "rtype" && t.PkgPath() == "reflect" || t.Name() == "Type" && t.PkgPath() == "internal/abi"
}

// special appends what lies in a type of which more is known than its memory.
func (ls *layouts) special(l *layout, t reflect.Type, off uintptr) bool {
	pkg, name := t.PkgPath(), t.Name()
	if pkg == "" || name == "" {
		return false
	}
	if why := unkept(pkg, name); why != "" && t.Kind() == reflect.Struct {
		l.ops = append(l.ops, op{kind: opZero, off: off, size: t.Size(), why: why})
		return true
	}
	switch pkg {
	case "time":
		if name == "Time" {
			l.ops = append(l.ops, op{kind: opTime, off: off, to: ls.later(reflect.TypeFor[time.Location]())})
			return true
		}
	case "sync":
		switch name {
		case "Map":
			l.ops = append(l.ops, op{kind: opSyncMap, off: off, to: ls.later(reflect.TypeFor[map[any]any]())})
			return true
		case "Pool":
			return ls.onlyField(l, t, off, "New")
		case "Cond": // it remembers its own address, and who waits is gone
			return ls.onlyField(l, t, off, "L")
		}
	case "sync/atomic":
		if hasPrefix(name, "Pointer[") && t.NumField() > 0 && t.Field(0).Type.Kind() == reflect.Array {
			v, ok := fieldNamed(t, "v")
			elem := t.Field(0).Type.Elem()
			if ok && elem.Kind() == reflect.Pointer {
				ls.add(l, elem, off+v.Offset)
				return true
			}
		}
	}
	if t.Kind() == reflect.Struct && hasHandle(t) && t.Implements(marshalerType) && reflect.PointerTo(t).Implements(unmarshalerType) {
		l.ops = append(l.ops, op{kind: opMarshal, off: off, to: ls.later(t)})
		return true
	}
	return false
}

func (ls *layouts) onlyField(l *layout, t reflect.Type, off uintptr, name string) bool {
	f, ok := fieldNamed(t, name)
	if ok {
		ls.add(l, f.Type, off+f.Offset)
		l.ops = append(l.ops, op{kind: opPad})
	}
	return ok
}

func fieldNamed(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Name == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// hasHandle says whether a struct has a field of a type unique.Handle, as netip.Addr does.
func hasHandle(t reflect.Type) bool {
	for i := range t.NumField() {
		if f := t.Field(i).Type; f.PkgPath() == "unique" && hasPrefix(f.Name(), "Handle[") {
			return true
		}
	}
	return false
}

type (
	marshaler   interface{ MarshalBinary() ([]byte, error) }
	unmarshaler interface{ UnmarshalBinary([]byte) error }
)

var (
	marshalerType   = reflect.TypeFor[marshaler]()
	unmarshalerType = reflect.TypeFor[unmarshaler]()
)

func hasPrefix(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

// ownGlobals are variables of packages that each program has, whose identity means something.
func ownGlobals() map[string]any {
	return map[string]any{
		"io.EOF": io.EOF, "io.ErrUnexpectedEOF": io.ErrUnexpectedEOF, "io.ErrShortWrite": io.ErrShortWrite,
		"io.ErrShortBuffer": io.ErrShortBuffer, "io.ErrNoProgress": io.ErrNoProgress, "io.ErrClosedPipe": io.ErrClosedPipe,
		"fs.ErrInvalid": fs.ErrInvalid, "fs.ErrPermission": fs.ErrPermission, "fs.ErrExist": fs.ErrExist,
		"fs.ErrNotExist": fs.ErrNotExist, "fs.ErrClosed": fs.ErrClosed, "fs.SkipDir": fs.SkipDir, "fs.SkipAll": fs.SkipAll,
		"os.ErrProcessDone": os.ErrProcessDone, "os.ErrDeadlineExceeded": os.ErrDeadlineExceeded, "os.ErrNoDeadline": os.ErrNoDeadline,
		"os.Stdin": os.Stdin, "os.Stdout": os.Stdout, "os.Stderr": os.Stderr,
		"strconv.ErrRange": strconv.ErrRange, "strconv.ErrSyntax": strconv.ErrSyntax,
		"time.Local": time.Local, "time.UTC": time.UTC,
	}
}
