package keep

import (
	"io"
	"os"
	"syscall"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// mappings are the blocks that were brought back: pages of their files, which become this process's own where it writes.
type mappings struct {
	dir  string
	list []mapping
}

type mapping struct {
	base  unsafe.Pointer
	size  uintptr
	block store.Block
	read  bool // its content was read into a variable's memory, not mapped
}

// has says whether memory is of a mapped block.
func (m *mappings) has(p unsafe.Pointer, size uintptr) bool {
	for i := range m.list {
		b := &m.list[i]
		if off := uintptr(p) - uintptr(b.base); off < b.size && size <= b.size-off {
			return true
		}
	}
	return false
}

// bring brings a block back, into memory that is given or else by mapping its file. A file that was written to after it was
// made is read through for its checksum first.
func (m *mappings) bring(b store.Block, size uintptr, into unsafe.Pointer) (unsafe.Pointer, error) {
	if uintptr(b.Size) != size {
		return nil, errFile
	}
	f, err := os.Open(store.Path(m.dir, b.File))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	have, err := store.Size(f)
	if err != nil {
		return nil, err
	}
	if have != b.Size {
		return nil, blockDamaged(b)
	}
	if into != nil {
		return into, m.read(f, b, into)
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	if err != nil { // a folder of which nothing can be mapped
		into = newBytes(size)
		return into, m.read(f, b, into)
	}
	if written(f) != b.Time && store.Sum(mapped) != b.Sum {
		return nil, blockDamaged(b)
	}
	base := unsafe.Pointer(unsafe.SliceData(mapped))
	m.list = append(m.list, mapping{base: base, size: size, block: b})
	return base, nil
}

func (m *mappings) read(f *os.File, b store.Block, into unsafe.Pointer) error {
	content := bytesAt(into, uintptr(b.Size))
	if _, err := io.ReadFull(f, content); err != nil {
		return err
	}
	if store.Sum(content) != b.Sum {
		return blockDamaged(b)
	}
	m.list = append(m.list, mapping{base: into, size: uintptr(b.Size), block: b, read: true})
	return nil
}

func blockDamaged(b store.Block) error { return store.Damaged(b.File, "its content is another one") }

// unchanged is the block that memory was brought back from, if it still is as it was.
func (m *mappings) unchanged(p unsafe.Pointer, size uintptr) (store.Block, bool) {
	for i := range m.list {
		b := &m.list[i]
		if b.base == p && b.size == size {
			return b.block, m.isUnchanged(b)
		}
	}
	return store.Block{}, false
}

func (m *mappings) isUnchanged(b *mapping) bool {
	if !b.read {
		if same, known := untouched(uintptr(b.base), b.size); known {
			return same
		}
	}
	return m.holds(b.block, b.base)
}

// holds says whether memory is what a block's file holds.
func (m *mappings) holds(b store.Block, p unsafe.Pointer) bool {
	f, err := os.Open(store.Path(m.dir, b.File))
	if err != nil {
		return false
	}
	defer f.Close()
	size := uintptr(b.Size)
	part := make([]byte, min(size, 1<<20))
	for off := uintptr(0); off < size; off += uintptr(len(part)) {
		part = part[:min(uintptr(len(part)), size-off)]
		if _, err := io.ReadFull(f, part); err != nil || string(part) != string(bytesAt(at(p, off), uintptr(len(part)))) {
			return false
		}
	}
	return true
}

// Bits of an entry of /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst).
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61
)

// untouched asks the system whether all pages of a private mapping still are those of its file. known is false where it
// does not say.
func untouched(p, size uintptr) (same, known bool) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return false, false
	}
	defer f.Close()
	page := uintptr(os.Getpagesize())
	first, end := p/page, (p+size+page-1)/page
	const entry = 8
	buf := make([]byte, min((end-first)*entry, 64<<10))
	seen := false
	for first < end {
		part := buf[:min(uintptr(len(buf)), (end-first)*entry)]
		if _, err := f.ReadAt(part, int64(first*entry)); err != nil {
			return false, false
		}
		for i := 0; i < len(part); i += entry {
			e := *(*uint64)(unsafe.Pointer(&part[i]))
			if e&(pagePresent|pageSwapped) != 0 && e&pageOfFile == 0 {
				return false, true
			}
			seen = seen || e != 0
		}
		first += uintptr(len(part) / entry)
	}
	// Where every entry is zero, no page was asked for, or the system hides them. A page of this very buffer tells which.
	return true, seen || entryOf(f, uintptr(unsafe.Pointer(&buf[0]))/page) != 0
}

func entryOf(f *os.File, page uintptr) uint64 {
	var e [8]byte
	if _, err := f.ReadAt(e[:], int64(page)*int64(len(e))); err != nil {
		return 0
	}
	return *(*uint64)(unsafe.Pointer(&e))
}

// save writes memory to a block's file, if it is not there already.
func (m *mappings) save(p unsafe.Pointer, size uintptr, name func() string) (store.Block, error) {
	if b, ok := m.unchanged(p, size); ok {
		return b, nil
	}
	content := bytesAt(p, size)
	b := store.Block{Size: int64(size), Sum: store.Sum(content)}
	for i := range m.list { // a stand-in may hold the same content at another place
		if was := m.list[i].block; was.Size == b.Size && was.Sum == b.Sum && m.holds(was, p) {
			return was, nil
		}
	}
	b.File = name()
	if err := store.Write(m.dir, b.File, content); err != nil {
		return b, err
	}
	f, err := os.Open(store.Path(m.dir, b.File))
	if err != nil {
		return b, err
	}
	b.Time = written(f)
	return b, f.Close()
}
