package data

import (
	"math"
	"math/rand/v2"
)

// face is what varies from face to face. Lengths are parts of the picture's side.
type face struct {
	head     head
	hair     hair
	beard    beard
	eyes     eyes
	brows    brows
	nose     float64 // length
	mouth    mouth
	blush    bool
	glasses  glasses
	clothes  colour
	backdrop backdrop
}

type head struct {
	x, y, width, height float64 // centre and half axes
	chin                float64 // how much narrower it is below
	skin                colour
}

type hair struct {
	colour        colour // of the brows and the beard too
	style         int
	line, parting float64
}

type beard struct{ jaw, moustache bool }

type eyes struct {
	x, y, size   float64 // half distance, height below the head's centre, half axis
	gazeX, gazeY float64
	iris         colour
}

type brows struct{ tilt, gap, thickness float64 }

type mouth struct {
	smiling  bool
	y, width float64 // distance below the head's centre, half width
	curve    float64 // how far its corners lie above its middle
	open     bool    // a smile with teeth
}

type glasses struct {
	worn  bool
	frame colour
	round bool
	lens  float64 // half width
}

// backdrop is the background's two ends.
type backdrop struct{ above, below colour }

// The styles of hair.
const (
	bald = iota
	short
	fringe
	sideParting
	spiky
	curly
	long
	bob
	bun
	styles
)

func randomFace(rng *rand.Rand) face {
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	chance := func(p float64) bool { return rng.Float64() < p }
	one := func(colours []colour) colour { return colours[rng.IntN(len(colours))].varied(between(-10, 10)) }

	// Each draw follows the one before it, and what is drawn must stay as it is: so the same seed draws the same faces.
	var f face
	f.mouth.smiling, f.glasses.worn = chance(0.5), chance(0.5)
	f.head = head{x: between(0.47, 0.53), y: between(0.51, 0.56), width: between(0.26, 0.32), height: between(0.31, 0.355),
		chin: between(0, 0.32), skin: one(skins())}
	f.eyes.iris, f.clothes, f.backdrop.above = one(irises()), one(brights()), one(pastels())
	f.hair.line, f.hair.parting = between(0.42, 0.62), between(-0.5, 0.5)
	f.backdrop.below = f.backdrop.above.mixed(one(pastels()), 0.5)
	f.hair.style = short + rng.IntN(styles-short)
	if chance(0.07) {
		f.hair.style = bald
	}
	f.hair.colour = one(hairs(f.head.skin))
	if chance(0.08) {
		f.hair.colour = one(brights())
	}
	bearded := f.hair.style != long && f.hair.style != bob && f.hair.style != bun && chance(0.35)
	f.beard = beard{jaw: bearded && chance(0.6), moustache: bearded && chance(0.6)}

	f.eyes.x, f.eyes.y, f.eyes.size = f.head.width*between(0.4, 0.47), between(-0.07, -0.03), between(0.046, 0.06)
	f.eyes.gazeX, f.eyes.gazeY = between(-0.012, 0.012), between(-0.006, 0.01)
	f.brows = brows{tilt: between(-0.025, 0.025), gap: between(0.08, 0.105), thickness: between(0.014, 0.026)}
	f.nose = between(0.05, 0.09)
	f.mouth.y, f.mouth.width = between(0.165, 0.2), between(0.08, 0.11)
	f.mouth.curve = between(-0.008, 0.006)
	if f.mouth.smiling {
		f.mouth.width, f.mouth.curve, f.mouth.open = between(0.11, 0.145), between(0.06, 0.085), chance(0.6)
	}
	f.blush = chance(0.35)
	f.glasses.frame, f.glasses.round, f.glasses.lens = one(frames()), chance(0.5), between(0.082, 0.105)
	f.glasses.lens = min(f.glasses.lens, f.eyes.x-0.012)
	return f
}

func (f face) class() int32 {
	var class int32
	if f.mouth.smiling {
		class++
	}
	if f.glasses.worn {
		class += 2
	}
	return class
}

// draw paints the face from the back to the front.
func (f face) draw(c *canvas) {
	h := f.head
	c.shade(f.backdrop.above, f.backdrop.below)
	f.drawHairBehind(c)
	shadow := h.skin.mixed(colour{60, 20, 30}, 0.22)
	c.fill(box(h.x, h.y+h.height*0.95, 0.095, h.height*0.45), shadow)
	c.fill(oval(h.x, 1.07, 0.4, 0.2), f.clothes)
	c.fill(oval(h.x, h.y+h.height*1.28, 0.095, 0.07), shadow)
	for _, side := range sides() {
		c.fill(oval(h.x+side*h.width, h.y+0.01, 0.042, 0.065), h.skin.mixed(shadow, 0.35))
	}
	c.fill(f.outline(1), h.skin)
	if f.blush {
		for _, side := range sides() {
			c.fill(oval(h.x+side*h.width*0.62, h.y+0.085, 0.052, 0.036).within(f.outline(1)), h.skin.mixed(colour{235, 70, 80}, 0.25))
		}
	}
	f.drawBeard(c)
	f.drawHairInFront(c)
	f.drawEyes(c)
	c.fill(stroke(0.013, point{h.x + 0.004, h.y - 0.005}, point{h.x + 0.022, h.y + f.nose - 0.01}, point{h.x - 0.012, h.y + f.nose}),
		shadow)
	f.drawMouth(c)
	if f.glasses.worn {
		f.drawGlasses(c)
	}
}

// outline is that of the head, times a scale.
func (f face) outline(scale float64) shape {
	h := f.head
	width, height := h.width*scale, h.height*scale
	return shape{h.x - width, h.y - height, h.x + width, h.y + height, func(x, y float64) bool {
		down := (y - h.y) / height
		across := (x - h.x) / width
		if down > 0 {
			across /= 1 - h.chin*down*down
		}
		return across*across+down*down <= 1
	}}
}

func (f face) drawHairBehind(c *canvas) {
	h := f.head
	back := f.hair.colour.mixed(colour{}, 0.2)
	top := h.y - 0.03
	switch f.hair.style {
	case long:
		c.fill(oval(h.x, top, h.width*1.28, h.height*1.2), back)
		c.fill(box(h.x, h.y+0.2, h.width*1.28, 0.24), back)
	case bob:
		c.fill(oval(h.x, top, h.width*1.26, h.height*1.18), back)
		c.fill(box(h.x, h.y+0.08, h.width*1.24, 0.13), back)
	case bun:
		c.fill(oval(h.x, h.y-h.height*1.2, 0.095, 0.085), back)
	case curly:
		for i := range 11 {
			sin, cos := math.Sincos(math.Pi * (float64(i)/10*1.3 - 0.15))
			c.fill(oval(h.x+cos*h.width*1.08, h.y-0.02-sin*h.height*0.98, 0.085, 0.085), back)
		}
	}
}

// drawHairInFront covers the top of the head, down to the hairline of the style.
func (f face) drawHairInFront(c *canvas) {
	h := f.head
	if f.hair.style == bald {
		return
	}
	top := h.y - h.height*f.hair.line // where the forehead begins
	line := func(x float64) float64 { // the hairline at x, -1 to 1 across the head
		switch f.hair.style {
		case fringe, bob:
			return top + 0.05 + 0.012*math.Sin(x*14)
		case sideParting:
			return top + 0.09*math.Abs(x-f.hair.parting) - 0.035
		case long:
			return top - 0.04 + 0.2*x*x
		case curly:
			return top + 0.02*math.Sin(x*9)
		}
		return top + 0.1*x*x - 0.03
	}
	cover := f.outline(1.07)
	cap := cover.inside
	cover.inside = func(x, y float64) bool { return y < h.y+0.02 && y < line((x-h.x)/h.width) && cap(x, y) }
	c.fill(cover, f.hair.colour)
	switch f.hair.style {
	case spiky:
		for i := range 7 {
			across := (float64(i) - 3) / 3
			foot := point{h.x + across*h.width*0.85, h.y - h.height*(0.92-0.3*across*across)}
			tip := point{h.x + across*h.width*1.15, foot.y - 0.1 + 0.03*math.Abs(across)}
			c.fill(spike(foot, tip, 0.055), f.hair.colour)
		}
	case curly:
		for i := range 6 {
			across := (float64(i) - 2.5) / 2.5
			c.fill(oval(h.x+across*h.width*0.8, h.y-h.height*(0.92-0.22*across*across), 0.07, 0.065), f.hair.colour)
		}
	}
	shine := stroke(0.018, point{h.x - h.width*0.55, h.y - h.height*0.83}, point{h.x - h.width*0.15, h.y - h.height*0.97})
	c.fill(shine, f.hair.colour.mixed(colour{255, 255, 255}, 0.25))
}

func (f face) drawBeard(c *canvas) {
	h := f.head
	if f.beard.jaw {
		jaw, head := f.outline(1.03), f.outline(1.03).inside
		jaw.inside = func(x, y float64) bool {
			across := (x - h.x) / h.width
			return head(x, y) && y > h.y+0.12-0.09*across*across*across*across
		}
		c.fill(jaw, f.hair.colour)
	}
	if f.beard.moustache {
		middle := h.y + (f.nose+f.mouth.y)/2 - 0.005
		for _, side := range sides() {
			c.fill(stroke(0.032, point{h.x + side*0.012, middle}, point{h.x + side*0.075, middle + 0.018}), f.hair.colour)
		}
	}
}

func (f face) drawEyes(c *canvas) {
	e := f.eyes
	for _, side := range sides() {
		x, y := f.head.x+side*e.x, f.head.y+e.y
		c.fill(oval(x, y, e.size*1.12, e.size), colour{250, 250, 248})
		c.fill(oval(x+e.gazeX, y+e.gazeY, e.size*0.66, e.size*0.72), e.iris)
		c.fill(oval(x+e.gazeX, y+e.gazeY, e.size*0.36, e.size*0.42), colour{20, 18, 22})
		c.fill(oval(x+e.gazeX-0.012, y+e.gazeY-0.014, 0.011, 0.011), colour{255, 255, 255})
		brow := y - f.brows.gap
		c.fill(stroke(f.brows.thickness, point{x - side*e.size, brow + f.brows.tilt*0.6}, point{x, brow - 0.012},
			point{x + side*e.size*1.2, brow - f.brows.tilt*0.4 + 0.008}), f.hair.colour.mixed(colour{}, 0.35))
	}
}

func (f face) drawMouth(c *canvas) {
	h, m := f.head, f.mouth
	y := h.y + m.y
	lips := h.skin.mixed(colour{176, 32, 52}, 0.68)
	if m.open {
		smile := oval(h.x, y-m.curve*0.5, m.width, m.curve*1.45)
		inside := smile.inside
		smile.inside = func(x, py float64) bool { return py > y-m.curve*0.5 && inside(x, py) }
		c.fill(smile, colour{120, 24, 40})
		teeth := smile
		teeth.bottom = y - m.curve*0.5 + 0.036
		c.fill(teeth, colour{252, 252, 250})
		return
	}
	const pieces = 8
	var line []point
	for i := range pieces + 1 {
		across := 2*float64(i)/pieces - 1
		line = append(line, point{h.x + across*m.width, y + m.curve*(0.5-across*across)})
	}
	c.fill(stroke(0.03, line...), lips)
}

func (f face) drawGlasses(c *canvas) {
	h, e, g := f.head, f.eyes, f.glasses
	y, height := h.y+e.y+0.004, g.lens*0.86
	for _, side := range sides() {
		x := h.x + side*e.x
		outer, inner := box(x, y, g.lens, height*0.9), box(x, y, g.lens-0.022, height*0.9-0.022)
		if g.round {
			outer, inner = oval(x, y, g.lens, g.lens), oval(x, y, g.lens-0.022, g.lens-0.022)
		}
		c.fill(outer.without(inner), g.frame)
		c.fill(stroke(0.016, point{x + side*g.lens, y - 0.01}, point{h.x + side*h.width*1.02, y - 0.015}), g.frame)
	}
	c.fill(stroke(0.02, point{h.x - e.x + g.lens, y - 0.01}, point{h.x + e.x - g.lens, y - 0.01}), g.frame)
}

func sides() [2]float64 { return [2]float64{-1, 1} }

func skins() []colour {
	return []colour{{255, 226, 202}, {250, 210, 178}, {238, 188, 150}, {218, 162, 118}, {182, 124, 84}, {142, 92, 60},
		{104, 66, 46}}
}

// hairs are the colours of hair that go with a skin: the fair ones with fair skin alone.
func hairs(skin colour) []colour {
	all := []colour{{34, 28, 32}, {34, 28, 32}, {70, 46, 34}, {112, 72, 44}, {172, 172, 178}, {150, 104, 62}, {192, 88, 42},
		{226, 184, 100}, {238, 208, 140}}
	if skin[1] < 150 {
		return all[:5]
	}
	return all
}

func irises() []colour {
	return []colour{{92, 56, 32}, {92, 56, 32}, {66, 120, 180}, {74, 136, 84}, {120, 128, 136}}
}

func brights() []colour {
	return []colour{{214, 64, 70}, {238, 140, 52}, {70, 132, 206}, {66, 160, 110}, {140, 90, 180}, {230, 110, 160},
		{60, 66, 84}, {238, 238, 232}, {242, 200, 70}, {48, 160, 170}}
}

func pastels() []colour {
	return []colour{{190, 220, 240}, {204, 232, 204}, {248, 228, 190}, {240, 206, 214}, {218, 208, 240}, {224, 226, 230},
		{176, 214, 212}, {250, 240, 226}}
}

func frames() []colour {
	return []colour{{28, 26, 30}, {28, 26, 30}, {120, 40, 40}, {40, 60, 120}, {96, 66, 40}}
}
