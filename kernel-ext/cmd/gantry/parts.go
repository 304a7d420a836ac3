package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"gantry.local/gan/part"
	"gantry.local/gan/spec"
	"gantry.local/kernel-ext/lab"
)

// parts are the flags of `gantry train` that say a part of what is trained: one for each key of a spec that is of no other flag.
type parts struct {
	file  string            // of --spec
	given map[string]string // by the flags, as a spec has them
}

// flags has the flags of a command set p.
func (p *parts) flags(f *pflag.FlagSet) {
	p.given = map[string]string{}
	f.StringVar(&p.file, "spec", "", "what to train, by names, as a `file`: the spec.json of a run is one; flags beside it go before what it says")
	for _, key := range spec.Keys() {
		if spec.OfAny(key.Name) || key.Name == "name" {
			continue
		}
		about := key.About
		if key.Parts != "" {
			about += "; see gantry parts " + key.Name
		}
		flag := f.VarPF(partValue{key, p.given}, key.Name, "", about+" (default: the recipe's)")
		if key.Kind == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// partValue is the value of such a flag.
type partValue struct {
	key   spec.Key
	given map[string]string
}

// Type implements pflag.Value.
func (v partValue) Type() string { return v.key.Kind }

// String implements pflag.Value.
func (v partValue) String() string { return v.given[v.key.Name] }

// Set implements pflag.Value. What a part may be, its spec says.
func (v partValue) Set(text string) (err error) {
	switch v.key.Kind {
	case "int":
		_, err = strconv.ParseInt(text, 10, 64)
	case "float64":
		_, err = strconv.ParseFloat(text, 64)
	case "bool":
		var yes bool
		yes, err = strconv.ParseBool(text)
		text = strconv.FormatBool(yes)
	}
	v.given[v.key.Name] = text
	return err
}

// said is all that a command line says of what is to be trained: the file, and before it the flags.
func (o *trainOptions) said(given func(flag string) bool) (spec.Spec, error) {
	s := spec.Spec{}
	if given("spec") {
		var err error
		if s, err = spec.Read(o.parts.file); err != nil {
			return nil, err
		}
	}
	if given("recipe") {
		s[spec.Recipe] = o.Name
	}
	if given("data") {
		s[spec.Data] = o.Data
	}
	if given("batch") {
		s[spec.Batch] = strconv.Itoa(o.Batch)
	}
	if given("seed") {
		s[spec.Seed] = strconv.FormatInt(o.Seed, 10)
	}
	for key, text := range o.parts.given {
		s[key] = text
	}
	return s, nil
}

// compose makes the recipe of what the command line says of a new run.
func (o *trainOptions) compose(given func(flag string) bool) error {
	s, err := o.said(given)
	if err != nil {
		return err
	}
	if !given("spec") && !given("recipe") {
		s[spec.Recipe] = o.Name
	}
	o.Recipe, err = lab.RecipeOfSpec(s)
	if err == nil && !o.Recipe.Known() {
		_, err = s.Description() // says what is missing
	}
	return err
}

// flagged says a wrong value by its flag, where that gave it.
func (o *trainOptions) flagged(err error) error {
	var wrong spec.Wrong
	if !errors.As(err, &wrong) {
		return err
	}
	if _, given := o.parts.given[wrong.Key]; given {
		return fmt.Errorf("--%w", err)
	}
	return err
}

// same wants all that is said of a run to be what it is already.
func (o *trainOptions) same(before lab.Recipe, given func(flag string) bool) error {
	here, err := o.said(given)
	if err != nil {
		return err
	}
	there, err := before.Spec()
	if err != nil {
		return err
	}
	for _, key := range spec.KeyNames() {
		now, said := here[key]
		was := there[key]
		if !said || now == was {
			continue
		}
		switch {
		case was == "" && key == spec.Recipe && before.Parts == "":
			was = "a notebook's own experiment"
		case was == "":
			was = "as it was not said"
		}
		out := fmt.Sprintf("leave out --%s to go on", key)
		if _, flag := o.parts.given[key]; !flag && !given(key) {
			out = "leave out --spec to go on"
		}
		return fmt.Errorf("%s: the run's %s is %s there and %s here; %s, or name another --out", o.out, key, was, now, out)
	}
	return nil
}

// partKeys are the keys that have parts.
func partKeys() (names []string) {
	for _, key := range spec.Keys() {
		if key.Parts != "" {
			names = append(names, key.Name)
		}
	}
	return names
}

// partsOf lists the parts of a key.
func partsOf(name string) (string, error) {
	for _, key := range spec.Keys() {
		if key.Name == name && key.Parts != "" {
			return fmt.Sprintf("%s: %s\n%s", key.Name, key.About, key.Parts), nil
		}
	}
	return "", misusef("there are no parts %q; %s", name, strings.TrimSuffix(part.Nearest(name, partKeys()), "."))
}
