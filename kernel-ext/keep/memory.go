package keep

import (
	"reflect"
	"unsafe"
)

// What of Go's runtime is reached here is on the list of what it keeps for packages outside (go.dev/issue/67401).

// findObject returns where the object of Go's heap begins that p points into, or 0.
//
//go:linkname findObject runtime.findObject
func findObject(p, refBase, refOff uintptr) (base uintptr, span unsafe.Pointer, index uintptr)

//go:linkname lastmoduledatap runtime.lastmoduledatap
var lastmoduledatap unsafe.Pointer

//go:linkname typelinks reflect.typelinks
func typelinks() (sections []unsafe.Pointer, offsets [][]int32)

// module is runtime.moduledata, as it has been since Go 1.21. A program has one, or two where it was linked to a base
// (package quicklink): that of main, and before it that of all else.
type module struct {
	_                              unsafe.Pointer // pcHeader
	_, _, _, _, _                  []byte         // funcnametab, cutab, filetab, pctab, pclntable
	ftab                           []functab
	_                              uintptr // findfunctab
	minpc, maxpc                   uintptr
	text, etext                    uintptr
	noptrdata, enoptrdata          uintptr
	data, edata                    uintptr
	bss, ebss, noptrbss, enoptrbss uintptr
	_, _                           uintptr // covctrs, ecovctrs
	end                            uintptr
	_, _                           uintptr // gcdata, gcbss
	types, etypes, rodata          uintptr
	_, _                           uintptr // gofunc, epclntab
	_, _, _, _                     []byte  // textsectmap, typelinks, itablinks, ptab
	_                              string  // pluginpath
	_, _                           []byte  // pkghashes, inittasks
	_                              string  // modulename
	_                              []byte  // modulehashes
	_, _                           bool    // hasmain, bad
	_, _                           struct {
		_ int32
		_ unsafe.Pointer
	} // gcdatamask, gcbssmask
	_    unsafe.Pointer // typemap
	next *module
}

// functab is an element of the table of functions.
type functab struct {
	entry uint32 // from text on
	_     uint32
}

// image is where the program itself lies in memory.
type image struct {
	low, high uintptr // of code, constants and variables
	modules   []*module
}

// anchor is a variable whose place is known to be in the program.
var anchor = [1]*byte{new(byte)}

// programImage finds the program. ok is false where the runtime is not as it is known here; then nothing can be said of an
// address that is not of the heap.
func programImage() (im image, ok bool) {
	code, variable := reflect.ValueOf(programImage).Pointer(), uintptr(unsafe.Pointer(&anchor))
	im.low = ^uintptr(0)
	for m := (*module)(lastmoduledatap); m != nil; m = m.next {
		ok = ok || m.minpc <= code && code < m.maxpc && m.text <= code && code < m.etext &&
			min(m.data, m.noptrdata) <= variable && variable < m.end
		if !ok {
			return image{}, false
		}
		for _, at := range []uintptr{
			m.text, m.etext, m.noptrdata, m.enoptrdata, m.data, m.edata, m.bss, m.ebss, m.noptrbss, m.enoptrbss, m.types, m.etypes, m.rodata, m.end,
		} {
			im.low, im.high = min(im.low, at), max(im.high, at)
		}
		im.modules = append(im.modules, m)
	}
	return im, ok && im.high-im.low < 1<<32
}

// inHeap says whether p points into an object of Go's heap.
func inHeap(p unsafe.Pointer) bool {
	base, _, _ := findObject(uintptr(p), 0, 0)
	return base != 0
}

// at is the pointer n bytes behind p.
func at(p unsafe.Pointer, n uintptr) unsafe.Pointer { return unsafe.Add(p, n) }

// bytesAt are n bytes of memory.
func bytesAt(p unsafe.Pointer, n uintptr) []byte { return unsafe.Slice((*byte)(p), n) }

// The layouts of Go's own headers.
type (
	eface struct{ typ, data unsafe.Pointer }
	iface struct{ tab, data unsafe.Pointer }
	slice struct {
		data     unsafe.Pointer
		len, cap int
	}
	text struct {
		data unsafe.Pointer
		len  int
	}
)

// typeOf is the type behind a pointer to its descriptor.
func typeOf(descriptor unsafe.Pointer) reflect.Type {
	var v any
	(*eface)(unsafe.Pointer(&v)).typ = descriptor
	return reflect.TypeOf(v)
}

// descriptor is the inverse of typeOf.
func descriptor(t reflect.Type) unsafe.Pointer { return (*iface)(unsafe.Pointer(&t)).data }
