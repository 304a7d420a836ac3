package data_test

import (
	"bytes"
	"strings"
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
)

// TestThick wants each bright pixel to reach its neighbours, in its own picture and channel only.
func TestThick(t *testing.T) {
	images := &sample.Images{N: 2, Height: 3, Width: 4, Channels: 2, Pixels: make([]byte, 2*3*4*2)}
	at := func(n, row, column, channel int) int { return ((n*3+row)*4+column)*2 + channel }
	images.Pixels[at(0, 2, 0, 0)] = 9 // a corner, beside which the other picture begins
	thick, err := data.Thick(data.Of("dot", images)).Load()
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, len(images.Pixels))
	for _, place := range [][2]int{{1, 0}, {1, 1}, {2, 0}, {2, 1}} {
		want[at(0, place[0], place[1], 0)] = 9
	}
	if !bytes.Equal(thick.Pixels, want) {
		t.Errorf("thick pixels are %v, want %v", thick.Pixels, want)
	}
	if _, err := data.Thick(data.Ring8().Set(10, 1)).Load(); err == nil || !strings.Contains(err.Error(), "only pictures") {
		t.Errorf("points made thick: error %v", err)
	}
}
