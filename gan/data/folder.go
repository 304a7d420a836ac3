package data

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // the formats that a folder is read in
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/image/draw"
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
}

// The most pixels that a picture may have before it is resized, which bounds what it takes in memory, and how long its
// sides may be, which bounds what resizing takes.
const (
	maxPicture = 1 << 26
	maxSide    = 1 << 14
)

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

// Folder is the set of the PNG and JPEG pictures in a folder and the folders in it, sorted by their paths; other files
// and hidden ones are ignored. Where pictures lie in sub-folders, the first sub-folder of a path is its class, in the
// sorted order that Names keeps; pictures right in the folder have no labels. Each is cropped to its centre, resized
// with an anti-aliasing filter, and laid on white where it is transparent. Orientation tags are ignored.
func Folder(dir string, options FolderOptions) Set {
	name := "folder:" + dir + optionText(options)
	options = options.withDefaults()
	return loadedOnce(name, func() (*Images, error) {
		images, err := readFolder(dir, options)
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", dir, err)
		}
		return images, images.Check()
	})
}

func readFolder(dir string, options FolderOptions) (*Images, error) {
	if err := options.check(); err != nil {
		return nil, err
	}
	paths, err := pictures(dir)
	if err != nil {
		return nil, err
	}
	if all := len(paths); options.Limit > 0 && options.Limit < all {
		for i := range options.Limit {
			paths[i] = paths[i*all/options.Limit]
		}
		paths = paths[:options.Limit]
	}
	labels, names, err := folderClasses(paths)
	if err != nil {
		return nil, err
	}
	images := &Images{Labels: labels, Names: names, N: len(paths), Height: options.Height, Width: options.Width,
		Channels: options.channels()}
	size := images.Height * images.Width * images.Channels
	images.Pixels = make([]byte, images.N*size)
	err = inParallel(images.N, func(i int) error {
		file, err := os.Open(filepath.Join(dir, paths[i]))
		if err != nil {
			return err
		}
		defer file.Close()
		if err := readPicture(file, images.Pixels[i*size:][:size], options, maxPicture); err != nil {
			return fmt.Errorf("%s: %w", paths[i], err)
		}
		return nil
	})
	return images, err
}

// pictures returns the paths below dir of its PNG and JPEG files, sorted.
func pictures(dir string) ([]string, error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") && path != root {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png", ".jpg", ".jpeg":
			if !entry.IsDir() {
				path, err = filepath.Rel(root, path)
				paths = append(paths, path)
			}
		}
		return err
	})
	if err == nil && len(paths) == 0 {
		err = errors.New("there is no PNG or JPEG picture in it")
	}
	slices.Sort(paths)
	return paths, err
}

// folderClasses returns the class of each of the sorted paths and the names of the classes.
func folderClasses(paths []string) (labels []int32, names []string, err error) {
	var loose string
	for _, path := range paths {
		class, _, inside := strings.Cut(path, string(filepath.Separator))
		if !inside {
			loose = path
			continue
		}
		if !slices.Contains(names, class) {
			names = append(names, class)
		}
	}
	if loose != "" && names != nil {
		return nil, nil, fmt.Errorf("the picture %s lies beside the class folder %s: move it into a class", loose, names[0])
	}
	slices.Sort(names)
	for _, path := range paths {
		class, _, inside := strings.Cut(path, string(filepath.Separator))
		if i, _ := slices.BinarySearch(names, class); inside {
			labels = append(labels, int32(i))
		}
	}
	return labels, names, nil
}

// inParallel calls work for 0 to n-1 on all processors, and returns the error of the smallest index that has one.
func inParallel(n int, work func(i int) error) error {
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		mu     sync.Mutex
		failed = n
		first  error
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				err := work(i)
				if err == nil {
					continue
				}
				next.Store(int64(n))
				mu.Lock()
				if i < failed {
					failed, first = i, err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return first
}

// readPicture decodes a PNG or JPEG picture of at most so many pixels into a sample.
func readPicture(r io.ReadSeeker, sample []byte, options FolderOptions, most int) error {
	config, _, err := image.DecodeConfig(r)
	if err != nil {
		return fmt.Errorf("not a PNG or JPEG picture: %w", err)
	}
	if min(config.Width, config.Height) < 1 || max(config.Width, config.Height) > maxSide ||
		config.Width*config.Height > most {
		return fmt.Errorf("a picture of %d×%d pixels: sides are 1 to %d and pixels at most %d; make it smaller",
			config.Height, config.Width, maxSide, most)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	picture, _, err := image.Decode(r)
	if err != nil {
		return fmt.Errorf("damaged picture: %w", err)
	}
	resize(picture, sample, options)
	return nil
}

// resize writes the part of the picture that options ask for into sample.
func resize(picture image.Image, sample []byte, options FolderOptions) {
	target := image.NewRGBA(image.Rect(0, 0, options.Width, options.Height))
	draw.Draw(target, target.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(target, target.Bounds(), picture, cropped(picture.Bounds(), options), draw.Over, nil)
	for i := range options.Width * options.Height {
		rgb := target.Pix[4*i:][:3]
		if options.Gray {
			sample[i] = color.GrayModel.Convert(color.RGBA{rgb[0], rgb[1], rgb[2], 255}).(color.Gray).Y
			continue
		}
		copy(sample[3*i:], rgb)
	}
}

// cropped returns the part of a picture that is kept, around its centre.
func cropped(bounds image.Rectangle, options FolderOptions) image.Rectangle {
	width, height := bounds.Dx(), bounds.Dy()
	switch {
	case options.Stretch:
		return bounds
	case options.Crop > 0:
		width, height = min(width, options.Crop), min(height, options.Crop)
	}
	if width*options.Height > height*options.Width {
		width = max(1, height*options.Width/options.Height)
	} else {
		height = max(1, width*options.Height/options.Width)
	}
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-width)/2, (bounds.Dy()-height)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(width, height))}
}
