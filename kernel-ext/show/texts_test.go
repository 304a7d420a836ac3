package show

import (
	"fmt"
	"image"
	"strings"
	"testing"
)

// phrases are n short strings.
func phrases(n int) []string {
	words := strings.Fields("the cat sat we saw a red fox and some birds sing xzqw")
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("%s %s %s", words[i%13], words[(i*7+3)%13], words[(i*5+1)%13]))
	}
	return texts
}

func TestTextsImage(t *testing.T) {
	for name, test := range map[string]struct {
		texts   []string
		options TextOptions
	}{
		"texts":      {phrases(40), TextOptions{}},
		"texts-card": {phrases(100), TextOptions{Length: 16, Width: Room, Height: Room}},
		"texts-long": {[]string{strings.Repeat("long ", 30), "", "tab\tand\nline", "Ünïcödé ∇²"}, TextOptions{}},
		"texts-cut":  {phrases(7), TextOptions{Length: 5, Width: 160}},
	} {
		img, err := TextsImage(test.texts, test.options)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, img)
	}
}

// TestTextsLayout wants a size that the strings do not change, so that a live figure stands still.
func TestTextsLayout(t *testing.T) {
	o := TextOptions{Length: 16, Width: Room, Height: Room}
	for _, texts := range [][]string{phrases(100), make([]string, 100), {strings.Repeat("w", 99)}} {
		img, err := TextsImage(texts, o)
		if err != nil || img.Bounds().Size() != image.Pt(2*Room, 2*Room) {
			t.Errorf("%d strings: %v, %v, want %d pixels of the screen each way", len(texts), img.Bounds(), err, Room)
		}
	}
	o.Length = 64
	img, err := TextsImage(phrases(3), o)
	if err != nil || img.Bounds().Dx() <= 2*Room {
		t.Errorf("64 characters: %v, %v, want a picture that holds them", img.Bounds(), err)
	}
	if got := cut("abcdef", 4); got != "abc…" {
		t.Errorf("cut to 4 it is %q", got)
	}
}

func TestTextsRejects(t *testing.T) {
	for _, test := range []struct {
		texts   []string
		options TextOptions
		want    string
	}{
		{nil, TextOptions{}, "no table of 0 strings"},
		{phrases(3), TextOptions{Length: -1}, "-1 characters"},
		{phrases(3), TextOptions{Length: 1000}, "not 25 to 4000"},
		{phrases(3), TextOptions{Height: 20}, "table of 480×20"},
	} {
		_, err := TextsImage(test.texts, test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, test.want)
		}
		if shown := Texts(test.texts, test.options); shown == nil || shown.Error() != err.Error() {
			t.Errorf("Texts: %v, TextsImage: %v", shown, err)
		}
	}
}

func BenchmarkTexts(b *testing.B) {
	texts := phrases(36)
	for b.Loop() {
		if _, err := TextsImage(texts, TextOptions{Length: 16, Width: Room, Height: Room}); err != nil {
			b.Fatal(err)
		}
	}
}
