package data

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		options  TextOptions
		want     []string
		alphabet string
	}{
		"lines":       {"ab\nb\n", TextOptions{Length: 3}, []string{"ab", "b"}, " ab"},
		"no end":      {"ab\r\n\r\n  \nb", TextOptions{Length: 3}, []string{"ab", "b"}, " ab"},
		"spaces":      {" a \t\u00a0 b ", TextOptions{Length: 3}, []string{"a b"}, " ab"},
		"too long":    {"abcdefg", TextOptions{Length: 3}, []string{"abc", "def", "g"}, " abcdefg"},
		"default":     {"déjà vu", TextOptions{}, []string{"déjà vu"}, " djuvàé"},
		"windows":     {"ab\nc d", TextOptions{Length: 4, Windows: true}, []string{"ab c", "b c", "c d"}, " abcd"},
		"stride":      {"abcdefgh", TextOptions{Length: 3, Windows: true, Stride: 2}, []string{"abc", "cde", "efg"}, " abcdefgh"},
		"one of many": {"abcd", TextOptions{Length: 2, Windows: true, Stride: math.MaxInt}, []string{"ab"}, " abcd"},
		"mark":        {"\ufeffab", TextOptions{Length: 2}, []string{"ab"}, " ab"},
	} {
		text, err := ReadText(strings.NewReader(c.text), c.options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "windows" { // a window may begin with a space, which Texts keeps
			c.want = []string{"ab c", "b c", " c d"}
		}
		if got := text.Texts(); !slices.Equal(got, c.want) || string(text.Alphabet) != c.alphabet {
			t.Errorf("%s: %q of %q, want %q of %q", name, got, string(text.Alphabet), c.want, c.alphabet)
		}
		if length := c.options.withDefaults().Length; text.Height != length || text.Width != 1 || text.Depth() != len(text.Alphabet) {
			t.Errorf("%s: %d×%d×%d", name, text.Height, text.Width, text.Depth())
		}
	}
}

func TestTextErrors(t *testing.T) {
	many := make([]rune, 0, 256)
	for i := range 256 {
		many = append(many, rune(0x4e00+i))
	}
	for name, c := range map[string]struct {
		text    string
		options TextOptions
		want    string
	}{
		"empty":           {"", TextOptions{}, "no characters"},
		"blank":           {" \n\t\r\n", TextOptions{}, "no characters"},
		"UTF-16":          {"a\x00b\x00", TextOptions{}, "not UTF-8"},
		"longest":         {"ab", TextOptions{Length: math.MaxInt}, "set a smaller Length"},
		"not UTF-8":       {"caf\xe9", TextOptions{}, "not UTF-8"},
		"256 characters":  {string(many), TextOptions{}, "256 different characters: at most 255"},
		"long":            {strings.Repeat("a", 2001), TextOptions{}, "longer than 2000 bytes"},
		"short":           {"abc", TextOptions{Length: 4, Windows: true}, "3 characters, fewer than one window of 4"},
		"many windows":    {strings.Repeat("a", 200), TextOptions{Length: 30, Windows: true}, "set a larger Stride"},
		"many lines":      {strings.Repeat("a\n", 200), TextOptions{Length: 30}, "set a smaller Length"},
		"negative length": {"a", TextOptions{Length: -1}, "want at least 1"},
		"negative stride": {"a", TextOptions{Stride: -1}, "want at least 1"},
	} {
		_, err := readText(strings.NewReader(c.text), c.options.withDefaults(), 2000, 3000)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := ReadText(iotest.ErrReader(broken), TextOptions{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	path := filepath.Join(t.TempDir(), "x.txt")
	_, err := Text(path, TextOptions{}).Load()
	requireLine(t, err, path, "no such file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Text(path, TextOptions{}).Load()
	requireLine(t, err, "text file "+path, "no characters")
}

// TestDecode wants the texts back from their one-hot vectors, and the largest score to win.
func TestDecode(t *testing.T) {
	phrases := load(t, Phrases())
	got, err := Decode(phrases.Floats(0, phrases.N), phrases.Alphabet, phrases.Height)
	if err != nil || !slices.Equal(got, phrases.Texts()) {
		t.Errorf("decoding gave %d texts, error %v", len(got), err)
	}
	scores := []float32{-3, -2, -2.5 /* a */, 9, 8, 7 /* space */, 0.1, 0.2, 0.3 /* b */, 1, 0, 0}
	if got, err := Decode(scores, []rune(" ab"), 4); err != nil || !slices.Equal(got, []string{"a b"}) {
		t.Errorf("decoded %q, error %v", got, err)
	}
	for _, c := range []struct {
		scores, depth, length int
	}{{5, 3, 1}, {6, 0, 1}, {6, 3, 0}, {6, 3, 4}} {
		_, err := Decode(make([]float32, c.scores), make([]rune, c.depth), c.length)
		requireLine(t, err, "scores are not texts")
	}
}

func TestPhrases(t *testing.T) {
	phrases := load(t, Phrases())
	texts := phrases.Texts()
	if phrases.Height != 16 || phrases.N < 500 {
		t.Errorf("%d phrases of %d characters", phrases.N, phrases.Height)
	}
	for _, want := range []string{"the cat sat", "a dog ran", "we saw a red fox"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no phrase %q", want)
		}
	}
	vocabulary := Vocabulary(texts)
	if !slices.IsSorted(texts) {
		slices.Sort(texts)
	}
	if len(slices.Compact(slices.Clone(texts))) != len(texts) {
		t.Error("a phrase comes twice")
	}
	if len(vocabulary) < 30 || len(vocabulary) > 60 || len(phrases.Alphabet) > 27 {
		t.Errorf("%d words of %d characters", len(vocabulary), len(phrases.Alphabet))
	}
}

func TestKnownWords(t *testing.T) {
	vocabulary := Vocabulary([]string{"the cat sat", "the  dog"})
	if want := []string{"cat", "dog", "sat", "the"}; !slices.Equal(vocabulary, want) {
		t.Errorf("vocabulary %q, want %q", vocabulary, want)
	}
	for _, c := range []struct {
		texts        []string
		words, whole float64
	}{
		{nil, 0, 0},
		{[]string{"", "  "}, 0, 0},
		{[]string{"the cat", "dog"}, 1, 1},
		{[]string{"the cat", ""}, 1, 0.5},
		{[]string{"the czt", "dg"}, 1. / 3, 0},
		{[]string{"the cat sat", "the czt sat", "dog", "dog"}, 7. / 8, 0.75},
		{[]string{"dogthe"}, 0, 0},
	} {
		if got := KnownWords(c.texts, vocabulary); got != c.words {
			t.Errorf("%q: %g of the words are known, want %g", c.texts, got, c.words)
		}
		if got := KnownTexts(c.texts, vocabulary); got != c.whole {
			t.Errorf("%q: %g of the texts have known words alone, want %g", c.texts, got, c.whole)
		}
	}
}

// FuzzText wants an error or samples that spell the text, white space apart.
func FuzzText(f *testing.F) {
	f.Add([]byte("the cat\nsat"), 4, 1, false)
	f.Add([]byte("the cat\nsat"), 4, 2, true)
	f.Add([]byte("a\u2028b\u0085c\ufeff"), 2, 1, false)
	f.Add([]byte("\ufeff"), 1, 1, true)
	f.Add([]byte{0xff}, 1, 1, false)
	f.Add([]byte("\x00\n\x00"), -1, 1<<62, true)
	const most, mostSamples = 1 << 10, 1 << 12
	squeeze := func(text string) string { return strings.Join(strings.FieldsFunc(text, unicode.IsSpace), "") }
	f.Fuzz(func(t *testing.T, content []byte, length, stride int, windows bool) {
		options := TextOptions{Length: length, Windows: windows, Stride: stride}.withDefaults()
		text, err := readText(bytes.NewReader(content), options, most, mostSamples)
		if err != nil {
			return
		}
		if err := text.Check(); err != nil {
			t.Fatal(err)
		}
		if len(text.Pixels) > mostSamples || len(content) > most || !utf8.Valid(content) {
			t.Fatalf("%d characters of %d bytes", len(text.Pixels), len(content))
		}
		want := squeeze(strings.TrimPrefix(string(content), "\ufeff"))
		got := squeeze(strings.Join(text.Texts(), ""))
		if windows {
			got = squeeze(text.Texts()[0])
			want = want[:min(len(got), len(want))]
		}
		if got != want {
			t.Errorf("samples spell %q, want %q", got, want)
		}
	})
}
