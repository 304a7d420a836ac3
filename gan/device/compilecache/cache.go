//go:build unix

// Package compilecache keeps what XLA has compiled on disk. A program that was compiled once, by any process of this user, is loaded
// from then on: the step of a GAN takes seconds to compile and a tenth of one to load.
//
// Nobody asks for it: device.Open puts it in front of the plugin's compiler. An entry is native code, so the folder is private
// to the user, and an entry that is damaged, of another form or another user's is never loaded: the program is compiled
// anew, and the folder's log says why.
//
// In front of the compiler programs are completed too: they change their variables in place, and call our products of matrices.
//
// Reading order: cache.go (entries on disk), key_linux.go (what an entry is good for), front_linux.go with front.c and front.h (in
// front of the compiler, through the PJRT C API), inplace.go (variables), products.go (calls of products) with product.c and
// product.h (what they call), parts.c (their parts) and crew.c (who helps with them in a small program).
package compilecache

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Env names the folder of the cache, or is "off". Where it is not set, that is gantry/compiled in the user's cache folder.
const Env = "GANTRY_COMPILE_CACHE"

const (
	form         = "gantry compiled 1\n" // what an entry begins with; then come its key, its payload's SHA-256 and the payload
	suffix       = ".xla"
	tempPrefix   = ".writing-"
	logFile      = "log"
	largestEntry = 256 << 20
	largestLog   = 64 << 10
	mostBytes    = 512 << 20 // of all entries; then those that were not used for the longest time go
	staleAfter   = time.Hour // for what a killed process left half-written
)

// Key is what an entry is good for, see keyring.
type Key [sha256.Size]byte

// Folder is a cache's folder.
type Folder struct{ dir string }

// Dir returns where the cache of this user lies, or "" where it is switched off or there is no home for it.
func Dir() string {
	switch dir := os.Getenv(Env); {
	case dir == "off":
		return ""
	case dir != "":
		if absolute, err := filepath.Abs(dir); err == nil {
			return absolute
		}
		return ""
	}
	home, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, "gantry", "compiled")
}

// Open makes the folder, mode 0700, or takes one that is this user's alone.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || !own(info) {
		return nil, fmt.Errorf("%s is no folder of this user alone", dir)
	}
	return &Folder{dir}, os.Chmod(dir, 0o700)
}

// own tells whether something is this user's, and nobody else may write to it.
func own(info fs.FileInfo) bool {
	owner, known := info.Sys().(*syscall.Stat_t)
	return known && int(owner.Uid) == os.Getuid() && info.Mode().Perm()&0o022 == 0
}

func (f *Folder) path(key Key) string {
	return filepath.Join(f.dir, hex.EncodeToString(key[:16])+suffix)
}

// Load returns the payload of an entry, or nil where there is none that can be trusted.
func (f *Folder) Load(key Key) []byte {
	path := f.path(key)
	payload, err := read(path, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		f.Reject(key, err)
		return nil
	}
	now := time.Now()
	os.Chtimes(path, now, now) // for prune; a failure costs at most an entry
	return payload
}

func read(path string, key Key) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	const head = int64(len(form) + 2*sha256.Size)
	switch {
	case !info.Mode().IsRegular() || !own(info):
		return nil, errors.New("not a file of this user alone")
	case info.Size() <= head || info.Size() > head+largestEntry:
		return nil, fmt.Errorf("%d bytes long", info.Size())
	}
	content := make([]byte, info.Size())
	if _, err := io.ReadFull(file, content); err != nil {
		return nil, err
	}
	rest, known := bytes.CutPrefix(content, []byte(form))
	if !known || !bytes.Equal(rest[:sha256.Size], key[:]) {
		return nil, errors.New("of another form, or of another program")
	}
	sum, payload := rest[sha256.Size:2*sha256.Size], rest[2*sha256.Size:]
	if now := sha256.Sum256(payload); !bytes.Equal(now[:], sum) {
		return nil, errors.New("damaged")
	}
	return payload, nil
}

// Reject removes an entry and says why in the log.
func (f *Folder) Reject(key Key, reason error) {
	path := f.path(key)
	os.Remove(path)
	f.log("%s is compiled anew: the entry is %v", filepath.Base(path), reason)
}

// Store writes an entry, whole or not at all, and forgets the oldest where there are too many. What fails is said in the
// log: training goes on without.
func (f *Folder) Store(key Key, payload []byte) {
	if len(payload) == 0 || len(payload) > largestEntry {
		f.log("an executable of %d bytes is not kept", len(payload))
		return
	}
	if err := f.write(key, payload); err != nil {
		f.log("an executable cannot be kept: %v", err)
		return
	}
	if err := f.prune(mostBytes); err != nil {
		f.log("old executables cannot be removed: %v", err)
	}
}

func (f *Folder) write(key Key, payload []byte) error {
	temp, err := os.CreateTemp(f.dir, tempPrefix) // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone after the rename
	sum := sha256.Sum256(payload)
	for _, part := range [][]byte{[]byte(form), key[:], sum[:], payload} {
		if _, err := temp.Write(part); err != nil {
			return errors.Join(err, temp.Close())
		}
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), f.path(key))
}

// prune removes the entries that were not used for the longest time until the rest is of at most so many bytes, and what
// killed processes have left.
func (f *Folder) prune(most int64) error {
	entries, size, err := f.list()
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, entry := range entries {
		half := strings.HasPrefix(entry.Name(), tempPrefix)
		if half && time.Since(entry.ModTime()) < staleAfter || !half && size <= most {
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		size -= entry.Size()
	}
	return nil
}

func (f *Folder) list() (entries []fs.FileInfo, size int64, err error) {
	all, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, 0, err
	}
	for _, entry := range all {
		if name := entry.Name(); !strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, tempPrefix) {
			continue
		}
		if info, err := entry.Info(); err == nil { // else another process has just removed it
			entries, size = append(entries, info), size+info.Size()
		}
	}
	return entries, size, nil
}

// Size returns how many entries the folder holds, and how many bytes.
func (f *Folder) Size() (entries int, size int64, err error) {
	all, size, err := f.list()
	return len(all), size, err
}

// log says something in the folder's log, which is begun anew when it is long.
func (f *Folder) log(format string, args ...any) {
	path := filepath.Join(f.dir, logFile)
	mode := os.O_CREATE | os.O_APPEND | os.O_WRONLY | syscall.O_NOFOLLOW
	if info, err := os.Stat(path); err == nil && info.Size() > largestLog {
		mode |= os.O_TRUNC
	}
	if file, err := os.OpenFile(path, mode, 0o600); err == nil {
		fmt.Fprintf(file, "%s process %d: %s\n", time.Now().Format(time.RFC3339), os.Getpid(), fmt.Sprintf(format, args...))
		file.Close()
	}
}
