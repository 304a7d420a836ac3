package data

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFaces(t *testing.T) {
	faces := load(t, Faces(FacesOptions{N: 400, Seed: 7}))
	if faces.N != 400 || faces.Height != 32 || faces.Width != 32 || faces.Channels != 3 || faces.Classes() != 4 {
		t.Fatalf("%d faces of %d×%d×%d in %d classes", faces.N, faces.Height, faces.Width, faces.Channels, faces.Classes())
	}
	for class, count := range histogram(faces) {
		if count < 60 || count > 140 {
			t.Errorf("%d faces of class %q, want about 100", count, faces.Names[class])
		}
	}
	seen := map[string]bool{}
	for face := range slices.Chunk(faces.Pixels, 32*32*3) {
		seen[string(face)] = true
	}
	if len(seen) != 400 {
		t.Errorf("%d different faces of 400", len(seen))
	}
	few := load(t, Faces(FacesOptions{N: 5, Seed: 7}))
	if !bytes.Equal(few.Pixels, faces.Pixels[:len(few.Pixels)]) || !slices.Equal(few.Labels, faces.Labels[:5]) {
		t.Error("the first faces depend on how many there are")
	}
	if other := load(t, Faces(FacesOptions{N: 5, Seed: 8})); bytes.Equal(few.Pixels, other.Pixels) {
		t.Error("another seed draws the same faces")
	}
}

func TestGrayFaces(t *testing.T) {
	colour, gray := load(t, Faces(FacesOptions{N: 3, Size: 20})), load(t, Faces(FacesOptions{N: 3, Size: 20, Gray: true}))
	if gray.Channels != 1 || gray.Height != 20 {
		t.Fatalf("grey faces of %d×%d×%d", gray.Height, gray.Width, gray.Channels)
	}
	for i, got := range gray.Pixels {
		rgb := colour.Pixels[3*i:]
		want := 0.299*float64(rgb[0]) + 0.587*float64(rgb[1]) + 0.114*float64(rgb[2])
		if off := float64(got) - want; off < -1.5 || off > 1.5 {
			t.Fatalf("pixel %d is %d, want %.1f", i, got, want)
		}
	}
}

// TestFeatures wants each of a class's two features to change the picture where it belongs and nowhere else.
func TestFeatures(t *testing.T) {
	const size = 64
	draw := func(f face) []byte {
		picture, pixels := newCanvas(size), make([]byte, size*size*3)
		f.draw(picture)
		picture.average(pixels, false)
		return pixels
	}
	changedRows := func(a, b []byte) (rows []int) {
		for y := range size {
			if row := size * 3; !bytes.Equal(a[y*row:(y+1)*row], b[y*row:(y+1)*row]) {
				rows = append(rows, y)
			}
		}
		return rows
	}
	for i := range uint64(50) {
		f := randomFace(rand.New(rand.NewPCG(1, i)))
		other := f
		other.glasses.worn = !f.glasses.worn
		eyes, mouth := (f.head.y+f.eyes.y)*size, (f.head.y+f.mouth.y)*size
		rows := changedRows(draw(f), draw(other))
		if len(rows) < 5 || float64(rows[0]) < eyes-0.12*size || float64(rows[len(rows)-1]) > eyes+0.12*size {
			t.Errorf("face %d: glasses change the rows %v, the eyes are at %.0f", i, rows, eyes)
		}
		if f.class()^other.class() != 2 {
			t.Errorf("face %d: glasses change class %d to %d", i, f.class(), other.class())
		}

		other = f
		other.mouth.curve, other.mouth.open, other.mouth.smiling = 0.06-f.mouth.curve, false, !f.mouth.smiling
		rows = changedRows(draw(f), draw(other))
		if len(rows) == 0 || float64(rows[0]) < mouth-0.09*size || float64(rows[len(rows)-1]) > mouth+0.13*size {
			t.Errorf("face %d: another mouth changes the rows %v, the mouth is at %.0f", i, rows, mouth)
		}
		if f.class()^other.class() != 1 {
			t.Errorf("face %d: a smile changes class %d to %d", i, f.class(), other.class())
		}
	}
}

// TestStyles wants every style of hair to look different on the same head.
func TestStyles(t *testing.T) {
	f := randomFace(rand.New(rand.NewPCG(2, 2)))
	seen := map[string]int{}
	for style := range styles {
		f.hair.style = style
		picture, pixels := newCanvas(32), make([]byte, 32*32*3)
		f.draw(picture)
		picture.average(pixels, false)
		if other, ok := seen[string(pixels)]; ok {
			t.Errorf("style %d looks like style %d", style, other)
		}
		seen[string(pixels)] = style
	}
}

// TestCanvas wants half a pixel's coverage to give half its colour.
func TestCanvas(t *testing.T) {
	picture := newCanvas(2)
	picture.shade(colour{}, colour{})
	picture.fill(shape{0.25, -3, 9, 0.5, func(_, _ float64) bool { return true }}, colour{200, 100, 40})
	pixels := make([]byte, 2*2*3)
	picture.average(pixels, false)
	if want := []byte{100, 50, 20, 200, 100, 40, 0, 0, 0, 0, 0, 0}; !bytes.Equal(pixels, want) {
		t.Errorf("pixels %v, want %v", pixels, want)
	}
}

func TestShapes(t *testing.T) {
	round, square := oval(0.5, 0.5, 0.4, 0.2), box(0.5, 0.5, 0.4, 0.2)
	for name, c := range map[string]struct {
		shape        shape
		inside, left [2]float64 // a place in it, and one that it leaves out
	}{
		"oval":    {round, [2]float64{0.89, 0.5}, [2]float64{0.8, 0.65}},
		"box":     {square, [2]float64{0.8, 0.65}, [2]float64{0.899, 0.699}},
		"within":  {round.within(oval(0.9, 0.5, 0.1, 0.1)), [2]float64{0.85, 0.5}, [2]float64{0.5, 0.5}},
		"without": {square.without(round), [2]float64{0.85, 0.67}, [2]float64{0.5, 0.5}},
		"stroke":  {stroke(0.1, point{0.1, 0.1}, point{0.5, 0.1}, point{0.5, 0.9}), [2]float64{0.46, 0.6}, [2]float64{0.4, 0.6}},
		"spike":   {spike(point{0.5, 0.9}, point{0.7, 0.1}, 0.2), [2]float64{0.69, 0.15}, [2]float64{0.5, 0.2}},
	} {
		if !c.shape.inside(c.inside[0], c.inside[1]) || c.shape.inside(c.left[0], c.left[1]) {
			t.Errorf("%s: %v in it is %v, %v out of it is %v", name, c.inside, c.shape.inside(c.inside[0], c.inside[1]),
				c.left, !c.shape.inside(c.left[0], c.left[1]))
		}
	}
}

func TestFacesErrors(t *testing.T) {
	for _, options := range []FacesOptions{{N: -1}, {Size: 4}, {Size: 1000}} {
		_, err := Faces(options).Load()
		requireLine(t, err, "faces,", "want ")
	}
}

func BenchmarkFaces(b *testing.B) {
	for b.Loop() {
		load(b, Faces(FacesOptions{N: 1000}))
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "faces/s")
}
