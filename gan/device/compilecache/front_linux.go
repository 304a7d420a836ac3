package compilecache

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "front.h"

typedef struct { unsigned char bytes[32]; } key;
*/
import "C"

import (
	"errors"
	"runtime/cgo"
	"unsafe"
)

// front is the cache of a process.
type front struct {
	*Folder
	keyring
}

// Put puts the cache in front of a PJRT plugin's compiler, for all of its clients from now on. It does so once in a
// process, for the first plugin. Where the cache is switched off or cannot be had it does nothing, since all works without.
func Put(plugin string) {
	dir := Dir()
	if dir == "" {
		return
	}
	folder, err := Open(dir)
	if err != nil {
		return // doctor says so
	}
	keys, err := newKeyring(plugin, folder)
	if err != nil {
		folder.log("nothing is kept: %v", err)
		return
	}
	path := C.CString(plugin)
	defer C.free(unsafe.Pointer(path))
	if trouble := C.front_put(path, C.uintptr_t(cgo.NewHandle(&front{folder, keys}))); trouble != nil {
		folder.log("nothing is kept: %s", C.GoString(trouble))
	}
}

// frontLoad returns the executable of a program that the cache holds, or nil, and the program's key.
//
//export frontLoad
func frontLoad(cache C.uintptr_t, client, program unsafe.Pointer, programSize C.size_t, options unsafe.Pointer, optionsSize C.size_t, of *C.key) unsafe.Pointer {
	f := cgo.Handle(cache).Value().(*front)
	key := f.key(unsafe.Slice((*byte)(program), int(programSize)), unsafe.Slice((*byte)(options), int(optionsSize)))
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
	f.Store(*(*Key)(unsafe.Pointer(of)), unsafe.Slice((*byte)(bytes), int(size)))
}
