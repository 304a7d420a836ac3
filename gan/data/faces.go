package data

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gantry.local/gan/sample"
)

// FacesOptions tell how many faces are drawn, and how large. The zero value gives 20 000 of 32×32×3.
type FacesOptions struct {
	N    int // how many; 0 is 20 000
	Size int // height and width, 8 to 256; 0 is 32
	Gray bool
	Seed int64 // the same seed draws the same faces: face i doesn't depend on N
}

func (o FacesOptions) channels() int {
	if o.Gray {
		return 1
	}
	return 3
}

// Faces are cartoon faces that this package draws, no two alike: head, skin, hair and beard, eyes, brows, nose, mouth,
// glasses, clothes and background vary. There are four classes out of two features that a class-conditional GAN has to
// tell apart: 0 neutral, 1 smiling, 2 neutral with glasses, 3 smiling with glasses.
func Faces(options FacesOptions) Set {
	name := "faces" + optionText(options)
	if options.N == 0 {
		options.N = 20_000
	}
	if options.Size == 0 {
		options.Size = 32
	}
	return of(name, options)
}

// make implements maker.
func (o FacesOptions) make(name string) (*sample.Images, error) {
	if o.Size < 8 || o.Size > 256 {
		return nil, fmt.Errorf("%s: want a size of 8 to 256", name)
	}
	if err := drawable(name, o.N, o.Size*o.Size*o.channels(), maxPixels); err != nil {
		return nil, err
	}
	return drawFaces(o)
}

func drawFaces(options FacesOptions) (*sample.Images, error) {
	faces := &sample.Images{N: options.N, Height: options.Size, Width: options.Size, Channels: options.channels(),
		Names: []string{"neutral", "smiling", "neutral, glasses", "smiling, glasses"}}
	size := options.Size * options.Size * faces.Channels
	faces.Pixels, faces.Labels = make([]byte, options.N*size), make([]int32, options.N)
	err := inParallel(options.N, func(i int) error {
		face := randomFace(rand.New(rand.NewPCG(uint64(options.Seed), uint64(i))))
		picture := newCanvas(options.Size)
		face.draw(picture)
		picture.average(faces.Pixels[i*size:][:size], options.Gray)
		faces.Labels[i] = face.class()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return faces, faces.Check()
}

// face is what varies from face to face. Lengths are parts of the picture's side.
type face struct {
	smiling, glasses bool

	x, y, width, height float64 // centre and half axes of the head
	chin                float64 // how much narrower the head is below
	skin, hair, iris    colour
	shirt, above, below colour // clothes and the background's two ends
	style               int    // of the hair
	hairline, parting   float64
	beard, moustache    bool

	eyeX, eyeY, eye   float64 // half distance, height and size of the eyes
	gazeX, gazeY      float64
	browTilt, browGap float64
	brow              float64 // thickness
	nose              float64 // length
	mouthY, mouth     float64 // distance below the centre, half width
	curve             float64 // how far the corners of the mouth lie above its middle
	open              bool    // a smile with teeth
	blush             bool
	frame             colour // of the glasses
	roundFrame        bool
	lens              float64 // half width of a lens
}

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

	f := face{smiling: chance(0.5), glasses: chance(0.5), x: between(0.47, 0.53), y: between(0.51, 0.56),
		width: between(0.26, 0.32), height: between(0.31, 0.355), chin: between(0, 0.32),
		skin: one(skins()), iris: one(irises()), shirt: one(brights()), above: one(pastels()),
		hairline: between(0.42, 0.62), parting: between(-0.5, 0.5)}
	f.below = f.above.mixed(one(pastels()), 0.5)
	f.style = short + rng.IntN(styles-short)
	if chance(0.07) {
		f.style = bald
	}
	f.hair = one(hairs(f.skin))
	if chance(0.08) {
		f.hair = one(brights())
	}
	bearded := f.style != long && f.style != bob && f.style != bun && chance(0.35)
	f.beard, f.moustache = bearded && chance(0.6), bearded && chance(0.6)

	f.eyeX, f.eyeY, f.eye = f.width*between(0.4, 0.47), between(-0.07, -0.03), between(0.046, 0.06)
	f.gazeX, f.gazeY = between(-0.012, 0.012), between(-0.006, 0.01)
	f.browTilt, f.browGap, f.brow = between(-0.025, 0.025), between(0.08, 0.105), between(0.014, 0.026)
	f.nose = between(0.05, 0.09)
	f.mouthY, f.mouth = between(0.165, 0.2), between(0.08, 0.11)
	f.curve = between(-0.008, 0.006)
	if f.smiling {
		f.mouth, f.curve, f.open = between(0.11, 0.145), between(0.06, 0.085), chance(0.6)
	}
	f.blush = chance(0.35)
	f.frame, f.roundFrame, f.lens = one(frames()), chance(0.5), between(0.082, 0.105)
	f.lens = min(f.lens, f.eyeX-0.012)
	return f
}

func (f face) class() int32 {
	var class int32
	if f.smiling {
		class++
	}
	if f.glasses {
		class += 2
	}
	return class
}

// draw paints the face from the back to the front.
func (f face) draw(c *canvas) {
	c.shade(f.above, f.below)
	f.drawHairBehind(c)
	shadow := f.skin.mixed(colour{60, 20, 30}, 0.22)
	c.fill(box(f.x, f.y+f.height*0.95, 0.095, f.height*0.45), shadow)
	c.fill(oval(f.x, 1.07, 0.4, 0.2), f.shirt)
	c.fill(oval(f.x, f.y+f.height*1.28, 0.095, 0.07), shadow)
	for _, side := range sides() {
		c.fill(oval(f.x+side*f.width, f.y+0.01, 0.042, 0.065), f.skin.mixed(shadow, 0.35))
	}
	c.fill(f.head(1), f.skin)
	if f.blush {
		for _, side := range sides() {
			c.fill(oval(f.x+side*f.width*0.62, f.y+0.085, 0.052, 0.036).within(f.head(1)), f.skin.mixed(colour{235, 70, 80}, 0.25))
		}
	}
	f.drawBeard(c)
	f.drawHairInFront(c)
	f.drawEyes(c)
	c.fill(stroke(0.013, point{f.x + 0.004, f.y - 0.005}, point{f.x + 0.022, f.y + f.nose - 0.01}, point{f.x - 0.012, f.y + f.nose}),
		shadow)
	f.drawMouth(c)
	if f.glasses {
		f.drawGlasses(c)
	}
}

// head is the outline of the head, times a scale.
func (f face) head(scale float64) shape {
	width, height := f.width*scale, f.height*scale
	return shape{f.x - width, f.y - height, f.x + width, f.y + height, func(x, y float64) bool {
		down := (y - f.y) / height
		across := (x - f.x) / width
		if down > 0 {
			across /= 1 - f.chin*down*down
		}
		return across*across+down*down <= 1
	}}
}

func (f face) drawHairBehind(c *canvas) {
	back := f.hair.mixed(colour{}, 0.2)
	top := f.y - 0.03
	switch f.style {
	case long:
		c.fill(oval(f.x, top, f.width*1.28, f.height*1.2), back)
		c.fill(box(f.x, f.y+0.2, f.width*1.28, 0.24), back)
	case bob:
		c.fill(oval(f.x, top, f.width*1.26, f.height*1.18), back)
		c.fill(box(f.x, f.y+0.08, f.width*1.24, 0.13), back)
	case bun:
		c.fill(oval(f.x, f.y-f.height*1.2, 0.095, 0.085), back)
	case curly:
		for i := range 11 {
			sin, cos := math.Sincos(math.Pi * (float64(i)/10*1.3 - 0.15))
			c.fill(oval(f.x+cos*f.width*1.08, f.y-0.02-sin*f.height*0.98, 0.085, 0.085), back)
		}
	}
}

// drawHairInFront covers the top of the head, down to the hairline of the style.
func (f face) drawHairInFront(c *canvas) {
	if f.style == bald {
		return
	}
	top := f.y - f.height*f.hairline  // where the forehead begins
	line := func(x float64) float64 { // the hairline at x, -1 to 1 across the head
		switch f.style {
		case fringe, bob:
			return top + 0.05 + 0.012*math.Sin(x*14)
		case sideParting:
			return top + 0.09*math.Abs(x-f.parting) - 0.035
		case long:
			return top - 0.04 + 0.2*x*x
		case curly:
			return top + 0.02*math.Sin(x*9)
		}
		return top + 0.1*x*x - 0.03
	}
	cover := f.head(1.07)
	cap := cover.inside
	cover.inside = func(x, y float64) bool { return y < f.y+0.02 && y < line((x-f.x)/f.width) && cap(x, y) }
	c.fill(cover, f.hair)
	switch f.style {
	case spiky:
		for i := range 7 {
			across := (float64(i) - 3) / 3
			foot := point{f.x + across*f.width*0.85, f.y - f.height*(0.92-0.3*across*across)}
			tip := point{f.x + across*f.width*1.15, foot.y - 0.1 + 0.03*math.Abs(across)}
			c.fill(spike(foot, tip, 0.055), f.hair)
		}
	case curly:
		for i := range 6 {
			across := (float64(i) - 2.5) / 2.5
			c.fill(oval(f.x+across*f.width*0.8, f.y-f.height*(0.92-0.22*across*across), 0.07, 0.065), f.hair)
		}
	}
	shine := stroke(0.018, point{f.x - f.width*0.55, f.y - f.height*0.83}, point{f.x - f.width*0.15, f.y - f.height*0.97})
	c.fill(shine, f.hair.mixed(colour{255, 255, 255}, 0.25))
}

func (f face) drawBeard(c *canvas) {
	if f.beard {
		jaw, head := f.head(1.03), f.head(1.03).inside
		jaw.inside = func(x, y float64) bool {
			across := (x - f.x) / f.width
			return head(x, y) && y > f.y+0.12-0.09*across*across*across*across
		}
		c.fill(jaw, f.hair)
	}
	if f.moustache {
		middle := f.y + (f.nose+f.mouthY)/2 - 0.005
		for _, side := range sides() {
			c.fill(stroke(0.032, point{f.x + side*0.012, middle}, point{f.x + side*0.075, middle + 0.018}), f.hair)
		}
	}
}

func (f face) drawEyes(c *canvas) {
	for _, side := range sides() {
		x, y := f.x+side*f.eyeX, f.y+f.eyeY
		c.fill(oval(x, y, f.eye*1.12, f.eye), colour{250, 250, 248})
		c.fill(oval(x+f.gazeX, y+f.gazeY, f.eye*0.66, f.eye*0.72), f.iris)
		c.fill(oval(x+f.gazeX, y+f.gazeY, f.eye*0.36, f.eye*0.42), colour{20, 18, 22})
		c.fill(oval(x+f.gazeX-0.012, y+f.gazeY-0.014, 0.011, 0.011), colour{255, 255, 255})
		brow := y - f.browGap
		c.fill(stroke(f.brow, point{x - side*f.eye, brow + f.browTilt*0.6}, point{x, brow - 0.012},
			point{x + side*f.eye*1.2, brow - f.browTilt*0.4 + 0.008}), f.hair.mixed(colour{}, 0.35))
	}
}

func (f face) drawMouth(c *canvas) {
	y := f.y + f.mouthY
	lips := f.skin.mixed(colour{176, 32, 52}, 0.68)
	if f.open {
		smile := oval(f.x, y-f.curve*0.5, f.mouth, f.curve*1.45)
		inside := smile.inside
		smile.inside = func(x, py float64) bool { return py > y-f.curve*0.5 && inside(x, py) }
		c.fill(smile, colour{120, 24, 40})
		teeth := smile
		teeth.bottom = y - f.curve*0.5 + 0.036
		c.fill(teeth, colour{252, 252, 250})
		return
	}
	const pieces = 8
	var line []point
	for i := range pieces + 1 {
		across := 2*float64(i)/pieces - 1
		line = append(line, point{f.x + across*f.mouth, y + f.curve*(0.5-across*across)})
	}
	c.fill(stroke(0.03, line...), lips)
}

func (f face) drawGlasses(c *canvas) {
	y, height := f.y+f.eyeY+0.004, f.lens*0.86
	for _, side := range sides() {
		x := f.x + side*f.eyeX
		outer, inner := box(x, y, f.lens, height*0.9), box(x, y, f.lens-0.022, height*0.9-0.022)
		if f.roundFrame {
			outer, inner = oval(x, y, f.lens, f.lens), oval(x, y, f.lens-0.022, f.lens-0.022)
		}
		c.fill(outer.without(inner), f.frame)
		c.fill(stroke(0.016, point{x + side*f.lens, y - 0.01}, point{f.x + side*f.width*1.02, y - 0.015}), f.frame)
	}
	c.fill(stroke(0.02, point{f.x - f.eyeX + f.lens, y - 0.01}, point{f.x + f.eyeX - f.lens, y - 0.01}), f.frame)
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
