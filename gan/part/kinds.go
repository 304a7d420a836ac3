package part

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kinds are all parts of a sort.
type Kinds[T any] struct {
	Sort string // what they are, such as "loss"
	All  []Kind[T]
}

// Names are the names of all.
func (ks Kinds[T]) Names() (names []string) {
	for _, k := range ks.All {
		names = append(names, k.Name)
	}
	return names
}

// Parse makes the part that a text describes.
func (ks Kinds[T]) Parse(text string) (part T, err error) {
	text = strings.Join(strings.Fields(text), " ")
	var kind *Kind[T]
	for i, k := range ks.All {
		if (text == k.Name || strings.HasPrefix(text, k.Name+" ")) && (kind == nil || len(k.Name) > len(kind.Name)) {
			kind = &ks.All[i]
		}
	}
	if kind == nil {
		return part, ks.unknown(text)
	}
	d := kind.begin()
	if err := d.read(strings.Fields(text[len(kind.Name):])); err != nil {
		return part, fmt.Errorf("%s %s: %w", ks.Sort, kind.Name, err)
	}
	return d.make(), nil
}

// unknown is the error for a text that begins with no name.
func (ks Kinds[T]) unknown(text string) error {
	var name []string
	for _, word := range strings.Fields(text) {
		_, err := strconv.ParseFloat(word, 64)
		if err == nil || slices.ContainsFunc(ks.All, func(k Kind[T]) bool { _, is := find(k.Parameters(), word); return is }) {
			break
		}
		name = append(name, word)
	}
	said := strings.Join(name, " ")
	near, all := Nearest(said, ks.Names()), "use one of "+strings.Join(ks.Names(), ", ")
	if near != all {
		all = near + " " + all
	}
	return fmt.Errorf("unknown %s %q: %s", ks.Sort, said, all)
}

// read sets parameters by the words of a text.
func (d draft[T]) read(words []string) error {
	given := map[string]bool{}
	for first := true; len(words) > 0; first = false {
		name := words[0]
		if _, err := strconv.ParseFloat(name, 64); err == nil && first && len(d.parameters) > 0 {
			name = d.parameters[0].Name
		} else {
			words = words[1:]
		}
		p, known := find(d.parameters, name)
		switch {
		case !known && len(d.parameters) == 0:
			return fmt.Errorf("it has no parameters, and %q is given", name)
		case !known:
			return fmt.Errorf("it has no parameter %q; %s", name, Nearest(name, namesOf(d.parameters)))
		case given[name]:
			return fmt.Errorf("%s is given twice", name)
		}
		given[name] = true
		value := "true"
		if said := len(words) > 0; said && (!p.truth || words[0] == "true" || words[0] == "false") {
			value, words = words[0], words[1:]
		} else if !p.truth {
			return fmt.Errorf("%s has no value: want %s", name, p.Range)
		}
		if err := p.Give(value); err != nil {
			return err
		}
	}
	return nil
}

func find(parameters []Parameter, name string) (Parameter, bool) {
	for _, p := range parameters {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

func namesOf(parameters []Parameter) (names []string) {
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	return names
}

// of finds the kind of a part, with its parameters as they are.
func (ks Kinds[T]) of(part T) (Kind[T], draft[T], bool) {
	for _, k := range ks.All {
		if k.back != nil {
			if d, is := k.back(part); is {
				return k, d, true
			}
		}
	}
	return Kind[T]{}, draft[T]{}, false
}

// Text is the text of a part, which Parse takes; false for a part of no kind.
func (ks Kinds[T]) Text(part T) (string, bool) {
	k, d, is := ks.of(part)
	if !is {
		return "", false
	}
	text, usual := k.Name, k.Parameters()
	for i, p := range d.parameters {
		switch value := p.text(); {
		case value == usual[i].text():
		case p.truth && value == "true":
			text += " " + p.Name
		default:
			text += " " + p.Name + " " + value
		}
	}
	return text, true
}

// Has tells whether a part has a parameter.
func (ks Kinds[T]) Has(part T, parameter string) bool {
	_, d, is := ks.of(part)
	_, has := find(d.parameters, parameter)
	return is && has
}

// With is a part with another value of a parameter.
func (ks Kinds[T]) With(part T, parameter, value string) (T, error) {
	k, d, is := ks.of(part)
	if !is {
		return part, fmt.Errorf("the %s %v has no name, and so no %s to be set", ks.Sort, part, parameter)
	}
	p, has := find(d.parameters, parameter)
	if !has {
		return part, fmt.Errorf("%s %s has no parameter %q; it has %s", ks.Sort, k.Name, parameter, strings.Join(namesOf(d.parameters), ", "))
	}
	if err := p.Give(value); err != nil {
		return part, fmt.Errorf("%s %s: %w", ks.Sort, k.Name, err)
	}
	return d.make(), nil
}

// Help lists the kinds with their parameters, a line each.
func (ks Kinds[T]) Help() string {
	var text strings.Builder
	for _, k := range ks.All {
		line := k.Name
		for _, p := range k.Parameters() {
			line += fmt.Sprintf(" [%s %s]", p.Name, p.Usual())
		}
		fmt.Fprintf(&text, "  %s: %s\n", line, k.About)
	}
	return text.String()
}
