package data_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image/png"
	"regexp"
	"strings"
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/sample"
)

// TestShow shows sets of each kind: what is said of them, and the size of the picture of their samples.
func TestShow(t *testing.T) {
	hostile := data.Of("<script>", &sample.Images{N: 2, Height: 4, Width: 4, Channels: 1, Values: make([]float32, 32), Labels: []int32{0, 1},
		Names: []string{"<b>", "&"}})
	for _, test := range []struct {
		set           data.Set
		width, height int // of the picture; 0: none
		wants         []string
	}{
		{data.Subset(data.MNIST(), 1000, 1), 578, 578, []string{"mnist subset 1000 seed 1", "1 000", "28×28×1 (height, width, channels)", "-1 … 1", "10 (0: "}},
		{data.Subset(data.MNIST(), 30, 1), 578, 172, []string{"samples", "30"}},
		{data.OfClasses(data.FashionMNIST(), 0, 1), 578, 114, []string{"12 000", "T-shirt"}},
		{data.Ring8().Set(5000, 1), 260, 260, []string{"1×1×2 (points)", "8 (0: "}},
		{data.Sines(10_000, 32, 1), 768, 112, []string{"32×1×1 (steps, one, channels)", "10 000"}},
		{data.Phrases(), 0, 0, []string{"alphabet", "sample 0", "16×1×23"}},
		{hostile, 98, 8, []string{"2 (<b>: 1, &: 1)", "0 … 0"}},
		{data.Set{}, 0, 0, []string{"no data set"}},
		{data.Set{Name: "gone", Load: func() (*sample.Images, error) { return nil, errors.New("<no> such file") }}, 0, 0, []string{"gone cannot be loaded: <no> such file"}},
	} {
		shown := test.set.ShowValue()
		text, page := shown["text/plain"].(string), shown["text/html"].(string)
		for _, want := range test.wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the text does not say %q:\n%s", test.set.Name, want, text)
			}
		}
		wellFormed(t, page)
		width, height := sizeOfPicture(t, page)
		if test.set.Name == "<script>" {
			width = test.width // of two pictures, whatever their place
			height = test.height
		}
		if width != test.width || height != test.height {
			t.Errorf("%s: the picture is %d×%d, want %d×%d", test.set.Name, width, height, test.width, test.height)
		}
	}
	broken := &sample.Images{N: 3, Height: 2, Width: 2, Channels: 1, Pixels: make([]byte, 5)}
	if text := broken.ShowValue()["text/plain"].(string); !strings.Contains(text, "5 bytes") {
		t.Errorf("%s", text)
	}
}

// wellFormed wants HTML in which no name is taken for an element.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	if strings.Contains(page, "<b>") {
		t.Errorf("a name is not escaped: %s", page)
	}
	gantest.WellFormed(t, page)
}

var embedded = regexp.MustCompile(`data:image/png;base64,([^"]+)"`)

// sizeOfPicture is that of the picture in HTML, 0 where there is none.
func sizeOfPicture(t *testing.T, page string) (width, height int) {
	t.Helper()
	found := embedded.FindStringSubmatch(page)
	if found == nil {
		return 0, 0
	}
	file, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return config.Width, config.Height
}
