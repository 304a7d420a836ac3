package data

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gantry.local/gan/sample"
)

// TextOptions tell how a text becomes samples. The zero value gives lines of 16 characters.
type TextOptions struct {
	Length  int  // characters of a sample; 0 is 16
	Windows bool // let a window slide over the running text, in place of one sample for a line
	Stride  int  // characters from one window's start to the next's; 0 is 1
	Rare    bool // of more than 256 different characters, make the rarest one: Rare
}

// MostCharacters is how many different characters an alphabet has, the space among them.
const MostCharacters = 256

// Rare stands for the rarest characters of a text that has too many different ones.
const Rare = '□'

func (o TextOptions) withDefaults() TextOptions {
	if o.Length == 0 {
		o.Length = 16
	}
	if o.Stride == 0 {
		o.Stride = 1
	}
	return o
}

// TextLook is what a look at a text tells.
type TextLook struct {
	Longest    int // characters of the longest line, white space counted as Text does
	Characters int // different ones, the space among them
}

// LookAtText reads a UTF-8 file and tells how long its lines are and how many different characters it has.
func LookAtText(path string) (about TextLook, err error) {
	file, err := openFile(path)
	if err != nil {
		return about, fmt.Errorf("text: %w", err)
	}
	defer file.Close()
	written, err := readAll(file, maxText)
	if err != nil {
		return about, fmt.Errorf("text file %s: %w", path, err)
	}
	seen := countedCharacters(written)
	if len(seen) == 0 {
		return about, fmt.Errorf("text file %s: %w", path, errNoCharacters)
	}
	for line := range lines(written, nil) {
		about.Longest = max(about.Longest, len(line))
	}
	about.Characters = len(seen) + 1
	return about, nil
}

// Text is the set of the lines of a UTF-8 file, or of the windows that slide over it: Pixels of Length×1×1 that index
// the Alphabet, the space and then the other characters of the text in order. White space of any kind, and any amount
// of it, becomes one space; lines are filled up with spaces, longer ones go on in the next sample, empty ones are left out.
func Text(path string, options TextOptions) Set {
	return of("text:"+path+optionText(options), text{path: path, options: options})
}

// text makes samples of a file's characters.
type text struct {
	path    string
	options TextOptions
}

func (t text) make(string) (*sample.Images, error) {
	file, err := openFile(t.path)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	defer file.Close()
	images, err := ReadText(file, t.options)
	if err != nil {
		return nil, fmt.Errorf("text file %s: %w", t.path, err)
	}
	return images, nil
}

// ReadText reads what Text reads, from anywhere.
func ReadText(r io.Reader, options TextOptions) (*sample.Images, error) {
	return readText(r, options.withDefaults(), maxText, maxChars)
}

// errNotUTF8 is the error of what is no text, or is one as Windows writes it, in two bytes a character.
var errNotUTF8 = errors.New("it is not UTF-8: convert it, or name a text file")

func readText(r io.Reader, options TextOptions, most, mostMade int) (*sample.Images, error) {
	if options.Length < 1 || options.Stride < 1 {
		return nil, fmt.Errorf("samples of %d characters, %d apart: want at least 1", options.Length, options.Stride)
	}
	written, err := readAll(r, most)
	if err != nil {
		return nil, err
	}
	alphabet, err := characters(written, options.Rare)
	if err != nil {
		return nil, err
	}
	text := &sample.Images{Height: options.Length, Width: 1, Channels: 1, Alphabet: alphabet}
	if options.Windows {
		err = slide(text, lines(written, alphabet), options.Stride, mostMade)
	} else {
		err = fill(text, lines(written, alphabet), mostMade)
	}
	if err != nil {
		return nil, err
	}
	return text, text.Check()
}

// readAll reads a text of at most so many bytes.
func readAll(r io.Reader, most int) (string, error) {
	content, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > most:
		return "", fmt.Errorf("it is longer than %d bytes: take a part of it", most)
	case !utf8.Valid(content) || bytes.ContainsRune(content, 0):
		return "", errNotUTF8
	}
	return strings.TrimPrefix(string(content), "\ufeff"), nil // a byte order mark
}

// countedCharacters counts the characters of a text, without white space.
func countedCharacters(text string) map[rune]int {
	seen := map[rune]int{}
	for _, r := range text {
		if !unicode.IsSpace(r) {
			seen[r]++
		}
	}
	return seen
}

var errNoCharacters = errors.New("there are no characters in it")

// characters returns the alphabet of a text, the space first. Where there are too many, the rarest may be left to Rare.
func characters(text string, rare bool) ([]rune, error) {
	seen := countedCharacters(text)
	switch {
	case len(seen) == 0:
		return nil, errNoCharacters
	case len(seen) < MostCharacters:
	case !rare:
		return nil, fmt.Errorf("it has %d different characters: at most %d and the space fit an alphabet; set Rare to make the rarest one",
			len(seen), MostCharacters-1)
	default:
		often := slices.SortedFunc(maps.Keys(seen), func(a, b rune) int {
			return cmp.Or(cmp.Compare(seen[b], seen[a]), cmp.Compare(a, b))
		})
		often = slices.DeleteFunc(often, func(r rune) bool { return r == Rare })
		seen = map[rune]int{Rare: 1}
		for _, r := range often[:MostCharacters-2] {
			seen[r] = 1
		}
	}
	return append([]rune{' '}, slices.Sorted(maps.Keys(seen))...), nil
}

// lines are those of a text that aren't empty, as indices into its alphabet. Each is overwritten by the next, so that a
// text of many short ones takes no more than another.
func lines(text string, alphabet []rune) iter.Seq[[]byte] {
	index := make(map[rune]byte, len(alphabet))
	for i, r := range alphabet {
		index[r] = byte(i)
	}
	place := func(r rune) byte {
		if i, has := index[r]; has {
			return i
		}
		return index[Rare]
	}
	return func(yield func([]byte) bool) {
		var line []byte
		spaced := false
		for _, r := range text {
			switch {
			case r == '\n' || r == '\r':
				if len(line) > 0 && !yield(line) {
					return
				}
				line, spaced = line[:0], false
			case unicode.IsSpace(r):
				spaced = true
			default:
				if spaced && len(line) > 0 {
					line = append(line, 0)
				}
				spaced = false
				line = append(line, place(r))
			}
		}
		if len(line) > 0 {
			yield(line)
		}
	}
}

// fill makes a sample of each line, or several of a long one.
func fill(im *sample.Images, lines iter.Seq[[]byte], most int) error {
	for line := range lines {
		im.N += (len(line)-1)/im.Height + 1
	}
	size, ok := volume(most, im.N, im.Height)
	if !ok {
		return fmt.Errorf("its samples have more than %d characters: set a smaller Length", most)
	}
	im.Pixels = make([]byte, size)
	rest := im.Pixels
	for line := range lines {
		for piece := range slices.Chunk(line, im.Height) {
			copy(rest, piece)
			rest = rest[im.Height:]
		}
	}
	return nil
}

// slide makes a sample of each window over the running text.
func slide(im *sample.Images, lines iter.Seq[[]byte], stride, most int) error {
	var running []byte
	for line := range lines {
		if running != nil {
			running = append(running, 0)
		}
		running = append(running, line...)
	}
	if len(running) < im.Height {
		return fmt.Errorf("it has %d characters, fewer than one window of %d: set a smaller Length", len(running), im.Height)
	}
	im.N = (len(running)-im.Height)/stride + 1
	size, ok := volume(most, im.N, im.Height)
	if !ok {
		return fmt.Errorf("%d windows of %d characters are more than %d: set a larger Stride", im.N, im.Height, most)
	}
	im.Pixels = make([]byte, 0, size)
	for window := range im.N {
		im.Pixels = append(im.Pixels, running[window*stride:][:im.Height]...)
	}
	return nil
}

// Decode returns samples [n, length, 1, len(alphabet)], one-hot or any scores, drawn by a generator, as strings: for
// each place the character with the largest score, the spaces at the end cut off.
func Decode(samples []float32, alphabet []rune, length int) ([]string, error) {
	depth := len(alphabet)
	if depth == 0 || depth > 256 || length < 1 || len(samples)%(depth*length) != 0 {
		return nil, fmt.Errorf("%d scores are not texts of %d characters out of %d", len(samples), length, depth)
	}
	decoded := sample.Images{N: len(samples) / (depth * length), Height: length, Width: 1, Channels: 1, Alphabet: alphabet}
	for scores := range slices.Chunk(samples, depth) {
		best := 0
		for i, score := range scores {
			if score > scores[best] {
				best = i
			}
		}
		decoded.Pixels = append(decoded.Pixels, byte(best))
	}
	return decoded.Texts(), nil
}
