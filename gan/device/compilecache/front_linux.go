package compilecache

/*
#cgo LDFLAGS: -ldl
#cgo CFLAGS: -O3
#include <stdlib.h>
#include "front.h"

typedef struct { unsigned char bytes[32]; } key;
*/
import "C"

import (
	"errors"
	"runtime/cgo"
	"sync"
	"unsafe"

	"gantry.local/gan/internal/wide"
)

// front is what stands in front of the compiler of a process: programs are made to change their variables in place, and the
// cache is asked for them, where there is one.
type front struct {
	*Folder                 // nil without a cache
	keys    func() *keyring // waits for it; nil: nothing can be kept
	ours    C.int           // whether the plugin calls functions of ours
}

// Put puts the cache in front of a PJRT plugin's compiler, for all of its clients from now on, and has programs change their
// variables in place. It does so once in a process, for the first plugin. Where the cache is switched off or cannot be had,
// all is compiled; where the plugin is of another kind nothing is done, since all works without.
func Put(plugin string) {
	of := &front{}
	if dir := Dir(); dir != "" {
		if folder, err := Open(dir); err == nil { // else doctor says so
			told := flags() // as they are now, and XLA reads them
			of.Folder, of.keys = folder, sync.OnceValue(func() *keyring {
				keys, err := newKeyring(plugin, told, folder)
				if err != nil {
					folder.log("nothing is kept: %v", err)
					return nil
				}
				return &keys
			})
			go of.keys() // which reads the plugin through once, while graphs are built
		}
	}
	path := C.CString(plugin)
	defer C.free(unsafe.Pointer(path))
	var able C.int
	if wide.Able() {
		able = 1
	}
	if trouble := C.front_put(path, C.uintptr_t(cgo.NewHandle(of)), able, &of.ours); trouble != nil && of.Folder != nil {
		of.log("nothing is kept: %s", C.GoString(trouble))
	}
}

// frontProgram returns a copy of a program that changes its variables in place and calls our functions, which the caller frees.
//
//export frontProgram
func frontProgram(cache C.uintptr_t, program *C.char, size C.size_t, newSize *C.size_t) *C.char {
	text := inPlace(C.GoStringN(program, C.int(size)))
	if f := cgo.Handle(cache).Value().(*front); f.ours != 0 {
		text = withConvolutions(withProducts(text))
	}
	*newSize = C.size_t(len(text))
	return C.CString(text)
}

// frontLoad returns the executable of a program that the cache holds, or nil, and the program's key.
//
//export frontLoad
func frontLoad(cache C.uintptr_t, client, program unsafe.Pointer, programSize C.size_t, options unsafe.Pointer, optionsSize C.size_t, of *C.key) unsafe.Pointer {
	f := cgo.Handle(cache).Value().(*front)
	if f.Folder == nil {
		return nil
	}
	keys := f.keys()
	if keys == nil {
		return nil
	}
	key := keys.key(unsafe.Slice((*byte)(program), int(programSize)), unsafe.Slice((*byte)(options), int(optionsSize)))
	*(*Key)(unsafe.Pointer(of)) = key
	payload := f.Load(key)
	if payload == nil {
		return nil
	}
	loaded := C.front_load(client, (*C.char)(unsafe.Pointer(unsafe.SliceData(payload))), C.size_t(len(payload)))
	if loaded == nil {
		f.Reject(key, errors.New("one that the plugin refuses"))
	}
	return loaded
}

// frontStore keeps the serialised form of what was compiled.
//
//export frontStore
func frontStore(cache C.uintptr_t, of *C.key, bytes unsafe.Pointer, size C.size_t) {
	f := cgo.Handle(cache).Value().(*front)
	if f.Folder == nil || f.keys() == nil {
		return
	}
	f.Store(*(*Key)(unsafe.Pointer(of)), unsafe.Slice((*byte)(bytes), int(size)))
}
