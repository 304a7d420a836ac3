package recipe

import (
	"fmt"
	"strconv"

	"gantry.local/gan/data"
)

// Choice is a recipe and a data set that go together.
type Choice struct {
	Recipe string
	Data   string // the set's name, with the options that were not given and the recipe asks for
	Why    string // in a line; "" where nothing had to be chosen
}

// mostLetters is up to how many characters a text's lines are samples of their own.
const mostLetters = 64

// Choose finds a recipe for the data set called set, where name is "", and completes the set's name where that leaves open what the
// recipe asks for: pictures in a folder or shards are 32×32, or 64×64 for a recipe of that size; rows of a CSV file are points for
// a recipe of points, and series otherwise; samples of a text are as long as its longest line, up to 64 characters.
func Choose(name, set string) (c Choice, err error) {
	c = Choice{name, set, ""}
	kind, path, options := data.Parts(set)
	has := func(names ...string) bool {
		for _, option := range names {
			if options[option] != "" {
				return true
			}
		}
		return false
	}
	if name == "" {
		if c.Recipe, c.Why, err = chosen(set, kind, options); err != nil {
			return c, err
		}
	}
	if err := c.complete(kind, path, has); err != nil {
		return c, err
	}
	named, err := data.Named(c.Data)
	if err == nil {
		c.Data = named.Name // its options in their order
	}
	return c, err
}

// complete adds to the set's name what the recipe asks for.
func (c *Choice) complete(kind, path string, has func(options ...string) bool) error {
	fit, known := sizings()[c.Recipe]
	if !known {
		return nil
	}
	because := func(text string, values ...any) {
		if c.Why != "" {
			c.Why += "; "
		}
		c.Why += fmt.Sprintf(text, values...)
	}
	switch {
	case fit.form == ofPictures && (kind == "folder" || kind == "shards") && !has("size", "height", "width"):
		side := 32
		if c.Recipe == "faces-64" {
			side = 64
		}
		c.Data += fmt.Sprintf(",size=%d", side)
		because("pictures of %d×%d; another size is size=N behind the name", side, side)
	case fit.form == ofPoints && kind == "csv" && !has("window"):
		c.Data += ",window=1"
		because("each row is a point; series are --recipe sines")
	case fit.form == ofTexts && kind == "text" && !has("length"):
		about, err := data.LookAtText(path)
		if err != nil {
			return fmt.Errorf("data set %q: %w", c.Data, err)
		}
		length := min(about.Longest, mostLetters)
		c.Data += fmt.Sprintf(",length=%d", length)
		because("samples of %d characters, %d different ones", length, about.Characters)
		if about.Longest > length {
			because("the longest line has %d, and what is behind the first %d is a sample of its own", about.Longest, length)
		}
		if about.Characters > data.MostCharacters && !has("rare") {
			c.Data += ",rare=true"
			because("the rarest become %c", data.Rare)
		}
	}
	return nil
}

// chosen is the recipe for a set, and why.
func chosen(set, kind string, options map[string]string) (recipe, why string, err error) {
	switch kind {
	case "folder", "shards": // which are not read for that
		recipe = "faces"
		for _, option := range []string{"size", "height", "width"} {
			if side, err := strconv.Atoi(options[option]); err == nil && side > 32 {
				recipe = "faces-64"
			}
		}
		return recipe, fmt.Sprintf("no recipe was named: %s, for pictures", recipe), nil
	case "csv":
		if window := options["window"]; window != "" && window != "1" {
			return "sines", "no recipe was named: sines, for series", nil
		}
		return "toy-r1r2", "no recipe was named: toy-r1r2, for rows of numbers", nil
	case "text":
		return "phrases", "no recipe was named: phrases, for texts", nil
	}
	named, err := data.Named(set)
	if err != nil {
		return "", "", err
	}
	like, err := named.Head()
	if err != nil {
		return "", "", err
	}
	k, is := formOf(like)
	recipe = k.recipe(like)
	return recipe, fmt.Sprintf("no recipe was named: %s, for %s", recipe, is), nil
}
