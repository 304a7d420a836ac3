package view

import (
	"image"

	paint "golang.org/x/image/draw"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/show"
)

// planes draws points over those of the data: those in the plane as they are, those of more numbers once for each two of them, the
// first to the right and the second upwards. A page has up to six such planes, which are all of four numbers, and a card four.
func planes(samples, like sample.Images, l layout) (image.Image, error) {
	if samples.Channels == 2 {
		return show.PointsImage(show.Cloud{Data: like.Values, Samples: samples.Values, Width: l.side(), Height: l.side()})
	}
	var pairs [][2]int
	for y := range samples.Channels {
		for x := range y {
			pairs = append(pairs, [2]int{x, y})
		}
	}
	columns, rows, side := 3, 2, planeSide
	if l == card {
		columns, side = 2, smallSide
	}
	if len(pairs) <= columns && l == page {
		rows = 1
	}
	sheet := image.NewRGBA(image.Rect(0, 0, 2*columns*side, 2*rows*side))
	paint.Draw(sheet, sheet.Rect, image.White, image.Point{}, paint.Src)
	for i, pair := range pairs[:min(len(pairs), columns*rows)] {
		plane, err := show.PointsImage(show.Cloud{Data: both(like, pair), Samples: both(samples, pair), Width: side, Height: side})
		if err != nil {
			return nil, err
		}
		at := image.Pt(i%columns*2*side, i/columns*2*side) // twice as many pixels as of the screen
		paint.Draw(sheet, plane.Bounds().Add(at), plane, plane.Bounds().Min, paint.Src)
	}
	if l == card {
		fitted := image.NewRGBA(image.Rect(0, 0, 2*show.Room, 2*show.Room))
		paint.BiLinear.Scale(fitted, fitted.Rect, sheet, sheet.Rect, paint.Src, nil)
		return fitted, nil
	}
	return sheet, nil
}

const (
	planeSide = 320 // pixels of the screen, of a plane on a page
	smallSide = 160 // and on a card, before all are made to fit
)

// both are two numbers of each point.
func both(points sample.Images, pair [2]int) (plane []float32) {
	for i := range points.N {
		of := points.Values[i*points.Channels:][:points.Channels]
		plane = append(plane, of[pair[0]], of[pair[1]])
	}
	return plane
}
