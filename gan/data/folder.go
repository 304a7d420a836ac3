package data

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/gan/sample"
)

// FolderOptions tell how the pictures of a Folder become samples. The zero value gives 64×64 in colour.
type FolderOptions struct {
	Size          int  // height and width of the samples; 0 is 64
	Height, Width int  // where they differ; 0 is Size
	Gray          bool // one channel in place of three

	// Crop is the side of the square that is cut from the middle of every picture before it is resized, in its own
	// pixels: 108 is usual for CelebA. 0 cuts the largest part that has the samples' proportions.
	Crop    int
	Stretch bool // resize the whole picture, whatever becomes of its proportions

	Limit int // read only so many pictures, spread evenly over all; 0 is all

	// Stream has the pictures read while they are trained on, however few they are. What takes more than a quarter of the
	// memory that is available, or more than 4 GiB, is a stream by itself.
	Stream bool
}

func (o FolderOptions) withDefaults() FolderOptions {
	if o.Size == 0 {
		o.Size = 64
	}
	if o.Height == 0 {
		o.Height = o.Size
	}
	if o.Width == 0 {
		o.Width = o.Size
	}
	return o
}

func (o FolderOptions) check() error {
	const largest = 1024
	if min(o.Height, o.Width) < 1 || max(o.Height, o.Width) > largest {
		return fmt.Errorf("samples of %d×%d: height and width are 1 to %d", o.Height, o.Width, largest)
	}
	if o.Crop < 0 || o.Limit < 0 {
		return errors.New("Crop and Limit can't be negative")
	}
	if o.Crop > 0 && o.Stretch {
		return errors.New("Crop cuts and Stretch keeps the whole picture: set just one of them")
	}
	return nil
}

func (o FolderOptions) channels() int {
	if o.Gray {
		return 1
	}
	return 3
}

// Folder is the set of the PNG and JPEG pictures in a folder and the folders in it, sorted by their paths; other files,
// hidden ones and links to folders are ignored. Where pictures lie in sub-folders, the first sub-folder of a path is its class, in the
// sorted order that Names keeps; pictures right in the folder have no labels. Each is cropped to its centre, resized
// with an anti-aliasing filter, and laid on white where it is transparent. Orientation tags are ignored.
func Folder(dir string, options FolderOptions) Set {
	name := "folder:" + dir + optionText(options)
	return of(name, folder{dir: dir, options: options.withDefaults()})
}

// folder makes a set of the pictures in a folder.
type folder struct {
	dir     string
	options FolderOptions
}

func (f folder) make(string) (*sample.Images, error) {
	images, err := loadPictures(f)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", f.dir, err)
	}
	return images, nil
}

// stream implements streamer.
func (f folder) stream(string) (*Stream, error) {
	s, err := streamOf(f, f.dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", f.dir, err)
	}
	return s, nil
}

// look implements looker.
func (f folder) look() (album, FolderOptions, error) {
	if err := f.options.check(); err != nil {
		return nil, f.options, err
	}
	paths, err := pictures(f.dir, maxFiles)
	if err != nil {
		return nil, f.options, err
	}
	paths = spread(paths, f.options.Limit)
	labels, names, err := folderClasses(paths)
	return &folderAlbum{dir: f.dir, paths: paths, labels: labels, names: names}, f.options, err
}

// spread keeps so many of a list, from all over it; 0 is all.
func spread[T any](list []T, most int) []T {
	if most == 0 {
		return list
	}
	places := sample.Spread(len(list), most)
	for i, place := range places {
		list[i] = list[place]
	}
	return list[:len(places)]
}

// folderAlbum is the pictures in a folder.
type folderAlbum struct {
	dir    string
	paths  []string
	labels []int32
	names  []string
}

func (f *folderAlbum) size() int                    { return len(f.paths) }
func (f *folderAlbum) classes() ([]int32, []string) { return f.labels, f.names }
func (f *folderAlbum) title(i int) string           { return shown(f.paths[i]) }

func (f *folderAlbum) open(i int) (io.ReadSeekCloser, error) {
	return openFile(filepath.Join(f.dir, f.paths[i]))
}

func (f *folderAlbum) mark(i int) (size, changed int64, err error) {
	info, err := os.Stat(filepath.Join(f.dir, f.paths[i]))
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), info.ModTime().UnixNano(), nil
}

// maxDepth is how many folders may lie in each other.
const maxDepth = 100

// pictures returns the paths below root of its PNG and JPEG files, sorted. It reads a large folder by parts, and does
// not follow links to folders.
func pictures(root string, most int) (paths []string, err error) {
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, errors.New("it is no folder: name one")
	}
	seen := 0
	look := func(folder string) (inside []string, err error) {
		opened, err := os.Open(filepath.Join(root, folder))
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		for {
			entries, err := opened.ReadDir(1 << 10)
			if seen += len(entries); seen > most {
				return nil, fmt.Errorf("there are more than %d files and folders in it: name a folder further in", most)
			}
			for _, entry := range entries {
				path := filepath.Join(folder, entry.Name())
				switch {
				case strings.HasPrefix(entry.Name(), "."):
				case entry.IsDir():
					inside = append(inside, path)
				case slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(path))):
					paths = append(paths, path)
				}
			}
			if err == io.EOF {
				return inside, nil
			} else if err != nil {
				return nil, err
			}
		}
	}
	level := []string{""}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return nil, fmt.Errorf("folders lie in it more than %d deep: name a folder further in", maxDepth)
		}
		var below []string
		for _, folder := range level {
			inside, err := look(folder)
			if err != nil {
				return nil, err
			}
			below = append(below, inside...)
		}
		level = below
	}
	if len(paths) == 0 {
		return nil, errors.New("there is no PNG or JPEG picture in it")
	}
	slices.Sort(paths)
	return paths, nil
}

// folderClasses returns the class of each of the sorted paths and the names of the classes.
func folderClasses(paths []string) (labels []int32, names []string, err error) {
	var loose string
	seen := map[string]bool{}
	for _, path := range paths {
		if class, _, inside := strings.Cut(path, string(filepath.Separator)); inside {
			seen[class] = true
		} else {
			loose = path
		}
	}
	names = slices.Sorted(maps.Keys(seen))
	if loose != "" && names != nil {
		return nil, nil, fmt.Errorf("the picture %s lies beside the class folder %s: move it into a class",
			shown(loose), shown(names[0]))
	}
	if len(names) > sample.MaxClasses {
		return nil, nil, fmt.Errorf("there are %d folders, each a class: at most %d", len(names), sample.MaxClasses)
	}
	for _, path := range paths {
		class, _, inside := strings.Cut(path, string(filepath.Separator))
		if i, _ := slices.BinarySearch(names, class); inside {
			labels = append(labels, int32(i))
		}
	}
	return labels, names, nil
}
