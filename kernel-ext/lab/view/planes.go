package view

import (
	"image"
	"image/draw"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/show"
)

// mostPlanes is how many planes are drawn, of points of at most four numbers all.
const mostPlanes = 6

// planes draws points over those of the data: those in the plane as they are, those of more numbers once for each two of them, the
// first number to the right and the second upwards, in up to three columns.
func planes(samples, like sample.Images, l layout) (image.Image, error) {
	var pairs [][2]int
	for y := range samples.Channels {
		for x := range y {
			pairs = append(pairs, [2]int{x, y})
		}
	}
	pairs = pairs[:min(len(pairs), mostPlanes)]
	columns := min(len(pairs), 3)
	side := l.side()
	if len(pairs) > 1 {
		side = max(show.Room/columns, leastSide)
		if l == page {
			side = planeSide
		}
	}
	var sheet *image.RGBA
	for i, pair := range pairs {
		plane, err := show.PointsImage(show.Cloud{Data: both(like, pair), Samples: both(samples, pair), Width: side, Height: side})
		if err != nil || len(pairs) == 1 {
			return plane, err
		}
		width, height := plane.Bounds().Dx(), plane.Bounds().Dy()
		if sheet == nil {
			sheet = image.NewRGBA(image.Rect(0, 0, columns*width, (len(pairs)+columns-1)/columns*height))
			draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
		}
		at := image.Pt(i%columns*width, i/columns*height)
		draw.Draw(sheet, plane.Bounds().Add(at), plane, plane.Bounds().Min, draw.Src)
	}
	return sheet, nil
}

const (
	planeSide = 320 // pixels of the screen, of one plane of several on a page
	leastSide = 160 // and of any
)

// both are two numbers of each point.
func both(points sample.Images, pair [2]int) (plane []float32) {
	for i := range points.N {
		of := points.Values[i*points.Channels:][:points.Channels]
		plane = append(plane, of[pair[0]], of[pair[1]])
	}
	return plane
}
