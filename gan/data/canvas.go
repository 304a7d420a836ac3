package data

import "math"

// oversampling is how many points a pixel has in each direction: a picture is drawn so many times as large, and
// averaged, so that its edges are smooth.
const oversampling = 4

// canvas is a square picture that is being drawn. Places in it are 0 to 1, from the left and from the top.
type canvas struct {
	side int      // in points
	rgb  []colour // [side, side]
}

type colour [3]uint8

// mixed returns the colour with some of another in it, 0 to 1.
func (c colour) mixed(other colour, part float64) colour {
	for i := range c {
		c[i] = uint8(math.Round(float64(c[i])*(1-part) + float64(other[i])*part))
	}
	return c
}

// varied returns the colour a bit lighter or darker.
func (c colour) varied(by float64) colour {
	for i := range c {
		c[i] = uint8(min(max(float64(c[i])+by, 0), 255))
	}
	return c
}

func newCanvas(size int) *canvas {
	side := size * oversampling
	return &canvas{side, make([]colour, side*side)}
}

// shade fills the canvas with a colour above that becomes another below.
func (c *canvas) shade(above, below colour) {
	for y := range c.side {
		row := c.rgb[y*c.side:][:c.side]
		mixed := above.mixed(below, float64(y)/float64(c.side))
		for x := range row {
			row[x] = mixed
		}
	}
}

// fill paints a shape, as far as it lies on the canvas.
func (c *canvas) fill(s shape, paint colour) {
	side := float64(c.side)
	left, right := c.clip(s.left), c.clip(s.right)
	for y := c.clip(s.top); y < c.clip(s.bottom); y++ {
		row := c.rgb[y*c.side:][:c.side]
		for x := left; x < right; x++ {
			if s.inside((float64(x)+0.5)/side, (float64(y)+0.5)/side) {
				row[x] = paint
			}
		}
	}
}

// clip returns the point at a place, on the canvas or at its edge.
func (c *canvas) clip(place float64) int {
	return min(max(int(math.Round(place*float64(c.side))), 0), c.side)
}

// average writes the picture with oversampling² points to the pixel, in colour or grey.
func (c *canvas) average(pixels []byte, gray bool) {
	size := c.side / oversampling
	for y := range size {
		for x := range size {
			var sum [3]int
			for dy := range oversampling {
				for _, point := range c.rgb[(y*oversampling+dy)*c.side+x*oversampling:][:oversampling] {
					for i, value := range point {
						sum[i] += int(value)
					}
				}
			}
			const points = oversampling * oversampling
			if gray { // ITU-R BT.601
				pixels[y*size+x] = byte((299*sum[0] + 587*sum[1] + 114*sum[2]) / (1000 * points))
				continue
			}
			for i, value := range sum {
				pixels[(y*size+x)*3+i] = byte(value / points)
			}
		}
	}
}

// shape is a part of the plane, inside a box.
type shape struct {
	left, top, right, bottom float64
	inside                   func(x, y float64) bool
}

type point struct{ x, y float64 }

// oval is an ellipse around x, y with two half axes.
func oval(x, y, width, height float64) shape {
	return shape{x - width, y - height, x + width, y + height, func(px, py float64) bool {
		dx, dy := (px-x)/width, (py-y)/height
		return dx*dx+dy*dy <= 1
	}}
}

// box is a rectangle around x, y with two half sides, its corners rounded.
func box(x, y, width, height float64) shape {
	radius := min(width, height, 0.03)
	return shape{x - width, y - height, x + width, y + height, func(px, py float64) bool {
		dx, dy := max(math.Abs(px-x)-width+radius, 0), max(math.Abs(py-y)-height+radius, 0)
		return dx*dx+dy*dy <= radius*radius
	}}
}

// stroke is a line through points, with round ends.
func stroke(thickness float64, points ...point) shape {
	radius := thickness / 2
	s := shape{left: 1, top: 1}
	for _, p := range points {
		s.left, s.right = min(s.left, p.x-radius), max(s.right, p.x+radius)
		s.top, s.bottom = min(s.top, p.y-radius), max(s.bottom, p.y+radius)
	}
	s.inside = func(x, y float64) bool {
		for i, to := range points[1:] {
			from := points[i]
			dx, dy := to.x-from.x, to.y-from.y
			along := min(max(((x-from.x)*dx+(y-from.y)*dy)/(dx*dx+dy*dy), 0), 1)
			if ox, oy := x-from.x-along*dx, y-from.y-along*dy; ox*ox+oy*oy <= radius*radius {
				return true
			}
		}
		return false
	}
	return s
}

// spike is a triangle with its foot, half as wide as given on each side, and its tip above.
func spike(foot, tip point, width float64) shape {
	return shape{min(foot.x-width, tip.x), tip.y, max(foot.x+width, tip.x), foot.y, func(x, y float64) bool {
		up := (foot.y - y) / (foot.y - tip.y)
		return math.Abs(x-foot.x-up*(tip.x-foot.x)) <= width*(1-up)
	}}
}

// within is the part of s that lies in other, without the part that doesn't.
func (s shape) within(other shape) shape {
	own := s.inside
	s.inside = func(x, y float64) bool { return own(x, y) && other.inside(x, y) }
	return s
}

func (s shape) without(other shape) shape {
	own := s.inside
	s.inside = func(x, y float64) bool { return own(x, y) && !other.inside(x, y) }
	return s
}
