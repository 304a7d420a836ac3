package compilecache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// keyring makes keys: a digest of all that the compiler's work depends on. Beside the program and its options, these are the
// plugin's content, the processor, how many of its cores may be used (loops are split for them), and the flags.
type keyring struct{ place [sha256.Size]byte }

// flags are the variables by which XLA is told how to compile, NAME=value.
func flags() (all []string) {
	for _, name := range []string{"XLA_FLAGS", "NPROC", "OMP_NUM_THREADS", "TF_XLA_FLAGS"} {
		all = append(all, name+"="+os.Getenv(name))
	}
	return all
}

// newKeyring reads what is the same for all programs of a process that was told these flags. The digest of a plugin, a file of hundreds of megabytes,
// is kept in the cache's folder.
func newKeyring(plugin string, told []string, f *Folder) (keyring, error) {
	digest, err := f.pluginDigest(plugin)
	if err != nil {
		return keyring{}, err
	}
	processor, err := processorFeatures()
	if err != nil {
		return keyring{}, err
	}
	h := sha256.New()
	field(h, digest)
	field(h, processor)
	field(h, fmt.Append(nil, runtime.GOOS, runtime.GOARCH, runtime.NumCPU()))
	for _, flag := range told {
		field(h, []byte(flag))
	}
	var k keyring
	h.Sum(k.place[:0])
	return k, nil
}

// key is that of a program, as it is given to the compiler, with its options.
func (k keyring) key(program, options []byte) (key Key) {
	h := sha256.New()
	h.Write(k.place[:])
	field(h, program)
	field(h, options)
	h.Sum(key[:0])
	return key
}

// field adds something to a digest so that it cannot run into the next.
func field(h hash.Hash, content []byte) {
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(content)))
	h.Write(size[:])
	h.Write(content)
}

// pluginDigest is the SHA-256 of a plugin's content. It is written down beside the file's place, size and times, and
// computed anew when one of them is another.
func (f *Folder) pluginDigest(plugin string) ([]byte, error) {
	file, err := os.Open(plugin)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	system, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("%s: its system's file number is not known", plugin)
	}
	identity := sha256.Sum256(fmt.Append(nil, plugin, "\n", info.Size(), info.ModTime().UnixNano(), system.Ino, system.Dev, system.Ctim))
	key := Key(identity)
	if digest := f.Load(key); len(digest) == sha256.Size {
		return digest, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return nil, err
	}
	digest := h.Sum(nil)
	f.Store(key, digest)
	return digest, nil
}

// processorFeatures names the processor and all that it can do, as the system lists it.
func processorFeatures() ([]byte, error) {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var features bytes.Buffer
	lines := bufio.NewScanner(file)
	for lines.Scan() && lines.Text() != "" { // an empty line ends the first core
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "vendor_id", "cpu family", "model", "model name", "stepping", "flags", // x86
			"CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features": // Arm
			features.WriteString(value + "\n")
		}
	}
	return features.Bytes(), lines.Err()
}
