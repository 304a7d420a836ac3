package data

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gantry.local/gan/sample"
)

// Shards is the set of the PNG and JPEG pictures in tar files, as WebDataset writes them: one .tar file, or all in a folder, in
// the order of their names. The class of a picture is the whole number in the entry of its name that ends in .cls; either all
// pictures have one, or none has. Other entries are ignored. Pictures become samples as in a Folder, and are read from where they
// lie in their shard, in any order: the tar files must not be compressed.
func Shards(path string, options FolderOptions) Set {
	return of("shards:"+path+optionText(options), shards{path: path, options: options.withDefaults()})
}

// shards makes a set of the pictures in tar files.
type shards struct {
	path    string
	options FolderOptions
}

func (s shards) make(string) (*sample.Images, error) {
	images, err := loadPictures(s)
	if err != nil {
		return nil, fmt.Errorf("shards %s: %w", s.path, err)
	}
	return images, nil
}

// stream implements streamer.
func (s shards) stream(string) (*Stream, error) {
	stream, err := streamOf(s, s.path)
	if err != nil {
		return nil, fmt.Errorf("shards %s: %w", s.path, err)
	}
	return stream, nil
}

// look implements looker.
func (s shards) look() (album, FolderOptions, error) {
	if err := s.options.check(); err != nil {
		return nil, s.options, err
	}
	dir, names, err := tarFiles(s.path)
	if err != nil {
		return nil, s.options, err
	}
	all := &shardAlbum{dir: dir, shards: names}
	for shard := range names {
		if err := all.index(shard, maxFiles); err != nil {
			return nil, s.options, fmt.Errorf("%s: %w", shown(names[shard]), err)
		}
	}
	if len(all.entries) == 0 {
		return nil, s.options, errors.New("there is no PNG or JPEG picture in its tar files")
	}
	all.entries = spread(all.entries, s.options.Limit)
	return all, s.options, all.label()
}

// tarFiles lists the shards at a path.
func tarFiles(at string) (dir string, names []string, err error) {
	info, err := os.Stat(at)
	if err != nil {
		return "", nil, err
	}
	if !info.IsDir() {
		return filepath.Dir(at), []string{filepath.Base(at)}, nil
	}
	entries, err := os.ReadDir(at) // sorted
	if err != nil {
		return "", nil, err
	}
	for _, entry := range entries {
		if strings.ToLower(filepath.Ext(entry.Name())) == ".tar" && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	if names == nil {
		return "", nil, errors.New("there is no .tar file in it")
	}
	return at, names, nil
}

// shardAlbum is the pictures in tar files.
type shardAlbum struct {
	dir     string
	shards  []string
	changed []int64 // when
	entries []entry
	labels  []int32
}

// entry is where a picture lies.
type entry struct {
	shard int32
	class int32 // -1: it has none
	at    int64
	size  int64
	name  string
}

// index adds the pictures of a shard.
func (s *shardAlbum) index(shard, most int) error {
	file, err := openFile(filepath.Join(s.dir, s.shards[shard]))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	s.changed = append(s.changed, info.ModTime().UnixNano())
	classes := map[string]int32{}
	first := len(s.entries)
	archive := tar.NewReader(file)
	for seen := 0; ; seen++ {
		header, err := archive.Next()
		if err == io.EOF && seen == 0 && info.Size() == 0 {
			return errors.New("it is empty")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("damaged, or no plain tar file (a compressed one must be unpacked): %w", err)
		}
		if len(s.entries)+seen > most {
			return fmt.Errorf("there are more than %d entries: name fewer shards", most)
		}
		if header.Typeflag != tar.TypeReg || elsewhere(header) || strings.HasPrefix(path.Base(header.Name), ".") {
			continue
		}
		switch ending := strings.ToLower(path.Ext(header.Name)); ending {
		case ".png", ".jpg", ".jpeg":
			at, err := file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			if header.Size > info.Size()-at {
				return fmt.Errorf("damaged: it ends within %s", shown(header.Name))
			}
			s.entries = append(s.entries, entry{int32(shard), -1, at, header.Size, header.Name})
		case ".cls":
			class, err := readClass(archive)
			if err != nil {
				return fmt.Errorf("%s: %w", shown(header.Name), err)
			}
			classes[keyOf(header.Name)] = class
		}
	}
	for i := first; i < len(s.entries); i++ {
		if class, has := classes[keyOf(s.entries[i].name)]; has {
			s.entries[i].class = class
		}
	}
	return nil
}

// elsewhere tells whether the content of an entry lies elsewhere than behind its header.
func elsewhere(header *tar.Header) bool {
	for record := range header.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// keyOf is what the entries of one sample have in common: the name up to the first point in its last part.
func keyOf(name string) string {
	dir, base := path.Split(name)
	key, _, _ := strings.Cut(base, ".")
	return dir + key
}

// readClass reads the content of an entry that tells a class.
func readClass(r io.Reader) (int32, error) {
	const most = 32
	text, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return 0, err
	}
	class, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 32)
	if err != nil || class < 0 || class >= sample.MaxClasses {
		return 0, fmt.Errorf("the class %.20q: want a whole number of 0 to %d", text, sample.MaxClasses-1)
	}
	return int32(class), nil
}

// label takes the classes of the entries, where all have one.
func (s *shardAlbum) label() error {
	without := slices.IndexFunc(s.entries, func(e entry) bool { return e.class < 0 })
	with := slices.IndexFunc(s.entries, func(e entry) bool { return e.class >= 0 })
	if with < 0 {
		return nil
	}
	if without >= 0 {
		return fmt.Errorf("the picture %s has no .cls entry, and %s has one: give each picture one, or none", s.title(without), s.title(with))
	}
	for _, e := range s.entries {
		s.labels = append(s.labels, e.class)
	}
	return nil
}

func (s *shardAlbum) size() int                    { return len(s.entries) }
func (s *shardAlbum) classes() ([]int32, []string) { return s.labels, nil }

func (s *shardAlbum) title(i int) string {
	return shown(s.shards[s.entries[i].shard] + " " + s.entries[i].name)
}

func (s *shardAlbum) open(i int) (io.ReadSeekCloser, error) {
	e := s.entries[i]
	file, err := openFile(filepath.Join(s.dir, s.shards[e.shard]))
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(file, e.at, e.size), file}, nil
}

// section is a part of a file.
type section struct {
	*io.SectionReader
	io.Closer
}

func (s *shardAlbum) mark(i int) (size, changed int64, err error) {
	e := s.entries[i]
	return e.size, s.changed[e.shard] ^ e.at, nil
}
