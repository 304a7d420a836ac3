package show

import (
	"fmt"
	"image"
	"unicode/utf8"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TextOptions say how strings are laid out. The zero value is good.
type TextOptions struct {
	Length        int // characters that each may have, the rest is cut; 0: as many as the longest has, at most 80
	Width, Height int // pixels of the screen, up to 4000; 0: 480, and as high as all rows. What has no room is left out
}

// Texts shows strings as a table of monospaced lines. It fails as TextsImage does, or when the notebook cannot be
// reached.
func Texts(texts []string, o TextOptions) error {
	img, err := TextsImage(texts, o)
	if err != nil {
		return err
	}
	return sendOne(img, density, fmt.Sprintf("%d strings", len(texts)))
}

const (
	textHeight = 17 // of a line, in pixels of the screen
	textSpace  = 8  // at both sides of a column
	mostLetter = 80 // of a line whose length is not given
)

// TextsImage draws strings in as many columns as there is room for, row by row, in twice as many pixels each way as Width
// and Height say; a column that is wider than the picture widens it. It fails when there are no strings, or when a size
// is impossible.
func TextsImage(texts []string, o TextOptions) (image.Image, error) {
	if len(texts) == 0 || o.Length < 0 {
		return nil, fmt.Errorf("show: no table of %d strings with %d characters", len(texts), o.Length)
	}
	if o.Length == 0 {
		for _, text := range texts {
			o.Length = min(max(o.Length, utf8.RuneCountInString(text), 1), mostLetter)
		}
	}
	style := textStyle(13, false)
	style.Font = font.Font{Typeface: "Liberation", Variant: "Mono", Size: 13 * px}
	column := int(style.Width("0")/px*vg.Length(o.Length)) + 1 + 2*textSpace
	o.Width = max(orElse(o.Width, 480), column)
	columns := o.Width / column
	rows := (len(texts) + columns - 1) / columns
	o.Height = orElse(o.Height, min(rows*textHeight+textSpace, 4000))
	if err := checkSize("table", o.Width, o.Height, textHeight+textSpace); err != nil {
		return nil, err
	}
	rows = min(rows, (o.Height-textSpace)/textHeight)
	canvas := newCanvas(o.Width, o.Height)
	c := draw.New(canvas)
	for row := range rows {
		top := c.Max.Y - pixels(textSpace/2+row*textHeight)
		if row%2 == 1 {
			c.SetColor(grey(0xf2))
			c.Fill(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: top - textHeight*px}, Max: vg.Point{X: c.Max.X, Y: top}}.Path())
		}
		for k := range columns {
			i := row*columns + k
			if i >= len(texts) {
				break
			}
			at := vg.Point{X: c.Min.X + pixels(textSpace+k*column), Y: top - 13*px}
			c.FillText(style, at, cut(texts[i], o.Length))
		}
	}
	return canvas.Image(), nil
}

// cut is text with at most n characters, those that a line cannot hold as spaces.
func cut(text string, n int) string {
	letters := []rune(text)
	if len(letters) > n {
		letters = append(letters[:n-1:n-1], '…')
	}
	for i, letter := range letters {
		if letter < ' ' {
			letters[i] = ' '
		}
	}
	return string(letters)
}
