package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// decoded keeps the pictures of a stream as they were decoded, in a file of the user's cache folder, so that each is decoded
// once and costs one read from then on. The file has a place for each picture, with a sum over it; what has another sum is not
// there, be it a hole, half written, damaged, or of a picture that was changed since. So several processes can share the file, and
// it may be removed at any time.
//
// It is read, not mapped: a mapped file that somebody cuts, or a disk that fills up behind it, ends the process by a signal.
type decoded struct {
	file *os.File
	size int // bytes of a picture
}

const (
	decodedEnding = ".pictures"
	mostDecoded   = 32 << 30 // bytes of all such files; then those that were not used for the longest time go
	trailer       = 12       // bytes behind a picture: its mark, and the sum over both
)

// openDecoded opens the file for the pictures below a path, cut as the options say; nil where there is no cache folder, or no
// room: a file takes at most half of what is free on its disk.
func openDecoded(path string, options FolderOptions, n, size int) *decoded {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil
	}
	dir = filepath.Join(dir, "gantry", "data")
	absolute, err := filepath.Abs(path)
	if err != nil || os.MkdirAll(dir, 0o700) != nil {
		return nil
	}
	options.Stream = true // however it came to be one
	key := sha256.Sum256(fmt.Appendf(nil, "gantry decoded 1\n%s\n%+v", absolute, options))
	name := hex.EncodeToString(key[:16]) + decodedEnding
	all, ok := volume(mostDecoded, n, size+trailer)
	if !ok || pruneDecoded(dir, name, mostDecoded-int64(all)) != nil {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|noFollow|nonblock, 0o600)
	if err != nil {
		return nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || int64(all)-info.Size() > freeSpace(file)/2 {
		file.Close()
		return nil
	}
	now := time.Now()
	os.Chtimes(file.Name(), now, now) // for pruneDecoded; a failure costs at most the file
	return &decoded{file, size}
}

// pruneDecoded removes the files that were not used for the longest time until the others, but for one, take at most so many
// bytes.
func pruneDecoded(dir, but string, most int64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var all []os.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && filepath.Ext(entry.Name()) == decodedEnding && entry.Name() != but {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b os.FileInfo) int { return b.ModTime().Compare(a.ModTime()) }) // the newest first
	for _, info := range all {
		if most -= info.Size(); most < 0 {
			if err := os.Remove(filepath.Join(dir, info.Name())); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	}
	return nil
}

// sumOf is over a picture, its place and its mark.
func sumOf(i int, record []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum(binary.LittleEndian.AppendUint64(nil, uint64(i)+1), table)
	return crc32.Update(sum, table, record)
}

// read brings picture number i, and tells whether it was there.
func (d *decoded) read(i int, mark uint64, pixels []byte) bool {
	if d == nil {
		return false
	}
	record := make([]byte, d.size+trailer)
	if n, _ := d.file.ReadAt(record, int64(i)*int64(len(record))); n != len(record) {
		return false
	}
	marked, sum := record[:d.size+8], binary.LittleEndian.Uint32(record[d.size+8:])
	if binary.LittleEndian.Uint64(record[d.size:]) != mark || sumOf(i, marked) != sum {
		return false
	}
	copy(pixels, record)
	return true
}

// forget removes the file. Who has it open goes on with it.
func (d *decoded) forget() error {
	if d == nil {
		return nil
	}
	return os.Remove(d.file.Name())
}

// keep writes picture number i. Where it cannot be kept it is decoded each time.
func (d *decoded) keep(i int, mark uint64, pixels []byte) {
	if d == nil {
		return
	}
	record := binary.LittleEndian.AppendUint64(append(make([]byte, 0, d.size+trailer), pixels...), mark)
	record = binary.LittleEndian.AppendUint32(record, sumOf(i, record))
	d.file.WriteAt(record, int64(i)*int64(len(record)))
}
