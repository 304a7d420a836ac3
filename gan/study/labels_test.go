package study

import (
	"testing"

	"gantry.local/gan/sample"
)

// TestShifted wants copies to be moved by at most two pixels, in every direction, with their labels, and nothing to come in at the border.
func TestShifted(t *testing.T) {
	const side, at = 9, 4
	of := sample.Images{N: 2, Height: side, Width: side, Channels: 1, Pixels: make([]byte, 2*side*side), Labels: []int32{3, 7}}
	of.Pixels[at*side+at] = 200  // the first in its middle
	of.Pixels[side*side+0] = 100 // the second in its corner, from which it may leave
	copies := shifted(&of, 200, 1)
	if err := copies.Check(); err != nil || copies.N != 400 {
		t.Fatalf("%d copies: %v", copies.N, err)
	}
	places := map[[2]int]bool{}
	for i := range copies.N {
		bright := 0
		for p, v := range copies.Pixels[i*side*side:][:side*side] {
			if v == 0 {
				continue
			}
			bright++
			if i%2 == 0 {
				dy, dx := p/side-at, p%side-at
				if v != 200 || max(dy, -dy, dx, -dx) > mostShift {
					t.Fatalf("copy %d has %d at %d, %d", i, v, p/side, p%side)
				}
				places[[2]int{dy, dx}] = true
			} else if v != 100 || p/side > mostShift || p%side > mostShift {
				t.Fatalf("copy %d of the corner has %d at %d, %d", i, v, p/side, p%side)
			}
		}
		if copies.Labels[i] != of.Labels[i%2] || bright > 1 || i%2 == 0 && bright != 1 {
			t.Fatalf("copy %d has label %d and %d bright pixels", i, copies.Labels[i], bright)
		}
	}
	if len(places) != 25 {
		t.Errorf("%d places of 25 occur", len(places))
	}
}
